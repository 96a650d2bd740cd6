"""A run of the bench: everybody comes in, lines are said when they are due, and who got them is counted.

Open loop: line n is due at its time whatever became of those before it, and its delivery counts from then, so a server
that stalls shows in every line that it held up (no coordinated omission). Closed loop: so many lines are always under
way, the next is said when one has come to all; that measures how much the server can do.

Deliveries are counted in groups, of who read the same bytes within SETTLE reads: the time is taken once for them, after
the last, so it is never told too short, and up to 0.2 ms too long.
"""

import gc
import select
from array import array
from contextlib import ExitStack
from secrets import token_hex
from time import monotonic, process_time
from typing import TYPE_CHECKING

from netkit.chat.bench import process
from netkit.chat.bench.client import Client
from netkit.chat.bench.join import Join
from netkit.chat.bench.order import KEPT, MOST, Lines, Order, Probes
from netkit.chat.bench.result import Cost, Plan, Progress, Report
from netkit.chat.bench.vouch import certain, stray
from netkit.errors import NetkitError, PeerError
from netkit.events import OnEvent
from netkit.net.address import Endpoint
from netkit.net.histogram import Histogram
from netkit.net.loop import Loop
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    from netkit.chat.bench.secured import Tls
    from netkit.net.tls_client import Security

SETTLE = 64  # reads of which the time is taken once
SLACK = 0.001  # seconds that we may be late ourselves: that does not count
NONE = 1 << 62
STALL = 0.05  # seconds without a line for the order, while some wait to add one
BURST = 64  # lines that are said before it is looked what came


