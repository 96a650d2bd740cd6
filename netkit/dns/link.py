"""The connections of a run to the servers it asks: one a server and transport, many queries at once on each.

A server may close a connection at any time. What has no answer then is asked anew on another: as often as each
connection answers something, and once where one answered nothing. `Links` lives as long as the command, so names asked
one after the other share connections too. Left out: the EDNS option tcp-keepalive (RFC 7828), for nothing here stays
idle for long.
"""

import selectors
from typing import TYPE_CHECKING, Protocol

from netkit.dns.exchange import OverLink
from netkit.dns.result import Transport
from netkit.dns.servers import Server
from netkit.net.tls_client import Security

if TYPE_CHECKING:
    import ssl

Key = tuple[Server, Transport, str]


class Link(Protocol):
    """A connection. due: when `tick` wants to be called at the latest, by the monotonic clock."""

    closed: bool

    @property
    def due(self) -> float | None: ...

    def add(self, exchange: OverLink) -> None:
        """Send its query. Raises OSError when no connection can be begun."""

    def drop(self, exchange: OverLink) -> None:
        """It is over: what comes for it is nobody's."""

    def has(self, number: int) -> bool:
        """Whether a query with this id is under way."""

    def ready(self) -> None: ...

    def tick(self) -> None: ...

    def close(self) -> None: ...


class Links:
    """Use it as a context manager. security: how certificates are verified."""

    def __init__(self, security: Security | None = None) -> None:
        """Raises BadInput about the CA file, before anybody is asked."""
        self.security = security or Security()
        if self.security.cacert is not None:
            from netkit.net.tls import client_context

            client_context(cacert=self.security.cacert)
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self.open: dict[Key, Link] = {}
        self.context: ssl.SSLContext | None = None  # of all connections over TLS: the CAs are read once
        self.closing: set[Key] = set()  # servers that closed a connection on queries

    def __enter__(self) -> "Links":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        for link in self.open.values():
            link.close()
        self.open.clear()
        self.selector.close()

    def to(self, exchange: OverLink) -> Link:
        """The connection for an exchange, a new one where there is none. Raises LocalFailure, OSError."""
        key = exchange.server, exchange.transport, exchange.query.options.source
        link = self.open.get(key)
        if link is None or link.closed:
            link = self.open[key] = self._new(exchange)
        return link

    def _new(self, exchange: OverLink) -> Link:
        server, source, on_event = exchange.server, exchange.query.options.source, exchange.trace
        if exchange.transport == "tls":
            from netkit.dns.link_tls import TlsLink

            return TlsLink(self, server, source, on_event)
        if exchange.transport == "https":
            from netkit.dns.link_https import HttpsLink

            return HttpsLink(self, server, source, on_event)
        if exchange.transport == "quic":
            from netkit.dns.link_quic import QuicLink

            return QuicLink(self, server, source, on_event)
        from netkit.dns.link_stream import StreamLink

        return StreamLink(self, server, source, on_event)

    def in_use(self, server: Server, transport: Transport, source: str, number: int) -> bool:
        """Whether a query with this id is under way to the server."""
        link = self.open.get((server, transport, source))
        return link is not None and link.has(number)

    def due(self) -> float:
        """When `tick` is due at the latest; infinity when no connection waits for a time."""
        return min((link.due for link in self.open.values() if link.due is not None), default=float("inf"))

    def tick(self) -> None:
        for link in list(self.open.values()):
            if link.due is not None:
                link.tick()
