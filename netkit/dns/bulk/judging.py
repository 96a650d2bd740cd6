"""What becomes of a question that its first query did not simply answer: the same as in `dns.stub` and `dns.chase`."""

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from netkit.dns.bulk.task import More, Settled, Task
from netkit.dns.chase import Chase, judge
from netkit.dns.result import NEGATIVE, Outcome, Resolution, Transport
from netkit.dns.stub import BADCOOKIE, NO_EDNS, WORST, Reached, outcome_of
from netkit.dns.wire import QR, Malformed, Mismatch, Query, Reply, parse, rcode_name

if TYPE_CHECKING:
    from netkit.dns.bulk.channel import Channel
    from netkit.dns.bulk.engine import Engine
    from netkit.dns.bulk.upstream import Upstream

FINAL = (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN, Outcome.TRUNCATED)
SERVFAILS = 2  # of the only server there is, until they are believed
SLACK = 0.1  # of a try's time: so much may be missing of it when the deadline comes


class Judging:
    STRAYS: ClassVar[int] = 64  # replies without a question that are looked at in each tick; a flood is dropped unseen

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self.settings = engine.settings
        self.counts = engine.counts
        self.strays_left = self.STRAYS

    # --- what happens to a question

    def judge(self, channel: "Channel", id: bytes, wire: bytes) -> None:
        """A message that the quick reader has left."""
        task = channel.flight.get(id) or channel.late.get(id)
        if task is None or (task.more and task.more.done):
            self._stray(channel, wire)
            return
        upstream = channel.upstream
        query = Query(int.from_bytes(id), task.wire, task.type, upstream.options)
        try:
            reply = parse(wire, query)
            if reply.opt and reply.opt.end > reply.opt.start:
                from netkit.dns.edns import accept  # with the first reply that has options

                accept(query, reply, upstream.server)
                upstream.renew_cookie()
        except (Malformed, Mismatch) as exc:
            self._reject(task.trouble(), upstream, exc)
            return
        channel.flight.pop(id, None)
        channel.late.pop(id, None)
        upstream.answered(1)
        self._take(task, task.trouble(), reply, upstream, channel.transport)

    def silent(self, channel: "Channel", id: bytes, task: Task) -> None:
        """A try's time is over."""
        more = task.trouble()
        if (channel, id) not in more.places:
            more.places.append((channel, id))
        channel.expire(id, task)
        more.silent[channel.upstream] = None
        self.counts.timeouts += 1
        upstream = channel.upstream
        upstream.window.missed(1, upstream.in_flight + 1)
        self._next(task, more, upstream)

    def unusable(self, upstream: "Upstream", task: Task, exc: Malformed | Mismatch | None) -> None:
        """What came in the place of its reply, where no other comes; None where that has been judged."""
        more = task.trouble()
        status = getattr(exc, "status", None)  # of HTTP
        if exc is not None:
            self._reject(more, upstream, exc)
        upstream.window.missed(1, upstream.in_flight + 1)
        more.failed[upstream] = more.failed.get(upstream, 0) + 1
        if status in (429, 503):  # it is asked too often
            upstream.pause()
        if status is None or (status < 500 and status not in (0, 429)):
            most = 1
        elif status:
            most = SERVFAILS if len(task.route) == 1 else 1
        else:  # a connection that was reset in the middle of the response
            most = self.settings.tries
        if more.failed[upstream] >= most:
            self._without(task, more, upstream)
        self._next(task, more, upstream)

    def cut_off(self, channel: "Channel", id: bytes, task: Task) -> None:
        """A connection that ended inside of its reply."""
        del channel.flight[id]
        more, upstream = task.trouble(), channel.upstream
        self._reject(more, upstream, Malformed("the connection ended inside the reply"))
        upstream.window.missed(1, upstream.in_flight + 1)
        self._next(task, more, upstream)

    def _reject(self, more: More, upstream: "Upstream", exc: Malformed | Mismatch) -> None:
        outcome = Outcome.MALFORMED if isinstance(exc, Malformed) else Outcome.MISMATCH
        more.bad = outcome if more.bad is None else min(more.bad, outcome, key=WORST.index)
        more.reject(upstream, f"{outcome.value}: {exc}")
        self.counts.rejected += 1

    def _note_unproven(self, more: More, upstream: "Upstream") -> None:
        if upstream.unproven:
            more.bad = Outcome.TLS
            more.detail = more.detail or upstream.unproven.message

    def lost(self, upstream: "Upstream", task: Task, reason: str, *, over_tcp: bool = False) -> None:
        """A query that no reply can come to: a closed port, the end of a connection."""
        more = task.trouble()
        task.began = task.began or monotonic()
        if over_tcp and more.cut:
            reason += " over TCP, where the truncated reply should be whole"
        more.reject(upstream, reason)
        self._note_unproven(more, upstream)
        upstream.window.missed(1, upstream.in_flight + 1)
        if over_tcp and more.cut:
            self._without(task, more, upstream)
        self._next(task, more, upstream)

    def _take(self, task: Task, more: More, reply: Reply, upstream: "Upstream", transport: Transport) -> None:
        """A reply to the question."""
        if reply.truncated and transport == "udp":
            more.cut = True
            self.counts.over_tcp += 1
            upstream.ask_over_tcp(task, monotonic())
            return
        if reply.rcode == BADCOOKIE and upstream.options.cookies and more.new_cookie.get(upstream, 0) < 2:
            count = more.new_cookie[upstream] = more.new_cookie.get(upstream, 0) + 1
            more.notes.append(f"{upstream} wanted another cookie (BADCOOKIE), asked again with the one it gave")
            if count == 2 and transport == "udp":  # RFC 7873 5.3
                upstream.ask_over_tcp(task, monotonic())
            else:
                self._ask(task, more, upstream)
            return
        if reply.rcode in NO_EDNS and self.settings.options.edns and upstream not in more.without_edns:
            more.without_edns.add(upstream)
            more.notes.append(f"{upstream} does not take EDNS ({rcode_name(reply.rcode)}), asked again without")
            self._ask(task, more, upstream)
            return
        outcome = outcome_of(reply)
        if outcome in FINAL:
            if more.silent and upstream in more.without_edns:
                more.notes.append(f"{upstream} answered when asked without EDNS")
            if reply.note:
                more.notes.append(reply.note)
            self._tell_silent(more, [other for other in more.silent if other is not upstream])
            self._settle(task, more, outcome, reply, upstream, transport)
            return
        more.second_best = more.second_best or (outcome, reply, upstream, transport)
        more.reject(upstream, outcome.value if outcome is not Outcome.RCODE else rcode_name(reply.rcode))
        more.failed[upstream] = more.failed.get(upstream, 0) + 1
        if outcome is Outcome.REFUSED:  # also what a server says that is asked too often
            upstream.window.missed(1, upstream.in_flight + 1)
        if outcome is not Outcome.SERVFAIL or len(task.route) > 1 or more.failed[upstream] >= SERVFAILS:
            self._without(task, more, upstream)
        self._next(task, more, upstream)

    # --- which server is next

    def _tries(self, task: Task, more: More, last: "Upstream") -> "list[Upstream]":
        """The servers of the tries to come, first the one behind the last."""
        if more.left is None:
            at = task.route.index(last) + 1
            turn = [*task.route[at:], *task.route[:at]]
            more.left = (turn * self.settings.tries)[:-1]
        return more.left

    def _without(self, task: Task, more: More, upstream: "Upstream") -> None:
        more.left = [other for other in self._tries(task, more, upstream) if other is not upstream]

    def _next(self, task: Task, more: More, last: "Upstream") -> None:
        left = self._tries(task, more, last)
        time = task.began - task.spent + self.settings.timeout - monotonic()
        running = [place for place in more.places if place[0].runs(place[1], task)]  # where nothing gets lost
        if left and time + SLACK * self.engine.try_seconds >= self.engine.try_seconds:
            asked = {channel.upstream for channel, _ in running}
            alive = next((other for other in left if not other.dead and other not in asked), None)
            if alive:
                left.remove(alive)
                clear = alive.transport in ("udp", "tcp")
                if more.silent and clear and alive not in left and self.settings.options.edns:
                    more.without_edns.add(alive)  # some servers drop what has EDNS (RFC 6891 6.2.2)
                self.counts.retries += 1
                self._ask(task, more, alive)
                return
            if not running:
                more.reject(left[0], left[0].reason)
                self._note_unproven(more, left[0])
        if running and time > 0:
            channel, id = running[0]
            channel.resume(id, task)
            return
        self._failed(task, more)

    def too_late(self, task: Task) -> bool:
        """Give up a question that waits for its next try; whether its time is over."""
        more = task.more
        if more is None or not task.began or task.began - task.spent + self.settings.timeout > monotonic():
            return False
        more.queued = False
        if not more.done:
            self._failed(task, more)
        return True

    def _ask(self, task: Task, more: More, upstream: "Upstream") -> None:
        if not more.queued:
            more.queued = True
            upstream.queue.append(task)

    def _failed(self, task: Task, more: More) -> None:
        """No server has a reply that counts: the worst that was heard."""
        if more.second_best:
            outcome, reply, upstream, transport = more.second_best
            self._settle(task, more, outcome, reply, upstream, transport)
            return
        if more.silent:
            self._tell_silent(more, list(dict.fromkeys(channel.upstream for channel, _ in more.places)))
        unreached = bool(more.rejected) and not more.silent
        outcome = more.bad or (Outcome.UNREACHABLE if unreached else Outcome.TIMEOUT)
        self._settle(task, more, outcome, None, None, None)

    def _tell_silent(self, more: More, upstreams: "Sequence[Upstream]") -> None:
        """Those that have been waited for, unless something else was heard of them."""
        heard = {one.server for one in more.rejected}
        for upstream in upstreams:
            if str(upstream) not in heard:
                more.reject(upstream, "gave no reply")

    # --- what it comes to

    def _settle(
        self,
        task: Task,
        more: More,
        outcome: Outcome,
        reply: Reply | None,
        upstream: "Upstream | None",
        transport: Transport | None,
    ) -> None:
        """Follow the aliases of a reply, with a new question where it leaves their target out."""
        chase = more.chase
        before = chase.sofar.elapsed_ms / 1000 if chase.sofar else 0.0
        judge(
            chase,
            Reached(
                name=task.wire,
                type=task.type,
                outcome=outcome,
                reply=reply,
                server=upstream.server if upstream else None,
                transport=transport,
                tries=task.tries,
                elapsed_ms=(max(0.0, monotonic() - task.began - before) * 1000) if task.began else 0.0,
                rejected=more.rejected,
                notes=more.notes,
                detail=more.detail if outcome is more.bad else None,
            ),
        )
        if chase.result is not None:
            self._finish(task, more, chase.result, upstream)
            return
        assert upstream  # only a reply leads on
        self._begin(task, more, chase)
        self._ask(task, more, upstream)

    def _begin(self, task: Task, more: More, chase: Chase) -> None:
        """A new round of queries, to which no reply of the last one counts."""
        self._withdraw(task, more)
        more.chase, more.left, more.rejected, more.notes = chase, None, [], []
        more.second_best, more.bad, more.silent, more.failed, more.cut = None, None, {}, {}, False
        more.detail, more.new_cookie = None, {}
        task.tries = 0
        task.question = chase.at + task.question[-4:]

    def _withdraw(self, task: Task, more: More) -> None:
        for channel, id in more.places:
            for tasks in (channel.flight, channel.late):
                if tasks.get(id) is task:  # another's since then, where its query has ended
                    del tasks[id]
        more.places.clear()

    def _finish(self, task: Task, more: More, resolution: Resolution, upstream: "Upstream | None") -> None:
        if self.settings.confirm:
            confirmed = self._confirmed(task, more, resolution, upstream)
            if confirmed is None:
                return
            resolution = confirmed
        self._withdraw(task, more)
        more.done = True
        self.engine.results.append(Settled(task, resolution))

    def _confirmed(
        self, task: Task, more: More, resolution: Resolution, upstream: "Upstream | None"
    ) -> Resolution | None:
        """The result as other servers see it, None as long as one of them is still asked."""
        if more.negative is None:
            if resolution.outcome not in NEGATIVE or upstream is None:
                return resolution
            more.negative = resolution
            more.confirming = [upstream]
        elif resolution.outcome is Outcome.ANSWER:
            before = more.negative
            note = f"{before.server} says {before.outcome.value}"
            return resolution._replace(notes=(*resolution.notes, *before.notes, note))
        else:
            other = more.confirming[-1]
            word = resolution.outcome.value
            agrees = resolution.outcome in NEGATIVE
            note = f"{other} says {word} as well" if agrees else f"{other} cannot confirm it: {word}"
            more.negative = more.negative._replace(notes=(*more.negative.notes, note))
        others = [one for one in task.route if one not in more.confirming]
        if len(more.confirming) > self.settings.confirm or not others:
            missing = self.settings.confirm + 1 - len(more.confirming)
            if missing > 0:
                note = "there is no other server to confirm it" if len(task.route) == 1 else "no further server to ask"
                return more.negative._replace(notes=(*more.negative.notes, note))
            return more.negative
        chosen = others[0]
        more.confirming.append(chosen)
        name = more.chase.name
        self._begin(task, more, Chase(task.text, name, task.type, more.chase.rdclass, (), at=name))
        more.left = [chosen] * (self.settings.tries - 1)
        task.began = monotonic()
        self._ask(task, more, chosen)
        return None

    def _stray(self, channel: "Channel", wire: bytes) -> None:
        """A reply that has the id of no question here: one that came too late, or a forged one."""
        self.counts.strays += 1
        if not self.strays_left or len(wire) < 12 or not wire[2] & (QR >> 8):
            return
        self.strays_left -= 1
        for task in channel.flight.values():
            if wire[12 : 12 + len(task.question)].lower() == task.question.lower():
                more = task.trouble()
                more.bad = more.bad or Outcome.MISMATCH
                more.reject(channel.upstream, f"{Outcome.MISMATCH.value}: wrong id")
                return
