"""The connections of a run to the servers it asks: one a server and transport, many queries at once on each.

A server may close a connection at any time. What has no answer then is asked anew on another: as often as each
connection answers something, and once where one answered nothing. `Links` lives as long as the command, so names asked
one after the other share connections too. Left out: the EDNS option tcp-keepalive (RFC 7828), for nothing here stays
idle for long.
"""

from netkit.dns.exchange import Link, OverLink
from netkit.dns.link_shared import Key, Shared
from netkit.dns.result import Transport
from netkit.dns.servers import Server
from netkit.net.tls_client import Security


class Links(Shared):
    """Use it as a context manager. security: how certificates are verified."""

    def __init__(self, security: Security | None = None) -> None:
        """Raises BadInput about the CA file, before anybody is asked."""
        security = security or Security()
        if security.cacert is not None:
            from netkit.net.tls import client_context

            client_context(cacert=security.cacert)
        super().__init__(security)
        self.open: dict[Key, Link] = {}

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
