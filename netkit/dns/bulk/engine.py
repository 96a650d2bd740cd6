"""The loop: questions out as fast as the servers take them, replies in, and a result for every one of them.

Rules. A server that refuses, fails or is lame is left for the next one; a silent one is asked again after the next
one was, the last time without EDNS. What is truncated is asked again over TCP. A reply that is not ours or cannot be
read is kept with its reason and the wait goes on, so that a bad reply never ends as a bare timeout. A question has one
deadline, from its first query on. Whoever takes the results may add() questions that follow from them; these go before
more lines are read. After stop() nothing is sent; what has no result by then is `interrupted`.
"""

import selectors
from collections import deque
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from netkit.dns.bulk.channel import Channel
from netkit.dns.bulk.feed import Feed
from netkit.dns.bulk.judging import Judging
from netkit.dns.bulk.pace import Bucket
from netkit.dns.bulk.quick import read, read_answer, template
from netkit.dns.bulk.tally import Counts
from netkit.dns.bulk.task import Result, Settled, Task
from netkit.dns.bulk.upstream import SOCKETS, Upstream
from netkit.dns.manner import TRIES, TRY_SECONDS
from netkit.dns.result import Outcome, Resolution
from netkit.dns.servers import Server
from netkit.dns.types import type_name
from netkit.dns.wire import USUAL, QueryOptions
from netkit.errors import LocalFailure, NetkitError
from netkit.events import OnEvent
from netkit.net.tls_client import Security

if TYPE_CHECKING:
    import ssl

    from netkit.dns.bulk.streams import OverStreams

BATCH = 512  # questions taken from the input at once
BACKLOG = 2048  # that wait for a server that a line names, until no more lines are read
HELD = 65536  # results that wait for an earlier one when the order is kept, until no more lines are read
FOR_A_LINE = 4  # UDP sockets to a server that a line names: there may be hundreds of those


class Settings(NamedTuple):
    """How questions are asked. timeout: seconds for each, all told; tries: of a silent server; concurrency: in flight
    to each server, None leaves it to what the server takes; rate: queries a second, of all; confirm: how many other
    servers are to agree that there is no answer; security: how certificates are verified, None is as usual."""

    tcp: bool = False
    tries: int = TRIES
    timeout: float = 6.0
    options: QueryOptions = USUAL
    concurrency: int | None = None
    rate: float | None = None
    ordered: bool = False
    confirm: int = 0
    security: Security | None = None


