"""Standard input, sent line by line to one endpoint or to all; `@name text` goes to that one alone.

It is read when those it goes to are there, and only as long as all of them have room: nothing of it is lost, and
nothing piles up. A regular file is always ready and epoll(7) refuses it, so it is read in slices between the turns.
The flags of descriptor 0 are never touched: it may be the terminal of others.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, Protocol

from netkit.net.loop import READ, Loop

SLICE = 64 * 1024  # bytes read at once; also the most of a line, whose rest is sent as another
State = Literal["waiting", "reading", "ended"]


class Receiver(Protocol):
    """An endpoint that it may go to."""

    label: str

    @property
    def takes_input(self) -> bool:
        """Whether it has room."""

    def give(self, data: bytes, /) -> None:
        """Send this."""

    def end_input(self) -> None:
        """It has ended."""


class Input:
    """wanted: a label, "all" or "none". receivers: those that are there now."""

    def __init__(self, loop: Loop, wanted: str, receivers: Callable[[], Sequence[Receiver]]) -> None:
        self.wanted = wanted
        self.state: State = "waiting"
        self._loop = loop
        self._receivers = receivers
        self._expected: set[Receiver] = set()
        self._rest = b""
        self._added = False  # to the loop
        self._sliced = False

    def goes_to(self, label: str) -> bool:
        return self.wanted in ("all", label)

    def ended_for(self, label: str) -> bool:
        """Whether nothing will be sent to that endpoint any more."""
        return not self.goes_to(label) or self.state == "ended"

    def expect(self, source: Receiver) -> None:
        """Do not begin before this one is there, or has failed."""
        if self.goes_to(source.label):
            self._expected.add(source)

    def settled(self, source: Receiver) -> None:
        """It is there, or will not be."""
        self._expected.discard(source)
        self.resume()

    def resume(self) -> None:
        """Read on if everybody has room: somebody came, or has sent some of what waited."""
        if self.wanted != "none" and self.state == "waiting" and not self._expected and self._all_have_room():
            self.state = "reading"
            if self._sliced:
                self._loop.later(0, self._slice)
            elif self._added:
                self._loop.change(0, READ)
            else:
                self._begin()

    def _begin(self) -> None:
        try:
            self._loop.add(0, lambda events: self._read(), READ)
            self._added = True
        except OSError:  # a regular file or the null device
            self._sliced = True
            self._loop.later(0, self._slice)

    def _slice(self) -> None:
        if self.state == "reading":
            self._read()
            self._loop.later(0, self._slice)

    def _all_have_room(self) -> bool:
        receivers = self._receivers()
        return bool(receivers) and all(one.takes_input for one in receivers)

    def _read(self) -> None:
        if not self._all_have_room():
            self.state = "waiting"
            if self._added:
                self._loop.change(0, 0)
            return
        data = b""
        with suppress(OSError):  # EIO: the terminal has gone
            data = os.read(0, SLICE)
        receivers = self._receivers()
        if not data:
            self._end(receivers)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._route(line + b"\n", receivers)
        if len(self._rest) >= SLICE:
            self._route(self._rest, receivers)
            self._rest = b""

    def _end(self, receivers: Sequence[Receiver]) -> None:
        self.state = "ended"
        if self._added:
            self._loop.remove(0)
        if self._rest:
            self._route(self._rest, receivers)
        for source in receivers:
            source.end_input()

    @staticmethod
    def _route(line: bytes, receivers: Sequence[Receiver]) -> None:
        head, space, rest = line.partition(b" ")
        if space and head.startswith(b"@"):
            name = os.fsdecode(head[1:])
            named = [one for one in receivers if one.label == name]
            if named:
                receivers, line = named, rest
        for source in receivers:
            source.give(line)
