"""What the kernel tells anybody of any socket: sock_diag(7) over netlink, the source of ss(8).

No right is needed, but it is a part alone: addresses, queues, memory, tcp_info, congestion control, TOS and eleven
switches (linux/inet_diag.h, linux/unix_diag.h). No keepalive, no nodelay, nothing of SO_LINGER or timeouts.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from netkit.errors import LocalFailure
from netkit.net.address import join
from netkit.sockopt.option import TCP, UDP
from netkit.sockopt.sockets import Nature
from netkit.sockopt.values import MEMORY

AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4
SOCK_DIAG_BY_FAMILY, NLMSG_ERROR, NLMSG_DONE = 20, 2, 3
REQUEST, DUMP, DUMP_INTERRUPTED = 0x01, 0x300, 0x10
LIMIT = 256 * 1024  # bytes of one answer; the kernel fills 32 KiB at most
INFO, CONG, TOS, TCLASS, SKMEM, SKV6ONLY, MARK, SOCKOPT = 2, 4, 5, 6, 7, 11, 15, 22  # INET_DIAG_*
EXTENSIONS = sum(1 << (number - 1) for number in (INFO, CONG, TOS, TCLASS, SKMEM))
UNIX_NAME, UNIX_PEER, UNIX_RQLEN, UNIX_MEMINFO = 0, 2, 4, 5
UNIX_SHOW = 0x01 | 0x04 | 0x10 | 0x20
SWITCHES = (
    "IP_RECVERR", "", "IP_FREEBIND", "IP_HDRINCL", "IP_MULTICAST_LOOP", "IP_TRANSPARENT", "IP_MULTICAST_ALL",
    "IP_NODEFRAG", "IP_BIND_ADDRESS_NO_PORT", "IP_RECVERR_RFC4884",
)  # fmt: skip


class Seen(NamedTuple):
    """One socket as netlink shows it. queues: bytes that wait to be read and to go out. values: by option name."""

    nature: Nature
    state: int
    inode: int
    uid: int | None
    local: str | None
    port: int
    peer: str | None
    queues: tuple[int, int] | None
    memory: dict[str, int] | None
    tcp_info: bytes | None
    values: dict[str, object]


def internet(port: int | None = None) -> Iterator[Seen]:
    """Every TCP and UDP socket of this network namespace, or those at a local port. Raises LocalFailure."""
    for protocol, kind in ((TCP, socket.SOCK_STREAM), (UDP, socket.SOCK_DGRAM)):
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI", family, protocol, EXTENSIONS, 0xFFFFFFFF) + bytes(48)
            for body in _dump(request):
                if port is None or int.from_bytes(body[4:6], "big") == port:
                    yield _inet(body, Nature((family, kind, protocol)))


def unix() -> Iterator[Seen]:
    """Every unix socket of this network namespace. Raises LocalFailure."""
    request = struct.pack("=BBHIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, UNIX_SHOW) + b"\xff" * 8
    for body in _dump(request):
        yield _unix(body)


def by_inode(inode: int) -> Seen | None:
    """The socket with this inode, None when this namespace has none. Raises LocalFailure."""
    for source in (internet(), unix()):
        for seen in source:
            if seen.inode == inode:
                return seen
    return None


def _dump(request: bytes) -> Iterator[bytes]:
    """The answers to one request. An error of one family (no IPv6, no unix_diag) is no answers."""
    message = struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, 1, 0) + request
    try:
        with socket.socket(AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as asking:
            asking.setblocking(True)
            asking.sendto(message, (0, 0))
            while True:
                data = memoryview(asking.recv(LIMIT))
                while len(data) >= 16:
                    length, kind = struct.unpack_from("=IH", data)
                    if kind == NLMSG_DONE or length < 16:
                        return
                    if kind == NLMSG_ERROR:
                        code = -struct.unpack_from("=i", data, 16)[0]
                        if code in (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP, errno.EAFNOSUPPORT):
                            return
                        raise OSError(code, "")
                    yield bytes(data[16:length])
                    data = data[(length + 3) & ~3 :]
    except OSError as exc:
        reason = exc.strerror or errno.errorcode.get(exc.errno or 0, str(exc))
        raise LocalFailure(f"cannot ask the kernel for its sockets (netlink sock_diag): {reason}") from exc


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _inet(body: bytes, nature: Nature) -> Seen:
    """struct inet_diag_msg, 72 bytes, and its attributes."""
    state = body[1]
    ports = struct.unpack_from(">HH", body, 4)
    size = 16 if nature[0] == socket.AF_INET6 else 4
    hosts = [socket.inet_ntop(nature[0], body[at : at + size]) for at in (8, 24)]
    rqueue, wqueue, uid, inode = struct.unpack_from("=IIII", body, 56)
    extra = _attributes(body[72:])
    values: dict[str, object] = {}
    if SKMEM in extra:
        memory = dict(
            zip(MEMORY, struct.unpack_from(f"={min(len(extra[SKMEM]) // 4, 9)}I", extra[SKMEM]), strict=False)
        )
        values |= {"SO_SNDBUF": memory["sndbuf"], "SO_RCVBUF": memory["rcvbuf"]}
    if extra.get(CONG):
        values["TCP_CONGESTION"] = extra[CONG].split(b"\0")[0].decode(errors="backslashreplace")
    for number, name in ((TOS, "IP_TOS"), (TCLASS, "IPV6_TCLASS")):
        if extra.get(number):
            values[name] = extra[number][0]
    if SKV6ONLY in extra:
        values["IPV6_V6ONLY"] = bool(extra[SKV6ONLY][0])
    if len(extra.get(MARK, b"")) == 4:  # told with CAP_NET_ADMIN alone
        values["SO_MARK"] = struct.unpack("=I", extra[MARK])[0]
    if SOCKOPT in extra:
        bits = int.from_bytes(extra[SOCKOPT][:2], "little")
        values |= {name: bool(bits >> bit & 1) for bit, name in enumerate(SWITCHES) if name}
    return Seen(
        nature,
        state,
        inode,
        uid,
        join(hosts[0], ports[0]),
        ports[0],
        join(hosts[1], ports[1]) if ports[1] else None,
        (rqueue, wqueue),
        memory if SKMEM in extra else None,
        extra.get(INFO),
        values,
    )


def _unix(body: bytes) -> Seen:
    """struct unix_diag_msg, 16 bytes, and its attributes."""
    family, kind, state, _, inode = struct.unpack_from("=BBBBI", body)
    extra = _attributes(body[16:])
    name = extra.get(UNIX_NAME)
    local = None if name is None else "unix:" + name.rstrip(b"\0").decode(errors="surrogateescape").replace("\0", "@")
    raw = extra.get(UNIX_MEMINFO)
    memory = dict(zip(MEMORY, struct.unpack_from(f"={min(len(raw) // 4, 9)}I", raw), strict=False)) if raw else None
    values: dict[str, object] = {}
    if memory:
        values = {"SO_SNDBUF": memory["sndbuf"], "SO_RCVBUF": memory["rcvbuf"]}
    queues = struct.unpack("=II", extra[UNIX_RQLEN]) if UNIX_RQLEN in extra else None
    return Seen(
        Nature((family, kind, 0)),
        state,
        inode,
        None,
        local,
        0,
        f"inode:{struct.unpack('=I', extra[UNIX_PEER])[0]}" if UNIX_PEER in extra else None,
        (queues[0], queues[1]) if queues else None,
        memory,
        None,
        values,
    )
