"""DNS servers over TLS, HTTPS and QUIC in threads, that answer as a test scripts it; certificates are made here."""

import asyncio
import contextlib
import socket
import ssl
import tempfile
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from netkit.net.ca import Authority, Leaf

Script = Callable[[bytes, int], Sequence[bytes]]  # (query, its number from 0) -> messages, or CLOSE
CLOSE = b""


class Raw(bytes):
    """What a TlsServer or HttpsServer sends as it stands."""


SILENCE = Raw(b"silence")  # nothing at all, and a stream stays open


AUTHORITY = Authority("tests")


@contextlib.contextmanager
def trusted() -> Iterator[str]:
    """A file with the certificate to trust."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(AUTHORITY.pem)
        file.flush()
        yield file.name


def context_of(leaf: Leaf, alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cert").write_bytes(leaf.certificate)
        (Path(folder) / "key").write_bytes(leaf.key)
        context.load_cert_chain(Path(folder) / "cert", Path(folder) / "key")
    context.set_alpn_protocols([alpn])
    return context


class TlsServer:
    """Answers each connection in a thread of its own, in the clear without a certificate.

    queries: as they came; connections: how many; peers: their addresses.
    """

    alpn = "dot"

    def __init__(self, script: Script, leaf: Leaf | None) -> None:
        self.script, self.context = script, context_of(leaf, self.alpn) if leaf else None
        self.queries: list[bytes] = []
        self.connections = 0
        self.peers: set[str] = set()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.open: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                plain, (peer, _) = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            self.peers.add(peer)
            self.open.append(plain)
            self.threads.append(threading.Thread(target=self.converse, args=(plain,), daemon=True))
            self.threads[-1].start()

    def secured(self, plain: socket.socket) -> socket.socket:
        return self.context.wrap_socket(plain, server_side=True) if self.context else plain

    def converse(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), self.secured(plain) as secured:
            received = b""
            while chunk := secured.recv(65535):
                received = self.answer(secured, received + chunk)

    def answer(self, secured: socket.socket, received: bytes) -> bytes:
        """Answer the whole queries; the rest. Raises OSError to end the connection."""
        while len(received) >= 2 and len(received) >= (size := 2 + int.from_bytes(received[:2])):
            query, received = received[2:size], received[size:]
            for reply in self.asked(query):
                secured.sendall(reply if isinstance(reply, Raw) else len(reply).to_bytes(2) + reply)
        return received

    def asked(self, query: bytes) -> Iterator[bytes]:
        self.queries.append(query)
        for reply in self.script(query, len(self.queries) - 1):
            if reply == CLOSE:
                raise ConnectionAbortedError
            if reply is not SILENCE:
                yield reply

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for one in self.open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self.threads:
            thread.join()


class HttpsServer(TlsServer):
    """HTTP/1.1 with GET alone; requests: their heads."""

    alpn = "http/1.1"

    def __init__(self, script: Script, leaf: Leaf | None) -> None:
        self.requests: list[str] = []
        super().__init__(script, leaf)

    def answer(self, secured: socket.socket, received: bytes) -> bytes:
        while b"\r\n\r\n" in received:
            head, _, received = received.partition(b"\r\n\r\n")
            self.requests.append(head.decode())
            words = head.split()[1].partition(b"?dns=")[2]
            for reply in self.asked(urlsafe_b64decode(words + b"=" * (-len(words) % 4))):
                secured.sendall(reply if isinstance(reply, Raw) else response(reply))
        return received


def response(body: bytes, status: str = "200 OK", kind: str = "application/dns-message") -> Raw:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Raw(head.encode() + body)


class QuicServer:
    """aioquic's server: a stream a query; what the script gives is sent with its length, then the stream ends."""

    def __init__(self, script: Script, leaf: Leaf, *, alpn: str = "doq") -> None:
        self.script, self.leaf, self.alpn = script, leaf, alpn
        self.queries: list[bytes] = []
        self.connections = 0
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self.thread.start()
        assert self.ready.wait(30)

    async def serve(self) -> None:
        from aioquic.asyncio.protocol import QuicConnectionProtocol
        from aioquic.asyncio.server import serve
        from aioquic.quic.configuration import QuicConfiguration
        from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, StreamDataReceived
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificates

        server = self

        class Protocol(QuicConnectionProtocol):
            def __init__(self, *args: Any, **named: Any) -> None:
                super().__init__(*args, **named)
                self.streams: dict[int, bytes] = {}

            def quic_event_received(self, event: Any) -> None:
                if isinstance(event, HandshakeCompleted):
                    server.connections += 1
                elif isinstance(event, ConnectionTerminated):
                    self.streams.clear()
                elif isinstance(event, StreamDataReceived):
                    self.streams[event.stream_id] = self.streams.get(event.stream_id, b"") + event.data
                    if event.end_stream:
                        query = self.streams.pop(event.stream_id)[2:]
                        server.queries.append(query)
                        replies = server.script(query, len(server.queries) - 1)
                        if SILENCE in replies:
                            return
                        data = b"".join(len(one).to_bytes(2) + one for one in replies if one != CLOSE)
                        if data or CLOSE not in replies:
                            self._quic.send_stream_data(event.stream_id, data, end_stream=True)
                        if CLOSE in replies:
                            self.transmit()
                            self._quic.close(error_code=0, reason_phrase="no more")
                        self.transmit()

        configuration: Any = QuicConfiguration(is_client=False, alpn_protocols=[self.alpn])
        configuration.certificate, *configuration.certificate_chain = load_pem_x509_certificates(self.leaf.certificate)
        configuration.private_key = load_pem_private_key(self.leaf.key, None)
        self.loop = asyncio.get_running_loop()
        self.stop = asyncio.Event()
        running: Any = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Protocol)
        self.port = running._transport.get_extra_info("sockname")[1]
        self.ready.set()
        await self.stop.wait()
        running.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()