class Bench:
    """`run` it once. loop: for whoever wants to show `progress` meanwhile. security: for TLS; raises BadInput."""

    def __init__(
        self, target: Endpoint, plan: Plan, *, security: "Security | None" = None, on_event: OnEvent | None = None
    ) -> None:
        self.target = target
        self.plan = plan
        self.loop = Loop()
        tag = token_hex(3)
        self.probes = Probes(tag)
        self.order = Order(Lines(tag, plan.size), self._line)
        self.clients: list[Client] = []
        self.join = Join(self, _tls(target, security), on_event)
        self.probing = True  # nothing is measured yet
        self.ending = False  # nothing more is expected: what is pending is taken as it is
        self.echoes = False
        self.sent = self.reads = 0
        self.doubled = self.reordered = self.changed = self.returned = 0
        self.lost_clients: list[str] = []
        self.waiting: set[Client] = set()
        self.out_of_step = 0  # clients
        self.firm = 0  # places in the order, but for those at its end that are astray
        self.astray: set[int] = set()  # places where lines are that came to somebody when others had gone on without
        self.stage = "connecting"
        self.failure: NetkitError | None = None
        self._due = array("d")  # by number, as the next three
        self._senders = array("l")
        self._places = array("q")  # in the order, -1 until somebody had it
        self._left = array("l")  # who has not got it yet
        self._oldest = 0  # all before it are with everybody, or lost
        self._under_way = 0
        self._latest: dict[int, int] = {}  # a sender's highest number in the order
        self._bad: set[int] = set()  # places where a line is that was changed
        self._late: set[int] = set()  # places where a line is that came behind a later one of its sender
        self._known, self._grown = 0, 0.0  # the end of the order, and when it was last another
        self._groups: dict[tuple[int, int], int] = {}
        self._settled = 0
        self._measured = NONE  # the first number that counts
        self._before: tuple[float, float] | None = None  # what the server had spent then
        self._deliveries = 0
        self._last_delivery = 0.0
        self._begin = self._end = 0.0
        self._own = 0.0
        self.first, self.every, self.last = Histogram(), Histogram(), Histogram()

    # What clients tell.

    def sender_of(self, number: int) -> int:
        return self._senders[number]

    def place_of(self, number: int) -> int | None:
        place = self._places[number]
        return None if place < 0 else place

    def note(self, place: int, to: int) -> None:
        """Somebody got what stands there."""
        self._groups[place, to] = self._groups.get((place, to), 0) + 1
        if self.reads - self._settled >= SETTLE:
            self.settle()

    def settle(self) -> None:
        """Count what was noted, as of now."""
        self._settled = self.reads
        if self._groups:
            now = monotonic()
            groups, self._groups = self._groups, {}
            for (begin, end), count in groups.items():
                for place in range(self.order.upto(begin), self.order.upto(end)):
                    self.delivered(place, count, now)
        if self.waiting:
            self._take_up()

    def _take_up(self) -> None:
        """Let those that wait go on, and where nobody can, look whose line is next all the same."""
        self._retry()
        while self.out_of_step > 1 and (line := stray(self.waiting)) is not None:
            self.add_astray(line)
            self._retry()
        now, end = monotonic(), self.order.end
        if end != self._known:
            self._known, self._grown = end, now
        elif self.waiting and (now - self._grown > STALL or self.clients[0].fd < 0):
            self.sort_out()

    def sort_out(self) -> None:
        alive = sum(client.fd >= 0 for client in self.clients)
        while (client := certain(self.waiting, alive)) is not None:
            self.waiting.discard(client)
            client.add_front()
            self._retry()

    def _retry(self) -> None:
        waiting, self.waiting = self.waiting, set()
        for client in waiting:
            if client.fd >= 0 or self.ending:
                client.take()

    def finish(self) -> None:
        """Nothing more is expected: take what waits, where nobody knows the order as it is."""
        self.settle()
        self.sort_out()
        self.ending = True
        self.settle()
        while self._groups:  # what was noted meanwhile
            self.settle()
        self.reordered += sum(self._left[self.order.numbers[place]] <= 0 for place in self.astray)

    def delivered(self, place: int, count: int, now: float = 0.0) -> None:
        number = self.order.numbers[place]
        if self._places[number] != place:
            self.doubled += count
            return
        if place in self._bad:
            self.changed += count
        if place in self._late:
            self.reordered += count
        now = now or monotonic()
        left = self._left[number] = self._left[number] - count
        if number >= self._measured:
            self._deliveries += count
            self._last_delivery = now
            self.every.add_many(now - self._due[number], count)
            if not left:
                self.last.add_many(now - self._due[number], 1)
        if not left and number >= self._oldest:
            self._under_way -= 1

    def _line(self, number: int, place: int, line: bytes) -> None:
        """Somebody was the first to get a line."""
        if number >= self.sent:
            del self.order.numbers[-1], self.order.begins[-1], self.order.ends[-1]  # it has our tag, and is not ours
            return
        if self._places[number] >= 0:
            return
        self._places[number] = place
        if not self.order.lines.whole(number, line):
            self._bad.add(place)
        sender = self._senders[number]
        if place not in self.astray:
            self.firm = place + 1
            if self._latest.get(sender, -1) > number:
                self._late.add(place)
        self._latest[sender] = max(number, self._latest.get(sender, -1))
        if number >= self._measured:
            self.first.add_many(monotonic() - self._due[number], 1)
        client = self.clients[sender]
        client.under_way -= 1
        if not self.echoes:
            client.skip(place)

    def add(self, line: bytes) -> int:
        """A line of the run that is next for everybody; its place."""
        self.order.add(line)
        return len(self.order) - 1

    def add_astray(self, line: bytes) -> int:
        """Somebody got it behind lines that others have without it: it is kept at the end, where it is in nobody's way.

        Its place. In the end it came out of order if all have it, else it is lost to those who have not.
        """
        place = len(self.order)
        self.astray.add(place)
        self.order.add(line)
        return place

    def closed(self, client: Client, exc: OSError | None) -> None:
        """The server has ended it."""
        if client.fd < 0:
            return
        why = "closed it" if exc is None else reason_of(exc)
        self.loop.remove(client.fd)
        client.fd = -1
        client.socket.close()
        self.lost_clients.append(f"client {client.number + 1}: {self.target} {why}")
        if self.probing:
            said = f": {client.tail.splitlines()[-1]}" if client.tail else ""
            self.failure = PeerError(f"client {client.number + 1} of {self.plan.clients}: {self.target} {why}{said}",
                                     kind="closed")  # fmt: skip

    # The run.

    def run(self) -> Report:
        """Before the run it raises Unreachable, TimedOut, Insecure, PeerError, LocalFailure, BadInput; then it reports.

        A KeyboardInterrupt before the run is raised; in it, it ends it.
        """
        cost, begun = None, monotonic()
        self._cost()  # whether there is such a process
        with ExitStack() as stack:
            stack.callback(self._close)
            self.join.everybody()
            self.probing = False
            for client in self.clients:
                client.begin()
            connect = monotonic() - begun
            gc.collect()
            gc.freeze()  # thousands of clients that stay: looking at them again and again would be measured
            stack.callback(gc.unfreeze)
            interrupted = False
            try:
                self._paced()
            except KeyboardInterrupt:
                interrupted = True
            self.settle()
            own = process_time() - self._own
            if self._before is not None and (after := self._cost()) is not None:
                cost = Cost(after[0] - self._before[0], self._before[1], after[1])
            return self._report(connect, own, cost, interrupted)

    def turn(self, pause: float) -> None:
        """Wait to the microsecond, which epoll_wait(2) alone would round up to milliseconds; and see what came."""
        due = self.loop.next_due()
        pause = max(0.0, pause if due is None else min(pause, due))
        if 0 <= self.loop.fileno() < 1024:  # select(2) knows no higher ones
            if pause:
                select.select([self.loop.fileno()], [], [], pause)
            pause = 0.0
        self.loop.turn(pause)
        self.settle()

    def _paced(self) -> None:
        """Warm up, measure, and wait for the last lines."""
        start = monotonic()
        self._begin, self._end = start + self.plan.warm_up, start + self.plan.warm_up + self.plan.duration
        self.stage = "warming up"
        while self._alive and ((now := monotonic()) < self._end or self._owes(start) or self.stage == "warming up"):
            if self.stage == "warming up" and now >= self._begin:
                self.stage, self._measured, self._own = "measuring", self.sent, process_time()
                self._begin, self._end = now, now + self.plan.duration - 1e-6  # a line that is due then is not
                if self.plan.rate is not None:
                    start = now - self.sent / self.plan.rate
                self._before = self._cost()
            self._give_up(now)
            if self.plan.rate is not None:
                pause = self._open_loop(now, start, self.plan.rate)
            else:
                pause = self._closed_loop(now)
            self.turn(min(pause, max(0.0, self._end - now)))
            if self.order.kept > KEPT:
                self._forget()
        self.stage = "waiting"
        while self._oldest < self.sent and self._alive:
            self.turn(0.05)
            self._give_up(monotonic())
        self.finish()

    @property
    def _alive(self) -> bool:
        return len(self.lost_clients) < self.plan.clients - 1

    def _open_loop(self, now: float, start: float, rate: float) -> float:
        for _ in range(BURST):
            due = start + self.sent / rate
            if due > now or due >= self._end:
                return due - now
            self._say(now if now - due < SLACK else due)
        return 0.0

    def _owes(self, start: float) -> bool:
        """Whether a line was due and is not said: every one is, however late."""
        rate = self.plan.rate
        return rate is not None and self.stage == "measuring" and start + self.sent / rate < self._end

    def _closed_loop(self, now: float) -> float:
        for _ in range(min(BURST, self.plan.lines - self._under_way)):
            self._say(monotonic())
        return 0.05 if self._under_way >= self.plan.lines else 0.0

    def _say(self, due: float) -> None:
        """The next one who still can says the next line."""
        number, sender = self.sent, 1 + self.sent % self.plan.senders
        for step in range(self.plan.senders):
            sender = 1 + (self.sent + step) % self.plan.senders
            if self.clients[sender].fd >= 0:
                break
        self.sent += 1
        self._under_way += 1
        self._due.append(due)
        self._senders.append(sender)
        self._places.append(-1)
        self._left.append(len(self.clients) - (0 if self.echoes else 1))
        self.clients[sender].under_way += 1
        self.clients[sender].send(self.order.lines.make(number))

    def _give_up(self, now: float) -> None:
        """The lines that somebody has not got in time are lost."""
        while self._oldest < self.sent:
            if self._left[self._oldest] > 0:
                if now - self._due[self._oldest] < self.plan.wait:
                    return
                self._under_way -= 1
            self._oldest += 1

    def _forget(self) -> None:
        """Of what everybody has, the text is let go; who is too far behind goes on by numbers."""
        places = [client.place for client in self.clients if client.fd >= 0 and client.place is not None]
        lowest = min(places, default=self.order.end)
        if lowest - self.order.base > KEPT // 2:
            self.order.forget(lowest)
        elif self.order.kept > MOST:
            for client in self.clients:
                if client.place is not None and client.place < self.order.end - KEPT:
                    client.fall_out()
            self.order.forget(self.order.end - KEPT)

    # What is told of it.

    @property
    def progress(self) -> Progress:
        now, plan = monotonic(), self.plan
        if self.probing:
            return Progress(self.stage, self.join.done, plan.clients, 0, 0)
        begin, length = {
            "warming up": (self._begin - plan.warm_up, plan.warm_up),
            "measuring": (self._begin, plan.duration),
        }.get(self.stage, (self._end, plan.wait))
        return Progress(self.stage, now - begin, length, max(0, self.sent - self._measured), self._deliveries)

    def _cost(self) -> tuple[float, float] | None:
        pid = self.plan.pid
        return None if pid is None else (process.spent(pid), process.resident(pid))

    def _report(self, connect: float, own: float, cost: Cost | None, interrupted: bool) -> Report:
        measuring = self._measured != NONE
        until = max(self._last_delivery, min(self._end, monotonic())) if measuring else self._begin
        counted = self._oldest if interrupted else self.sent  # what was under way when it was interrupted is not lost
        lost = sum(left for left in self._left[:counted] if left > 0)
        return Report(
            str(self.target), self.plan, self.sent - self._measured if measuring else 0, self._deliveries,
            until - self._begin, self.first.times(), self.every.times(), self.last.times(), self.every, lost,
            self.doubled, self.reordered, self.changed, self.returned, len(self.lost_clients), self.echoes, connect,
            own if measuring else 0.0, cost, interrupted,
            PeerError(self.lost_clients[0], kind="closed") if self.lost_clients else None,
        )  # fmt: skip

    def _close(self) -> None:
        self.join.close()
        for client in self.clients:
            if client.fd >= 0:
                self.loop.remove(client.fd)
                client.socket.close()
        self.loop.close()


def _tls(target: Endpoint, security: "Security | None") -> "Tls | None":
    if security is None:
        return None
    from netkit.chat.bench.secured import Tls

    return Tls(target, security)
