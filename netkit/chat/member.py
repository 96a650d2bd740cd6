"""Somebody who is connected: a place in a room's stream, and what is said to it alone, each whole and in its turn."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from netkit.chat.entry import Kind
from netkit.chat.fanout import Fanout, Lost
from netkit.chat.limits import GOODBYE
from netkit.chat.room import Room
from netkit.net.loop import GONE, READ, WRITE, Loop
from netkit.net.reasons import reason_of, would_block

MAX_PENDING = 64 * 1024  # bytes said to one member alone that it does not take
RECORD = 16 * 1024  # bytes of a TLS record
SLOW = "too slow, disconnected"
KEPT = ("name", "nick", "received", "opened", "last", "moderator", "muted_until", "tries", "over", "closing")


class Record:
    """Sends over TLS as over a plain socket: it says that it has taken what it keeps until the peer takes it.

    A TLS record that does not fit has to be offered again as it was; so one is kept here, 16 kB at most.
    """

    def __init__(self, secured: ssl.SSLSocket) -> None:
        self._socket = secured
        self._kept = b""

    def send(self, data: bytes | memoryview) -> int:
        if not self.flush():
            raise BlockingIOError
        piece = bytes(data[:RECORD])
        try:
            return self._socket.send(piece)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._kept = piece
            return len(piece)

    def flush(self) -> bool:
        """Whether nothing is kept any more."""
        if self._kept:
            try:
                sent = self._socket.send(self._kept)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            self._kept = self._kept[sent:]
        return not self._kept


class Home(Protocol):
    """Where a member is connected: it is told what becomes of it."""

    loop: Loop

    def room(self, name: str) -> Room: ...

    def back(self, member: "Member", room: Room, place: int | None, cut: Sequence[tuple[int, int]]) -> None:
        """It was in that room in another process."""

    def ignore(self, member: "Member", names: frozenset[str]) -> None:
        """From now on it does not hear those names."""

    def part(self, member: "Member") -> None:
        """Close it when what was said before it left has gone out."""

    def drop(self, member: "Member", reason: str, detail: str = "") -> None:
        """Close its connection now."""

    def left(self, member: "Member", reason: str, detail: str) -> None:
        """Its connection is closed."""


class Member:
    """id: its number on this node. name: what others see, a nick or HOST:PORT. web: it is a browser.

    Subclasses say what they read and how they speak. There are thousands who do nothing: what few need is made when
    they do (slots, and nothing that can grow, are 1.2 KiB less for each).
    """

    __slots__ = (
        "_events", "_finish", "_open", "_pending", "_record", "_skipped", "closing", "fd", "host", "hub", "id",
        "ignores", "last", "moderator", "muted_until", "name", "nick", "opened", "over", "peer", "place", "received",
        "renaming", "room", "send", "socket", "tls", "tries",
    )  # fmt: skip
    web = False

    def renamed(self) -> None:
        """It has its nick, or will not get it."""
        self.renaming = False

    def __init__(self, hub: Home, sock: socket.socket, peer: str, host: str, id: int) -> None:
        self.hub = hub
        self.socket = sock
        self.fd = sock.fileno()
        self.peer, self.host, self.id = peer, host, id
        self.name = peer
        self.nick: str | None = None
        self.room: Room | None = None
        self.place: int | None = None
        self.received = 0
        self.opened = self.last = hub.loop.now
        self.ignores: frozenset[str] = frozenset()
        self.moderator = False
        self.muted_until = 0.0
        self.renaming = False  # other nodes are asked for a nick; what it says next waits for that
        self.tries = 0  # wrong passwords
        self.over = False  # it has got its last words
        self.tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self._record = Record(self.tls) if self.tls is not None else None
        self.send = self._record.send if self._record is not None else sock.send
        self._finish = b""  # the rest of a unit that fell off the ring
        self._skipped = 0
        self._pending = b""
        self._open = False  # in the middle of what is pending
        self._events = READ
        self.closing: str | None = None  # it is to be closed, for that reason, when it has what is pending
        hub.loop.add(self.fd, self.ready)

    @property
    def stream(self) -> Fanout | None:
        if self.room is None:
            return None
        return self.room.web if self.web else self.room.plain

    @property
    def waiting(self) -> int:
        """Bytes that it has still to take."""
        behind = self.stream.end - self.place if self.stream is not None and self.place is not None else 0
        return len(self._finish) + len(self._pending) + behind

    def save(self) -> "dict[str, Any]":
        """All that another process needs to go on with it: plain values, bytes as Latin-1."""
        return {
            **{name: getattr(self, name) for name in KEPT},
            "room": self.room.name if self.room is not None else None,
            "place": self.place,
            "cut": self.stream.cut(self) if self.stream is not None else [],
            "ignores": sorted(self.ignores),
            "finish": self._finish.decode("latin-1"),
            "skipped": self._skipped,
            "pending": self._pending.decode("latin-1"),
            "open": self._open,
        }

    def resume(self, saved: "dict[str, Any]") -> None:
        """Be what it was in another process."""
        for name in KEPT:
            setattr(self, name, saved[name])
        self.hub.ignore(self, frozenset(saved["ignores"]))
        self._finish = saved["finish"].encode("latin-1")
        self._skipped = saved["skipped"]
        self._pending = saved["pending"].encode("latin-1")
        self._open = saved["open"]
        if saved["room"] is not None:
            self.hub.back(self, self.hub.room(saved["room"]), saved["place"], [(a, b) for a, b in saved["cut"]])
        if self.closing is not None:
            reason = self.closing
            self.hub.loop.later(GOODBYE, lambda: self.close(reason))
        self._want()

    def ready(self, events: int) -> None:
        """Something can be done at the socket."""
        if events & WRITE:
            self.drain()
        if self.fd >= 0 and events & (READ | GONE):
            self.read(events)

    def read(self, events: int) -> None:
        """Take what came."""
        raise NotImplementedError

    def skipped(self, units: int) -> bytes:
        """What tells it that so much is missing."""
        raise NotImplementedError

    def inform(self, text: str) -> None:
        """Tell it something of the server's."""
        raise NotImplementedError

    def last_words(self, finish: bytes, text: str) -> None:
        """Say that and no more, as far as a full socket takes it; finish: the rest of what it has begun to get."""
        self.over = True

    def speak(self, kind: Kind, text: bytes, end: bytes) -> None:
        """Say it in its room, if it may; text is safe."""
        raise NotImplementedError

    def tell(self, data: bytes) -> None:
        """Say it to this one alone, behind what it got so far."""
        if self.fd < 0 or self.over:
            return
        if self.place is None and not self._pending:
            try:
                sent = self.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as exc:
                self.lost(exc)
                return
            if sent == len(data):
                self._want()
                return
            data = data[sent:]
            self._open = sent > 0
        self._pending += data
        if len(self._pending) > MAX_PENDING:
            self.last_words(b"", SLOW)
            self.hub.drop(self, "slow", f"{len(self._pending)} bytes wait for it")
            return
        if self.stream is not None:
            self.stream.lag(self)
        self._want()

    def wait(self) -> None:
        """It lags: it has not taken all that was said."""
        self._want()

    def fell(self, lost: Lost) -> None:
        """So much of what was said has gone before it took it."""
        self._finish += lost.finish
        self._skipped += lost.units
        self._want()

    def drain(self, *, now: bool = False) -> None:
        """Give it what waits for it, as far as it takes it. now: if it is to be closed, before what is said next."""
        if self.fd < 0 or self.over:
            return
        try:
            done = self._drain()
        except OSError as exc:
            if not would_block(exc):
                self.lost(exc)
            return
        self._want()
        if done and self.closing is not None:
            if now or self.room is None or not self.room.waiting:
                self.close(self.closing)
            else:
                self.hub.part(self)

    def muted(self) -> bool:
        """Whether it may not speak; it is told so."""
        left = self.muted_until - self.hub.loop.now
        if left > 0:
            self.inform(f"you are muted for {left:.0f} s more")
        return left > 0

    def entered(self) -> None:
        """It is in a room now: what waits for it goes before what is said there."""
        if self.stream is not None and (self._pending or self._finish):
            self.stream.lag(self)

    def _drain(self) -> bool:
        if self._record is not None and not self._record.flush():
            return False
        stream = self.stream
        while True:
            if self._finish:
                self._finish = self._finish[self.send(self._finish) :]
                if self._finish:
                    return False
            if self._skipped and not self._open:
                self._pending = self.skipped(self._skipped) + self._pending
                self._skipped = 0
            if stream is None or self.place is None:
                return self._give_pending()
            if self._pending and (self._open or stream.boundary(self.place) == self.place):
                if not self._give_pending():
                    return False
                continue
            if not stream.give(self, stream.boundary(self.place) if self._pending else stream.end):
                return False
            if not self._pending and stream.caught_up(self):
                return True

    def _give_pending(self) -> bool:
        if self._pending:
            self._pending = self._pending[self.send(self._pending) :]
            self._open = bool(self._pending)
        return not self._pending

    def _want(self) -> None:
        """Tell the loop what is waited for."""
        if self.fd < 0:
            return
        more = self.place is not None or bool(self._pending or self._finish)
        if not more and self._record is not None:
            try:
                more = not self._record.flush()
            except OSError:
                more = True  # the next turn will find out
        events = (WRITE if more else 0) | (READ if self.wants_more else 0)
        if events != self._events:
            self._events = events
            self.hub.loop.change(self.fd, events)

    @property
    def wants_more(self) -> bool:
        """Whether it is read from."""
        return self.closing is None

    def lost(self, exc: OSError) -> None:
        gone = isinstance(exc, (ConnectionResetError, BrokenPipeError))
        self.close("reset" if gone else "error", "" if gone else reason_of(exc))

    def close(self, reason: str, detail: str = "") -> None:
        """End it."""
        if self.fd < 0:
            return
        self.hub.loop.remove(self.fd)
        self.fd = -1
        self.hub.left(self, reason, detail)
        with suppress(OSError, ValueError):
            if reason not in ("reset", "error"):
                if self.tls is not None:
                    self.tls.unwrap()  # says so to the peer, and waits for nothing
                self.socket.shutdown(socket.SHUT_WR)
                self.socket.recv(64 * 1024)  # closed with that unread, it would be reset, and the last words lost
        self.socket.close()

    def dismiss(self, reason: str, word: str) -> None:
        """Say why, and end it when it has taken that."""
        self.inform(word)
        self.close_when_done(reason)

    def close_when_done(self, reason: str) -> None:
        """End it when it has taken what waits for it; the hub bounds how long that may take."""
        if self.closing is None:
            self.closing = reason
            self.drain()
