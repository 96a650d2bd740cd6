"""A TCP connection to a server: queries follow each other without waiting, replies come in any order (RFC 7766 6.2).

What a server has not read when it closes turns into a reset, which can take replies with it that are on their way. So
one that closed on queries is asked one at first on the next connection, and with each reply one more.
"""

import os
import selectors
import socket
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from netkit.dns.bulk.channel import OverSocket
from netkit.dns.bulk.task import Task
from netkit.dns.result import Transport
from netkit.events import Step
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream

PIECE = 256 * 1024  # octets read or written at once
MANY = 1 << 16  # queries on one connection: there are no more ids
PATIENCE = 0.3  # seconds until twice as many are asked at once where none is answered


class OverTcp(OverSocket):
    transport: Transport = "tcp"

    def __init__(self, upstream: "Upstream") -> None:
        super().__init__(upstream)
        self.out = bytearray()
        self.received = b""  # of a message that is not whole yet
        self.connected = False
        self.answered = 0  # replies on this connection
        self.writing = True
        self.most = 1 if upstream.closes else MANY  # queries at once that have no reply
        self.moved = monotonic()  # when it was made, or a reply came
        self.watch(selectors.EVENT_READ | selectors.EVENT_WRITE)

    @property
    def room(self) -> int:
        """How many more queries it may get. Where a server keeps silent about one, it holds others up no longer."""
        if self.most >= MANY:
            return MANY
        doublings = min(16, int((monotonic() - self.moved) / PATIENCE))
        return (self.most << doublings) - len(self.flight)

    def send(self, queue: deque[Task], count: int, now: float) -> bool:
        for wire in self.queries(queue, count, now):
            self.out += len(wire).to_bytes(2) + wire
        if self.connected:
            self._flush()
        return not self.closed

    def ready(self, events: int) -> None:
        if not self.connected and not self._is_connected():
            return
        if events & selectors.EVENT_WRITE and not self._flush():
            return
        if events & selectors.EVENT_READ:
            self._receive()

    def _is_connected(self) -> bool:
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        reason = reason_of(OSError(code, os.strerror(code))) if code else "ok"
        if self.trace:
            self.trace(Step("connect", self.server, result=reason))
        if code:
            self._end(reason)
        self.connected = not code
        return self.connected

    def _flush(self) -> bool:
        """Send what the kernel takes; whether the connection is still there."""
        try:
            while self.out:
                sent = self._transmit()
                if not sent:
                    break
                del self.out[:sent]
        except BlockingIOError:
            pass
        except OSError as exc:
            self._end(reason_of(exc))
            return False
        if bool(self.out) != self.writing:
            self.writing = bool(self.out)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.writing else 0)
            self.upstream.engine.selector.modify(self.socket, events, self)
        return True

    def _transmit(self) -> int:
        """Send some octets; how many. Raises OSError."""
        return self.socket.send(self.out[:PIECE])

    def _take(self) -> bytes | None:
        """What came, None when nothing did. Raises OSError."""
        return self.socket.recv(PIECE)

    def _receive(self) -> None:
        try:
            chunk = self._take()
        except BlockingIOError:
            return
        except OSError as exc:
            self._end(reason_of(exc))
            return
        if chunk is None:
            return
        if not chunk:
            self._end("closed the connection without a whole reply")
            return
        received = self.received + chunk
        engine, flight, server, answered = self.upstream.engine, self.flight, self.server, 0
        transport, waiting = self.transport, len(flight)
        at, size = 0, len(received)
        while size - at >= 2:
            end = at + 2 + (received[at] << 8 | received[at + 1])
            if end > size:
                break
            wire = received[at + 2 : end]
            at = end
            id = wire[:2]
            task = flight.get(id)
            if self.trace:
                self.traced("recv", wire, task)
            if task and task.more is None and (found := engine.read(wire, task, server, transport, monotonic())):
                del flight[id]
                answered += 1
                engine.results.append(found)
            else:
                engine.judge(self, id, wire)
        self.received = received[at:]
        if len(flight) < waiting:
            self.answered += waiting - len(flight)
            self.most += waiting - len(flight)
            self.moved = monotonic()
        self.upstream.answered(answered)

    def _end(self, reason: str) -> None:
        """The connection is over; a server may close one whenever it likes (RFC 7766 6.2.3)."""
        if self.closed:
            return
        self.close()
        cut = self.flight.get(self.received[2:4]) if len(self.received) >= 4 else None
        if cut:
            self.upstream.engine.judging.cut_off(self, self.received[2:4], cut)
        self.upstream.ended(self, reason)