class Engine:
    def __init__(self, settings: Settings, on_event: OnEvent | None = None) -> None:
        self.settings = settings
        self.on_event = on_event
        self.selector = selectors.DefaultSelector()
        self.try_seconds = min(TRY_SECONDS, settings.timeout / settings.tries)
        self.tick = min(0.05, self.try_seconds / 40)
        self.plain = template(settings.options._replace(edns=False))
        self.security = settings.security or Security()
        self._context: ssl.SSLContext | None = None
        self.timed: list[OverStreams] = []  # what wants to be called at a time of its own
        self.upstreams: dict[Server, Upstream] = {}
        self.bucket = Bucket(settings.rate, monotonic()) if settings.rate else None
        self.results: list[Result] = []
        self.counts = Counts()
        self.read = read_answer if settings.confirm else read
        self.judging = Judging(self)
        self.judge = self.judging.judge
        self.lost = self.judging.lost
        self.open = 0  # questions taken that have no result yet
        self.stopped = False
        self.further: deque[Task] = deque()  # that were added, and wait for room
        self.full = False  # whoever takes the results has no room for those of more lines
        self.held: dict[int, Result] = {}  # results that came before an earlier question's
        self.next_place = 0
        self.no_route: NetkitError | None = None

    def route(self, servers: Sequence[Server], sockets: int | None = None) -> tuple[Upstream, ...]:
        """The servers as they are asked here."""
        for server in servers:
            if server not in self.upstreams:
                self.upstreams[server] = Upstream(self, server, sockets=sockets or SOCKETS)
        return tuple(self.upstreams[server] for server in servers)

    @property
    def context(self) -> "ssl.SSLContext":
        """Of all connections over TLS. Raises BadInput about the CA file."""
        if self._context is None:
            from netkit.dns.tls_session import context_of

            self._context = context_of(self.security)
        return self._context

    def run(self, feed: Feed, *, wake: int | None = None, to_the_end: bool = False) -> Iterator[list[Result]]:
        """The results as they come, in lists. wake: a descriptor that is readable when the run is to stop. to_the_end:
        stopped, it takes the lines that are left as well, whose results are `interrupted`.

        Raises LocalFailure where the input cannot be read, or a socket cannot be opened.
        """
        self.feed = feed
        next_tick = monotonic()
        if wake is not None:
            self.selector.register(wake, selectors.EVENT_READ)
        try:
            while not self.stopped:
                now = monotonic()
                hungry = self._fill(now)
                if now >= next_tick:
                    self._expire(now)
                    next_tick = now + self.tick
                if self.results:
                    hungry = True  # time has passed since then, and there may be room
                    if ready := self._delivered():
                        yield ready
                elif feed.exhausted and not self.open:
                    return
                self._poll(0.0 if hungry else self._wait(now, next_tick))
                for channel in [one for one in self.timed if one.due <= monotonic()]:
                    channel.ready(0)
            yield from self._interrupted()
            while to_the_end and (tasks := feed.remaining(BATCH)):
                self.open += len(tasks)
                self.results += [Settled(task, task.known or interrupted(task)) for task in tasks]
                yield self._delivered()
        finally:
            for upstream in self.upstreams.values():
                upstream.close()
            self.selector.close()

    def add(self, tasks: Sequence[Task]) -> None:
        """Ask these as well: for who got a list of results, before he takes the next one."""
        for task in tasks:
            task.place = self.feed.number
            self.feed.number += 1
        self.further += tasks
        self.open += len(tasks)

    def stop(self) -> None:
        """End the run; called by a signal handler, so it does no more than say so."""
        self.stopped = True

    def forget(self, fileobj: object) -> None:
        self.selector.unregister(fileobj)  # type: ignore[arg-type]

    def exhausted(self, exc: OSError) -> None:
        """No descriptor is left: take back those of servers with nothing to do. Raises LocalFailure without any."""
        if not sum(upstream.rest() for upstream in self.upstreams.values()) and not any(
            upstream.in_flight for upstream in self.upstreams.values()
        ):
            raise LocalFailure(
                f"cannot open a socket: {exc.strerror}",
                kind="descriptors",
                hint="ulimit -n raises the limit",
            ) from exc

    def _poll(self, wait: float | None) -> None:
        for key, events in self.selector.select(wait):
            if isinstance(key.data, Channel):
                if not key.data.closed:
                    key.data.ready(events)
            elif key.data is self.feed:
                self.feed.may_read = True
                self.selector.unregister(key.fileobj)
            else:
                self.stop()

    def _fill(self, now: float) -> bool:
        """Send what may be sent; whether more may be at once."""
        tokens = self.bucket.available(now) if self.bucket else BACKLOG
        backlog = 0
        for upstream in self.upstreams.values():
            if upstream.queue:
                sent = upstream.pump(tokens, now)
                tokens -= sent
                if self.bucket:
                    self.bucket.spend(sent)
                backlog += len(upstream.queue)
        if backlog >= BACKLOG or tokens <= 0 or not (self.further or self._reads):
            return False
        default = self.feed.parse.route
        rooms = _rooms(default, now)
        room = sum(most for most in rooms.values() if most > 0) if default else BATCH
        most = min(room, tokens, BATCH)
        if self.settings.ordered:
            most = min(most, HELD - (self.feed.number - self.next_place))
        if most <= 0:
            return False
        tasks = [self.further.popleft() for _ in range(min(most, len(self.further)))]
        if self._reads and len(tasks) < most:
            taken = self.feed.take(most - len(tasks))
            self.open += len(taken)
            tasks += taken
        touched: dict[Upstream, None] = {}
        for task in tasks:
            if task.known is not None:
                self.results.append(Settled(task, task.known))
                continue
            route = task.route
            if len(route) == 1:
                upstream = route[0]
            elif route:
                if route[0] not in rooms:  # servers of a line
                    rooms |= _rooms(route, now)
                upstream = max(route, key=rooms.__getitem__)
                rooms[upstream] -= 1
            else:
                assert self.no_route
                raise self.no_route
            upstream.queue.append(task)
            touched[upstream] = None
        for upstream in touched:
            sent = upstream.pump(tokens, now)
            tokens -= sent
            if self.bucket:
                self.bucket.spend(sent)
        if len(tasks) < most:
            if not self._reads:
                return False
            self._await_input()
            return self.feed.always
        return True

    @property
    def _reads(self) -> bool:
        """Whether lines are to be read."""
        return not (self.full or self.feed.exhausted)

    def _await_input(self) -> None:
        """Be woken when there is more to read."""
        feed = self.feed
        if feed.ended or feed.may_read or feed.fd in self.selector.get_map():
            return
        try:
            self.selector.register(feed.fd, selectors.EVENT_READ, feed)
        except PermissionError:  # a device that epoll(7) does not take, /dev/null for one
            feed.always = feed.may_read = True

    def _wait(self, now: float, next_tick: float) -> float | None:
        queued = [one for one in self.upstreams.values() if one.queue and one.window.size > one.in_flight]
        if queued or (self.bucket and (self.further or self._reads) and self.bucket.tokens < 1):
            paused = min((upstream.paused_until - now for upstream in queued), default=0.0)
            tokens = self.bucket.wait() if self.bucket else 0.0
            wait: float | None = min(max(paused, tokens, 0.001), self.tick)
        else:
            wait = max(0.0, next_tick - now) if self.open or any(one.running for one in self.timed) else None
        if not self.timed:
            return wait
        soonest = max(0.0, min(one.due for one in self.timed) - now)
        return soonest if wait is None else min(wait, soonest)

    def _expire(self, now: float) -> None:
        """Give up the tries whose time is over; the questions of a channel are in the order they were sent."""
        limit = now - self.try_seconds
        self.judging.strays_left = self.judging.STRAYS
        for upstream in list(self.upstreams.values()):
            for channel in upstream.all_channels():
                over: list[tuple[bytes, Task]] = []
                for id, task in channel.flight.items():
                    if task.sent > limit:
                        break
                    over.append((id, task))
                for id, task in over:
                    self.judging.silent(channel, id, task)
            if upstream.old:
                upstream.tidy()
            if upstream.held:  # streams that are not answered leave no room
                upstream.queue = deque([task for task in upstream.queue if not self.judging.too_late(task)])
        for channel in self.timed:
            channel.tidy(now)

    def _delivered(self) -> list[Result]:
        """The results to hand out now."""
        results, self.results = self.results, []
        self.open -= len(results)
        if not self.settings.ordered:
            return results
        held = self.held
        for result in results:
            held[result.task.place] = result
        ready = []
        while self.next_place in held:
            ready.append(held.pop(self.next_place))
            self.next_place += 1
        return ready

    def _interrupted(self) -> Iterator[list[Result]]:
        """A result for everything that has been taken."""
        tasks: dict[int, Task] = {}
        done = {result.task.place for result in self.results}
        for upstream in self.upstreams.values():
            for channel in upstream.all_channels():
                tasks |= {task.place: task for task in (*channel.flight.values(), *channel.late.values())}
            tasks |= {task.place: task for task in upstream.queue}
        tasks |= {task.place: task for task in self.further}
        for place in sorted(tasks):
            task = tasks[place]
            if place not in done and not (task.more and task.more.done):
                self.results.append(Settled(task, interrupted(task)))
        yield self._delivered()


def _rooms(route: Sequence[Upstream], now: float) -> dict[Upstream, int]:
    """How many questions each server may get. One that is not there gets one now and then; if none is, it is told."""
    if all(upstream.dead for upstream in route):
        return dict.fromkeys(route, BATCH)
    return {one: one.room if not one.dead else int(now >= one.paused_until) for one in route}


def interrupted(task: Task) -> Resolution:
    rejected = tuple(task.more.rejected) if task.more else ()
    return Resolution(
        task.text, task.name, type_name(task.type), Outcome.INTERRUPTED, "dns", tries=task.tries, rejected=rejected
    )
