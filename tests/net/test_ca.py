"""The self-made CA: good certificates verify, bad ones fail for the reason they were made for."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netkit.net.ca import Authority, Leaf
from netkit.net.tls_server import from_leaf

CA = Authority("test CA")


@contextmanager
def showing(leaf: Leaf) -> Iterator[int]:
    """A TLS server in a thread that shows the certificate to one client; its port."""
    context = from_leaf(leaf)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                try:
                    with context.wrap_socket(client, server_side=True) as tls:
                        tls.recv(1)
                except OSError:
                    pass  # the client refused it, as it should

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def connect(port: int, name: str) -> str | None:
    """Connect as a client that trusts the CA; why the certificate was refused, None if it was not."""
    context = ssl.create_default_context(cadata=CA.pem.decode())
    with socket.create_connection(("127.0.0.1", port)) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                assert tls.version() == "TLSv1.3"
                return None
        except ssl.SSLCertVerificationError as exc:
            return exc.verify_message


@pytest.mark.parametrize("name", ["a.test", "any.wild.test", "127.0.0.1", "::1"])
def test_good_for_each_of_its_names(name: str) -> None:
    with showing(CA.issue(["a.test", "*.wild.test", "127.0.0.1", "::1"])) as port:
        assert connect(port, name) is None


@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (CA.expired(["a.test"]), "certificate has expired"),
        (CA.not_yet_valid(["a.test"]), "certificate is not yet valid"),
        (CA.issue(["b.test"]), "Hostname mismatch, certificate is not valid for 'a.test'."),
        (CA.issue(["a.test"], self_signed=True), "self-signed certificate"),
        (Authority("other").issue(["a.test"]), "unable to get local issuer certificate"),
    ],
)
def test_bad_ones_are_refused_for_their_reason(leaf: Leaf, reason: str) -> None:
    with showing(leaf) as port:
        assert connect(port, "a.test") == reason


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_openssl_agrees(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    for name, leaf in (("good", CA.issue(["a.test"])), ("expired", CA.expired(["a.test"]))):
        (tmp_path / f"{name}.pem").write_bytes(leaf.certificate)
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(tmp_path / "ca.pem")]
    good = subprocess.run([*verify, str(tmp_path / "good.pem")], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.endswith(": OK\n")) == (0, True), good.stderr
    bad = subprocess.run([*verify, str(tmp_path / "expired.pem")], capture_output=True, text=True, check=False)
    assert "certificate has expired" in bad.stderr


def test_a_name_longer_than_a_common_name_may_be() -> None:
    name = "a" * 60 + "." + "b" * 60 + ".test"
    with showing(CA.issue([name])) as port:
        assert connect(port, name) is None
