"""Queries that have a stream each, HTTPS (RFC 8484) and QUIC (RFC 9250): the links of `dns.link`, for many questions.

A link makes its connections itself, makes new ones when they end, and tells of each query what came of it: a message,
or why there is none and never will be. So what is rejected ends its try, which over UDP it does not. On the wire all
ids are 0; here each stream has one, and a message that has another than 0 is another question's.

Nothing is lost on a stream, so a server that keeps silent is not asked the same once more, but waited for as long as
the question may take. A link serves so many streams at once, and one whose question went on to another server still
takes its place. What is told while a link works is kept and acted upon when it has done so, for it may begin new
queries.
"""

import selectors
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from netkit.dns.bulk.channel import Channel
from netkit.dns.bulk.task import Task
from netkit.dns.exchange import Exchange, OverLink
from netkit.dns.link import Links
from netkit.dns.servers import Server
from netkit.dns.wire import USUAL, Malformed, Mismatch, Query, Reply
from netkit.errors import Insecure
from netkit.net.deadline import Deadline
from netkit.net.reasons import EXHAUSTED, reason_of

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream

BEYOND = 0.25  # seconds that a stream has behind the time of its question, so that the question's own clock ends it


class OnStream(OverLink):
    """A query and what comes of it; for its link it is `exchange.Asking` as well.

    held: its try is over, and it still runs. until: by the monotonic clock. since: how many replies
    the channel had before. told: what came instead of
    a reply; reason: why nothing did; error: the server does not prove who it is.
    """

    done = False

    def __init__(self, channel: "OverStreams", id: bytes, task: Task, wire: bytes) -> None:
        self.channel = channel
        self.links: Links = channel.links
        self.selector = self.links.selector
        self.on_event = channel.upstream.engine.on_event
        self.id = id
        self.task = task
        self.since = channel.replies
        self.until = task.began - task.spent + channel.upstream.engine.settings.timeout + BEYOND
        self.held = False
        self.told: Malformed | Mismatch | None = None
        self.reason = ""
        self.error: Insecure | None = None
        options = USUAL._replace(source=channel.upstream.options.source)
        super().__init__(self, channel.upstream.server, Query(0, task.wire, task.type, options, signed=wire))

    @property
    def deadline(self) -> Deadline:
        """Of a stream that begins now."""
        return Deadline.after(max(0.0, self.until - monotonic()))

    def take(self, wire: bytes) -> None:
        self.channel.came(self, wire)

    def ended(self, received: bytes | bytearray = b"") -> None:
        """Its stream did, and no connection: that has others still."""
        self.was_there = True
        super().ended(received)

    def judge(self, exchange: Exchange, reply: Reply) -> None:
        raise NotImplementedError  # take() is what calls it

    def unusable(self, server: Server, exc: Malformed | Mismatch) -> None:
        self.told = exc

    def lost(self, exchange: Exchange, reason: str) -> None:
        self.reason = reason
        self.channel.is_over(self)

    def unproven(self, exchange: Exchange, error: Insecure) -> None:
        self.error = error
        self.channel.is_over(self)


