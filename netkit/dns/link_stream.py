"""A connection of queries over TCP: pipelined, and answered in any order, by id (RFC 7766 6.2.1.1, 7).

What a server has not read when it closes turns into a reset, which can take answers with it that are on their way. So
one that closed on queries is asked one at first the next time, and with each answer one more.
"""

import os
import selectors
import socket
from collections import deque
from time import monotonic

from netkit.dns.exchange import OverLink, connected
from netkit.dns.link_shared import Key, Shared
from netkit.dns.servers import Server
from netkit.dns.types import type_name
from netkit.events import OnEvent, Step
from netkit.net.reasons import reason_of

MANY = 1 << 16  # queries on one connection: there are no more ids
PATIENCE = 0.3  # seconds until twice as many are asked at once where none is answered: ten steps make a thousand
MAX_STRAYS = 4  # messages nobody has asked for that the queries are told of
READ = 65537  # octets at a time: the largest message with its length


class StreamLink:
    """A TCP connection: two octets of length before each message (RFC 7766 8)."""

    def __init__(self, shared: Shared, server: Server, source: str, on_event: OnEvent | None) -> None:
        self.shared, self.server, self.source, self.trace = shared, server, source, on_event
        self.address = str(server)
        self.socket: socket.socket | None = None
        self.connected = self.closed = False
        self.answered = self.strays = 0
        self.key: Key = (server, "tls" if server.transport == "tls" else "tcp", source)
        self.most = 1 if self.key in shared.closing else MANY  # queries without an answer
        self.moved = 0.0  # when something was sent or answered, by the monotonic clock
        self.waiting: dict[int, OverLink] = {}
        self.given_up: set[int] = set()  # ids of queries that nobody waits for, whose answers may still come
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
        self.given_up.discard(exchange.query.id)
        self.unsent.append((exchange, len(wire).to_bytes(2) + wire))
        if self.connected:
            self.wait_for(selectors.EVENT_READ | selectors.EVENT_WRITE)

    def drop(self, exchange: OverLink) -> None:
        if self.waiting.get(exchange.query.id) is exchange:
            del self.waiting[exchange.query.id]
            self.given_up.add(exchange.query.id)
        self.unsent = deque(one for one in self.unsent if one[0] is not exchange)

    def has(self, number: int) -> bool:
        return number in self.waiting

    # --- the connection

    def connect(self) -> None:
        try:
            self.socket = connected(self.server, socket.SOCK_STREAM, self.source, self.trace)
        except OSError:
            self.close()
            raise
        self.wait_for(selectors.EVENT_WRITE)

    def wait_for(self, events: int) -> None:
        if self.socket is None or events == self.events:
            return
        if self.events:
            self.shared.selector.modify(self.socket, events, self)
        else:
            self.shared.selector.register(self.socket, events, self)
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
            self.ended(reason_of(exc))
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
        self.wait()

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
        while self.sendable:
            if not self.begun:
                exchange, self.begun = self.unsent.popleft()
                if self.trace:
                    asked = f"query {exchange.query.id:#06x} {type_name(exchange.query.type)}"
                    self.trace(Step("send", self.address, detail=asked, size=len(self.begun), data=self.begun))
            sent = self.send(self.begun)
            if not sent:
                break
            self.begun, self.moved = self.begun[sent:], monotonic()
        self.wait()

    def wait(self) -> None:
        self.wait_for(selectors.EVENT_READ | (selectors.EVENT_WRITE if self.sendable else 0))

    @property
    def sendable(self) -> bool:
        return bool(self.begun or (self.unsent and len(self.waiting) - len(self.unsent) < self.most))

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
        """A message to whom it is for; one that nobody has asked for is told to all, who refuse it with the reason,
        the first few times: a read may hold 32,000 messages of no octets, and a hundred queries may wait."""
        number = int.from_bytes(wire[:2])
        exchange = self.waiting.get(number)
        if exchange is None and number in self.given_up:
            self.given_up.remove(number)
            return
        if exchange:
            exchange.take(wire)
        elif self.strays < MAX_STRAYS:
            self.strays += 1
            for one in list(self.waiting.values()):
                one.take(wire)
        if exchange and number not in self.waiting:
            self.given_up.discard(number)
            self.answered += 1
            self.most += 1
            self.moved = monotonic()

    def ended(self, reason: str = "") -> None:
        """The server closed, or reset for a reason: what it has not answered is asked anew where that makes sense."""
        received, left = bytes(self.received), list(self.waiting.values())
        cut = None
        if left and received:
            cut = self.waiting.get(int.from_bytes(received[2:4])) or left[0]  # the oldest is the likeliest
        if left:
            self.shared.closing.add(self.key)
        self.close()
        lost = [one for one in left if one is cut or not one.once_more(answered=self.answered > 0)]
        for exchange in lost:  # after the others, whose ids the next queries have to avoid
            if exchange is cut or not reason:
                exchange.ended(received if exchange is cut else b"")
            else:
                exchange.question.lost(exchange, reason)

    def fail(self, reason: str) -> None:
        left = list(self.waiting.values())
        self.close()
        for exchange in left:
            exchange.question.lost(exchange, reason)

    @property
    def due(self) -> float | None:
        held_back = self.connected and self.unsent and not self.sendable
        return self.moved + PATIENCE if held_back else None

    def tick(self) -> None:
        """A query that the server keeps silent about holds the others up no longer."""
        if self.due is not None and self.due <= monotonic():
            self.most *= 2
            self.moved = monotonic()
            self.wait()

    def close(self) -> None:
        self.closed = True
        self.waiting.clear()
        self.unsent.clear()
        if self.socket is None:
            return
        sock, self.socket = self.socket, None
        if self.events:
            self.shared.selector.unregister(sock)
            self.events = 0
        sock.close()
        if self.trace:
            self.trace(Step("close", self.address))
