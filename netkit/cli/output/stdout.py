"""Standard output as results need it: nothing is lost without a word, whatever the descriptor is.

Python's own says nothing of what a full non-blocking pipe did not take (another process may have set the descriptor
so), and Rich ends the process with 1 on BrokenPipeError. So the raw layer is ours: it waits for a reader that is slow,
and what the system refuses becomes an error of ours where it arises.
"""

import io
import sys
from typing import TYPE_CHECKING

from netkit.errors import LocalFailure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNWRITABLE = "stdout"  # the kind of error when it cannot be written


class ReaderGone(Exception):
    """The reader of standard output went away. No OSError: whoever looks for a peer's would take it for one."""


class StandardOutput(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        """All or some of the data. Raises ReaderGone, LocalFailure."""
        try:
            while (written := super().write(data)) is None:  # EAGAIN
                import select

                select.select([], [self], [])
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as exc:
            raise LocalFailure(f"cannot write standard output: {exc.strerror}", kind=UNWRITABLE) from exc
        return written


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
        raw = StandardOutput(before.fileno(), "w", closefd=False)
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=before.isatty())
    else:
        before.reconfigure(errors=errors)


def write_bytes(data: bytes) -> None:
    """All of it, past the buffer, so that what is refused now is not tried again at the end."""
    sys.stdout.flush()
    raw = sys.stdout.buffer.raw if isinstance(sys.stdout, io.TextIOWrapper) else sys.stdout.buffer
    view = memoryview(data)
    while view:
        view = view[raw.write(view) or 0 :]
