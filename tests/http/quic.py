"""A server of HTTP/3 on aioquic, in a thread, that does with each request what a script says."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration

from tests.conftest import MS

Script = Callable[["Stream"], object]
H3_INTERNAL_ERROR, H3_REQUEST_REJECTED, H3_REQUEST_CANCELLED = 0x102, 0x10B, 0x10C  # RFC 9114 section 8.1


class Stream:
    """One request, and what may be sent for it. fields: of the request."""

    def __init__(self, protocol: "Protocol", number: int, fields: dict[str, str]) -> None:
        self.protocol, self.number, self.fields = protocol, number, fields
        self.http, self.quic = protocol.http, protocol._quic

    def headers(self, *fields: tuple[str, str], end: bool = False) -> "Stream":
        """Whatever they are: aioquic's own would check them."""
        encoded = [(name.encode(), value.encode()) for name, value in fields]
        block = self.http._encode_headers(self.number, encoded)
        return self.raw(frame(1, block), end=end)

    def data(self, content: bytes, *, end: bool = False) -> "Stream":
        return self.raw(frame(0, content), end=end)

    def answer(self, content: bytes) -> "Stream":
        return self.headers((":status", "200"), ("content-length", str(len(content)))).data(content, end=True)

    def raw(self, content: bytes, *, end: bool = False) -> "Stream":
        self.quic.send_stream_data(self.number, content, end_stream=end)
        return self

    def reset(self, code: int) -> None:
        self.protocol.when_taken(self.number, lambda: self.quic.reset_stream(self.number, code))

    def goaway(self, number: int) -> "Stream":
        self.quic.send_stream_data(self.http._local_control_stream_id or 0, frame(7, encode_uint_var(number)))
        return self

    def close(self, code: int) -> None:
        """The connection."""
        reason = "no \x1b[45m more"
        self.protocol.when_taken(self.number, lambda: self.quic.close(error_code=code, reason_phrase=reason))


def frame(kind: int, content: bytes) -> bytes:
    return encode_uint_var(kind) + encode_uint_var(len(content)) + content


class Protocol(QuicConnectionProtocol):
    script: Script

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.http = H3Connection(self._quic)
        self.waiting: list[tuple[int, Callable[[], object]]] = []

    def when_taken(self, number: int, act: Callable[[], object]) -> None:
        """Once the client has acknowledged what was sent on a stream: it may forget what a reset follows in one go.

        RFC 9000 19.4. aioquic forgets what it has not sent yet.
        """
        self.waiting.append((number, act))
        self._act()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        super().datagram_received(data, addr)
        self._act()

    def _act(self) -> None:
        waiting, self.waiting = self.waiting, []
        for number, act in waiting:
            stream = self._quic._streams.get(number)
            if stream and stream.sender._buffer_start < stream.sender._buffer_stop:
                self.waiting.append((number, act))
            else:
                act()
        self.transmit()

    def quic_event_received(self, event: Any) -> None:
        for one in self.http.handle_event(event):
            if isinstance(one, HeadersReceived):
                fields = {name.decode(): value.decode() for name, value in one.headers}
                type(self).script(Stream(self, one.stream_id, fields))
                self.transmit()


class Server:
    """script: called in the server's thread for each request; may be changed."""

    def __init__(self, script: Script, files: tuple[str, str]) -> None:
        self.script, self.files = script, files
        self.asked: list[str] = []  # paths
        self.connections: set[object] = set()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()
        assert self.ready.wait(30_000 * MS)

    def _run(self, stream: Stream) -> None:
        self.asked.append(stream.fields[":path"])
        self.connections.add(stream.protocol)
        self.script(stream)

    async def _serve(self) -> None:
        configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
        configuration.load_cert_chain(*self.files)
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        protocol = type("Of", (Protocol,), {"script": staticmethod(self._run)})
        running: Any = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=protocol)
        self.port: int = running._transport.get_extra_info("sockname")[1]
        self.ready.set()
        await self.over.wait()
        running.close()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join()
