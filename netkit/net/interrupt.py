"""Ctrl-C for work that goes on from callback to callback: it ends between two of them.

The default handler raises wherever the program is, also between two lines that belong together, such as a count and
what it counts; who tells afterwards what there was up to then would find it half done.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from netkit.net.loop import Loop


@contextmanager
def between_callbacks(loop: Loop) -> Iterator[None]:
    """Ctrl-C is raised by the loop's next turn, as KeyboardInterrupt, and wakes it for that.

    In other threads, or where a handler is set already, nothing is changed.
    """

    def interrupt() -> None:
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        before = signal.signal(signal.SIGINT, lambda *_: loop.soon(interrupt))
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
