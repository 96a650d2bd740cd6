"""What kind of socket it is, and which options it may know."""

import socket

from netkit.sockopt.option import IP, IPV6, SOCKET, TCP, UDP

ESTABLISHED, LISTEN = 1, 10  # include/net/tcp_states.h; unix sockets have the same numbers
MPTCP, UDPLITE = 262, 136  # IPPROTO_MPTCP, IPPROTO_UDPLITE
FAMILIES = {1: "unix", 2: "inet", 10: "inet6", 16: "netlink", 17: "packet", 40: "vsock"}  # linux/socket.h
TYPES = {1: "stream", 2: "dgram", 3: "raw", 4: "rdm", 5: "seqpacket"}
PROTOCOLS = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6", 132: "sctp", UDPLITE: "udplite", 255: "raw", MPTCP: "mptcp"}


class Nature(tuple[int, int, int]):
    """(family, type, protocol) as numbers; `text` is what people call it."""

    __slots__ = ()

    @property
    def family(self) -> str:
        return "unix" if self[0] == socket.AF_UNIX else FAMILIES.get(_linux(self[0]), f"family {self[0]}")

    @property
    def type(self) -> str:
        return TYPES.get(self[1], f"type {self[1]}")

    @property
    def protocol(self) -> str | None:
        """The protocol of an internet socket."""
        if self.family not in ("inet", "inet6"):
            return None
        return PROTOCOLS.get(self[2], f"protocol {self[2]}")

    @property
    def text(self) -> str:
        """tcp4, udp6, unix, netlink."""
        if self.protocol is None:
            return self.family if self.type == "stream" else f"{self.family} {self.type}"
        return f"{self.protocol}{'6' if self.family == 'inet6' else '4'}"

    @property
    def kinds(self) -> frozenset[str]:
        """The words of `Option.kinds` that hold for it."""
        words = {self.family, self.type}
        if self.protocol is not None:
            words |= {"ip", "tcp" if self[2] == MPTCP else self.protocol}
        return frozenset(words)

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels whose options it has, the most special last; an IPv6 socket has those of IPv4 as well."""
        found = [SOCKET]
        if self.protocol is not None:
            found += [IP, IPV6] if self.family == "inet6" else [IP]
            if self[1] == socket.SOCK_STREAM and self[2] in (TCP, MPTCP):
                found.append(TCP)
            elif self[2] in (UDP, UDPLITE):
                found.append(UDP)
        return tuple(found)


def _linux(family: int) -> int:
    """Linux's number of a family that this system may number otherwise (AF_INET6 is 30 on macOS)."""
    return 10 if family == socket.AF_INET6 else family


def nature_of(opened: socket.socket) -> Nature:
    """What a socket is; made with protocol 0, it has the one that stands for."""
    family, kind, protocol = int(opened.family), int(opened.type), opened.proto
    if protocol == 0 and family in (socket.AF_INET, socket.AF_INET6):
        protocol = TCP if kind == socket.SOCK_STREAM else UDP if kind == socket.SOCK_DGRAM else 0
    return Nature((family, kind, protocol))
