"""A maildir as a place for messages: each is written in tmp/, is on the disk, and then gets its name in new/.

A name is the time, the process, a number and this host (https://cr.yp.to/proto/maildir.html): nothing in it comes from
a message or a server. Lines end in LF, as those of every local delivery do. A run that is killed leaves files in tmp/
at most, which readers of a maildir take away after 36 hours.
"""

import os
import socket
import time
from contextlib import suppress
from io import BufferedWriter
from itertools import count
from types import TracebackType

from netkit.errors import BadInput, LocalFailure
from netkit.mail.filed import LineFeeds
from netkit.net.whole_file import sync_folder

FOLDERS = ("tmp", "new", "cur")


class Maildir:
    """`draft` for each message, `settle` for all that are whole; leaving it takes away those that are not settled.

    The folder is made for the first message, if it is missing. durable: whether what is settled outlives this machine's
    end, and not this process's alone. exact: lines end as they are written.
    """

    def __init__(self, name: str, *, durable: bool = True, exact: bool = False) -> None:
        """Raises BadInput for what is there and is no maildir: its owner would not want three folders in it."""
        self.name = name
        self._durable = durable
        self._exact = exact
        self._host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
        self._numbers = count(1)
        self._made = False
        self._changed: list[str] = []  # folders with new names in them, apart from new/
        self._whole: list[Draft] = []
        try:
            there = os.listdir(name)
        except FileNotFoundError:
            there = []
        except NotADirectoryError as exc:
            raise BadInput(f"{name} is no folder", hint="--mbox writes to a file") from exc
        except OSError as exc:
            raise failure(name, exc) from exc
        if there and not set(FOLDERS) <= set(there):
            raise BadInput(f"{name} is a folder, and no maildir", hint="a new one is made where there is nothing")
        folder = os.path.dirname(os.path.abspath(name))
        if not os.path.isdir(folder):
            raise LocalFailure(f"cannot write {name}: the folder {folder} does not exist", kind="write")

    def __enter__(self) -> "Maildir":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for draft in self._whole:
            draft.drop()
        self._whole.clear()

    def draft(self, name: str | None = None) -> "Draft":
        """A message to write; `with` takes it away again if it is not committed. Raises LocalFailure.

        name: its file's, where another than that of now and of this host is wanted; no file may have it.
        """
        if not self._made:
            try:
                self._make()
            except OSError as exc:
                raise failure(self.name, exc) from exc
        if name is None:
            seconds, nanoseconds = divmod(time.time_ns(), 10**9)
            name = f"{seconds}.M{nanoseconds // 1000:06}P{os.getpid()}Q{next(self._numbers)}.{self._host}"
        aside, final = (os.path.join(self.name, folder, name) for folder in ("tmp", "new"))
        return Draft(self._whole, aside, final, exact=self._exact)

    def settle(self) -> None:
        """Everything that is whole is on the disk and in new/. Raises LocalFailure."""
        if not self._whole:
            return
        try:
            for draft in self._whole:
                draft.settle(durable=self._durable)
            if self._durable:
                for folder in (os.path.join(self.name, "new"), *self._changed):
                    sync_folder(folder)
        except OSError as exc:
            raise failure(self.name, exc) from exc
        self._whole.clear()
        self._changed.clear()

    def _make(self) -> None:
        for folder in (self.name, *(os.path.join(self.name, one) for one in FOLDERS)):
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
                self._changed.append(os.path.dirname(os.path.abspath(folder)))
        self._made = True


class Draft:
    """A message in tmp/, open until it is on the disk."""

    def __init__(self, whole: "list[Draft]", aside: str, final: str, *, exact: bool) -> None:
        self._whole = whole
        self._aside, self._final = aside, final
        self._lines = None if exact else LineFeeds()
        try:
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise failure(aside, exc) from exc
        self._out: BufferedWriter = os.fdopen(fd, "wb")

    def __enter__(self) -> "Draft":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self not in self._whole[-1:]:
            self.drop()

    def write(self, data: bytes) -> None:
        """Raises LocalFailure, as `commit` does."""
        try:
            self._out.write(self._lines.feed(data) if self._lines else data)
        except OSError as exc:
            raise failure(self._aside, exc) from exc

    def commit(self) -> str:
        """It is whole; the file that has it once it is settled."""
        try:
            self._out.write(self._lines.end() if self._lines else b"")
            self._out.flush()
        except OSError as exc:
            raise failure(self._aside, exc) from exc
        self._whole.append(self)
        return self._final

    def settle(self, *, durable: bool) -> None:
        if durable:
            os.fsync(self._out.fileno())
        self._out.close()
        os.rename(self._aside, self._final)

    def drop(self) -> None:
        with suppress(OSError):  # what could not be written cannot be flushed either
            self._out.close()
        with suppress(OSError):  # it is in new/
            os.unlink(self._aside)


def failure(name: str, exc: OSError) -> LocalFailure:
    return LocalFailure(f"cannot write {name}: {exc.strerror}", kind="write")
