"""A TCP connection to a server: queries follow each other without waiting, replies come in any order (RFC 7766 6.2)."""

import os
import selectors
import socket
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from netkit.dns.bulk.channel import Channel
from netkit.dns.bulk.task import Task
from netkit.events import Step
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream

PIECE = 256 * 1024  # octets read or written at once


class OverTcp(Channel):
    transport = "tcp"

    def __init__(self, upstream: "Upstream") -> None:
        super().__init__(upstream)
        self.out = bytearray()
        self.received = b""  # of a message that is not whole yet
        self.connected = False
        self.answered = 0  # replies on this connection
        self.writing = True
        upstream.engine.selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

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
                del self.out[: self.socket.send(self.out[:PIECE])]
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

    def _receive(self) -> None:
        try:
            chunk = self.socket.recv(PIECE)
        except BlockingIOError:
            return
        except OSError as exc:
            self._end(reason_of(exc))
            return
        if not chunk:
            self._end("closed the connection without a whole reply")
            return
        received = self.received + chunk
        engine, flight, server, answered = self.upstream.engine, self.flight, self.server, 0
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
            if task and task.more is None and (found := engine.read(wire, task, server, "tcp", monotonic())):
                del flight[id]
                answered += 1
                engine.results.append(found)
            else:
                engine.judge(self, id, wire)
        self.received = received[at:]
        self.answered += answered
        self.upstream.answered(answered)

    def _end(self, reason: str) -> None:
        """The connection is over; a server may close one whenever it likes (RFC 7766 6.2.3)."""
        if not self.closed:
            self.close()
            self.upstream.ended(self, reason)
