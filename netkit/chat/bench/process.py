"""What another process of this machine spends, read from proc(5)."""

import os
from pathlib import Path

from netkit.errors import BadInput, LocalFailure


def spent(pid: int) -> float:
    """Seconds of CPU so far. Raises BadInput when there is no such process, LocalFailure where there is no /proc."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime


def resident(pid: int) -> float:
    """MiB of memory. Raises as `spent`."""
    return int(_read(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _read(pid: int, name: str) -> str:
    try:
        return Path("/proc", str(pid), name).read_text()
    except (FileNotFoundError, ProcessLookupError) as exc:
        if not Path("/proc/self").exists():
            raise LocalFailure("what a process spends is told by /proc, which is not here", kind="missing_facility"
                               ) from exc  # fmt: skip
        raise BadInput(f"--pid {pid}: there is no such process") from exc
