"""What the clients of a run tell: in which order the lines are, and who has got them when.

Deliveries are counted in groups, of who read the same bytes within SETTLE reads: the time is taken once for them, after
the last, so it is never told too short, and up to 0.2 ms too long.
"""

import select
import socket
from array import array
from collections.abc import Callable, Sequence
from secrets import token_hex
from time import monotonic
from typing import Protocol

from netkit.chat.bench.order import Lines, Order, Probes
from netkit.chat.bench.result import Plan
from netkit.chat.bench.vouch import Waiting, certain, stray
from netkit.errors import NetkitError, PeerError
from netkit.net.address import Endpoint
from netkit.net.histogram import Histogram
from netkit.net.loop import Loop
from netkit.net.reasons import reason_of

SETTLE = 64  # reads of which the time is taken once
NONE = 1 << 62
STALL = 0.05  # seconds without a line for the order, while some wait to add one


class Hearer(Waiting, Protocol):
    """A client, as the tally needs it. fd: -1 when it is closed. under_way: its own lines that nobody has got yet."""

    fd: int
    socket: socket.socket
    under_way: int

    @property
    def tail(self) -> str:
        """What it got last before the run."""

    def take(self) -> None:
        """Go on with what is pending."""

    def add_front(self) -> None:
        """The line that it waits with is next for everybody."""

    def skip(self, place: int) -> None:
        """A line of its own stands there, which it will not get."""


class Tally:
    """heard: gets a client's number, and the probes in what it read before the run."""

    def __init__(self, target: Endpoint, plan: Plan, clients: Sequence[Hearer]) -> None:
        self.target = target
        self.plan = plan
        self.loop = Loop()
        tag = token_hex(3)
        self.probes = Probes(tag)
        self.order = Order(Lines(tag, plan.size), self._line)
        self.clients = clients
        self.heard: Callable[[int, list[int]], None] = lambda client, probes: None
        self.probing = True  # nothing is measured yet
        self.ending = False  # nothing more is expected: what is pending is taken as it is
        self.echoes = False
        self.sent = self.reads = 0
        self.doubled = self.reordered = self.changed = self.returned = 0
        self.lost_clients: list[str] = []
        self.waiting: set[Hearer] = set()
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
        self._deliveries = 0
        self._last_delivery = 0.0
        self.first, self.every, self.last = Histogram(), Histogram(), Histogram()

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

    def closed(self, client: Hearer, exc: OSError | None) -> None:
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
