"""What one socket option is: its numbers, the type and unit of its value, who may set it, and what it means.

The rows themselves are in the `table_*` modules, one a level; `table` finds them by name.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

SOCKET, IP, TCP, UDP, IPV6 = 1, 0, 6, 17, 41  # SOL_SOCKET of Linux and the IPPROTO_* numbers
LEVELS = {SOCKET: "socket", IP: "ip", IPV6: "ipv6", TCP: "tcp", UDP: "udp"}

Kind = Literal[
    "bool",  # an int, 0 or 1
    "int",  # an int; `names` gives words for some numbers
    "u32",
    "u64",
    "flags",  # an int of bits, `names` gives each bit's word
    "linger",  # struct linger
    "timeval",  # struct timeval, seconds
    "text",  # characters up to a NUL
    "interface",  # an int, the index of a network interface
    "interface_be",  # the same in network byte order
    "address",  # struct in_addr
    "group4",  # struct ip_mreqn, write only
    "group6",  # struct ipv6_mreq, write only
    "ports",  # a range of ports in one word
    "words",  # several u32, or ints
    "ucred",  # pid, uid, gid
    "sockaddr",
    "tcp_info",
    "bytes",  # anything else, in hexadecimal
    "pointer",  # an address in the program's own memory: of no use to another program
]


class Option(NamedTuple):
    """One row of the table.

    unit: of the number, "" for a plain one. access: "r", "w", "rw". low, high: what the kernel takes; it answers EINVAL
    to the rest. cap: what a process needs to set it. kinds: the sockets it is for (`sockets.kinds_of`), "" for
    all that know the level. size: bytes to ask for. never: why it is never read. fact: it tells a state; there is no
    default to compare with. shown: `show` has it; else `get` alone. reads_as: the option that shows what was set.
    """

    name: str
    level: int
    number: int
    kind: Kind
    meaning: str
    unit: str = ""
    access: str = "rw"
    low: int | None = None
    high: int | None = None
    cap: str = ""
    kinds: str = ""
    names: Mapping[str, int] = {}
    size: int = 4
    never: str = ""
    fact: bool = False
    shown: bool = True
    reads_as: str = ""

    @property
    def level_name(self) -> str:
        return LEVELS.get(self.level, str(self.level))

    @property
    def readable(self) -> bool:
        return "r" in self.access and not self.never

    @property
    def writable(self) -> bool:
        return "w" in self.access and self.kind != "pointer"

    def fits(self, kinds: frozenset[str]) -> bool:
        """Whether it is meant for a socket of these kinds."""
        return not self.kinds or not kinds.isdisjoint(self.kinds.split())
