"""A run of the bench: everybody comes in, lines are said when they are due, and who got them is counted.

Open loop: line n is due at its time whatever became of those before it, and its delivery counts from then, so a server
that stalls shows in every line that it held up (no coordinated omission). Closed loop: so many lines are always under
way, the next is said when one has come to all; that measures how much the server can do.
"""

import gc
from contextlib import ExitStack
from time import monotonic, process_time
from typing import TYPE_CHECKING

from netkit.chat.bench import process
from netkit.chat.bench.client import Client
from netkit.chat.bench.join import Join
from netkit.chat.bench.order import KEPT, MOST
from netkit.chat.bench.result import Cost, Plan, Progress, Report
from netkit.chat.bench.tally import NONE, Tally
from netkit.errors import PeerError
from netkit.events import OnEvent
from netkit.net.address import Endpoint
from netkit.net.interrupt import between_callbacks

if TYPE_CHECKING:
    from netkit.chat.bench.secured import Tls
    from netkit.net.tls_client import Security

SLACK = 0.001  # seconds that we may be late ourselves: that does not count
BURST = 64  # lines that are said before it is looked what came


class Bench(Tally):
    """`run` it once. loop: for whoever wants to show `progress` meanwhile. security: for TLS; raises BadInput."""

    def __init__(
        self, target: Endpoint, plan: Plan, *, security: "Security | None" = None, on_event: OnEvent | None = None
    ) -> None:
        self.clients: list[Client] = []
        super().__init__(target, plan, self.clients)
        self.join = Join(self, self.clients, _tls(target, security), on_event)
        self.heard = self.join.heard
        self._before: tuple[float, float] | None = None  # what the server had spent then
        self._begin = self._end = 0.0
        self._own = 0.0

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
                with between_callbacks(self.loop):
                    self._paced()
            except KeyboardInterrupt:
                interrupted = True
            self.settle()
            own = process_time() - self._own
            if self._before is not None and (after := self._cost()) is not None:
                cost = Cost(after[0] - self._before[0], self._before[1], after[1])
            return self._report(connect, own, cost, interrupted)

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
