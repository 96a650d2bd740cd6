"""Writes a file that is whole or not there: aside, in the same folder, then renamed."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, data: bytes, *, mode: int = 0o644) -> tuple[int, int]:
    """Write it and return its (device, inode), by which its writer knows it again. Raises OSError."""
    fd, aside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.absolute().parent)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(data)
            os.fchmod(out.fileno(), mode)
        found = os.stat(aside)
        os.replace(aside, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise
    return found.st_dev, found.st_ino
