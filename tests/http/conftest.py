"""A server in a thread that says exactly the bytes a test gives it, plain or in TLS with certificates made here."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[socket.socket, bytes], None]  # (connection, the request's head)
Serve = Callable[..., int]


def respond(data: bytes) -> Handler:
    return lambda connection, _: connection.sendall(data)


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


class Server:
    """One listening socket; every request is handed to the handler, and kept. The connection is closed after it."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None = None, *, keep_alive: bool = False) -> None:
        self.handler, self.context, self.keep_alive = handler, context, keep_alive
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self.open: list[socket.socket] = []
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.over.is_set():
                connection.close()
                return
            self.open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.open.append(connection)
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    data = connection.recv(65536)
                    if not data:
                        break
                    head += data
                if not head:
                    break
                self.requests.append(head)
                self.handler(connection, head)
                if not self.keep_alive:
                    break
        with contextlib.suppress(OSError):
            connection.close()

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()  # wakes accept()
        self.socket.close()
        self.accepting.join()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for connection in self.open:
            connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """serve(handler or bytes, context=None, keep_alive=False) -> Server."""
    servers: list[Server] = []

    def start(answer: Handler | bytes, context: ssl.SSLContext | None = None, *, keep_alive: bool = False) -> Server:
        handler = respond(answer) if isinstance(answer, bytes) else answer
        servers.append(Server(handler, context, keep_alive=keep_alive))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Authority:
    """A certificate authority in a folder: `ca` is its file, `context(...)` a server with a certificate of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = self._name("netkit test CA")
        self.ca = str(folder / "ca.pem")
        self.certificate = self._sign(self.name, self.name, self.key, ca=True)
        (folder / "ca.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def _sign(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool = False,
        days: tuple[float, float] = (-10, 90),
        names: tuple[str, ...] = (),
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days[0]))
            .not_valid_after(now + datetime.timedelta(days[1]))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
        )
        if names:
            general = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        return builder.sign(signer or self.key, hashes.SHA256())

    def files(
        self,
        *names: str,
        common: str = "server",
        days: tuple[float, float] = (-10, 90),
        self_signed: bool = False,
    ) -> tuple[str, str]:
        """(certificate, key) files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = self._name(common)
        if self_signed:
            certificate = self._sign(subject, subject, key, days=days, names=names, signer=key)
        else:
            certificate = self._sign(subject, self.name, key, days=days, names=names)
        stem = self.folder / f"{certificate.serial_number:x}"
        stem.with_suffix(".pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        stem.with_suffix(".key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(stem.with_suffix(".pem")), str(stem.with_suffix(".key"))

    def context(self, *names: str, **how: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files(*names, **how))  # type: ignore[arg-type]
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)
