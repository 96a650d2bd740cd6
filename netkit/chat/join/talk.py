"""How one talks with a server: bytes to lines and back, and who one is to it. Without a socket.

A `Talk` outlives its connections: it knows what to say first on the next one. Here is the one of plain lines; that of
the page's WebSocket is in `web`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from netkit.chat.join.farewell import failure, is_goodbye
from netkit.chat.join.opening import Opening
from netkit.chat.join.protocol import MAX_LINE, Lines
from netkit.chat.join.received import Received, parse
from netkit.errors import NetkitError, PeerError

LONGEST_START = 7  # bytes that tell what a server is
MAX_NAME = 64  # characters of a nick or a room that a server tells us


class Wanted(NamedTuple):
    """Who to be. password: gives it when the server asks, None to ask the user. strict: a refused name is an error."""

    nick: str | None = None
    room: str | None = None
    password: Callable[[], str | None] = lambda: None
    strict: bool = False


class Talk(Protocol):
    """stage: "open" when the user may speak, "asking" when a password is asked for, else what the server owes an answer
    to, for which `patience` is due. nick: as the server has confirmed it. failure: why it cannot go on, after what
    `came` has given. closes: the server hangs up when `finish` is said, our side stays open for that. busy:
    something that was said is not taken. names: is told who is there, where the server says so by itself.
    """

    nick: str | None
    room: str
    failure: NetkitError | None
    closes: bool
    names: Callable[[Sequence[str]], None]

    @property
    def stage(self) -> str: ...
    @property
    def patience(self) -> float | None: ...
    @property
    def takes_more(self) -> bool: ...
    @property
    def busy(self) -> bool: ...
    @property
    def said_goodbye(self) -> bool: ...
    def begin(self, send: Callable[[bytes, bytes], None], wanted: Wanted, *, again: bool) -> list[Received]:
        """It is connected. send: takes bytes, and what of them is secret. again: it was open before."""

    def came(self, data: bytes) -> list[Received]: ...
    def ended(self) -> list[Received]: ...
    def waited(self) -> None: ...
    def typed(self, password: str) -> None: ...
    def said(self, line: bytes) -> bytes:
        """What to send for a line."""

    def finish(self) -> None: ...
    def verdict(self, target: str, reason: str) -> NetkitError: ...


def foreign(start: bytes) -> PeerError | None:
    """What the first bytes of a connection say of a server that is no chat's: one takes TLS for a chat's otherwise."""
    if start.startswith((b"\x15\x03", b"\x16\x03")):  # an alert, or a handshake (RFC 8446, 5.1)
        return PeerError("the server speaks TLS on this port", kind="tls", hint="tls:// in front of it")
    if start.startswith(b"HTTP/1."):
        return PeerError("this is a web server", kind="http", hint="ws:// joins by the page of chat serve --web")
    return None


class LineTalk:
    closes = False
    takes_more = True
    busy = False

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self.nick: str | None = None
        self.room = ""
        self.failure: NetkitError | None = None
        self.names: Callable[[Sequence[str]], None] = lambda names: None
        self._max_line = max_line
        self._lines = Lines(max_line)
        self._opening = Opening(lambda line, secret: None)
        self._last: Received | None = None
        self._start = b""  # what a connection began with

    @property
    def stage(self) -> str:
        return "open" if self._opening.done else self._opening.step

    @property
    def patience(self) -> float | None:
        return self._opening.patience

    @property
    def said_goodbye(self) -> bool:
        return is_goodbye(self._last)

    def begin(self, send: Callable[[bytes, bytes], None], wanted: Wanted, *, again: bool) -> list[Received]:
        self._lines = Lines(self._max_line)
        self._last = self.failure = None
        self._start = b""
        self._opening = Opening(
            lambda line, secret: send(line + b"\n", line if secret else b""),
            nick=self.nick or wanted.nick,
            room=self.room or wanted.room,
            password=wanted.password,
            strict=wanted.strict and not again,
        )
        return [Received("gap")] if again else []

    def came(self, data: bytes) -> list[Received]:
        if len(self._start) < LONGEST_START:
            self._start = (self._start + data)[:LONGEST_START]
            if (failure := foreign(self._start)) is not None:
                self.failure = failure
                return []
        found = self._heard(self._lines.feed(data))
        try:
            for one in found:
                if not self._opening.done:
                    self._opening.heard(one)
            self._lines.check()
        except NetkitError as exc:
            self.failure = exc
        return found

    def ended(self) -> list[Received]:
        return self._heard(self._lines.end())

    def waited(self) -> None:
        self._opening.waited()

    def typed(self, password: str) -> None:
        self._opening.typed(password)

    def said(self, line: bytes) -> bytes:
        return line + b"\n"

    def finish(self) -> None:
        pass

    def verdict(self, target: str, reason: str) -> NetkitError:
        return failure(target, self._last, reason)

    def _heard(self, raw: list[bytes]) -> list[Received]:
        found = []
        for line in raw:
            one = parse(line)
            self._know_myself(one)
            found.append(one._replace(room=self.room))
        if found:
            self._last = found[-1]
        return found

    def _know_myself(self, one: Received) -> None:
        """`* you are bob`, `* you are in lobby`."""
        if one.kind == "notice" and one.text.startswith(b"you are "):
            words = one.text[8:].decode("utf-8", "backslashreplace").split(" ")
            if not words[-1].isprintable() or len(words[-1]) > MAX_NAME:
                return
            if len(words) == 1:
                self.nick = words[0]
            elif len(words) == 2 and words[0] == "in":
                self.room = words[1]
