"""What queries to a server go through, and the questions that wait for their replies on it; UDP is here.

UDP sockets are connected, so that the kernel drops what comes from elsewhere and tells a closed port at once; their
ports are the kernel's random choice, ids are random and unique on each (RFC 5452). On Linux the queries of one length
go to the kernel together (UDP_SEGMENT, udp(7)), which cuts them into datagrams: 2 us less for each of them.
"""

import errno
import os
import selectors
import socket
import sys
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Literal

from netkit.dns.bulk.task import More, Task
from netkit.dns.result import Transport
from netkit.dns.types import type_name
from netkit.events import Step
from netkit.net.address import scope_id
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream

RECEIVE_BUFFER = 4 << 20  # octets; with the usual 208 KiB, 200 replies at once lost some
PER_REPLY = 2304  # what a full datagram takes of it in the kernel's accounting (skb->truesize)
DATAGRAM = 4096  # octets read of one: no reply to our queries has more, and what is cut cannot be parsed
MAX_LATE = 65536 // 2  # ids that are kept for late replies on one channel
UDP_SEGMENT = 103  # <linux/udp.h>
SEGMENTS = 64  # UDP_MAX_SEGMENTS of the kernels that have the fewest
NOT_SEGMENTED = (errno.EINVAL, errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP)  # an old kernel, an odd device


