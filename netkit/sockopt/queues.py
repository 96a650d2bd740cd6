"""What waits in a socket: unread and unsent bytes, connections not yet accepted, the memory they hold."""

import fcntl
import socket
import struct
import sys
import termios
from typing import TYPE_CHECKING, NamedTuple

from netkit.net.tcp_info import TcpInfo
from netkit.sockopt.sockets import LISTEN
from netkit.sockopt.values import MEMORY

if TYPE_CHECKING:
    from netkit.sockopt.diag import Seen

SO_MEMINFO, SIOCOUTQNSD = 55, 0x894B  # asm-generic/socket.h, linux/sockios.h


class Queues(NamedTuple):
    """Bytes and connections; None where there is no such queue.

    receive: unread (of UDP: the next datagram). send: not yet acknowledged, of which unsent: not yet sent.
    accept: connections that wait for accept(), of at most backlog.
    """

    receive: int | None = None
    send: int | None = None
    unsent: int | None = None
    accept: int | None = None
    backlog: int | None = None


def queues_of(sock: socket.socket, info: TcpInfo | None) -> Queues:
    """tcp(7), udp(7), unix(7): SIOCINQ and SIOCOUTQ, which only look."""
    if info is not None and info.state == "listen":
        return Queues(accept=info.values.get("unacked"), backlog=info.values.get("sacked"))
    unsent = _ioctl(sock, SIOCOUTQNSD) if info is not None and sys.platform == "linux" else None
    return Queues(_ioctl(sock, termios.FIONREAD), _ioctl(sock, termios.TIOCOUTQ), unsent)


def _ioctl(sock: socket.socket, number: int) -> int | None:
    try:
        return int(struct.unpack("=i", fcntl.ioctl(sock.fileno(), number, bytes(4)))[0])
    except OSError:
        return None


def queues_seen(seen: "Seen") -> Queues:
    if seen.queues is None:
        return Queues()
    if seen.state == LISTEN:
        return Queues(accept=seen.queues[0], backlog=seen.queues[1])
    return Queues(*seen.queues)


def memory_of(sock: socket.socket) -> dict[str, int] | None:
    """SO_MEMINFO by the names of linux/sock_diag.h; None where the system has none."""
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
    except OSError:
        return None
    return dict(zip(MEMORY, struct.unpack(f"={len(raw) // 4}I", raw), strict=False))
