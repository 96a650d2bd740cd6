"""Connects to an echo server over TCP, TLS, UDP or a unix socket; the socket is non-blocking."""

import select
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from netkit.errors import BadInput, TimedOut
from netkit.events import OnEvent, Step
from netkit.net.address import Endpoint
from netkit.net.connect import connect, connect_datagrams
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    import ssl

BUFFER = 1024 * 1024  # of a UDP socket, both ways: a burst has to fit


class Security(NamedTuple):
    """How TLS is verified; server_name: instead of the target's host."""

    cacert: str | None = None
    insecure: bool = False
    server_name: str | None = None


def dial(
    target: Endpoint, *, tls: Security | None, deadline: Deadline, on_event: OnEvent | None = None
) -> "socket.socket | ssl.SSLSocket":
    """A connected socket. Raises Unreachable, TimedOut, Insecure, LocalFailure."""
    if target.scheme == "udp":
        if target.path:
            raise BadInput(f"{target}: datagrams go to HOST:PORT; a unix socket is a stream here")
        return connect_datagrams(target, deadline=deadline, buffer=BUFFER, on_event=on_event)
    connected = connect(target, deadline=deadline, on_event=on_event).socket
    if tls is None:
        return connected
    return _handshake(connected, target, tls, deadline, on_event)


def _handshake(
    plain: socket.socket, target: Endpoint, tls: Security, deadline: Deadline, on_event: OnEvent | None
) -> "ssl.SSLSocket":
    from netkit.net.tls import client_context

    name = tls.server_name or target.host or "localhost"
    with ExitStack() as stack:
        stack.callback(plain.close)
        context = client_context(cacert=tls.cacert, insecure=tls.insecure)
        secured = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        stack.callback(secured.close)
        _shake_hands(secured, name, target, deadline)
        stack.pop_all()
    if on_event:
        on_event(Step("tls", str(target), f"{secured.version()} {(secured.cipher() or ('',))[0]}"))
    return secured


def _shake_hands(secured: "ssl.SSLSocket", name: str, target: Endpoint, deadline: Deadline) -> None:
    import ssl

    from netkit.net.tls import explain, handshake

    poll = select.poll()
    while True:
        try:
            secured.do_handshake()
            return
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as exc:
            poll.register(secured, select.POLLIN if isinstance(exc, ssl.SSLWantReadError) else select.POLLOUT)
            if not poll.poll(deadline.left * 1000) and deadline.passed:
                raise TimedOut(f"{target}: no TLS handshake within {deadline.seconds:g} s") from exc
        except ssl.SSLCertVerificationError as exc:
            raise explain(name, reason=exc.verify_message, code=exc.verify_code, where=str(target)) from exc
        except OSError as exc:
            raise handshake(str(target), str(exc)) from exc
