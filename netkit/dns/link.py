"""The connections of a run to the servers it asks: one a server and transport, many queries at once on each.

Queries are pipelined and answers taken in any order, by id (RFC 7766 6.2.1.1, 7). A server may close a connection
between two queries; what had no answer then is asked once more on a new one, and after that the server counts as one
that gives none. `Links` lives as long as the command, so names asked one after the other share connections too.
"""

import errno
import os
import selectors
import socket
from collections import deque
from typing import Protocol

from netkit.dns.exchange import OverLink
from netkit.dns.result import Transport
from netkit.dns.servers import Server
from netkit.dns.types import type_name
from netkit.events import OnEvent, Step
from netkit.net.address import scope_id
from netkit.net.reasons import reason_of
from netkit.net.tls_client import Security

READ = 65537  # octets at a time: the largest message with its length

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
        self.security = security or Security()
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
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


class StreamLink:
    """A TCP connection: two octets of length before each message (RFC 7766 8)."""

    due: float | None = None

    def __init__(self, links: Links, server: Server, source: str, on_event: OnEvent | None) -> None:
        self.links, self.server, self.source, self.trace = links, server, source, on_event
        self.address = str(server)
        self.socket: socket.socket | None = None
        self.connected = self.closed = False
        self.answered = 0
        self.waiting: dict[int, OverLink] = {}
        self.unsent: deque[tuple[OverLink, bytes]] = deque()
        self.begun = b""  # the rest of a message that is partly sent
        self.received = bytearray()
        self.events = 0

    # --- what the exchanges call

    def add(self, exchange: OverLink) -> None:
        if self.socket is None:
            self.connect()
        wire = exchange.query.wire
        self.waiting[exchange.query.id] = exchange
        self.unsent.append((exchange, len(wire).to_bytes(2) + wire))
        if self.connected:
            self.wait_for(selectors.EVENT_READ | selectors.EVENT_WRITE)

    def drop(self, exchange: OverLink) -> None:
        if self.waiting.get(exchange.query.id) is exchange:
            del self.waiting[exchange.query.id]
        self.unsent = deque(one for one in self.unsent if one[0] is not exchange)

    def has(self, number: int) -> bool:
        return number in self.waiting

    # --- the connection

    def connect(self) -> None:
        family = socket.AF_INET6 if ":" in self.server.host else socket.AF_INET
        self.socket = sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        if self.trace:
            self.trace(Step("socket", detail=f"{family.name} {socket.SOCK_STREAM.name}"))
        try:
            if self.source:
                sock.bind((self.source, 0))
                if self.trace:
                    self.trace(Step("bind", self.source))
            host, _, zone = self.server.host.partition("%")
            port = self.server.port
            code = sock.connect_ex((host, port, 0, scope_id(zone)) if zone else (host, port))
            if code not in (0, errno.EINPROGRESS):
                if self.trace:
                    self.trace(Step("connect", self.address, result=reason_of(OSError(code, os.strerror(code)))))
                raise OSError(code, os.strerror(code))
        except OSError:
            self.close()
            raise
        self.wait_for(selectors.EVENT_WRITE)

    def wait_for(self, events: int) -> None:
        if self.socket is None or events == self.events:
            return
        if self.events:
            self.links.selector.modify(self.socket, events, self)
        else:
            self.links.selector.register(self.socket, events, self)
        self.events = events

    def ready(self) -> None:
        if not self.connected:
            self.connected = self.established()
            if not self.connected:
                return
        try:
            self.flush()
            chunk = self.receive()
        except OSError as exc:
            if self.trace:
                self.trace(Step("recv", self.address, result=reason_of(exc)))
            if self.answered:  # it closed with queries of ours unread
                self.ended()
            else:
                self.fail(reason_of(exc))
            return
        if chunk is None:
            return
        if not chunk:
            self.ended()
            return
        self.received += chunk
        while not self.closed and len(self.received) >= 2:
            size = 2 + int.from_bytes(self.received[:2])
            if len(self.received) < size:
                return
            wire = bytes(self.received[2:size])
            del self.received[:size]
            self.hand_out(wire)

    def established(self) -> bool:
        """Whether the connection is made; its failure ends the link."""
        assert self.socket is not None
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        reason = reason_of(OSError(code, os.strerror(code))) if code else "ok"
        if self.trace:
            self.trace(Step("connect", self.address, result=reason))
        if code:
            self.fail(reason)
        return not code

    def flush(self) -> None:
        """Send what can be sent. Raises OSError."""
        while self.begun or self.unsent:
            if not self.begun:
                exchange, self.begun = self.unsent.popleft()
                if self.trace:
                    asked = f"query {exchange.query.id:#06x} {type_name(exchange.query.type)}"
                    self.trace(Step("send", self.address, detail=asked, size=len(self.begun), data=self.begun))
            sent = self.send(self.begun)
            if not sent:
                break
            self.begun = self.begun[sent:]
        more = selectors.EVENT_WRITE if self.begun or self.unsent else 0
        self.wait_for(selectors.EVENT_READ | more)

    def send(self, data: bytes) -> int:
        """Octets sent, 0 when it would block. Raises OSError."""
        assert self.socket is not None
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        """What came, None when nothing did. Raises OSError."""
        assert self.socket is not None
        try:
            return self.socket.recv(READ)
        except BlockingIOError:
            return None

    # --- what comes of it

    def hand_out(self, wire: bytes) -> None:
        """A message to whom it is for; one that is for nobody is told to all, who refuse it with the reason."""
        self.answered += 1
        exchange = self.waiting.get(int.from_bytes(wire[:2]))
        for one in [exchange] if exchange else list(self.waiting.values()):
            one.take(wire)

    def ended(self) -> None:
        """The server closed: what it has not answered is asked anew, if it answered anything at all."""
        received, again = bytes(self.received), self.answered > 0
        left = list(self.waiting.values())
        self.close()
        for exchange in left:
            if again and not received and not exchange.resent:
                exchange.resent = True
                try:
                    exchange.begin()
                    continue
                except OSError as exc:
                    exchange.question.lost(exchange, reason_of(exc))
                    continue
            exchange.ended(received)

    def fail(self, reason: str) -> None:
        left = list(self.waiting.values())
        self.close()
        for exchange in left:
            exchange.question.lost(exchange, reason)

    def tick(self) -> None:
        """Nothing: a stream waits for its peer alone."""

    def close(self) -> None:
        self.closed = True
        self.waiting.clear()
        self.unsent.clear()
        if self.socket is None:
            return
        sock, self.socket = self.socket, None
        if self.events:
            self.links.selector.unregister(sock)
            self.events = 0
        sock.close()
        if self.trace:
            self.trace(Step("close", self.address))