class Channel:
    """flight: the questions on their way by id, the oldest first. late: those whose time is up, not yet given up."""

    transport: Transport = "udp"

    def __init__(self, upstream: "Upstream") -> None:
        self.upstream = upstream
        self.flight: dict[bytes, Task] = {}
        self.late: dict[bytes, Task] = {}
        self.server = str(upstream.server)
        self.trace = upstream.engine.on_event
        self.closed = False
        self.sent = 0
        self._open()

    def _open(self) -> None:
        """Make what the queries go through. Raises OSError."""
        raise NotImplementedError

    def traced(self, name: Literal["send", "recv"], wire: bytes, task: Task | None) -> None:
        """Only called while tracing."""
        assert self.trace
        asked = f" {type_name(task.type)} {task.text}" if task else ""
        self.trace(Step(name, self.server, f"{int.from_bytes(wire[:2]):#06x}{asked}", len(wire), data=wire))

    def queries(self, queue: deque[Task], count: int, now: float) -> list[bytes]:
        """The queries of the first `count` questions of the queue, which are on their way from here on."""
        flight, late = self.flight, self.late
        head, tail, tails = self.upstream.usual
        wires = []
        octets = os.urandom(2 * count)
        for at in range(0, 2 * count, 2):
            id = octets[at : at + 2]
            while id in flight or id in late:
                id = os.urandom(2)
            task = queue.popleft()
            more = task.more
            if more is None:
                task.began = now
                task.tries = 1
                wire = id + head + task.question + (tail if tails is None else tails[len(task.question)])
            elif more.done:  # a late reply came while it waited here
                continue
            else:
                more.places.append((self, id))
                more.queued = False
                task.tries += 1
                wire = self._again(id, task, more)
            task.sent = now
            flight[id] = task
            wires.append(wire)
        if self.trace:
            for wire in wires:
                self.traced("send", wire, flight[wire[:2]])
        self.sent += len(wires)
        return wires

    def _again(self, id: bytes, task: Task, more: More) -> bytes:
        upstream = self.upstream
        if upstream in more.without_edns:
            head, tail, _ = upstream.engine.plain
            return id + head + task.question + tail
        head, tail, tails = upstream.usual
        return id + head + task.question + (tail if tails is None else tails[len(task.question)])

    def unsent(self, wires: list[bytes]) -> None:
        """Put back what the kernel did not take."""
        for wire in reversed(wires):
            task = self.flight.pop(wire[:2])
            if task.more:
                task.more.places.remove((self, wire[:2]))
            self.upstream.put_back(task)

    def expire(self, id: bytes, task: Task) -> None:
        """Its time on this channel is up; a reply that comes late still counts."""
        del self.flight[id]
        for old in [one for one, other in self.late.items() if other.more and other.more.done]:
            del self.late[old]
        if len(self.late) < MAX_LATE:
            self.late[id] = task

    def runs(self, id: bytes, task: Task) -> bool:
        """Whether the reply to a query whose try is over is sure to come, if there is one."""
        return False

    def resume(self, id: bytes, task: Task) -> None:
        """Wait for it as if it had been sent now."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def ready(self, events: int) -> None:
        """The socket can be read, or written."""
        raise NotImplementedError

    def send(self, queue: deque[Task], count: int, now: float) -> bool:
        """Send the first `count` of the queue; False when no more can be sent now."""
        raise NotImplementedError


class OverSocket(Channel):
    """Over a socket of its own."""

    def _open(self) -> None:
        self.socket = self._connect()
        self.watched = False

    def _connect(self) -> socket.socket:
        host, _, zone = self.upstream.server.host.partition("%")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        made = socket.socket(family, kind)
        if self.trace:
            self.trace(Step("socket", detail=f"{family.name} {kind.name}"))
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if kind == socket.SOCK_STREAM:  # what is sent next does not wait for an ACK that the peer may delay
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source := self.upstream.options.source:
                made.bind((source, 0))
            port = self.upstream.server.port
            made.connect((host, port, 0, scope_id(zone)) if zone else (host, port))
        except BlockingIOError:  # EINPROGRESS
            pass
        except OSError as exc:
            made.close()
            if self.trace:
                self.trace(Step("connect", self.server, result=reason_of(exc)))
            raise
        if self.trace and self.transport == "udp":
            self.trace(Step("connect", self.server))
        return made

    def watch(self, events: int) -> None:
        self.upstream.engine.selector.register(self.socket, events, self)
        self.watched = True

    def unwatch(self) -> None:
        if self.watched:
            self.upstream.engine.forget(self.socket)
            self.watched = False

    def close(self) -> None:
        self.closed = True
        self.unwatch()
        self.socket.close()
        if self.trace:
            self.trace(Step("close", self.server))


class OverUdp(OverSocket):
    transport = "udp"
    segmented = sys.platform == "linux"

    def __init__(self, upstream: "Upstream") -> None:
        super().__init__(upstream)
        self.capacity = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // PER_REPLY
        self.watch(selectors.EVENT_READ)

    def send(self, queue: deque[Task], count: int, now: float) -> bool:
        by_size: dict[int, list[bytes]] = {}
        for wire in self.queries(queue, count, now):
            by_size.setdefault(len(wire), []).append(wire)
        refused = ""
        left: list[bytes] = []
        for size, wires in by_size.items():
            for at in range(0, len(wires), SEGMENTS):
                some = wires[at : at + SEGMENTS]
                if left:
                    left += some
                    continue
                try:
                    self._transmit(some, size)
                except BlockingIOError:
                    left = some
                except OSError as exc:  # of an earlier query: a closed port
                    left, refused = some, reason_of(exc)
        if left:
            self.unsent(left)
        if refused:
            self.upstream.refused(self, refused)
        return not left

    def _transmit(self, wires: list[bytes], size: int) -> None:
        """Send queries of one size. Raises OSError, with those that were sent taken out of the list."""
        if self.segmented and len(wires) > 1:
            try:
                self.socket.sendmsg(wires, [(socket.IPPROTO_UDP, UDP_SEGMENT, size.to_bytes(2, sys.byteorder))])
                return
            except OSError as exc:
                if exc.errno not in NOT_SEGMENTED:
                    raise
                self.segmented = False
        while wires:
            self.socket.send(wires[0])
            del wires[0]

    def ready(self, events: int) -> None:
        """Take what has come: at most what is waited for, so that a flood does not hold the loop."""
        flight, receive, upstream, server = self.flight, self.socket.recv, self.upstream, self.server
        engine, trace = upstream.engine, self.trace
        read, add = engine.read, engine.results.append
        answered = 0
        for _ in range(len(flight) or 1):
            try:
                wire = receive(DATAGRAM)
            except BlockingIOError:
                break
            except OSError as exc:
                upstream.refused(self, reason_of(exc))
                break
            id = wire[:2]
            task = flight.get(id)
            if trace:
                self.traced("recv", wire, task)
            if task and task.more is None and (found := read(wire, task, server, "udp", monotonic())):
                del flight[id]
                answered += 1
                add(found)
            else:
                engine.judge(self, id, wire)
        upstream.answered(answered)
