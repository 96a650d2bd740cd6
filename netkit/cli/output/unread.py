"""The event log of a server on a standard output that nobody reads: the server goes on, and what is lost is counted.

A pipe whose reader stands still takes 64 kB, a terminal that was stopped (Ctrl-S) nothing. What they do not take waits
here, MOST bytes; events that come then are not written until half of it is taken, and how many that were stands in
their place. A reader that has gone ends the server, as before (exit 141).
"""

import sys
from collections.abc import Callable
from typing import Any

from netkit.cli.output.say import say
from netkit.cli.output.stdout import StandardOutput
from netkit.net.loop import WRITE, Loop

MOST = 1024 * 1024  # bytes that wait: 3,000 events
END = 1.0  # seconds for what waits when the server has stopped


class UnreadLog:
    """show: writes an event to sys.stdout. lost: makes the event that tells of so many that were not written."""

    def __init__(self, show: Callable[[Any], None], lost: Callable[[int], Any]) -> None:
        self._show, self._lost = show, lost
        self._dropped = 0
        self._loop: Loop | None = None
        self._watching = False
        raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
        # A file takes everything, and what a caller has put in its place is the caller's.
        self._out = raw if isinstance(raw, StandardOutput) and raw.poll is not None else None
        if self._out is not None:
            self._out.waiting = bytearray()

    def attach(self, loop: Loop) -> None:
        """From now on the loop tells when more is taken."""
        self._loop = loop
        self._watch()

    def write(self, event: Any) -> None:
        """Raises ReaderGone, LocalFailure."""
        # Half: a reader who is slow, and no more, would else get as many lines of this kind as events.
        if self._out is not None and len(self._out.waiting or b"") > (MOST // 2 if self._dropped else MOST):
            self._dropped += 1
            return
        self._tell_dropped()
        self._show(event)
        self._watch()

    def _tell_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._show(self._lost(dropped))

    def _watch(self) -> None:
        if self._loop is None or self._out is None or self._watching == bool(self._out.waiting):
            return
        self._watching = not self._watching
        if self._watching:
            self._loop.add(self._out.fileno(), self._ready, WRITE)
        else:
            self._loop.remove(self._out.fileno())

    def _ready(self, events: int) -> None:
        assert self._out is not None
        if self._out.give():
            self._tell_dropped()
        self._watch()

    def close(self) -> None:
        """The server has stopped, and its loop with it."""
        if self._out is None:
            return
        if self._out.give(END):
            self._tell_dropped()
        if not self._out.give(END):
            say(f"netkit: standard output is not read: {len(self._out.waiting or b'')} bytes of events are lost"
                + (f", and {self._dropped} events before them" if self._dropped else ""))  # fmt: skip
            self._out.waiting = None
            self._out.dropping = True
            return
        self._out.waiting = None
