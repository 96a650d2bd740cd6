"""An endpoint while it is watched: it reads what comes, sends what it is given, and tells what happens to it."""

from random import Random
from typing import Protocol

from netkit.net.loop import Loop, Timer
from netkit.watch.dialing import Dialing
from netkit.watch.event import Direction, EventName
from netkit.watch.input import Input
from netkit.watch.lines import Lines
from netkit.watch.pcap import Capture, Flow
from netkit.watch.target import Target

SLICE = 64 * 1024  # bytes read from one endpoint in a turn, so that others get theirs
LINES = 1024  # events of one endpoint in a turn; where lines are so short that a slice has more, slices become shorter
PARTIAL_SECONDS = 0.2  # after which a line without an end is shown
FIRST_RETRY, LONGEST_RETRY = 0.1, 5.0  # seconds, doubling


class Watch(Protocol):
    """The watch that endpoints are part of: what they have in common, and whom they tell.

    reconnect: connect again after a failure or an end. insecure: there was a failure of TLS.
    """

    loop: Loop
    random: Random
    reconnect: bool
    insecure: bool
    input: Input
    dialing: Dialing
    capture: Capture | None

    def tell(self, name: EventName, source: "Source", **more: object) -> None:
        """It happened."""

    def opened(self, source: "Source") -> None:
        """It is there."""

    def down(self, source: "Source") -> None:
        """It is not there any more, and will be tried again."""

    def finished(self, source: "Source") -> None:
        """It has ended."""


class Source:
    """state: waiting, open, half-closed, closed or failed. verdict: how it ended, as an event's name.

    parent: the endpoint that a stream is the connection of, None for others. sends: whether it can be given data.
    datagrams: whether each piece of data is one.
    """

    sends = False
    datagrams = False
    parent: "Source | None" = None

    def __init__(self, watch: Watch, target: Target, *, peer: str = "") -> None:
        self.watch = watch
        self.loop = watch.loop
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
        self.watch.tell(name, self, **more)

    def came(self, data: bytes, direction: Direction = "in") -> None:
        """Data passed: tell it by lines, the rest of a line after a while."""
        if direction == "in":
            self.received += len(data)
        else:
            self.sent += len(data)
        if self.flow is not None and self.watch.capture:
            self.watch.capture.data(self.flow, data, ours=direction == "out")
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
        pause = self._retry * self.watch.random.uniform(0.75, 1.25)
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
        if self.flow is not None and self.watch.capture:
            for ours in (False, True):
                self.watch.capture.end(self.flow, ours=ours, reset=name == "reset")
        self.close()
        self.verdict = name
        self.state = "closed" if name == "close" else "failed"
        self.tell(name, detail=detail)
        self.watch.finished(self)
