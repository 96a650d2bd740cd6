"""How connections are made: names looked up, within how long, and over which TLS."""

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from netkit.errors import NetkitError
from netkit.net.address import Endpoint, join
from netkit.net.blocking import addresses
from netkit.net.connect import connect_datagrams, interleave
from netkit.net.deadline import Deadline
from netkit.net.loop import Loop

if TYPE_CHECKING:
    import ssl

Found = list[tuple[int, object, str]]  # address family, socket address, and how that is written


class Dialing:
    """timeout: seconds. tls: for endpoints with the scheme tls. server_name: whom their certificates have to name."""

    def __init__(
        self, loop: Loop, timeout: float, tls: "ssl.SSLContext | None" = None, server_name: str | None = None
    ) -> None:
        self.timeout = timeout
        self._loop = loop
        self._tls, self._server_name = tls, server_name

    def reach(self, endpoint: Endpoint) -> socket.socket:
        """A socket of datagrams to there. Raises Unreachable and the like."""
        return connect_datagrams(endpoint, deadline=Deadline.after(self.timeout)).socket

    def secured(self, endpoint: Endpoint, sock: socket.socket) -> socket.socket:
        """The socket itself, or with TLS if the endpoint's scheme says so."""
        if endpoint.scheme != "tls":
            return sock
        assert self._tls is not None
        return self._tls.wrap_socket(
            sock, server_hostname=self._server_name or endpoint.host, do_handshake_on_connect=False
        )

    def resolve(self, endpoint: Endpoint, round_: int, then: Callable[[int, Found | NetkitError], None]) -> None:
        """Look up a name in a thread; `then(round, addresses or error)` comes in the loop."""

        def work() -> None:
            found: Found | NetkitError
            try:
                deadline = Deadline.after(self.timeout)
                answers = interleave(addresses(endpoint.host_and_zone, endpoint.port, deadline=deadline))
                found = [(family, sockaddr, join(str(sockaddr[0]), int(sockaddr[1]))) for family, sockaddr in answers]
            except NetkitError as exc:
                found = exc
            self._loop.soon(lambda: then(round_, found))

        threading.Thread(target=work, daemon=True, name=f"netkit: {endpoint.host}").start()
