"""One connection of a browser without its socket: the head of a request, then the messages of WebSocket (RFC 6455).

`websockets` parses both; here are the limits, and the rules that are the application's: text alone (1003), UTF-8
(1007), 64 kB a message (1009), and not too many frames that say nothing, which cost a server time (1008).
"""

import logging

from websockets.exceptions import InvalidUpgrade, SecurityError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol

MAX_HEAD = 16 * 1024  # bytes of a request and its headers; a browser's has about 700
MAX_MESSAGE = 64 * 1024  # bytes, whole or in fragments
MAX_CONTROLS = 256  # pings, pongs and fragments between two pings of ours
MAX_REASON = 123  # bytes in a close frame (5.5)
PING = b"\x89\x00"
_SILENT = logging.Logger("websockets", logging.CRITICAL + 1)  # what a peer does is no matter for stderr


class BadRequest(Exception):
    """It gets that status and that word."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class WebSocket:
    """over: nothing more is taken from it. clean: it said so itself, and was answered."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE, logger=_SILENT)
        self._size = 0
        self._early: list[Event] = []  # frames right behind the request
        self._text = bytearray()
        self.controls = 0
        self.clean = False

    @property
    def over(self) -> bool:
        return self._protocol.state is not OPEN

    def head(self, data: bytes) -> Request | None:
        """The request, when it is whole. Raises BadRequest."""
        self._size += len(data)
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        broken = self._protocol.handshake_exc
        if isinstance(broken, SecurityError) or (not events and broken is None and self._size > MAX_HEAD):
            raise BadRequest(431, f"more than {MAX_HEAD} bytes of headers, or very many")
        if self._protocol.eof_sent or self.take():  # no HTTP, or what has to wait for an answer
            raise BadRequest(400, "that is no request that is understood here")
        if not events or not isinstance(events[0], Request):
            return None
        self._early = events[1:]
        return events[0]

    def accept(self, request: Request) -> bytes:
        """What opens the WebSocket that is asked for. Raises BadRequest."""
        response = self._protocol.accept(request)
        if response.status_code != 101:
            wanted = isinstance(self._protocol.handshake_exc, InvalidUpgrade)
            raise BadRequest(426 if wanted else 400, "a WebSocket is to be opened here")
        self._protocol.send_response(response)
        return self.take()

    def messages(self, data: bytes) -> list[str]:
        """The messages that the bytes complete."""
        self._protocol.receive_data(data)
        found = []
        events, self._early = self._early + self._protocol.events_received(), []
        for event in events:
            assert isinstance(event, Frame)
            text = self._message(event)
            if text is not None:
                found.append(text)
            elif self.over and not self.clean:
                break
        return found

    def _message(self, frame: Frame) -> str | None:
        if frame.opcode is Opcode.CLOSE:
            self.clean = True
        elif frame.opcode is Opcode.BINARY:
            self._fail(1003, "text alone is taken")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._text += frame.data
            if frame.fin:
                whole, self._text = self._text, bytearray()
                try:
                    return whole.decode()
                except UnicodeDecodeError:
                    self._fail(1007, "that is no UTF-8")
                    return None
        if frame.opcode is not Opcode.TEXT:
            self.controls += 1
            if self.controls > MAX_CONTROLS:
                self._fail(1008, "too many frames that say nothing")
        return None

    def _fail(self, code: int, reason: str) -> None:
        if not self.over:
            self._protocol.fail(code, reason)

    def close(self, code: int, reason: str) -> bytes:
        """What says that it ends, and why."""
        if not self.over:
            self._protocol.send_close(code, reason.encode()[:MAX_REASON].decode("utf-8", "ignore"))
        return self.take()

    def take(self) -> bytes:
        """The bytes that are due to the browser."""
        return b"".join(self._protocol.data_to_send())
