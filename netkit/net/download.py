"""Saves a body under a name that is whole or not there: written to NAME.part beside it, renamed at the end.

What is no regular file (a device, a pipe) is written directly, since it cannot be replaced. A symbolic link is
followed to the file it names; the part itself is never written through one. Not here yet: resuming a part.
"""

import os
import stat

from netkit.errors import BadInput, LocalFailure


class Download:
    """One file. `write` the pieces, then `commit`; `close` without it leaves the part."""

    def __init__(self, name: str) -> None:
        """Raises BadInput for a folder, LocalFailure when the folder it would go to is missing."""
        self.name = name
        self.path = os.path.realpath(name)
        try:
            mode = os.stat(self.path).st_mode
        except OSError:
            mode = stat.S_IFREG
        if name.endswith("/") or stat.S_ISDIR(mode):
            raise BadInput(f"{name} is a folder", hint="-o takes the name of a file")
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise LocalFailure(f"cannot write {name}: the folder {folder} does not exist", kind="write")
        self.direct = not stat.S_ISREG(mode)
        self.part = self.path if self.direct else f"{self.path}.part"
        self.size = 0
        self._fd: int | None = None

    def open(self) -> None:
        flags = os.O_WRONLY | os.O_CLOEXEC | (0 if self.direct else os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW)
        try:
            self._fd = os.open(self.part, flags, 0o666)
        except OSError as exc:
            raise self._failure(exc) from exc

    def write(self, data: bytes) -> None:
        assert self._fd is not None
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._fd, view)
                self.size += written
                view = view[written:]
        except OSError as exc:
            raise self._failure(exc) from exc

    def commit(self) -> None:
        """Give the whole file its name. Raises LocalFailure, also for what a file system only says at close."""
        assert self._fd is not None
        fd, self._fd = self._fd, None
        try:
            os.close(fd)
            if not self.direct:
                os.replace(self.part, self.path)
        except OSError as exc:
            raise self._failure(exc) from exc

    def close(self) -> str | None:
        """Stop here; the name of the part that is left, if it holds anything."""
        if self._fd is None:
            return None
        os.close(self._fd)
        self._fd = None
        if self.direct:
            return None
        if self.size == 0:
            os.unlink(self.part)
            return None
        return f"{self.name}.part" if self.path == os.path.abspath(self.name) else self.part

    def _failure(self, exc: OSError) -> LocalFailure:
        return LocalFailure(f"cannot write {self.name}: {exc.strerror}", kind="write")
