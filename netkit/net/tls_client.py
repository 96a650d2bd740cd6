"""TLS on a connected, non-blocking socket, as a client: the handshake under a deadline, and why one failed.

ssl (12 ms of CPU) is imported when a handshake is wanted.
"""

import select
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from netkit.errors import TimedOut
from netkit.events import OnEvent, Step
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    import ssl


class Security(NamedTuple):
    """How TLS is verified; server_name: instead of the target's host.

    version: "TLSv1", "TLSv1_1", ...: that one alone, to see whether the server takes it; never for what is secret.
    """

    cacert: str | None = None
    insecure: bool = False
    server_name: str | None = None
    version: str | None = None


def secure(
    plain: socket.socket,
    host: str,
    *,
    where: str,
    security: Security,
    deadline: Deadline,
    on_event: OnEvent | None = None,
) -> "ssl.SSLSocket":
    """The socket under TLS, still non-blocking; `plain` is used up, and closed when this fails.

    host: whom the certificate must be for. where: how messages begin. Raises Insecure, TimedOut, BadInput.
    """
    from netkit.net.tls import client_context, handshake

    name = security.server_name or host or "localhost"
    with ExitStack() as stack:
        stack.callback(plain.close)
        context = client_context(cacert=security.cacert, insecure=security.insecure, version=security.version)
        try:
            plain.getpeername()  # or wrap_socket() would raise as well, and forget its descriptor
            secured = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        except OSError as exc:
            raise handshake(where, "reset") from exc
        stack.callback(secured.close)
        _shake_hands(secured, name, where, deadline)
        stack.pop_all()
    if on_event:
        on_event(Step("tls", where, f"{secured.version()} {(secured.cipher() or ('',))[0]}"))
    return secured


def _shake_hands(secured: "ssl.SSLSocket", name: str, where: str, deadline: Deadline) -> None:
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
                raise TimedOut(f"{where}: no TLS handshake within {deadline.seconds:g} s") from exc
        except ssl.SSLCertVerificationError as exc:
            raise explain(name, reason=exc.verify_message, code=exc.verify_code, where=where) from exc
        except OSError as exc:
            raise handshake(where, str(exc)) from exc
