"""Probes to an echo server: sent when they are due, matched with what comes back, counted.

Two ways of pacing. Paced (`interval`): a probe is due at a fixed time whatever became of those before it, and its round
trip counts from then, so a server that stalls shows in every probe it held up. Flood: the next one leaves when one is
back; that measures the server's speed, not its delays.

A stream gives the bytes back in order, so the oldest probe of a connection is the one that is answered. Datagrams are
told apart by their number; those too small for one, by their order.
"""

import select
import selectors
import socket
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from time import monotonic

from netkit.echo.client.dial import dial
from netkit.echo.client.payload import Payloads, first_difference
from netkit.echo.client.result import Difference, Outcome, Probe, Summary
from netkit.errors import BadInput, Exit, LocalFailure, NetkitError, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net import tcp_info
from netkit.net.address import Endpoint
from netkit.net.deadline import Deadline
from netkit.net.histogram import Histogram
from netkit.net.reasons import reason_of, would_block
from netkit.net.tls_client import Security

CONNECT_SECONDS = 5.0
MAX_DATAGRAM = 65507  # bytes of payload over IPv4: 65535 less the headers (RFC 768, 791); the same for unix sockets
UNANSWERED = 64 * 1024 * 1024  # bytes under way on all connections; above it probes wait, and their wait counts
REMEMBERED = 65536  # answered numbers that are kept, to know a duplicate
READ = 256 * 1024
READS = 16  # of a connection in a turn: a server that sends without end must not keep us from looking at the time
SLACK = 0.001  # seconds a timer may be late: that is ours, not the server's, and does not count


def ping(
    target: Endpoint,
    *,
    tls: Security | None = None,
    count: int | None = 10,
    duration: float | None = None,
    interval: float | None = 1.0,
    size: int = 64,
    pattern: str = "random",
    parallel: int = 1,
    wait: float = 1.0,
    timeout: float | None = None,
    max_loss: float = 0.0,
    max_rtt: float | None = None,
    on_event: OnEvent | None = None,
) -> Generator[Probe | Summary]:
    """Probe an echo server; yields each probe when its outcome is known, and a Summary at the end.

    count, duration: how many probes, how many seconds; whatever ends first. interval: seconds between probes of a
    connection, None for a flood. wait: seconds after which a probe is lost. timeout: for everything; None: what count
    and duration take. max_loss: a share; max_rtt: seconds. Raises Unreachable and the like when there is no connection
    at all; what happens later is in the summary. A KeyboardInterrupt, also one thrown in, has the summary of what was
    measured up to then, and is raised again after it.
    """
    if target.scheme == "udp" and size > MAX_DATAGRAM:
        raise BadInput(f"a datagram carries at most {MAX_DATAGRAM} bytes, not {size}")
    if size == 0 and target.scheme != "udp":
        raise BadInput("a stream cannot carry a probe of no bytes", hint="--udp can")
    deadline = Deadline.after(timeout if timeout is not None else CONNECT_SECONDS)
    with ExitStack() as stack:
        run = Run(target, Payloads(size, pattern), interval, wait, on_event)
        stack.callback(run.close)
        for number in range(parallel):
            run.lanes.append(Lane(run, number, dial(target, tls=tls, deadline=deadline, on_event=on_event)))
        try:
            yield from run.probes(count, duration, deadline if timeout is not None else None)
        except KeyboardInterrupt:
            run.ended = monotonic()
            yield run.summary(tls is not None, max_loss, max_rtt)
            raise
        yield run.summary(tls is not None, max_loss, max_rtt)


class Sent:
    """A probe under way."""

    __slots__ = ("data", "due", "got", "number", "time")

    def __init__(self, number: int, data: bytes, due: float) -> None:
        self.number = number
        self.data = data
        self.due = due
        self.time = datetime.now(UTC)
        self.got = bytearray()  # of a stream: what is back so far


