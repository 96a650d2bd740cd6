"""One connection on the loop: sends what waits as the peer takes it, hands over what comes, tells how it ended.

A send that fails does not end it: a server may have said why it hung up, and that is still to be read.
"""

from collections.abc import Callable
from contextlib import suppress

from netkit.chat.join.dial import Wire
from netkit.events import OnEvent, Step
from netkit.net.loop import GONE, READ, WRITE, Loop
from netkit.net.reasons import reason_of, would_block

READ_SIZE = 64 * 1024
READS = 8  # in one turn of the loop
ENOUGH = 64 * 1024  # bytes that wait for the peer, from which on nothing more should be said
MAX_UNSENT = 1024 * 1024  # and from which on nothing more is taken


class Link:
    """on_data: what came. on_end: None for an end, else why it broke. on_room: what waited is sent."""

    def __init__(
        self,
        loop: Loop,
        wire: Wire,
        address: str,
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[str | None], None],
        on_room: Callable[[], None],
        on_event: OnEvent | None = None,
    ) -> None:
        self._loop, self._wire, self._address = loop, wire, address
        self._on_data, self._on_end, self._on_room = on_data, on_end, on_room
        self._on_event = on_event
        self._out = bytearray()
        self._secret = b""
        self._fd = wire.fileno()
        self._finishing = self._half_closed = self._paused = self._parked = False
        self._broken = ""
        loop.add(self._fd, self._ready, READ)

    @property
    def open(self) -> bool:
        return self._fd >= 0

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken."""
        return len(self._out) + self._wire.unsent

    def send(self, data: bytes, *, secret: bytes = b"") -> bool:
        """Send it, the secret masked in traces; False when too much waits already, or nothing can be sent any more."""
        if not self.open or self._finishing or self._broken or len(self._out) + len(data) > MAX_UNSENT:
            return False
        self._secret = secret or self._secret
        self._out += data
        self._write()
        return True

    def finish(self) -> None:
        """When all is sent, tell the peer that nothing more comes; what it says is still read."""
        self._finishing = True
        if self.open:
            self._write()

    def pause(self, paused: bool) -> None:
        """Do not read for now, or read on."""
        if self._paused != paused and self.open:
            self._paused = paused
            if self._parked:
                self._parked = False
                self._loop.add(self._fd, self._ready, 0)
            self._want()
            if not paused:  # the TLS engine may hold what the kernel does not know of
                self._loop.later(0, self._read)

    def close(self) -> None:
        if not self.open:
            return
        self._loop.remove(self._fd)
        self._fd = -1
        self._wire.close()
        if self._on_event:
            self._on_event(Step("close", self._address))

    def _ready(self, events: int) -> None:
        if events & WRITE:
            had = bool(self._out)
            self._write()
            if had and not self._out and self.open:
                self._on_room()
        if not self.open:
            return
        if self._paused and events & GONE:  # it would be told in every turn until it is read
            self._parked = True
            self._loop.remove(self._fd)
        elif events & (READ | GONE):
            self._read()

    def _write(self) -> None:
        try:
            while self._out and not self._broken:
                sent = self._wire.send(bytes(self._out[:READ_SIZE]))
                if self._on_event:
                    shown = bytes(self._out[:sent])
                    if self._secret:
                        shown = shown.replace(self._secret, b"*" * len(self._secret))
                    self._on_event(Step("send", self._address, size=sent, data=shown))
                del self._out[:sent]
            if not self._broken and self._wire.flush() and self._finishing and not self._half_closed:
                self._end_ours()
        except OSError as exc:
            if not would_block(exc):
                self._broken = reason_of(exc)
                self._out.clear()
        self._want()

    def _end_ours(self) -> None:
        self._half_closed = True
        with suppress(OSError):
            self._wire.half_close()
        if self._on_event:
            self._on_event(Step("shutdown", self._address))
        if self._wire.ahead:
            self._loop.later(0, self._read)

    def _read(self) -> None:
        """Hand over what came."""
        for _ in range(READS):
            if not self.open or self._paused:
                return
            try:
                data = self._wire.recv(READ_SIZE)
            except OSError as exc:
                if not would_block(exc):
                    self._ended(self._broken or reason_of(exc))
                elif self._broken:
                    self._ended(self._broken)
                return
            if not data:
                self._ended(self._broken or None)
                return
            if self._on_event:
                self._on_event(Step("recv", self._address, size=len(data), data=data))
            self._on_data(data)
        self._loop.later(0, self._read)

    def _ended(self, reason: str | None) -> None:
        self.close()
        self._on_end(reason)

    def _want(self) -> None:
        if not self.open or self._parked:
            return
        more = bool(self._out) or self._wire.unsent
        self._loop.change(self._fd, (0 if self._paused else READ) | (WRITE if more and not self._broken else 0))
