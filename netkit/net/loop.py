"""The event loop of the servers and of watch: descriptors, timers and a way in from signals and other threads.

Not asyncio: an echo is one recv and one send, so whatever the loop does besides is what it costs. `tests/bench/echo.py`
has the figures. Like every selector it is itself a descriptor (`fileno`), so asyncio can drive it: `add_reader` it,
and call `turn(0)`; the lab does.

On Linux it is epoll(7), level triggered; elsewhere `selectors`.
"""

import os
import select
import selectors
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from heapq import heapify, heappop, heappush
from itertools import count
from time import monotonic

READ, WRITE = 1, 4  # EPOLLIN, EPOLLOUT; a callback is told these, and GONE
URGENT = 2  # EPOLLPRI; where there is only `selectors` it is never told
GONE = 8 | 16  # EPOLLERR | EPOLLHUP: reading tells what happened

Ready = Callable[[int], None]


class Timer:
    """A call that is due at a time of the loop's clock; `cancel` it, and it never comes."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Loop:
    """now: the monotonic clock as of this turn, seconds. Callbacks may add and remove whatever they like."""

    def __init__(self) -> None:
        self._poller = select.epoll() if hasattr(select, "epoll") else SelectorPoller()
        self._callbacks: dict[int, Ready] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._number = count()
        self._stopped = False
        self._soon: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self.now = monotonic()
        self.after_turn: Callable[[], None] | None = None  # called at the end of each turn
        self.add(self._wake_read, self._woken)

    def fileno(self) -> int:
        """The loop as a descriptor: readable when a callback is due (not when a timer is)."""
        return self._poller.fileno()

    def add(self, fd: int, ready: Ready, events: int = READ) -> None:
        self._poller.register(fd, events)
        self._callbacks[fd] = ready

    def change(self, fd: int, events: int) -> None:
        """Wait for READ, WRITE, both, or with 0 for errors alone."""
        self._poller.modify(fd, events)

    def remove(self, fd: int) -> None:
        if self._callbacks.pop(fd, None):
            with suppress(OSError, ValueError):  # the descriptor, or the whole loop, is closed already
                self._poller.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(monotonic() + seconds, call)
        heappush(self._timers, (timer.due, next(self._number), timer))
        if len(self._timers) > 1024 and sum(not entry[2].call for entry in self._timers) * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if entry[2].call]
            heapify(self._timers)
        return timer

    def next_due(self) -> float | None:
        """Seconds until the next timer, None when there is none."""
        while self._timers and not self._timers[0][2].call:
            heappop(self._timers)
        return max(0.0, self._timers[0][0] - monotonic()) if self._timers else None

    def turn(self, timeout: float | None = None) -> None:
        """Wait once, at most so many seconds, then call what is ready and what is due."""
        due = self.next_due() if self._timers else None
        if due is not None:
            timeout = due if timeout is None else min(timeout, due)
        callbacks = self._callbacks
        ready = self._poller.poll(timeout, 256)
        self.now = monotonic()
        for fd, events in ready:
            if call := callbacks.get(fd):  # an earlier callback of this turn may have removed it
                call(events)
        while self._timers and self._timers[0][0] <= self.now:
            timer = heappop(self._timers)[2]
            if timer.call:
                timer.call()
        if self.after_turn is not None:
            self.after_turn()

    def run(self) -> None:
        """Turn until `stop`."""
        self._stopped = False
        while not self._stopped:
            self.turn()

    def soon(self, call: Callable[[], None]) -> None:
        """Call this within the loop. For signal handlers and other threads: a deque's append is atomic."""
        self._soon.append(call)
        self.wake()

    def catch_up(self) -> None:
        """Call what waits to be called soon, now. For callbacks."""
        while self._soon:
            self._soon.popleft()()

    def stop(self) -> None:
        """End `run` after this turn. For callbacks; from elsewhere `wake` it as well."""
        self._stopped = True

    def wake(self) -> None:
        """Make a waiting turn return; callable from a signal handler or another thread, also when it is closed."""
        with suppress(OSError):
            os.write(self._wake_write, b"\0")

    def close(self) -> None:
        self._poller.close()
        read, write = self._wake_read, self._wake_write
        self._wake_read = self._wake_write = -1  # a late `wake` must not reach a descriptor that took the number
        for fd in (read, write):
            with suppress(OSError):
                os.close(fd)

    def _woken(self, events: int) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        self.catch_up()


class SelectorPoller:
    """select.epoll's interface on `selectors` (kqueue on macOS and the BSDs)."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._parked: set[int] = set()  # registered, waiting for nothing: kqueue has no such state

    def fileno(self) -> int:
        return self._selector.fileno() if hasattr(self._selector, "fileno") else -1

    def register(self, fd: int, events: int) -> None:
        if events:
            self._selector.register(fd, self._mask(events))
        else:
            self._parked.add(fd)

    def modify(self, fd: int, events: int) -> None:
        self.unregister(fd)
        self.register(fd, events)

    def unregister(self, fd: int) -> None:
        if fd in self._parked:
            self._parked.discard(fd)
        else:
            with suppress(KeyError):
                self._selector.unregister(fd)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        return [
            (
                key.fd,
                (READ if mask & selectors.EVENT_READ else 0) | (WRITE if mask & selectors.EVENT_WRITE else 0),
            )
            for key, mask in self._selector.select(timeout)
        ]

    def close(self) -> None:
        self._selector.close()

    @staticmethod
    def _mask(events: int) -> int:
        return (selectors.EVENT_READ if events & READ else 0) | (selectors.EVENT_WRITE if events & WRITE else 0)
