"""TLS contexts for servers: from the user's certificate and key, or from one made a moment ago (`netkit.net.ca`).

TLS 1.2 and later; no renegotiation, which a client could use to keep a server computing.
"""

import os
import socket
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.net.ca import Leaf


def from_files(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """The certificate chain in PEM, leaf first, and its key (in the same file unless given). Raises BadInput."""
    for file in (certificate, key):
        if file is not None:
            try:
                file.open("rb").close()
            except OSError as exc:
                raise BadInput(f"{file}: cannot read it: {exc.strerror}", kind="certificate") from exc
    context = _context()
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")  # an encrypted key fails instead of asking
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or getattr(exc, "strerror", None) or str(exc)
        words = str(reason).lower().replace("_", " ")
        hint = "give the key with --tls-key" if key is None else "certificate and key must be PEM, unencrypted, a pair"
        raise BadInput(
            f"{certificate}: no certificate and key to serve with: {words}", kind="certificate", hint=hint
        ) from exc
    return context


def from_leaf(leaf: "Leaf", *, alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """A server that shows the certificate."""
    context = _context()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    # OpenSSL's Python binding loads keys from files alone; the folder is private and gone at once.
    with tempfile.TemporaryDirectory(prefix="netkit-") as folder:
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate.write_bytes(leaf.certificate)
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(leaf.key)
        context.load_cert_chain(certificate, key)
    return context


def from_options(
    certificate: Path | None, key: Path | None, self_signed: bool, names: Sequence[str]
) -> "tuple[ssl.SSLContext, Leaf | None] | None":
    """What `--tls-cert`, `--tls-key` and `--tls-self-signed` ask for; None for no TLS. Raises BadInput.

    names: what a self-made certificate is good for, besides localhost and loopback. Its Leaf is for telling clients.
    """
    if self_signed and (certificate or key):
        raise BadInput("--tls-self-signed makes the certificate that --tls-cert gives: use one of them")
    if key and not certificate:
        raise BadInput("--tls-key needs --tls-cert, the certificate it belongs to")
    if certificate:
        return from_files(certificate, key), None
    if not self_signed:
        return None
    from netkit.net.ca import Authority  # cryptography: 40 ms of CPU

    known = [name for name in names if name not in ("0.0.0.0", "::", "")]
    leaf = Authority().issue(list(dict.fromkeys(["localhost", "127.0.0.1", "::1", *known])), self_signed=True)
    return from_leaf(leaf), leaf


def accepted(context: ssl.SSLContext, client: socket.socket) -> ssl.SSLSocket:
    """An accepted connection that is to speak TLS; the handshake is still to be done.

    Raises OSError when the client has gone already, as wrap_socket() does, and then it is closed: one that connects
    and resets at once must not end a server.
    """
    try:
        client.getpeername()
        return context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    except OSError:
        client.close()
        raise


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context