class Lane:
    """One connection and what is under way on it, oldest first."""

    def __init__(self, run: "Run", number: int, sock: socket.socket) -> None:
        self.run = run
        self.number = number
        self.socket = sock
        self.datagrams = sock.type == socket.SOCK_DGRAM
        self.tls = hasattr(sock, "pending")
        self.open = True
        self.failure: NetkitError | None = None
        self.under_way: dict[int, Sent] = {}
        self.unsent: deque[memoryview] = deque()
        self.answered: dict[int, None] = {}
        self.highest = -1
        self.next_due = 0.0
        self.writing = False
        run.selector.register(sock, selectors.EVENT_READ, self)

    def start(self, number: int, due: float) -> None:
        sent = Sent(number, self.run.payloads.make(number), due)
        self.under_way[number] = sent
        self.unsent.append(memoryview(sent.data))
        self.write()

    def write(self) -> None:
        try:
            while self.unsent:
                data = self.unsent[0]
                done = self.socket.send(data)
                if self.run.on_event:
                    self.run.on_event(Step("send", str(self.run.target), size=done, data=bytes(data[:done])))
                if self.datagrams or done == len(data):
                    self.unsent.popleft()
                else:
                    self.unsent[0] = data[done:]
        except OSError as exc:
            if not would_block(exc):
                self.lost(exc)
                return
        self.watch(bool(self.unsent))

    def watch(self, writing: bool) -> None:
        if writing != self.writing and self.open:
            self.writing = writing
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
            self.run.selector.modify(self.socket, events, self)

    def read(self) -> Iterator[Probe]:
        """Take what came; the probes that are answered by it."""
        reads = 0
        while self.open and (reads < READS or self.pending()):
            reads += 1
            try:
                data = self.socket.recv(READ)
            except OSError as exc:
                if not would_block(exc):
                    self.lost(exc)
                return
            now = monotonic()
            if self.run.on_event:
                self.run.on_event(Step("recv", str(self.run.target), size=len(data), data=data))
            if self.datagrams:
                yield self.datagram(data, now)
            elif data:
                yield from self.piece(data, now)
            else:
                self.end(Unreachable(f"{self.run.target} closed the connection", kind="closed"))

    def pending(self) -> bool:
        """Whether TLS holds data that no selector knows of."""
        return bool(self.tls and self.socket.pending())  # type: ignore[attr-defined]

    def piece(self, data: bytes, now: float) -> Iterator[Probe]:
        view = memoryview(data)
        while view:
            if not self.under_way:
                self.run.extra += len(view)
                return
            sent = next(iter(self.under_way.values()))
            take = view[: len(sent.data) - len(sent.got)]
            sent.got += take
            view = view[len(take) :]
            if len(sent.got) == len(sent.data):
                yield self.finish(sent, bytes(sent.got), now)

    def datagram(self, data: bytes, now: float) -> Probe:
        number = self.run.payloads.number_of(data)
        if number is None:  # too small for a number, or the number itself was changed: the oldest of this size
            number = next((one for one, sent in self.under_way.items() if sent.data == data), None)
        if number is None:
            number = next(iter(self.under_way), None)
        if number is None or number not in self.under_way:
            duplicate = number is None or number in self.answered
            return self.run.note("duplicate" if duplicate else "late", -1 if number is None else number, len(data))
        return self.finish(self.under_way[number], data, now)

    def finish(self, sent: Sent, data: bytes, now: float) -> Probe:
        del self.under_way[sent.number]
        if self.datagrams:
            self.answered[sent.number] = None
            if len(self.answered) > REMEMBERED:
                del self.answered[next(iter(self.answered))]
        reordered = sent.number < self.highest
        self.highest = max(self.highest, sent.number)
        return self.run.answered(sent, data, now - sent.due, reordered, self.number)

    def expire(self, now: float, wait: float) -> Iterator[Probe]:
        for sent in list(self.under_way.values()):
            if now - sent.due < wait:
                return
            if self.datagrams:
                del self.under_way[sent.number]
                yield self.run.lose(sent, self.number)
            else:  # its bytes may still come, and those behind it; the connection is of no more use
                self.end(TimedOut(f"{self.run.target} did not answer within {wait:g} s"))

    def lost(self, exc: OSError) -> None:
        self.end(
            Unreachable(f"{self.run.target}: {reason_of(exc)}", kind="refused" if "refused" in str(exc) else "reset")
        )

    def end(self, failure: NetkitError) -> None:
        if self.open:
            self.open = False
            self.failure = failure
            self.run.selector.unregister(self.socket)


