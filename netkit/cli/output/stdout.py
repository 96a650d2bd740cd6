"""Standard output as results need it: nothing is lost without a word, whatever the descriptor is.

Python's own says nothing of what a full non-blocking pipe did not take (another process may have set the descriptor
so), Rich ends the process with 1 on BrokenPipeError, and where signals have handlers (asyncio, libcurl) a write to a
pipe that nobody reads blocks Ctrl-C as well. So the raw layer is ours: it waits for a reader that is slow until a
signal comes, and what the system refuses becomes an error of ours where it arises.
"""

import io
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netkit.errors import LocalFailure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNWRITABLE = "stdout"  # the kind of error when it cannot be written
PIECE = 4096  # PIPE_BUF: what a pipe that poll(2) calls writable takes without blocking, pipe(7)

_json = False


def told_json(wanted: bool) -> None:
    """Whether its reader reads JSON: by the words, until the command's Output knows."""
    global _json
    _json = wanted


def reads_json() -> bool:
    return _json


class ReaderGone(Exception):
    """The reader of standard output went away. No OSError: whoever looks for a peer's would take it for one."""


class Unread(Exception):
    """A signal came while the reader of standard output was waited for; what is written from now on is dropped."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


class StandardOutput(io.FileIO):
    """waiting: None, or what its reader has not taken yet, where nothing is to wait for that one (`unread`)."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "w", closefd=False)
        self.dropping = False
        self.waiting: bytearray | None = None
        self.poll: select.poll | None = None
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode) and not (stat.S_ISCHR(mode) and not self.isatty()):  # /dev/null takes all at once
            self.poll = select.poll()
            self.poll.register(fd, select.POLLOUT)

    def write(self, data: "ReadableBuffer", /) -> int:
        """All or some of the data. Raises ReaderGone, Unread, LocalFailure."""
        view = memoryview(data).cast("B")
        if self.dropping:
            return len(view)
        if self.waiting is not None:
            self.waiting += view
            self.give()
            return len(view)
        return self._write(view)

    def give(self, seconds: float = 0.0) -> bool:
        """Write what waits, as far as the reader takes it, within so many seconds; whether that was all."""
        end = time.monotonic() + seconds
        while self.waiting and self.poll is not None:
            if not self.poll.poll(max(0.0, end - time.monotonic()) * 1000):
                return False
            sent = self._write(memoryview(bytes(self.waiting[:PIECE])))
            del self.waiting[:sent]
        return True

    def _write(self, view: memoryview) -> int:
        if self.poll:
            view = view[:PIECE]
            if not self.poll.poll(0):
                self._wait()
        try:
            while (written := super().write(view)) is None:  # EAGAIN
                self._wait()
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as exc:
            raise LocalFailure(f"cannot write standard output: {exc.strerror}", kind=UNWRITABLE) from exc
        return written

    def _wait(self) -> None:
        try:
            with _ended_by_signals():
                select.select([], [self], [])
        except (Unread, KeyboardInterrupt):
            self.dropping = True
            raise


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Make the signals that have a handler raise Unread: a handler that returns lets a system call go on (PEP 475).

    The handler's own news is not lost: asyncio gets it through its wake-up descriptor.
    """

    def end(number: int, _: object) -> None:
        raise Unread(number)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    taken = [number for number, one in handlers.items() if callable(one) and one is not signal.default_int_handler]
    try:
        for number in taken:
            signal.signal(number, end)
    except ValueError:  # not the main thread, where signals are not handled
        taken = []
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, handlers[number])


def install() -> None:
    """Put it in the place of sys.stdout; one that a caller has replaced stays.

    What came as bytes that are no UTF-8 leaves as the same bytes; other encodings escape what they lack.
    """
    before = sys.stdout
    encoding = before.encoding or "utf-8"
    errors = "surrogateescape" if encoding.lower().replace("-", "") == "utf8" else "backslashreplace"
    if not isinstance(before, io.TextIOWrapper):
        return
    if before is sys.__stdout__:
        raw = StandardOutput(before.fileno())
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=before.isatty())
    else:
        before.reconfigure(errors=errors)


def write_bytes(data: bytes) -> None:
    """All of it, past the buffer, so that what is refused now is not tried again at the end."""
    bytes_writer()(data)


def bytes_writer() -> Callable[[bytes], None]:
    """`write_bytes` for many pieces, between which nothing else is written."""
    sys.stdout.flush()
    write = (sys.stdout.buffer.raw if isinstance(sys.stdout, io.TextIOWrapper) else sys.stdout.buffer).write

    def write_all(data: bytes) -> None:
        written = write(data)
        if written != len(data):
            view = memoryview(data)[written:]
            while view:
                view = view[write(view) or 0 :]

    return write_all


def write_data(data: bytes) -> None:
    """A peer's bytes: to a pipe or a file exactly, to a terminal made harmless."""
    if sys.stdout.isatty():
        from netkit.cli.output.escape import visible

        sys.stdout.write(visible(data.decode("utf-8", "backslashreplace"), lines=True))
        sys.stdout.flush()
    else:
        write_bytes(data)
