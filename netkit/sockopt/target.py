"""The socket that a command is to look at, as it is written, and how to get at it.

    new:tcp4 new:tcp6 new:udp4 new:udp6 new:unix    a fresh one
    fd:N                        the descriptor N, handed over by who started netkit
    PID/FD                      a descriptor of a process
    PID                         every socket of a process
    :PORT tcp://:PORT udp://:PORT    every socket at a local port, listeners first
    inode:N socket:[N]          as /proc/PID/fd and ss -e show it

A bare number is a process, always: inodes are as short as process ids.
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from netkit.errors import BadInput, LocalFailure, No, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.address import parse_port
from netkit.sockopt.borrow import NOT_ALLOWED, adopted, borrowed
from netkit.sockopt.option import TCP, UDP
from netkit.sockopt.processes import PROC, command_of, holders, inode_of, sockets_of
from netkit.sockopt.sockets import LISTEN, Nature

if TYPE_CHECKING:
    from netkit.sockopt.diag import Seen

NEW = {
    "tcp4": (socket.AF_INET, socket.SOCK_STREAM, TCP),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, TCP),
    "udp4": (socket.AF_INET, socket.SOCK_DGRAM, UDP),
    "udp6": (socket.AF_INET6, socket.SOCK_DGRAM, UDP),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
}
FORMS = "PID/FD, PID, :PORT, inode:N, fd:N or new:tcp4|tcp6|udp4|udp6|unix"
NUMBER = "([0-9]{1,10})"


class Target(NamedTuple):
    """What was written. number: the process, descriptor, port or inode. more: the descriptor of a process."""

    text: str
    kind: Literal["new", "fd", "process", "descriptor", "port", "inode"]
    number: int = 0
    more: int = 0
    transport: str = ""


class Found(NamedTuple):
    """One socket that a target leads to. pid and fd: who holds it, None where that may not be seen; label names it.

    seen: what netlink said when it was found that way. fresh: make one like this.
    """

    label: str
    pid: int | None = None
    fd: int | None = None
    inode: int | None = None
    seen: "Seen | None" = None
    fresh: Nature | None = None

    @property
    def command(self) -> str | None:
        return None if self.pid is None else command_of(self.pid)


def parse_target(text: str) -> Target:
    """Raises BadInput naming the forms."""
    if found := re.fullmatch("new:(.*)", text):
        if found[1] not in NEW:
            raise BadInput(f"{text[:60]!r}: a new socket is one of {', '.join(NEW)}")
        return Target(text, "new")
    if found := re.fullmatch(f"fd:{NUMBER}", text):
        return Target(text, "fd", int(found[1]))
    if found := re.fullmatch(rf"inode:{NUMBER}|socket:\[{NUMBER}\]", text):
        return Target(text, "inode", int(found[1] or found[2]))
    if found := re.fullmatch(f"{NUMBER}/{NUMBER}", text):
        return Target(text, "descriptor", _pid(found[1]), int(found[2]))
    if found := re.fullmatch(NUMBER, text):
        return Target(text, "process", _pid(text))
    if found := re.fullmatch("(?:(tcp|udp)://)?:(.+)", text):
        transport = found[1] or ""
        return Target(text, "port", parse_port(found[2], transport=transport or "tcp"), transport=transport)
    raise BadInput(f"{text[:60]!r} names no socket: {FORMS}", kind="bad_target")


def _pid(text: str) -> int:
    if not 0 < int(text) < 2**31:
        raise BadInput(f"{text} is no process id")
    return int(text)


def find(target: Target) -> list[Found]:
    """The sockets it leads to, at least one. Raises Unreachable, No, LocalFailure."""
    match target.kind:
        case "new":
            return [Found(target.text, fresh=Nature(NEW[target.text.removeprefix("new:")]))]
        case "fd":
            return [Found(target.text, fd=target.number)]
        case "descriptor":
            pid, fd = target.number, target.more
            return [Found(f"{pid}/{fd}", pid, fd, inode_of(pid, fd))]
        case "process":
            held = sockets_of(target.number)
            if not held:
                raise No(f"process {target.number} ({command_of(target.number)}) has no sockets", kind="no_sockets")
            return [Found(f"{one.pid}/{one.fd}", *one) for one in held]
        case "port":
            return _at_port(target)
        case _:
            return _with_inode(target)


def _need_proc() -> None:
    if not (PROC / "net").exists():
        raise LocalFailure(
            "sockets of other processes are found by sock_diag(7), /proc and pidfd_getfd(2): Linux alone has them",
            kind="missing_facility",
            hint="new:tcp4, fd:N and `try` work without them",
        )


def _at_port(target: Target) -> list[Found]:
    from netkit.sockopt.diag import internet

    _need_proc()
    seen = [
        one
        for one in internet(target.number)
        if one.inode and target.transport in ("", one.nature.protocol)  # inode 0: TIME-WAIT, no process has it
    ]
    if not seen:
        what = f"{target.transport or 'tcp or udp'} socket"
        raise Unreachable(f"no {what} of this network namespace has the local port {target.number}", kind="no_socket")
    held = holders({one.inode for one in seen})
    found = []
    for one in sorted(seen, key=lambda each: (each.state != LISTEN, each.inode)):
        owner = held.get(one.inode)
        label = f"{owner.pid}/{owner.fd}" if owner else f"inode:{one.inode}"
        found.append(Found(label, owner and owner.pid, owner and owner.fd, one.inode, one))
    return found


def _with_inode(target: Target) -> list[Found]:
    from netkit.sockopt.diag import by_inode

    _need_proc()
    owner = holders({target.number}).get(target.number)
    if owner:
        return [Found(f"{owner.pid}/{owner.fd}", *owner)]
    seen = by_inode(target.number)
    if seen is None:
        raise Unreachable(f"no socket has the inode {target.number}", kind="no_socket")
    return [Found(f"inode:{target.number}", inode=target.number, seen=seen)]


@contextmanager
def opened(found: Found, *, on_event: OnEvent | None = None) -> Iterator[socket.socket]:
    """The socket itself, for as short as possible. Raises Unreachable, BadInput (no socket), LocalFailure."""
    if found.fresh is not None:
        with fresh(found.fresh) as made:
            if on_event:
                on_event(Step("socket", detail=found.label))
            yield made
        return
    if found.pid is None and found.fd is not None:
        try:
            mine = os.dup(found.fd)  # as socket.fromfd() does
        except OSError as exc:
            raise Unreachable(f"{found.label}: descriptor {found.fd} is not open", kind="no_descriptor") from exc
        with adopted(mine, found.label) as taken:
            yield taken
        return
    if found.pid is None or found.fd is None:
        raise LocalFailure(
            f"{found.label}: the process that holds it may not be seen: needs CAP_SYS_PTRACE",
            kind=NOT_ALLOWED,
            hint="run it as root or as the user of the process",
        )
    with borrowed(found.pid, found.fd, on_event=on_event) as taken:
        if found.inode is not None and os.fstat(taken.fileno()).st_ino != found.inode:
            raise Unreachable(f"{found.label}: that socket was closed meanwhile", kind="no_socket")
        yield taken


def fresh(nature: Nature) -> socket.socket:
    """A new socket of that nature. Raises LocalFailure."""
    try:
        return socket.socket(*nature)
    except OSError as exc:
        raise LocalFailure(f"cannot make a {nature.text} socket: {exc.strerror}", kind="socket") from exc
