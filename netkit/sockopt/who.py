"""Which socket it is: who holds it, what it is, where it goes."""

import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from netkit.net import tcp_info
from netkit.net.address import join
from netkit.net.tcp_info import TcpInfo
from netkit.sockopt.sockets import Nature, nature_of
from netkit.sockopt.target import Found

if TYPE_CHECKING:
    from netkit.sockopt.diag import Seen


class Who(NamedTuple):
    """Which socket: who holds it, what it is, where it goes. None is unknown or none."""

    label: str
    pid: int | None
    fd: int | None
    command: str | None
    uid: int | None
    inode: int | None
    nature: Nature
    local: str | None
    peer: str | None
    state: str | None


def who_is(found: Found, sock: socket.socket, info: TcpInfo | None, *, listens: bool = False) -> Who:
    nature = nature_of(sock)
    connected = True
    try:
        peer = address_text(sock.getpeername())
    except OSError:
        peer, connected = None, False
    try:
        local = address_text(sock.getsockname())
    except OSError:
        local = None
    status = os.fstat(sock.fileno())  # of the socket's own inode: its number, and the user who made it
    uid, inode = (None, None) if found.fresh is not None else (status.st_uid, status.st_ino)
    if info is not None:
        state: str | None = info.state
    else:
        state = "listen" if listens else "connected" if connected else None
    return Who(found.label, found.pid, found.fd, found.command, uid, inode, nature, local or None, peer, state)


def who_seen(found: Found, seen: "Seen") -> Who:
    state = tcp_info.STATES.get(seen.state)
    if seen.nature.protocol != "tcp":
        state = {"listen": "listen", "established": "connected"}.get(state or "")
    return Who(
        found.label,
        found.pid,
        found.fd,
        found.command,
        seen.uid,
        found.inode,
        seen.nature,
        seen.local,
        seen.peer,
        state,
    )


def address_text(address: object) -> str | None:
    """HOST:PORT or unix:PATH; None of an unnamed or unbound one."""
    if isinstance(address, (str, bytes)):
        name = os.fsdecode(address).replace("\0", "@")
        return f"unix:{name}" if name else None
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
        return join(address[0], int(address[1])) if address[1] or address[0] not in ("0.0.0.0", "::") else None
    return str(address)
