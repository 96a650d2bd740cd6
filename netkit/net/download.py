"""Saves a body under a name that is whole or not there: written to NAME.part beside it, renamed at the end.

What is no regular file (a device, a pipe) is written directly, since it cannot be replaced; so is a descriptor of this
process (/dev/stdout, /dev/fd/N, /proc/self/fd/N), whatever is behind it: who opened it has it open still, and what is
put in the place of its file would not reach him. Another symbolic link is followed to the file it names, unless the
name is not the user's own; the part itself is never written through one.
The part is locked (flock(2)) while it is open, so that two processes do not write into one another's.
"""

import errno
import fcntl
import os
import re
import select
import stat
from collections.abc import Iterator
from contextlib import suppress

from netkit.errors import BadInput, LocalFailure

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}  # file systems without link(2): FAT, some FUSE
_LINKS = 40  # what Linux follows at most, path_resolution(7)


class Download:
    """One file. `write` the pieces, then `commit`; `close` without it leaves the part."""

    def __init__(self, name: str, *, follow: bool = True) -> None:
        """follow: a symbolic link of that name stands for the file it leads to.

        Raises BadInput for a folder, LocalFailure when the folder it would go to is missing, or the descriptor is not
        open for writing.
        """
        self.name = name
        folder, base = os.path.split(name)
        self.path = os.path.realpath(name) if follow else os.path.join(os.path.realpath(folder), base)
        try:
            mode = os.stat(name if follow else self.path, follow_symlinks=follow).st_mode
        except OSError:
            mode = stat.S_IFREG
        self._descriptor = _descriptor(name) if follow else None
        if follow and (self._descriptor is not None or not stat.S_ISREG(mode)):
            self.path = name  # /dev/stdout leads to a pipe by a name that no file has: pipe:[4711]
        if name.endswith("/") or stat.S_ISDIR(mode):
            raise BadInput(f"{name} is a folder", hint="-o takes the name of a file")
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise LocalFailure(f"cannot write {name}: the folder {folder} does not exist", kind="write")
        self.direct = follow and (self._descriptor is not None or not stat.S_ISREG(mode))
        if self._descriptor is not None:
            try:
                if fcntl.fcntl(self._descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            except OSError as exc:
                raise self.failure(exc) from exc
        self.part = self.path if self.direct else f"{self.path}.part"
        self.size = 0
        self._fd: int | None = None

    @property
    def part_name(self) -> str:
        """The part in the user's words."""
        return f"{self.name}.part" if self.path == os.path.abspath(self.name) else self.part

    def open(self) -> None:
        """Begin with an empty file. Raises LocalFailure, also while another process writes it."""
        if self._fd is None:
            self._fd = self._open_direct() if self.direct else self._open_part(os.O_CREAT)
        self.truncate(0)

    def reopen(self) -> bool:
        """Take over the part that is there; `size` is what it holds. False without one. Raises LocalFailure."""
        if self._fd is None and not self.direct and os.path.lexists(self.part):
            with suppress(FileNotFoundError):
                self._fd = self._open_part(0)
                self.size = os.lseek(self._fd, 0, os.SEEK_END)
        return self._fd is not None

    def truncate(self, size: int) -> None:
        """What comes next stands behind so many bytes. Raises LocalFailure."""
        assert self._fd is not None
        if not self.direct:
            try:
                os.ftruncate(self._fd, size)
                os.lseek(self._fd, size, os.SEEK_SET)
            except OSError as exc:
                raise self.failure(exc) from exc
        self.size = size

    def write(self, data: bytes) -> None:
        assert self._fd is not None
        view = memoryview(data)
        try:
            while view:
                try:
                    written = os.write(self._fd, view)
                except BlockingIOError:  # a descriptor that another process has set so
                    select.select([], [self._fd], [])
                    continue
                self.size += written
                view = view[written:]
        except OSError as exc:
            raise self.failure(exc) from exc

    def read(self) -> Iterator[bytes]:
        """What the part holds, piece by piece. Raises LocalFailure."""
        assert self._fd is not None
        at = 0
        try:
            while at < self.size and (piece := os.pread(self._fd, min(1 << 20, self.size - at), at)):
                at += len(piece)
                yield piece
        except OSError as exc:
            raise self.failure(exc) from exc

    def commit(self, *, modified: float | None = None) -> None:
        """Give the whole file its name. Raises LocalFailure, also for what a file system only says at close.

        modified: the time in seconds since 1970 that it shall have.
        """
        try:
            self._finish(modified)
            if not self.direct:
                os.replace(self.part, self.path)
        except OSError as exc:
            raise self.failure(exc) from exc
        self._release()

    def commit_new(self, names: Iterator[str], *, modified: float | None = None) -> None:
        """The same under the first of these names that nothing has; nothing is ever replaced. Raises LocalFailure."""
        try:
            self._finish(modified)
            for name in names:
                path = os.path.join(os.path.dirname(self.path), os.path.basename(name))
                if self._linked(path):
                    self.name, self.path = name, path
                    break
            else:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        except OSError as exc:
            raise self.failure(exc) from exc
        self._release()

    def _linked(self, path: str) -> bool:
        """Another name and the old one gone: rename(2) would replace what came there meanwhile. False: it is taken."""
        try:
            os.link(self.part, path, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                return False
            os.rename(self.part, path)
        else:
            os.unlink(self.part)
        return True

    def _finish(self, modified: float | None) -> None:
        """All of it is written; the lock is kept until the file has its name. Raises OSError."""
        assert self._fd is not None
        if modified is not None and not self.direct:
            os.utime(self._fd, (modified, modified))
        os.close(os.dup(self._fd))  # NFS and quotas tell at close(2) what they could not write

    def _release(self) -> None:
        assert self._fd is not None
        fd, self._fd = self._fd, None
        os.close(fd)

    def close(self) -> str | None:
        """Stop here; the name of the part that is left, if it holds anything."""
        if self._fd is None:
            return None
        if not self.direct and self.size == 0:
            with suppress(OSError):
                os.unlink(self.part)
        os.close(self._fd)
        self._fd = None
        return self.part_name if self.size and not self.direct else None

    def _open_direct(self) -> int:
        try:
            if self._descriptor is not None:  # opened by its name, a file would be written from its first byte on
                return os.dup(self._descriptor)
            return os.open(self.part, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise self.failure(exc) from exc

    def _open_part(self, flags: int) -> int:
        """The part, locked. A name that came to mean another file while the lock was taken is opened again."""
        while True:
            try:
                fd = os.open(self.part, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | flags, 0o666)
            except OSError as exc:
                if isinstance(exc, FileNotFoundError) and not flags:
                    raise
                raise self.failure(exc, self.part_name) from exc
            try:
                self._lock(fd)
                found = os.fstat(fd)
                if not stat.S_ISREG(found.st_mode):
                    raise LocalFailure(f"cannot write {self.part_name}: it is no file", kind="write")
                with suppress(FileNotFoundError):
                    if not os.path.samestat(found, os.stat(self.part, follow_symlinks=False)):
                        pass
                    elif found.st_nlink == 1:
                        return fd
                    else:  # a whole file that has its name already, when a process ended before this one was gone
                        os.unlink(self.part)
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _lock(self, fd: int) -> None:
        """Raises LocalFailure while another has it; a file system without locks does without."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            from netkit.net.holder import find_lock_holder

            who = find_lock_holder(fd) or "another process"
            raise LocalFailure(f"{self.part_name} is being written by {who}", kind="locked") from exc
        except OSError:
            pass

    def failure(self, exc: OSError, name: str | None = None) -> LocalFailure:
        why = "it is a symbolic link" if exc.errno == errno.ELOOP else exc.strerror
        return LocalFailure(f"cannot write {name or self.name}: {why}", kind="write")


def _descriptor(name: str) -> int | None:
    """The descriptor of this process that a name stands for, whatever links lead to it."""
    for _ in range(_LINKS):
        folder, base = os.path.split(name)
        folder = os.path.realpath(folder)
        if base.isascii() and base.isdecimal() and re.fullmatch(rf"/proc/{os.getpid()}(/task/\d+)?/fd|/dev/fd", folder):
            return int(base)
        try:
            name = os.path.join(folder, os.readlink(os.path.join(folder, base)))
        except OSError:
            break
    return None
