"""One query to one server and what comes back: over a UDP socket of its own, or over a connection that others share.

Non-blocking, woken by the stub's poll loop.
"""

import errno
import os
import selectors
import socket
from typing import Protocol

from netkit.dns.result import Transport
from netkit.dns.servers import Server
from netkit.dns.types import type_name
from netkit.dns.wire import Malformed, Mismatch, Query, Reply, parse, rcode_name
from netkit.errors import Insecure
from netkit.events import OnEvent, Step
from netkit.net.address import scope_id
from netkit.net.deadline import Deadline
from netkit.net.reasons import reason_of

AT_ONCE = 64  # datagrams that one socket is read for, before the others have their turn: a flood must not hold the loop


class Asking(Protocol):
    """Whom an exchange works for: the question it belongs to, which judges what comes."""

    selector: selectors.BaseSelector
    on_event: OnEvent | None
    done: bool

    @property
    def deadline(self) -> Deadline: ...

    @property
    def links(self) -> "Connections":
        """Where a connection to the server is had."""

    def unusable(self, server: Server, exc: Malformed | Mismatch) -> None:
        """A message that is no reply to the query."""

    def judge(self, exchange: "Exchange", reply: Reply) -> None:
        """A reply to the query."""

    def lost(self, exchange: "Exchange", reason: str) -> None:
        """The exchange ended without one; reason: "" where that has been told."""

    def unproven(self, exchange: "Exchange", error: Insecure) -> None:
        """The server is not who it should be, so it was not asked."""


class Link(Protocol):
    """A connection. due: when `tick` wants to be called at the latest, by the monotonic clock."""

    closed: bool

    @property
    def due(self) -> float | None: ...

    def add(self, exchange: "OverLink") -> None:
        """Send its query. Raises OSError when no connection can be begun."""

    def drop(self, exchange: "OverLink") -> None:
        """It is over: what comes for it is nobody's."""

    def has(self, number: int) -> bool:
        """Whether a query with this id is under way."""

    def ready(self) -> None: ...

    def tick(self) -> None: ...

    def close(self) -> None: ...


class Connections(Protocol):
    def to(self, exchange: "OverLink") -> Link:
        """The connection for an exchange, a new one where there is none. Raises LocalFailure, OSError."""


def connected(server: Server, kind: socket.SocketKind, source: str, on_event: OnEvent | None) -> socket.socket:
    """A non-blocking socket to the server, with datagrams alone, or on its way there. Raises OSError."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if on_event:
            on_event(Step("socket", detail=f"{family.name} {kind.name}"))
        if source:
            sock.bind((source, 0))
            if on_event:
                on_event(Step("bind", source))
        host, _, zone = server.host.partition("%")
        code = sock.connect_ex((host, server.port, 0, scope_id(zone)) if zone else (host, server.port))
        if code not in (0, errno.EINPROGRESS):
            failure = OSError(code, os.strerror(code))
            if on_event:
                on_event(Step("connect", str(server), result=reason_of(failure)))
            raise failure
    except OSError:
        sock.close()
        if on_event:
            on_event(Step("close", str(server)))
        raise
    if on_event and kind == socket.SOCK_DGRAM:
        on_event(Step("connect", str(server)))
    return sock


class Exchange:
    """One query to one server and what comes back."""

    transport: Transport = "udp"

    def __init__(self, question: Asking, server: Server, query: Query) -> None:
        self.question = question
        self.server = server
        self.query = query
        self.address = str(server)
        self.trace = question.on_event
        self.socket: socket.socket | None = None

    def traced_send(self, size: int, data: bytes) -> None:
        if self.trace:
            asked = f"{self.query.id:#06x} {type_name(self.query.type)}"
            self.trace(Step("send", self.address, detail=f"query {asked}", size=size, data=data))

    def take(self, wire: bytes) -> None:
        """A whole message came."""
        try:
            reply = parse(wire, self.query)
        except (Malformed, Mismatch) as exc:
            if self.trace:
                self.trace(Step("recv", self.address, size=len(wire), result=f"rejected: {exc}", data=wire))
            self.question.unusable(self.server, exc)
            return
        if self.trace:
            many = len(reply.answer)
            detail = f"reply {rcode_name(reply.rcode)} {many} answer{'s' * (many != 1)}"
            self.trace(Step("recv", self.address, detail=detail, size=len(wire), data=wire))
        self.question.judge(self, reply)

    def failed(self, exc: OSError) -> None:
        if self.trace:
            self.trace(Step("recv", self.address, result=reason_of(exc)))
        self.question.lost(self, reason_of(exc))

    def begin(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        if self.socket is None:
            return
        sock, self.socket = self.socket, None
        if sock in self.question.selector.get_map():
            self.question.selector.unregister(sock)
        sock.close()
        if self.trace:
            self.trace(Step("close", self.address))


class OverUdp(Exchange):
    def begin(self) -> None:
        self.socket = sock = connected(self.server, socket.SOCK_DGRAM, self.query.options.source, self.trace)
        data = self.query.wire
        self.traced_send(sock.send(data), data)
        self.question.selector.register(sock, selectors.EVENT_READ, self)

    def ready(self) -> None:
        for _ in range(AT_ONCE):
            if self.socket is None:
                return
            try:
                wire = self.socket.recv(65535)
            except BlockingIOError:
                return
            except OSError as exc:
                self.failed(exc)
                return
            self.take(wire)


class OverLink(Exchange):
    """Over a connection to the server that other queries share: TCP (RFC 7766), TLS, HTTPS or QUIC."""

    def __init__(self, question: Asking, server: Server, query: Query) -> None:
        super().__init__(question, server, query)
        self.transport = "tcp" if server.transport == "udp" else server.transport
        self.link: Link | None = None
        self.resent = False
        self.was_there = False  # it is lost although there was a connection, which may serve others still

    def begin(self) -> None:
        self.link = self.question.links.to(self)
        self.link.add(self)

    def once_more(self, *, answered: bool) -> bool:
        """Ask anew, as the connection ended, which answered others or none; whether it is under way again."""
        if self.resent and not answered:
            return False
        self.resent = self.resent or not answered
        try:
            self.begin()
        except OSError:
            return False
        return True

    def close(self) -> None:
        if self.link is not None:
            link, self.link = self.link, None
            link.drop(self)

    def ended(self, received: bytes | bytearray = b"") -> None:
        """The connection ended; `received` is the beginning of a reply that may have been ours."""
        if received:
            self.question.unusable(self.server, Malformed("the connection ended inside the reply"))
        self.question.lost(self, "closed the connection without a whole reply")
