"""Ports for whoever takes one later: a server in a process of its own, or nobody at all.

A port that the system gave out (bind to 0) and that is closed again may be given to anybody meanwhile: to a client that
connects, to another test. So these are outside the range that it gives from, and each is given to one test process at
a time: that keeps an abstract unix socket with the port in its name until it ends.
"""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000  # the well-known ones of servers that may run on this machine are below

_kept: list[int] = []  # descriptors


def find_free_port() -> int:
    """A port of 127.0.0.1 that is free for TCP and UDP, and that nobody is given by chance."""
    for port in _ports:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                _keep(port)
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free for both TCP and UDP")


def _keep(port: int) -> None:
    """OSError when another process has it."""
    if sys.platform == "linux":
        one = socket.socket(socket.AF_UNIX)
        try:
            one.bind(f"\0netkit test port {port}")
        except OSError:
            one.close()
            raise
        _kept.append(one.detach())  # closed by the end of the process


def _outside() -> Iterator[int]:
    """The ports that the system gives to nobody; all of them, where it gives from all."""
    low, high = map(int, RANGE.read_text().split()) if RANGE.exists() else (49152, 65535)
    found = [port for port in range(LOWEST, 65536) if not low <= port <= high]
    yield from found or range(LOWEST, 65536)


_ports = _outside()