class Run:
    """All connections of a run, and the counts."""

    def __init__(
        self, target: Endpoint, payloads: Payloads, interval: float | None, wait: float, on_event: OnEvent | None
    ) -> None:
        self.target = target
        self.payloads = payloads
        self.interval = interval
        self.wait = wait
        self.on_event = on_event
        self.selector = selectors.DefaultSelector()
        self.lanes: list[Lane] = []
        self.histogram = Histogram()
        self.sent = self.received = self.lost = self.corrupt = 0
        self.duplicates = self.reordered = self.late = self.bytes = self.extra = 0
        self.started = self.ended = monotonic()
        self.deadline_passed = False

    def close(self) -> None:
        self.selector.close()
        for lane in self.lanes:
            lane.socket.close()

    def probes(self, count: int | None, duration: float | None, deadline: Deadline | None) -> Iterator[Probe]:
        self.started = monotonic()
        end = None if duration is None else self.started + duration
        for lane in self.lanes:  # spread over the interval, so that they do not all send at once
            lane.next_due = self.started + (self.interval or 0.0) * lane.number / len(self.lanes)
        while True:
            now = monotonic()
            if deadline is not None and deadline.passed:
                self.deadline_passed = True
                break
            more = (count is None or self.sent < count) and (end is None or now < end)
            live = [lane for lane in self.lanes if lane.open]
            pause = self.wait
            for lane in live:
                while more and lane.open and self.may_send(lane, now):
                    lane.start(
                        self.sent, now if self.interval is None or now - lane.next_due < SLACK else lane.next_due
                    )
                    self.sent += 1
                    more = count is None or self.sent < count
                    if self.interval is not None:
                        lane.next_due += self.interval
                if more and self.interval is not None:
                    pause = min(pause, lane.next_due - now)
                if lane.under_way:
                    pause = min(pause, next(iter(lane.under_way.values())).due + self.wait - now)
            for key, events in self.ready(max(0.0, pause)) if any(lane.open for lane in live) else ():
                if events & selectors.EVENT_WRITE:
                    key.data.write()
                if events & selectors.EVENT_READ:
                    yield from key.data.read()
            now = monotonic()
            for lane in self.lanes:
                yield from lane.expire(now, self.wait) if lane.open else self.abandon(lane)
            if not any(lane.open for lane in self.lanes) or (not more and not any(one.under_way for one in self.lanes)):
                break
        self.ended = monotonic()
        for lane in self.lanes:
            yield from self.abandon(lane)

    def ready(self, pause: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait to the microsecond: epoll_wait(2) alone would round the pause up to whole milliseconds."""
        fileno = getattr(self.selector, "fileno", None)
        if fileno is None or fileno() >= 1024:  # select(2) knows no higher ones
            return self.selector.select(pause)
        select.select([fileno()], [], [], pause)
        return self.selector.select(0)

    def may_send(self, lane: Lane, now: float) -> bool:
        if self.interval is None:
            return not lane.under_way
        return lane.next_due <= now and len(lane.under_way) * max(self.payloads.size, 1) < UNANSWERED

    def abandon(self, lane: Lane) -> Iterator[Probe]:
        """Whatever is under way on a connection that ended is lost, but for a part that came back wrong."""
        for sent in list(lane.under_way.values()):
            del lane.under_way[sent.number]
            yield self.lose(sent, lane.number)
        lane.unsent.clear()

    def answered(self, sent: Sent, data: bytes, rtt: float, reordered: bool, lane: int) -> Probe:
        self.received += 1
        self.reordered += reordered
        self.bytes += len(data)
        self.histogram.add(rtt)
        if data == sent.data:
            return Probe(sent.time, sent.number, len(data), "ok", rtt, reordered, None, lane)
        self.corrupt += 1
        return Probe(sent.time, sent.number, len(data), "corrupt", rtt, reordered, difference(sent.data, data), lane)

    def lose(self, sent: Sent, lane: int) -> Probe:
        self.lost += 1
        found = difference(sent.data[: len(sent.got)], bytes(sent.got)) if sent.got else None
        return Probe(sent.time, sent.number, len(sent.data), "lost", None, False, found, lane)

    def note(self, outcome: Outcome, number: int, size: int) -> Probe:
        if outcome == "late":
            self.late += 1
        else:
            self.duplicates += 1
        return Probe(datetime.now(UTC), number, size, outcome)

    def summary(self, tls: bool, max_loss: float, max_rtt: float | None) -> Summary:
        failure = next((lane.failure for lane in self.lanes if lane.failure), None)
        if self.deadline_passed:
            failure = TimedOut(f"{self.target}: not done when the time was over")
        limits = self.broken(max_loss, max_rtt)
        datagrams = self.target.scheme == "udp"
        info = tcp_info.read(self.lanes[0].socket) if not datagrams and not self.target.path else None
        transport = "udp" if datagrams else "tls" if tls else "tcp"
        if self.target.path:
            transport = "unix-dgram" if datagrams else "unix"
        return Summary(
            str(self.target), transport, self.sent, self.received, self.lost, self.corrupt, self.duplicates,
            self.reordered, self.late, self.bytes, self.ended - self.started, self.histogram.times(), self.histogram,
            self.interval is not None, info, failure, limits, self.verdict(failure, limits),
        )  # fmt: skip

    def broken(self, max_loss: float, max_rtt: float | None) -> tuple[str, ...]:
        """What was asked for and does not hold."""
        said = []
        if self.corrupt:
            said.append(f"{self.corrupt} came back changed")
        if self.extra:
            said.append(f"{self.extra} bytes came that were never sent")
        if self.sent and self.lost / self.sent > max_loss:
            said.append(f"{self.lost} of {self.sent} lost, more than {max_loss:.3%} allow".replace(".000%", "%"))
        slowest = self.histogram.times().max
        if max_rtt is not None and slowest is not None and slowest > max_rtt:
            said.append(f"the slowest took {slowest * 1000:.3f} ms, more than {max_rtt * 1000:g} ms")
        return tuple(said)

    def verdict(self, failure: NetkitError | None, limits: tuple[str, ...]) -> Exit:
        if isinstance(failure, LocalFailure):
            return failure.exit
        if not self.received and failure is not None:
            return failure.exit
        if not self.received and self.lost:
            return Exit.TIMEOUT
        if self.deadline_passed:
            return Exit.TIMEOUT
        return Exit.NO if limits else Exit.OK


def difference(expected: bytes, got: bytes) -> Difference | None:
    at = first_difference(expected, got)
    if at is None:
        return None
    return Difference(at, expected[at] if at < len(expected) else None, got[at] if at < len(got) else None)
