"""An mbox as a place for messages: one file, each message behind a From_ line, quoted as mboxrd has it.

A message is put together aside, in memory and beyond SPOOL bytes in a file without a name, and appended when all of it
has come: the mbox is locked while this machine copies, never while a server takes its time. It is on the disk before
the lock is given back; what goes wrong before that cuts the file back to where the message began. So does Ctrl-C;
SIGTERM and SIGHUP wait until the message is whole.
"""

import os
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO

from netkit.errors import BadInput, LocalFailure
from netkit.mail.filed import FROM, FromQuoter, LineFeeds
from netkit.mail.mbox_lock import WAIT, locked
from netkit.net.whole_file import sync_folder

SPOOL = 1024 * 1024  # bytes of a message in memory
PIECE = 256 * 1024
SENDER = "MAILER-DAEMON"  # as where none is known: POP3 does not tell the envelope's


class Mbox:
    """`draft` for each message, `settle` at the end. The file is made for the first message, if it is missing."""

    def __init__(self, name: str, *, wait: float = WAIT) -> None:
        """wait: seconds for the lock. Raises BadInput for what is no mbox, LocalFailure where it could not be."""
        self.name = name
        self.path = os.path.realpath(name)
        self.folder = os.path.dirname(self.path)
        self.wait = wait
        if not os.path.isdir(self.folder):
            raise LocalFailure(f"cannot write {name}: the folder {self.folder} does not exist", kind="write")
        try:
            mode = os.stat(self.path).st_mode
            if not stat.S_ISREG(mode):
                hint = "--maildir writes to a folder" if stat.S_ISDIR(mode) else None
                raise BadInput(f"{name} is no file that a message can be appended to", hint=hint)
            with open(self.path, "rb") as file:
                start = file.read(len(FROM))
        except FileNotFoundError:
            start = b""
        except OSError as exc:
            raise self.failure(exc) from exc
        if start and start != FROM:
            raise BadInput(f"{name} is no mbox: it does not begin with {FROM.decode()!r}")

    def draft(self) -> "Draft":
        return Draft(self)

    def settle(self) -> None:
        """The name of the file is on the disk as well."""
        try:
            sync_folder(self.folder)
        except OSError as exc:
            raise self.failure(exc) from exc

    def append(self, message: IO[bytes]) -> None:
        """message: with LF line ends, quoted. Raises LocalFailure."""
        try:
            with locked(self.path, self.name, self.wait) as fd, _whole():
                start = os.lseek(fd, 0, os.SEEK_END)
                try:
                    _write(fd, _gap(fd, start) + f"From {SENDER} {time.asctime(time.gmtime())}\n".encode())
                    last = b"\n"
                    while piece := message.read(PIECE):
                        _write(fd, piece)
                        last = piece[-1:]
                    _write(fd, b"\n" if last == b"\n" else b"\n\n")
                    os.fsync(fd)
                except BaseException:
                    os.ftruncate(fd, start)
                    raise
        except OSError as exc:
            raise self.failure(exc) from exc

    def failure(self, exc: OSError) -> LocalFailure:
        return LocalFailure(f"cannot write {self.name}: {exc.strerror}", kind="write")


class Draft:
    """A message that is being put together; leaving it without `commit` takes it away."""

    def __init__(self, mbox: Mbox) -> None:
        self._mbox = mbox
        self._lines = LineFeeds()
        self._quoter = FromQuoter()
        folder = mbox.folder if os.access(mbox.folder, os.W_OK) else None
        self._spool = tempfile.SpooledTemporaryFile(SPOOL, dir=folder)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> "Draft":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def write(self, data: bytes) -> None:
        """Raises LocalFailure, as `commit` does."""
        self._put(self._quoter.feed(self._lines.feed(data)))

    def commit(self) -> str:
        """The file that has the message now."""
        self._put(self._quoter.feed(self._lines.end()) + self._quoter.end())
        self._spool.seek(0)
        self._mbox.append(self._spool)
        return self._mbox.name

    def _put(self, data: bytes) -> None:
        try:
            self._spool.write(data)
        except OSError as exc:
            raise self._mbox.failure(exc) from exc


def _gap(fd: int, size: int) -> bytes:
    """What is missing of the empty line that has to stand before a From_ line."""
    end = os.pread(fd, 2, max(0, size - 2))
    if not end or end == b"\n\n":
        return b""
    return b"\n" if end[-1:] == b"\n" else b"\n\n"


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@contextmanager
def _whole() -> Iterator[None]:
    """Signals that would end the process at once wait; Ctrl-C is an exception, and cleans up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
