"""Connects to a chat: TCP, a unix socket, TLS. What comes out can be sent to, read from and closed by halves."""

import socket
import sys
from contextlib import suppress
from typing import Protocol

from netkit.errors import BadInput
from netkit.events import OnEvent
from netkit.net.address import Endpoint
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

# A peer that vanished without a word (no route, power off) is noticed after 30 + 3 * 10 s.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


LOCAL = ("127.", "[::1]:", "unix:")  # how addresses on this machine begin


class Wire(Protocol):
    """A non-blocking connection. Its methods raise OSError, BlockingIOError for "not now".

    unsent: it has taken what the kernel has not. ahead: it has read what the kernel does not tell of any more.
    """

    def fileno(self) -> int: ...
    @property
    def unsent(self) -> bool: ...
    @property
    def ahead(self) -> bool: ...
    def send(self, data: bytes) -> int: ...
    def flush(self) -> bool: ...
    def recv(self, size: int) -> bytes: ...
    def half_close(self) -> None: ...
    def close(self) -> None: ...


class Plain:
    unsent = ahead = False

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.fileno, self.send, self.recv, self.close = sock.fileno, sock.send, sock.recv, sock.close

    def flush(self) -> bool:
        return True

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)


class Dialed:
    """address: the peer's. private: nobody on the way can listen, for TLS or because the peer is on this machine."""

    def __init__(self, wire: Wire, address: str, *, tls: bool) -> None:
        self.wire = wire
        self.address = address
        self.private = tls or address.startswith(LOCAL)


def dial(target: Endpoint, *, security: Security | None, deadline: Deadline, on_event: OnEvent | None = None) -> Dialed:
    """security: for TLS. Raises Unreachable, TimedOut, Insecure, BadInput, LocalFailure."""
    if target.fd is not None:
        raise BadInput(f"{target}: a chat is joined by its address, HOST:PORT or unix:PATH")
    connection = connect(target, deadline=deadline, prepare=_prepare, on_event=on_event)
    if security is None:
        return Dialed(Plain(connection.socket), connection.address, tls=False)
    from netkit.chat.join.secured import Secured

    try:
        secured = Secured(connection.socket, target.host, security)
        secured.shake_hands(str(target), deadline, on_event)
    except BaseException:
        connection.socket.close()
        raise
    return Dialed(secured, connection.address, tls=True)


def _prepare(sock: socket.socket) -> None:
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        for name, value in KEEPALIVE.items():
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