class OverStreams(Channel):
    """The streams to one server. running: those that the link has; over: those that ended without a reply."""

    def __init__(self, upstream: "Upstream") -> None:
        self.links: Links = Links(upstream.engine.security)
        self.running: dict[bytes, OnStream] = {}
        self.over: list[OnStream] = []
        self.answered = 0  # in this turn, simply
        self.replies: int = 0  # of all kinds, so far
        super().__init__(upstream)
        self.transport = upstream.transport
        self.trace = None  # the link tells
        upstream.engine.timed.append(self)

    def _open(self) -> None:
        self.upstream.engine.selector.register(self.links.selector, selectors.EVENT_READ, self)  # type: ignore[arg-type]

    @property
    def due(self) -> float:
        """When `ready` is to be called at the latest, by the monotonic clock."""
        return self.links.due()

    def send(self, queue: deque[Task], count: int, now: float) -> bool:
        """Raises LocalFailure where a library is missing."""
        unsent: list[bytes] = []
        exhausted: OSError | None = None
        for wire in self.queries(queue, count, now):
            id = wire[:2]
            if exhausted:
                unsent.append(wire)
                continue
            stream = self.running[id] = OnStream(self, id, self.flight[id], b"\0\0" + wire[2:])
            try:
                stream.begin()
            except OSError as exc:
                if exc.errno in EXHAUSTED:
                    del self.running[id]
                    exhausted = exc
                    unsent.append(wire)
                else:
                    stream.lost(stream, reason_of(exc))
        if exhausted:
            self.unsent(unsent)
            self.upstream.pause()
            self.upstream.engine.exhausted(exhausted)
        self.ready(0)
        return not (self.closed or exhausted)

    def ready(self, events: int) -> None:
        for key, _ in self.links.selector.select(0):
            key.data.ready()
        self.links.tick()
        answered, self.answered = self.answered, 0
        self.upstream.answered(answered)
        if self.over:
            over, self.over = self.over, []
            self._settle(over)

    def _settle(self, over: list[OnStream]) -> None:
        """Those whose question is still on its way."""
        upstream, judging = self.upstream, self.upstream.engine.judging
        fallen: list[Task] = []
        reason, error = "", None
        for one in over:
            task = one.task
            if self.flight.get(one.id) is not task:
                if self.late.get(one.id) is task:
                    del self.late[one.id]
                continue
            del self.flight[one.id]
            if one.error is not None or (one.reason and not one.told and not self._is_there(one)):
                fallen.append(task)
                reason, error = one.reason, one.error or error
            elif one.reason and not one.told:
                judging.lost(upstream, task, one.reason)
            else:
                judging.unusable(upstream, task, one.told)
        if fallen:
            upstream.fell(fallen, reason, error)

    def _is_there(self, stream: OnStream) -> bool:
        """Whether the server is, although this stream was lost."""
        return stream.was_there or self.replies > stream.since

    def expire(self, id: bytes, task: Task) -> None:
        super().expire(id, task)
        if (stream := self.running.get(id)) and not stream.held:
            stream.held = True
            self.upstream.held += 1

    def tidy(self, now: float) -> None:
        """Forget those that nobody waits for any more."""
        if self.upstream.held:
            for stream in [one for one in self.running.values() if one.held and one.until <= now]:
                self._end(stream)

    def runs(self, id: bytes, task: Task) -> bool:
        """Whether a reply to the question may still come on a stream whose try is over."""
        return self.late.get(id) is task and id in self.running

    def resume(self, id: bytes, task: Task) -> None:
        """Wait for it as if it had been sent now."""
        del self.late[id]
        self.flight[id] = task
        task.sent = monotonic()
        self._release(self.running[id])

    def _release(self, stream: OnStream) -> None:
        if stream.held:
            stream.held = False
            self.upstream.held -= 1

    def close(self) -> None:
        self.closed = True
        self.upstream.engine.timed.remove(self)
        self.upstream.engine.forget(self.links.selector)
        self.links.close()
        for stream in self.running.values():
            self._release(stream)
        self.running.clear()

    # --- what streams tell

    def came(self, stream: OnStream, wire: bytes) -> None:
        """A message on a stream."""
        self._end(stream)
        self.replies += 1
        id, task = stream.id, stream.task
        if (self.flight.get(id) or self.late.get(id)) is not task:
            return
        right = wire[:2] == b"\0\0"
        # All ids are 0 on the wire: this one's takes the place of 0, and any other number is another than this.
        wire = bytes(mine ^ theirs for mine, theirs in zip(id, wire, strict=False)) + wire[2:]
        engine = self.upstream.engine
        if right and task.more is None and (found := engine.read(wire, task, self.server, self.transport, monotonic())):
            del self.flight[id]
            self.answered += 1
            engine.results.append(found)
            return
        engine.judge(self, id, wire)
        if self.flight.get(id) is task or self.late.get(id) is task:  # it was none, and no other comes
            self.over.append(stream)

    def is_over(self, stream: OnStream) -> None:
        self._end(stream)
        self.over.append(stream)

    def _end(self, stream: OnStream) -> None:
        stream.close()
        if self.running.get(stream.id) is stream:
            del self.running[stream.id]
        self._release(stream)
