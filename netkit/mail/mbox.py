"""An mbox as a place for messages: one file, each message behind a From_ line, quoted as mboxrd has it.

Messages are put together aside, in memory and beyond SPOOL bytes in a file without a name, and those that are whole are
appended in one go: the mbox is locked while this machine copies, never while a server takes its time. They are on the
disk before the lock is given back; what goes wrong before that cuts the file back to where it ended. So does Ctrl-C;
SIGTERM and SIGHUP wait until the messages are whole.
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

SPOOL = 1024 * 1024  # bytes in memory
PIECE = 256 * 1024
SENDER = "MAILER-DAEMON"  # as where none is known: POP3 does not tell the envelope's


class Mbox:
    """`draft` for each message, `settle` for all that are whole; leaving it forgets those that are not settled.

    The file is made for the first message, if it is missing.
    """

    def __init__(self, name: str, *, wait: float = WAIT) -> None:
        """wait: seconds for the lock. Raises BadInput for what is no mbox, LocalFailure where it could not be."""
        self.name = name
        self.path = os.path.realpath(name)
        self.folder = os.path.dirname(self.path)
        self.wait = wait
        self._spool: IO[bytes] | None = None
        self._named = False  # the name of the file is on the disk
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

    def __enter__(self) -> "Mbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool:
            self._spool.close()
        self._spool = None

    def draft(self) -> "Draft":
        """A message to write; `with` takes it away again if it is not committed."""
        if self._spool is None:
            folder = self.folder if os.access(self.folder, os.W_OK) else None
            self._spool = tempfile.SpooledTemporaryFile(SPOOL, dir=folder)  # noqa: SIM115 - closed by __exit__
        return Draft(self, self._spool)

    def settle(self) -> None:
        """Everything that is whole is in the file and on the disk. Raises LocalFailure."""
        if self._spool is None:
            return
        try:
            if self._spool.seek(0, os.SEEK_END):
                self._append(self._spool)
                if not self._named:
                    sync_folder(self.folder)
                    self._named = True
        except OSError as exc:
            raise self.failure(exc) from exc
        self._spool.close()
        self._spool = None

    def _append(self, spool: IO[bytes]) -> None:
        spool.seek(0)
        with locked(self.path, self.name, self.wait) as fd, _whole():
            start = os.lseek(fd, 0, os.SEEK_END)
            try:
                _write(fd, _gap(fd, start))
                while piece := spool.read(PIECE):
                    _write(fd, piece)
                os.fsync(fd)
            except BaseException:
                os.ftruncate(fd, start)
                raise

    def failure(self, exc: OSError) -> LocalFailure:
        return LocalFailure(f"cannot write {self.name}: {exc.strerror}", kind="write")


class Draft:
    """A message at the end of the spool."""

    def __init__(self, mbox: Mbox, spool: IO[bytes]) -> None:
        self._mbox = mbox
        self._spool = spool
        self._start = spool.seek(0, os.SEEK_END)
        self._lines = LineFeeds()
        self._quoter = FromQuoter()
        self._last = b"\n"
        self._whole = False

    def __enter__(self) -> "Draft":
        self._put(f"From {SENDER} {time.asctime(time.gmtime())}\n".encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._whole:
            self._spool.seek(self._start)
            self._spool.truncate()

    def write(self, data: bytes) -> None:
        """Raises LocalFailure, as `commit` does."""
        self._put(self._quoter.feed(self._lines.feed(data)))

    def commit(self) -> str:
        """It is whole; the file that has it once it is settled."""
        self._put(self._quoter.feed(self._lines.end()) + self._quoter.end())
        self._put(b"\n" if self._last == b"\n" else b"\n\n")
        self._whole = True
        return self._mbox.name

    def _put(self, data: bytes) -> None:
        try:
            self._spool.write(data)
        except OSError as exc:
            raise self._mbox.failure(exc) from exc
        self._last = data[-1:] or self._last


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
