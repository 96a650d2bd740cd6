"""DNS over QUIC (RFC 9250) with aioquic's protocol core, in the stub's own loop: each query a stream of its own.

The certificate is verified before a question goes out; 0-RTT is not used, since it could be replayed.
"""

import logging
import selectors
import socket
import ssl
from time import monotonic
from typing import Any

from netkit.dns.exchange import AT_ONCE, OverLink, connected
from netkit.dns.link_shared import Shared
from netkit.dns.servers import Server
from netkit.dns.types import type_name
from netkit.errors import Insecure, LocalFailure
from netkit.events import OnEvent, Step
from netkit.net.reasons import reason_of

MAX_REPLY = 2 + 65535  # octets of a stream
NO_ERROR = 0  # DOQ_NO_ERROR, RFC 9250 4.3
# What aioquic says of a certificate, and the number of X509_V_ERR_* (openssl/x509_vfy.h) for it.
VERDICTS = {"no longer valid": 10, "not valid yet": 9, "self-signed": 18, "local issuer": 20, "match": 62, "verif": 1}
CRYPTO_ERROR = range(0x100, 0x200)  # a TLS alert, RFC 9000 20.1


def load() -> None:
    """Raise LocalFailure where aioquic is not installed."""
    try:
        import aioquic.quic.connection  # noqa: F401
    except ImportError as exc:
        raise LocalFailure(
            "DNS over QUIC needs aioquic, which is not installed",
            kind="missing",
            hint="pip install 'netkit-cli[doq]'",
        ) from exc


class QuicLink:
    """A connection; streams: by their number, the exchange and what came of its reply."""

    def __init__(self, shared: Shared, server: Server, source: str, on_event: OnEvent | None) -> None:
        """Raises LocalFailure without aioquic, BadInput about the CA file, OSError when the socket cannot be made."""
        load()
        from aioquic.quic.configuration import QuicConfiguration
        from aioquic.quic.connection import QuicConnection

        self.shared, self.server, self.trace = shared, server, on_event
        self.address = str(server)
        self.closed = False
        self.answered = 0
        self.streams: dict[int, tuple[OverLink, bytearray]] = {}
        security = shared.security
        if security.cacert is not None:
            from netkit.net.tls import client_context

            client_context(cacert=security.cacert)  # says what is wrong with it, as aioquic does not
        host = server.host.partition("%")[0]
        quiet = logging.getLogger("quic")  # what its peers do wrong would go to standard error
        if not quiet.handlers:
            quiet.addHandler(logging.NullHandler())
        configuration: Any = QuicConfiguration(
            is_client=True,
            alpn_protocols=["doq"],
            server_name=security.server_name or server.name or host,
            cafile=security.cacert,
            verify_mode=ssl.CERT_NONE if security.insecure else ssl.CERT_REQUIRED,
        )
        self.quic: Any = QuicConnection(configuration=configuration)
        self.socket = connected(server, socket.SOCK_DGRAM, source, on_event)
        shared.selector.register(self.socket, selectors.EVENT_READ, self)
        self.quic.connect(self.socket.getpeername(), now=monotonic())

    @property
    def due(self) -> float | None:
        timer: float | None = self.quic.get_timer()
        return timer

    def add(self, exchange: OverLink) -> None:
        wire = exchange.query.wire
        stream = self.quic.get_next_available_stream_id()
        self.streams[stream] = exchange, bytearray()
        self.quic.send_stream_data(stream, len(wire).to_bytes(2) + wire, end_stream=True)
        if self.trace:
            asked = f"query stream {stream} {type_name(exchange.query.type)}"
            self.trace(Step("send", self.address, detail=asked, size=len(wire) + 2, data=wire))
        self._send()

    def drop(self, exchange: OverLink) -> None:
        for stream in [number for number, (one, _) in self.streams.items() if one is exchange]:
            del self.streams[stream]

    def has(self, number: int) -> bool:
        return False  # all have the id 0, and a stream of their own

    def ready(self) -> None:
        peer = self.socket.getpeername()
        for _ in range(AT_ONCE):
            try:
                data = self.socket.recv(65535)
            except BlockingIOError:
                break
            except OSError as exc:
                self._fail(reason_of(exc))
                return
            self.quic.receive_datagram(data, peer, now=monotonic())
        self._work()

    def tick(self) -> None:
        now = monotonic()
        if self.due is not None and self.due <= now:
            self.quic.handle_timer(now=now)
            self._work()

    def _work(self) -> None:
        from aioquic.quic import events

        while not self.closed and (event := self.quic.next_event()) is not None:
            if isinstance(event, events.HandshakeCompleted) and self.trace:
                self.trace(Step("tls", self.address, f"QUIC TLSv1.3 {event.alpn_protocol or ''}".rstrip()))
            elif isinstance(event, events.StreamDataReceived):
                self._received(event.stream_id, event.data, ended=event.end_stream)
            elif isinstance(event, events.StreamReset):
                self._lost(event.stream_id, f"reset the stream (error {event.error_code})")
            elif isinstance(event, events.ConnectionTerminated):
                self._terminated(event.error_code, event.reason_phrase)
                return
        if not self.closed:
            self._send()

    def _received(self, stream: int, data: bytes, *, ended: bool) -> None:
        if stream not in self.streams:
            return
        exchange, buffer = self.streams[stream]
        buffer += data[: MAX_REPLY + 1 - len(buffer)]
        size = 2 + int.from_bytes(buffer[:2]) if len(buffer) >= 2 else 0
        if size and len(buffer) >= size:
            exchange.take(bytes(buffer[2:size]))
            self.answered += stream not in self.streams
            self._lost(stream, "")  # where it was none
        elif ended:
            exchange.ended(buffer)
            self.streams.pop(stream, None)

    def _lost(self, stream: int, reason: str) -> None:
        if stream in self.streams:
            exchange, _ = self.streams.pop(stream)
            exchange.was_there = True
            exchange.question.lost(exchange, reason)

    def _terminated(self, code: int, words: str) -> None:
        left = [exchange for exchange, _ in self.streams.values()]
        self.close()
        for exchange in left:
            if code in CRYPTO_ERROR:
                exchange.question.unproven(exchange, self._unproven(words or f"TLS alert {code - 0x100}"))
            elif not exchange.once_more(answered=self.answered > 0):
                exchange.question.lost(exchange, f"ended the connection{f': {words}' if words else ''}")

    def _unproven(self, words: str) -> Insecure:
        """aioquic's words as those of OpenSSL, which number the same verdicts."""
        from netkit.net.tls import explain, handshake

        for part, code in VERDICTS.items():
            if part in words.lower():
                host = self.server.name or self.server.host
                return explain(host, reason=words, code=code, where=self.address)
        return handshake(self.address, words)

    def _fail(self, reason: str) -> None:
        left = [exchange for exchange, _ in self.streams.values()]
        self.close()
        for exchange in left:
            exchange.question.lost(exchange, reason)

    def _send(self) -> None:
        for data, _ in self.quic.datagrams_to_send(now=monotonic()):
            try:
                self.socket.send(data)
            except BlockingIOError:
                return  # lost, as on the way: QUIC sends it again
            except OSError as exc:
                self._fail(reason_of(exc))
                return

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.streams.clear()
        self.quic.close(error_code=NO_ERROR)
        for data, _ in self.quic.datagrams_to_send(now=monotonic()):
            try:
                self.socket.send(data)
            except OSError:
                break
        self.shared.selector.unregister(self.socket)
        self.socket.close()
        if self.trace:
            self.trace(Step("close", self.address))
