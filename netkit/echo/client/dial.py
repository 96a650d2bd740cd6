"""Connects to an echo server over TCP, TLS, UDP or a unix socket of either kind; the socket is non-blocking."""

import socket
from typing import TYPE_CHECKING

from netkit.events import OnEvent
from netkit.net.address import Endpoint
from netkit.net.connect import connect, connect_datagrams
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security, secure

if TYPE_CHECKING:
    import ssl

BUFFER = 1024 * 1024  # of a UDP socket, both ways: a burst has to fit


def dial(
    target: Endpoint, *, tls: Security | None, deadline: Deadline, on_event: OnEvent | None = None
) -> "socket.socket | ssl.SSLSocket":
    """A connected socket. Raises Unreachable, TimedOut, Insecure, LocalFailure."""
    if target.scheme == "udp":
        return connect_datagrams(target, deadline=deadline, buffer=BUFFER, on_event=on_event).socket
    connected = connect(target, deadline=deadline, on_event=on_event).socket
    if tls is None:
        return connected
    return secure(connected, target.host, where=str(target), security=tls, deadline=deadline, on_event=on_event)
