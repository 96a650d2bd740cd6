"""The endpoints while they are watched: each reads what comes, sends what it is given, and tells what happens to it."""

import errno
import os
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from netkit.net.address import join
from netkit.net.loop import READ, Timer
from netkit.net.reasons import reason_of, would_block
from netkit.watch.event import Direction, EventName
from netkit.watch.lines import Lines
from netkit.watch.pcap import Address, Flow
from netkit.watch.target import Target

if TYPE_CHECKING:
    from netkit.watch.watcher import Watcher

SLICE = 64 * 1024  # bytes read from one endpoint in a turn, so that others get theirs
PARTIAL_SECONDS = 0.2  # after which a line without an end is shown


class Source:
    """state: waiting, open, half-closed, closed or failed. verdict: how it ended, as an event's name.

    parent: the endpoint that a stream is the connection of, None for others. sends: whether it can be given data.
    """

    sends = False
    parent: "Source | None" = None

    def __init__(self, watcher: "Watcher", target: Target, *, peer: str = "") -> None:
        self.watcher = watcher
        self.loop = watcher.loop
        self.target = target
        self.label = target.label
        self.peer = peer
        self.state = "waiting"
        self.verdict: EventName | None = None
        self.received = self.sent = 0
        self.flow: Flow | None = None
        self._lines: dict[Direction, Lines] = {"in": Lines(), "out": Lines()}
        self._partial: Timer | None = None

    def start(self) -> None:
        """Begin; what fails is an event."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the descriptors, without a word."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        return self.state in ("closed", "failed")

    @property
    def takes_input(self) -> bool:
        return False

    def give(self, data: bytes) -> None:
        """Send this, from standard input."""

    def end_input(self) -> None:
        """Standard input has ended."""

    def tell(self, name: EventName, **more: object) -> None:
        self.watcher.tell(name, self, **more)

    def came(self, data: bytes, direction: Direction = "in") -> None:
        """Data passed: tell it by lines, the rest of a line after a while."""
        if direction == "in":
            self.received += len(data)
        else:
            self.sent += len(data)
        if self.flow is not None:
            self.watcher.captured(self.flow, data, ours=direction == "out")
        lines = self._lines[direction]
        for line, partial in lines.feed(data):
            self.tell("data", direction=direction, data=line, partial=partial)
        if lines.waiting and self._partial is None:
            self._partial = self.loop.later(PARTIAL_SECONDS, self._show_partial)

    def _show_partial(self, *, end: bool = False) -> None:
        self._partial = None
        for direction, lines in self._lines.items():
            if piece := lines.flush(end=end):
                self.tell("data", direction=direction, data=piece, partial=True)

    def ended(self, name: EventName, detail: str = "") -> None:
        """It is over."""
        if self.done:
            return
        if self._partial:
            self._partial.cancel()
        self._show_partial(end=True)
        if self.flow is not None:
            for ours in (False, True):
                self.watcher.capture_end(self.flow, ours=ours, reset=name == "reset")
        self.close()
        self.verdict = name
        self.state = "closed" if name == "close" else "failed"
        self.tell(name, detail=detail)
        self.watcher.finished(self)


class Datagrams(Source):
    """A UDP socket: connected to a peer, or bound (`-l udp://...`), then with a flow for each of its peers."""

    sends = True

    def __init__(self, watcher: "Watcher", target: Target, sock: socket.socket, *, bound: bool) -> None:
        super().__init__(watcher, target)
        self.socket = sock
        self._bound = bound
        self._last: tuple[str, int] | None = None
        self._flows: dict[str, Flow] = {}

    def start(self) -> None:
        self.loop.add(self.socket.fileno(), self._ready)
        self.state = "open"
        self.tell("listening" if self._bound else "open", detail=str(self.watcher.local(self.socket)))
        self.watcher.opened(self)

    @property
    def takes_input(self) -> bool:
        return self.state == "open"

    def _ready(self, events: int) -> None:
        try:
            data, sender = self.socket.recvfrom(SLICE, socket.MSG_DONTWAIT)
        except OSError as exc:
            if not would_block(exc):
                self.ended("refused" if exc.errno == errno.ECONNREFUSED else "error", reason_of(exc))
            return
        self._last = sender
        self.peer = join(sender[0], sender[1])
        self._passed(data, "in")

    def _passed(self, data: bytes, direction: Direction) -> None:
        """A datagram is told whole, whatever is in it."""
        if direction == "in":
            self.received += len(data)
        else:
            self.sent += len(data)
        if len(self._flows) < 1024:  # peers of one capture; a flood of forged ones must not fill memory
            with suppress(OSError, ValueError, IndexError):
                flow = self._flows.get(self.peer)
                if flow is None:
                    ours = self.socket.getsockname()
                    theirs = self._last if self._last else self.socket.getpeername()
                    flow = Flow(Address.of(*ours[:2]), Address.of(*theirs[:2]), stream=False)
                    self._flows[self.peer] = flow
                self.watcher.captured(flow, data, ours=direction == "out")
        self.tell("data", direction=direction, data=data, partial=not data.endswith(b"\n"))

    def give(self, data: bytes) -> None:
        try:
            if not self._bound:
                self.socket.send(data)
            elif self._last is not None:
                self.socket.sendto(data, self._last)
            else:
                self.tell("error", detail="nobody has sent a datagram yet, so there is nobody to answer")
                return
        except OSError as exc:
            self.tell("error", detail=reason_of(exc))
            return
        self._passed(data, "out")

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            self.loop.remove(self.socket.fileno())
            self.socket.close()


class File(Source):
    """A file, FIFO, terminal or inherited pipe. Flags of a descriptor that is not ours are never changed.

    A regular file is always ready, and epoll(7) refuses it: it is read in slices between the turns.
    """

    def __init__(self, watcher: "Watcher", target: Target, fd: int, *, own: bool) -> None:
        super().__init__(watcher, target)
        self.fd = fd
        self._own = own
        self._always = stat.S_ISREG(os.fstat(fd).st_mode)

    def start(self) -> None:
        self.state = "open"
        self.tell("open")
        if self._always:
            self.loop.later(0, self._slice)
        else:
            try:
                self.loop.add(self.fd, self._ready)
            except (PermissionError, FileExistsError):  # the null device, or a descriptor that is watched already
                self._always = True
                self.loop.later(0, self._slice)
        self.watcher.opened(self)

    def _slice(self) -> None:
        if not self.done:
            self._ready(READ)
            if not self.done:
                self.loop.later(0, self._slice)

    def _ready(self, events: int) -> None:
        try:
            data = os.read(self.fd, SLICE)
        except OSError as exc:
            if not would_block(exc):
                self.ended("close" if exc.errno == errno.EIO else "error", reason_of(exc))  # EIO: the terminal is gone
            return
        if data:
            self.came(data)
        else:
            self.ended("close")

    def close(self) -> None:
        if self.fd >= 0:
            if not self._always:
                self.loop.remove(self.fd)
            if self._own:
                os.close(self.fd)
            self.fd = -1
