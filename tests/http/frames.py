"""A server of HTTP/2 that sends the frames a test gives it, right or wrong; for the `serve` fixture of conftest.

Frames and header blocks are hyperframe's and hpack's, which check nothing of HTTP: h2, over them, refuses to send most
of what a test here has to.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
)

Fields = Iterable[tuple[str, str]]
Script = Callable[["Peer", int, dict[str, str]], object]  # (connection, stream, fields of the request)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# RFC 9113 section 7
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 2, 7, 8, 11
HTTP_1_1_REQUIRED = 13


class Peer:
    """One connection. The script's methods give bytes; `send` sends them together."""

    def __init__(self, connection: socket.socket, received: bytes) -> None:
        self.connection, self.received = connection, received
        self.encoder, self.decoder = Encoder(), Decoder()
        self.seen: list[Frame] = []

    def send(self, *data: bytes) -> None:
        self.connection.sendall(b"".join(data))

    def frames(self) -> Iterator[Frame]:
        """Those of the client, until it goes."""
        while True:
            while len(self.received) >= 9:
                frame, size = Frame.parse_frame_header(memoryview(self.received[:9]))
                if len(self.received) < 9 + size:
                    break
                frame.parse_body(memoryview(self.received[9 : 9 + size]))
                self.received = self.received[9 + size :]
                self.seen.append(frame)
                yield frame
            data = self.connection.recv(65536)
            if not data:
                return
            self.received += data

    def headers(self, stream: int, fields: Fields, *, end: bool = False, whole: bool = True) -> bytes:
        """whole: CONTINUATION follows if not."""
        flags = (["END_STREAM"] if end else []) + (["END_HEADERS"] if whole else [])
        return HeadersFrame(stream, self.encoder.encode(fields), flags=flags).serialize()

    def answer(self, stream: int, body: bytes, *fields: tuple[str, str], status: str = "200") -> bytes:
        head = self.headers(stream, [(":status", status), ("content-length", str(len(body))), *fields])
        return head + data(stream, body, end=True)


def data(stream: int, body: bytes, *, end: bool = False) -> bytes:
    """In frames of the size that every peer takes."""
    pieces = [body[at : at + 16384] for at in range(0, len(body), 16384)] or [b""]
    last = len(pieces) - 1
    return b"".join(
        DataFrame(stream, piece, flags=["END_STREAM"] if end and number == last else []).serialize()
        for number, piece in enumerate(pieces)
    )


def reset(stream: int, code: int) -> bytes:
    return RstStreamFrame(stream, code).serialize()


def goaway(last: int, code: int = NO_ERROR, words: bytes = b"") -> bytes:
    return GoAwayFrame(0, last, code, words).serialize()


def settings(values: dict[int, int] | None = None, *, ack: bool = False) -> bytes:
    return SettingsFrame(0, values or {}, flags=["ACK"] if ack else []).serialize()


def ping(number: int = 0) -> bytes:
    return PingFrame(0, number.to_bytes(8)).serialize()


def continuation(stream: int, block: bytes, *, end: bool = False) -> bytes:
    return ContinuationFrame(stream, block, flags=["END_HEADERS"] if end else []).serialize()


def promise(stream: int, promised: int, block: bytes) -> bytes:
    return PushPromiseFrame(stream, promised, block, flags=["END_HEADERS"]).serialize()


def raw(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """A frame of any kind, of any stream."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


def http2(script: Script, *, first: dict[int, int] | None = None) -> Callable[[socket.socket, bytes], None]:
    """A handler for `serve`: settings, then the script for each request, until the client goes.

    A script ends the connection by raising EOFError, in TLS without a word; what is on its way still arrives.
    """

    def handle(connection: socket.socket, head: bytes) -> None:
        if not head.startswith(PREFACE[:18]):
            return
        peer = Peer(connection, head)
        while len(peer.received) < len(PREFACE):
            peer.received += connection.recv(65536)
        peer.received = peer.received[len(PREFACE) :]
        peer.send(settings(first))
        for frame in peer.frames():
            if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
                peer.send(settings(ack=True))
            elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
                peer.send(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
            elif isinstance(frame, HeadersFrame):
                fields = {str(name): str(value) for name, value in peer.decoder.decode(frame.data)}
                try:
                    script(peer, frame.stream_id, fields)
                except EOFError:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                    return

    return handle


def negotiating(context: ssl.SSLContext) -> ssl.SSLContext:
    """The server's context with ALPN for HTTP/2."""
    context.set_alpn_protocols(["h2"])
    return context
