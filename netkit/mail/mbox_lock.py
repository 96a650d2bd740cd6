"""The two locks of an mbox that programs of a Unix system agree on: fcntl(2), then a dotlock, FILE.lock beside it.

Debian's policy (11.6) asks for both in this order; NFS knows the first, old mail programs the second alone. Where the
folder may not be written to (/var/mail, for who is not in its group) there can be no dotlock, and fcntl has to do.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from netkit.errors import LocalFailure

WAIT = 10.0  # seconds; a mail program holds it while it appends or writes the file anew
EVERY = 0.05


@contextmanager
def locked(path: str, name: str, wait: float) -> Iterator[int]:
    """The file, open for reading and writing, made if it is missing, and locked.

    name: how messages call it. Raises OSError, LocalFailure if others keep it locked for longer than `wait` seconds.
    """
    until = time.monotonic() + wait
    dotlock = f"{path}.lock"
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            if _hold(fd, path):
                made = _make(dotlock)
                if made is not None:
                    try:
                        yield fd
                    finally:
                        if made:
                            with suppress(OSError):
                                os.unlink(dotlock)
                    return
        finally:
            os.close(fd)  # which gives fcntl's back
        if time.monotonic() >= until:
            hint = f"if no program is at work on it, remove {dotlock}" if os.path.lexists(dotlock) else None
            raise LocalFailure(f"{name} is locked by another program", kind="locked", hint=hint)
        time.sleep(EVERY)


def _hold(fd: int, path: str) -> bool:
    """Whether it is ours, and still the file of that name: a mail program may have put another in its place."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(fd))


def _make(dotlock: str) -> bool | None:
    """True if it is ours now, False where there can be none, None if others have it."""
    try:
        fd = os.open(dotlock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    except FileExistsError:
        return None
    except OSError as exc:
        if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return False
        raise
    with os.fdopen(fd, "wb") as out:
        out.write(b"%d\n" % os.getpid())
    return True
