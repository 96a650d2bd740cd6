"""Writes a file that is whole or not there: aside, in the same folder, then renamed."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> tuple[int, int]:
    """Write it and return its (device, inode), by which its writer knows it again. Raises OSError.

    durable: its bytes are on the disk before it has its name.
    """
    fd, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.absolute().parent)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            os.fchmod(out.fileno(), mode)
            if durable:
                out.flush()
                os.fsync(out.fileno())
        found = os.stat(aside)
        os.replace(aside, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise
    return found.st_dev, found.st_ino


def sync_folder(folder: str | Path) -> None:
    """The names in it are on the disk. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
