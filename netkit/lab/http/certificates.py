"""Which certificate the lab shows for which name: a good one, and by SNI the ones that a client must refuse."""

import os
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from netkit.net.ca import Authority, Leaf

NAMES = ("localhost", "lab.test", "*.lab.test", "127.0.0.1", "::1")

BAD: Mapping[str, tuple[str, Callable[[Authority, str], Leaf]]] = {
    "expired.lab.test": ("expired yesterday", lambda ca, name: ca.expired([name])),
    "not-yet-valid.lab.test": ("valid from tomorrow", lambda ca, name: ca.not_yet_valid([name])),
    "wrong.lab.test": ("for another name", lambda ca, name: ca.issue(["right.example"])),
    "self-signed.lab.test": ("signed by its own key", lambda ca, name: ca.issue([name], self_signed=True)),
    "untrusted.lab.test": ("from another CA", lambda ca, name: Authority("somebody else's CA").issue([name])),
}


class Certificates:
    """Makes the server's TLS contexts; the bad ones when somebody first asks for their names."""

    def __init__(self, ca: Authority) -> None:
        self._ca = ca
        self._made: dict[str, ssl.SSLContext] = {}

    def context(self, hosts: Sequence[str]) -> ssl.SSLContext:
        """The context to listen with: good for NAMES and the given addresses."""
        names = dict.fromkeys([*NAMES, *(host for host in hosts if host not in ("0.0.0.0", "::", ""))])
        good = server_context(self._ca.issue(list(names)))
        good.sni_callback = self._choose
        return good

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        bad = BAD.get((name or "").lower())
        if name is None or bad is None:
            return
        name = name.lower()
        if name not in self._made:
            self._made[name] = server_context(bad[1](self._ca, name))
        connection.context = self._made[name]


def server_context(leaf: Leaf) -> ssl.SSLContext:
    """A TLS 1.2 and 1.3 server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL's Python binding loads keys from files alone; the folder is private and gone at once.
    with tempfile.TemporaryDirectory(prefix="netkit-") as folder:
        certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        certificate.write_bytes(leaf.certificate)
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(leaf.key)
        context.load_cert_chain(certificate, key)
    return context
