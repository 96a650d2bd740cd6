"""What the system's own functions say a host is called: getaddrinfo(3) and getnameinfo(3), under the deadline."""

import socket

from netkit.dns.name_sources import Said, Sources
from netkit.net.blocking import call


def canonical(name: str, asking: Sources) -> Said:
    """getaddrinfo(3) with AI_CANONNAME: what the system's sources together say."""
    found = call(
        lambda: socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME),
        deadline=asking.deadline,
        what=f"getaddrinfo {name}",
    )
    return Said(next((entry[3].rstrip(".") for entry in found if entry[3]), None))


def name_info(address: str, asking: Sources) -> Said:
    """getnameinfo(3): what programs on this machine are told."""
    name, _ = call(
        lambda: socket.getnameinfo((address, 0), socket.NI_NAMEREQD),
        deadline=asking.deadline,
        what=f"getnameinfo {address}",
    )
    return Said(str(name).rstrip("."))
