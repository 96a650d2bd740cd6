"""Who holds a port, a unix socket or a file's lock: what "address in use" and "is locked" leave out.

Linux only: the socket tables in /proc/net (proc(5)) give the inode and the owner of what is bound there, /proc/locks
the locks of files, and /proc/PID/fd the process that has the inode open. The processes of other users cannot be
searched; then the owner is all that is known. It runs on the way to an error message alone, so reading every table is
cheap enough, and whatever it cannot read it leaves out.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PROC = Path("/proc")
TCP_LISTEN = "0A"  # include/net/tcp_states.h


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a socket or a lock; pid and name are None when only its owner may see them."""

    pid: int | None
    name: str | None
    uid: int | None

    def __str__(self) -> str:
        if self.pid is not None:
            return f"{self.name or 'a process'} (pid {self.pid})"
        return f"a process of {user_name(self.uid)}"


def find_holder(transport: Literal["tcp", "udp"], host: str, port: int) -> Holder | None:
    """Who is in the way of binding HOST:PORT; None where the system does not say."""
    wanted = _packed(host)
    for inode, uid, bound in _bound(transport, port):
        if wanted is None or _conflict(wanted, bound):
            return _owner(inode, uid)
    return None


def find_unix_holder(path: str) -> Holder | None:
    """Who has a socket bound to that path; None when nobody has (the file is a left-over) or it cannot be told."""
    for fields in _table("unix"):
        if len(fields) == 8 and fields[7].rstrip("\n") == path:
            return _owner(fields[6], None)
    return None


def find_lock_holder(fd: int) -> Holder | None:
    """The process with the flock(2) on the file that `fd` is open on; None where the system does not say."""
    with suppress(OSError):
        wanted = os.fstat(fd)
        for line in (PROC / "locks").read_text(errors="surrogateescape").splitlines():
            fields = line.split()  # NUMBER: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF
            if len(fields) < 6 or fields[1] != "FLOCK" or fields[5].rpartition(":")[2] != str(wanted.st_ino):
                continue
            process = PROC / fields[4]
            with suppress(OSError):  # another file system may have a file of that number
                if any(os.path.samestat(wanted, os.stat(one)) for one in (process / "fd").iterdir()):
                    return Holder(int(fields[4]), _command(process), None)
    return None


def user_name(uid: int | None) -> str:
    if uid is None:
        return "another user"
    try:
        import pwd

        return f"user {pwd.getpwuid(uid).pw_name}"
    except (ImportError, KeyError):
        return f"user {uid}"


def _bound(transport: str, port: int) -> Iterator[tuple[str, int, bytes]]:
    """(inode, uid, address) of every listening TCP or bound UDP socket at the port."""
    for family in ("", "6"):
        for fields in _table(transport + family):
            with suppress(ValueError, IndexError):
                address, _, hexadecimal = fields[1].partition(":")
                if int(hexadecimal, 16) == port and (transport == "udp" or fields[3] == TCP_LISTEN):
                    yield fields[9], int(fields[7]), _address(address)


def _table(name: str) -> Iterator[list[str]]:
    """The rows of /proc/net/NAME without its heading."""
    with suppress(OSError), (PROC / "net" / name).open(encoding="utf-8", errors="surrogateescape") as lines:
        next(lines, None)
        for line in lines:
            yield line.split(None, 7) if name == "unix" else line.split()


def _address(text: str) -> bytes:
    """The kernel prints an address as 32-bit words in the byte order of the machine."""
    words = [bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8)]
    return b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)


def _packed(host: str) -> bytes | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            return socket.inet_pton(family, host)
    return None


def _conflict(wanted: bytes, bound: bytes) -> bool:
    """Whether two bound addresses collide: the same one, or a wildcard that covers the other."""
    mapped = b"\0" * 10 + b"\xff\xff"
    if len(bound) == 16 and len(wanted) == 4:  # a v6 wildcard may be dual stack and hold v4 too
        return not any(bound) or bound == mapped + wanted
    if len(bound) != len(wanted):
        return not any(wanted)
    return bound == wanted or not any(bound) or not any(wanted)


def _owner(inode: str, uid: int | None) -> Holder:
    """The process with the inode open, as far as this user may look."""
    link = f"socket:[{inode.strip()}]"
    for process in PROC.iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError):
            for descriptor in os.listdir(process / "fd"):
                with suppress(OSError):
                    if os.readlink(process / "fd" / descriptor) == link:
                        return Holder(int(process.name), _command(process), uid)
    return Holder(None, None, uid)


def _command(process: Path) -> str | None:
    try:
        return (process / "comm").read_text(errors="surrogateescape").rstrip("\n") or None
    except OSError:
        return None
