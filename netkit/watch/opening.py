"""Opens what can be opened at once: files, and datagram sockets to a peer."""

import os
import socket
from contextlib import suppress

from netkit.errors import LocalFailure
from netkit.net.address import Endpoint, join
from netkit.net.blocking import addresses
from netkit.net.deadline import Deadline
from netkit.watch.target import Target

LOOKUP_SECONDS = 5.0


def open_file(target: Target) -> int:
    try:
        # a FIFO would make open(2) wait for a writer; reading it waits in the loop instead
        return os.open(target.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise LocalFailure(f"{target.path}: cannot read it: {exc.strerror}", kind="read") from exc


def connected_udp(endpoint: Endpoint) -> socket.socket:
    family, sockaddr = addresses(endpoint.host_and_zone, endpoint.port, deadline=Deadline.after(LOOKUP_SECONDS))[0]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.connect(sockaddr)
    except OSError as exc:
        sock.close()
        raise LocalFailure(f"{endpoint}: {exc.strerror}", kind="connect") from exc
    return sock


def peer_of(sock: socket.socket) -> str:
    with suppress(OSError):
        address = sock.getpeername()
        return join(address[0], address[1]) if isinstance(address, tuple) else f"unix:{os.fsdecode(address)}"
    return ""
