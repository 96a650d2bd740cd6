"""Who holds which socket: the descriptors of processes in /proc (proc(5)).

A link there is readable to who may trace the process for reading; the processes of other users are passed over.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from netkit.errors import LocalFailure
from netkit.sockopt.borrow import NOT_ALLOWED, no_process

PROC = Path("/proc")


class Holding(NamedTuple):
    """A descriptor that is a socket."""

    pid: int
    fd: int
    inode: int


def sockets_of(pid: int) -> list[Holding]:
    """The sockets of a process, by descriptor. Raises Unreachable, LocalFailure (not allowed to look)."""
    if not PROC.is_dir():
        raise LocalFailure("the sockets of processes are found in /proc, which is not there", kind="missing_facility")
    try:
        return sorted(_held(pid))
    except (FileNotFoundError, PermissionError) as exc:
        if not alive(pid):
            raise no_process(pid) from exc
        what = f"process {pid} ({command_of(pid) or 'hidden'})"
        raise LocalFailure(
            f"not allowed to list the descriptors of {what}: needs CAP_SYS_PTRACE",
            kind=NOT_ALLOWED,
            hint="run it as root or as the user of the process; :PORT shows what netlink tells of any socket",
        ) from exc


def alive(pid: int) -> bool:
    """Whether there is such a process, also one that /proc hides from this user (mount option hidepid)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def inode_of(pid: int, fd: int) -> int | None:
    """The socket behind a descriptor; None when it is none or may not be seen."""
    with suppress(OSError):
        return _inode(os.readlink(PROC / str(pid) / "fd" / str(fd)))
    return None


def holders(inodes: Collection[int]) -> dict[int, Holding]:
    """For each socket the first process that holds it, as far as this user may look; one pass over /proc."""
    found: dict[int, Holding] = {}
    with suppress(OSError):
        for pid in sorted(int(name) for name in os.listdir(PROC) if name.isdecimal()):
            with suppress(OSError):
                for held in _held(pid):
                    if held.inode in inodes:
                        found.setdefault(held.inode, held)
                if len(found) == len(inodes):
                    break
    return found


def _held(pid: int) -> Iterator[Holding]:
    folder = f"{PROC}/{pid}/fd"
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):  # closed meanwhile
            inode = _inode(os.readlink(f"{folder}/{name}"))
            if inode is not None:
                yield Holding(pid, int(name), inode)


def _inode(link: str) -> int | None:
    inside = link.removeprefix("socket:[").removesuffix("]")
    return int(inside) if link.startswith("socket:[") and inside.isdecimal() else None


def command_of(pid: int) -> str | None:
    """The name of a process."""
    with suppress(OSError):
        return (PROC / str(pid) / "comm").read_text(errors="surrogateescape").rstrip("\n") or None
    return None
