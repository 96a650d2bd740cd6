"""The endpoints while they are watched: each reads what comes, sends what it is given, and tells what happens to it."""

import errno
import os
import stat
from typing import TYPE_CHECKING

from netkit.net.loop import READ, Timer
from netkit.net.reasons import reason_of, would_block
from netkit.watch.event import Direction, EventName
from netkit.watch.lines import Lines
from netkit.watch.pcap import Flow
from netkit.watch.target import Target

if TYPE_CHECKING:
    from netkit.watch.watcher import Watcher

SLICE = 64 * 1024  # bytes read from one endpoint in a turn, so that others get theirs
LINES = 1024  # events of one endpoint in a turn; where lines are so short that a slice has more, slices become shorter
PARTIAL_SECONDS = 0.2  # after which a line without an end is shown
FIRST_RETRY, LONGEST_RETRY = 0.1, 5.0  # seconds, doubling


class Source:
    """state: waiting, open, half-closed, closed or failed. verdict: how it ended, as an event's name.

    parent: the endpoint that a stream is the connection of, None for others. sends: whether it can be given data.
    datagrams: whether each piece of data is one.
    """

    sends = False
    datagrams = False
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
        self._retry = FIRST_RETRY
        self.slice = SLICE  # bytes to read in the next turn

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
        found = lines.feed(data)
        if len(found) > LINES:
            self.slice = max(len(data) * LINES // len(found), 1)
        elif self.slice < SLICE:
            self.slice = min(self.slice * 2, SLICE)
        for line, partial in found:
            self.tell("data", direction=direction, data=line, partial=partial)
            if self.done:  # that was enough
                return
        if lines.waiting and self._partial is None:
            self._partial = self.loop.later(PARTIAL_SECONDS, self._show_partial)

    def again(self) -> None:
        """Start once more after a pause that doubles, give or take a quarter."""
        self.state = "waiting"
        pause = self._retry * self.watcher.random.uniform(0.75, 1.25)
        self._retry = min(self._retry * 2, LONGEST_RETRY)
        self.tell("retry", detail=f"in {pause:.2f} s")
        self.loop.later(pause, self.start)

    def _show_partial(self, *, end: bool = False) -> None:
        self._partial = None
        for direction, lines in self._lines.items():
            if piece := lines.flush(end=end):
                self.tell("data", direction=direction, data=piece, partial=True)

    def enough(self, detail: str) -> None:
        """No more of it is wanted."""
        self._lines["in"] = Lines()
        self.ended("close", detail)

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
            data = os.read(self.fd, self.slice)
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
