"""Runs a server until it ends by itself or a signal ends it: the first one drains it, a second stops it."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from netkit.net.loop import Loop
from netkit.net.ready import Ready

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Runnable(Protocol):
    loop: Loop

    def drain(self) -> None: ...
    def run(self) -> None: ...
    def announce(self) -> None: ...
    @property
    def addresses(self) -> list[str]: ...


def serve(server: Runnable, *, ready: Ready | None = None, also: Sequence[str] = ()) -> None:
    """Announce, say that it is ready, and serve. also: more addresses to tell (metrics). For the main thread."""
    with draining(server), ready or Ready(notify=""):
        server.announce()
        if ready:
            ready.tell([*server.addresses, *also])
        server.run()


@contextmanager
def draining(server: Runnable) -> Iterator[None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        server.loop.soon(server.drain)

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
