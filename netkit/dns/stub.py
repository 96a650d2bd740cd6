"""Asks servers: any number of questions at once over one poll loop, UDP with TCP for what is too long.

Rules. Sockets are connected, so that the kernel drops what comes from elsewhere and tells a refusing port at once.
Ids and source ports are unpredictable (RFC 5452). A reply that is not ours or cannot be read is kept with its reason
and the wait goes on; an earlier try stays open, so that its late reply still counts. A server that refuses, fails or
is lame is left for the next one, a silent one is asked again, without EDNS (RFC 6891 6.2.2: some drop it). A reply with
another cookie or subnet than ours, or where a key was given not signed with it, is none. Nothing outlives the
deadline. Synchronous: asyncio would cost a look-up 20 ms of CPU.
"""

import os
import selectors
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from netkit.dns.exchange import Exchange, OverLink, OverUdp
from netkit.dns.link import Links
from netkit.dns.manner import Manner
from netkit.dns.result import Outcome, Rejected, Transport
from netkit.dns.servers import Server
from netkit.dns.types import NS, SOA
from netkit.dns.wire import AA, Malformed, Mismatch, Query, Reply, rcode_name
from netkit.errors import Insecure, LocalFailure
from netkit.net.reasons import EXHAUSTED, reason_of

MAX_REJECTED = 16  # kept per question; a flood of forged replies fills no memory
FAILURES = {2: Outcome.SERVFAIL, 5: Outcome.REFUSED}
NO_EDNS = (1, 4, 16)  # FORMERR, NOTIMP, BADVERS: what servers say that do not know EDNS
BADCOOKIE = 23
WORST = (Outcome.BOGUS, Outcome.TLS, Outcome.MALFORMED, Outcome.MISMATCH)  # of what was rejected, the one that is told


@dataclass(slots=True)
class Reached:
    """How one question ended: a reply to judge, or the outcome that there is none."""

    name: bytes
    type: int
    outcome: Outcome = Outcome.TIMEOUT
    reply: Reply | None = None
    server: Server | None = None
    transport: Transport | None = None
    tries: int = 0
    elapsed_ms: float = 0.0
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    detail: str | None = None
    key: str | None = None  # the TSIG key that the reply is signed with


def ask(questions: Sequence[tuple[bytes, int]], servers: Sequence[Server], manner: Manner) -> list[Reached]:
    """One Reached for each (wire name, type), in their order; asked all at once. Raises LocalFailure (descriptors)."""
    return ask_each([(name, rdtype, servers) for name, rdtype in questions], manner)


def ask_each(questions: Sequence[tuple[bytes, int, Sequence[Server]]], manner: Manner) -> list[Reached]:
    """As `ask`, with servers of its own for each question."""
    if manner.links is None:
        with Links() as made:
            return _ask_over(made, questions, manner)
    return _ask_over(manner.links, questions, manner)


def _ask_over(links: Links, questions: Sequence[tuple[bytes, int, Sequence[Server]]], manner: Manner) -> list[Reached]:
    deadline, rotate = manner.deadline, manner.rotate
    first = int.from_bytes(os.urandom(2)) if rotate else 0
    asking = []
    for number, (name, rdtype, servers) in enumerate(questions):
        turn = (first + number) % len(servers) if rotate else 0
        order = [*servers[turn:], *servers[:turn]]
        asking.append(Question(links, Reached(name, rdtype), order, manner))
    try:
        for question in asking:
            question.next_try()
        while waiting := [question for question in asking if not question.done]:
            last = deadline.passed  # what has come by then still counts, also when we were held up meanwhile
            soonest = min(links.due(), *(question.next_at for question in waiting))
            for key, _ in links.selector.select(min(deadline.left, max(0.0, soonest - monotonic()))):
                key.data.ready()
            if last:
                break
            links.tick()
            now = monotonic()
            for question in waiting:
                if not question.done and now >= question.next_at:
                    question.silent()
    finally:
        for question in asking:
            question.close()
    return [question.result() for question in asking]


class Question:
    """One question on its way over the servers."""

    def __init__(self, links: Links, reached: Reached, servers: Sequence[Server], manner: Manner) -> None:
        self.links = links
        self.selector: selectors.BaseSelector = links.selector
        self.reached = reached
        self.waiting_for = [server for _ in range(manner.tries) for server in servers]
        self.deadline = manner.deadline
        self.tcp = manner.tcp
        self.try_seconds = manner.try_seconds
        self.options = manner.options
        self.on_event = manner.on_event
        self.open: list[Exchange] = []
        self.without_edns: set[Server] = set()
        self.cut: set[Server] = set()  # those that truncated over UDP
        self.new_cookie: dict[Server, int] = {}  # how often one wanted another cookie
        self.second_best: tuple[Outcome, Reply, Server, Transport] | None = None
        self.bad: Outcome | None = None
        self.heard_nothing = False
        self.silent_servers: dict[Server, None] = {}  # that have let a try pass
        self.open_at_end = False
        self.start = monotonic()
        self.next_at = self.start
        self.ended = 0.0
        self.done = False

    def next_try(self) -> None:
        """Ask the next server in turn; without one, wait for what is still open, or end."""
        while self.waiting_for:
            server = self.waiting_for.pop(0)
            if self.send(server, tcp=self.tcp):
                return
        self.next_at = self.deadline.at
        if not self.open:
            self.end()

    def send(self, server: Server, *, tcp: bool) -> bool:
        """Begin an exchange; whether it could begin."""
        transport = "tcp" if tcp and server.transport == "udp" else server.transport
        query = self.query(server, transport)
        self.reached.tries += 1
        exchange = (OverUdp if transport == "udp" else OverLink)(self, server, query)
        try:
            exchange.begin()
        except OSError as exc:
            exchange.close()
            if exc.errno in EXHAUSTED:
                raise LocalFailure(
                    f"cannot open a socket for {server}: {exc.strerror}",
                    kind="descriptors",
                    hint="ulimit -n raises the limit; fewer names at once need fewer",
                ) from exc
            self.unreached(exchange, reason_of(exc))
            return False
        self.open.append(exchange)
        self.next_at = min(self.deadline.at, monotonic() + self.try_seconds)
        return True

    def query(self, server: Server, transport: Transport) -> Query:
        options = self.options if transport in ("udp", "tcp") else self.options.encrypted
        if server in self.without_edns:
            options = options._replace(edns=False)
        elif options.cookies:
            options = options._replace(extra=(*options.extra, options.cookies.option(server)))
        number = 0  # where each query has a stream of its own (RFC 8484 4.1, RFC 9250 4.2.1)
        if transport not in ("https", "quic"):
            number = int.from_bytes(os.urandom(2))
            while self.links.in_use(server, transport, options.source, number):
                number = int.from_bytes(os.urandom(2))
        query = Query(number, self.reached.name, self.reached.type, options)
        if options.key is None:
            return query
        from netkit.dns.tsig import sign

        return sign(query, options.key)

    def silent(self) -> None:
        """A try's time is up: the next one; servers may be silent because of EDNS."""
        self.heard_nothing = True
        self.silent_servers.update((one.server, None) for one in self.open)
        if not self.waiting_for:
            self.try_seconds = self.deadline.left
            self.next_at = self.deadline.at
            return
        if not self.options.insist:
            self.without_edns.update(one.server for one in self.open if one.transport in ("udp", "tcp"))
        self.next_try()

    def gone(self, server: Server, reason: str) -> None:
        """A server that cannot be reached is not asked again."""
        if reason:
            self.reject(server, reason)
        self.waiting_for = [other for other in self.waiting_for if other != server]

    def reject(self, server: Server, reason: str) -> None:
        if len(self.reached.rejected) < MAX_REJECTED:
            self.reached.rejected.append(Rejected(str(server), reason))

    def unusable(self, server: Server, exc: Malformed | Mismatch) -> None:
        self.rejected(server, Outcome.MALFORMED if isinstance(exc, Malformed) else Outcome.MISMATCH, str(exc))

    def rejected(self, server: Server, outcome: Outcome, reason: str) -> None:
        self.bad = outcome if self.bad is None else min(self.bad, outcome, key=WORST.index)
        self.reject(server, f"{outcome.value}: {reason}")

    def lost(self, exchange: Exchange, reason: str) -> None:
        """The exchange ended without a reply; reason: "" where that has been told."""
        self.forget(exchange)
        self.unreached(exchange, reason)
        self.next_try()

    def unproven(self, exchange: Exchange, error: Insecure) -> None:
        """TLS failed: the server is left, and never asked in the clear instead."""
        self.forget(exchange)
        self.reached.detail = self.reached.detail or error.message
        self.rejected(exchange.server, Outcome.TLS, error.message.removeprefix(f"{exchange.server}: "))
        self.waiting_for = [other for other in self.waiting_for if other != exchange.server]
        self.next_try()

    def unreached(self, exchange: Exchange, reason: str) -> None:
        if exchange.transport == "tcp" and exchange.server in self.cut:
            reason += " over TCP, where the truncated reply should be whole"
        self.gone(exchange.server, reason)

    def forget(self, exchange: Exchange) -> None:
        exchange.close()
        self.open.remove(exchange)

    def judge(self, exchange: Exchange, reply: Reply) -> None:
        """A reply to our question: the end, TCP for the rest of it, or the next server."""
        server = exchange.server
        if not self.belongs(exchange, reply):
            return
        if reply.truncated and exchange.transport == "udp":
            self.forget(exchange)
            self.cut.add(server)
            if not self.send(server, tcp=True):
                self.next_try()
            return
        if reply.rcode == BADCOOKIE and exchange.query.options.cookies and self.new_cookie.get(server, 0) < 2:
            self.forget(exchange)
            count = self.new_cookie[server] = self.new_cookie.get(server, 0) + 1
            self.reached.notes.append(f"{server} wanted another cookie (BADCOOKIE), asked again with the one it gave")
            if not self.send(server, tcp=exchange.transport == "tcp" or count == 2):  # RFC 7873 5.3
                self.next_try()
            return
        if reply.rcode in NO_EDNS and exchange.query.options.edns and not self.options.insist:
            self.forget(exchange)
            self.without_edns.add(server)
            self.reached.notes.append(f"{server} does not take EDNS ({rcode_name(reply.rcode)}), asked again without")
            if not self.send(server, tcp=exchange.transport == "tcp"):
                self.next_try()
            return
        outcome = outcome_of(reply)
        if outcome in (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN, Outcome.TRUNCATED):
            if self.heard_nothing and not exchange.query.options.edns:
                self.reached.notes.append(f"{server} answered when asked without EDNS")
            self.settle(outcome, reply, server, exchange.transport)
            return
        self.forget(exchange)
        self.second_best = self.second_best or (outcome, reply, server, exchange.transport)
        self.gone(server, outcome.value if outcome is not Outcome.RCODE else rcode_name(reply.rcode))
        self.next_try()

    def belongs(self, exchange: Exchange, reply: Reply) -> bool:
        """Whether cookie, subnet and signature are the query's; otherwise it is rejected, and the wait goes on."""
        options, server = exchange.query.options, exchange.server
        try:
            if reply.opt and reply.opt.end > reply.opt.start:
                from netkit.dns.edns import accept

                accept(exchange.query, reply, server)
            if options.key is None:
                return True
            from netkit.dns.tsig import Forged, Untaken, verify

            try:
                verify(exchange.query, options.key, reply)
            except Forged as exc:
                self.rejected(server, Outcome.BOGUS, str(exc))
                return False
            except Untaken as exc:
                self.forget(exchange)
                self.second_best = self.second_best or (Outcome.NOTAUTH, reply, server, exchange.transport)
                self.reached.detail = self.reached.detail or str(exc)
                self.gone(server, f"notauth: {exc}")
                self.next_try()
                return False
            self.reached.key = options.key.name
        except (Malformed, Mismatch) as exc:
            self.unusable(server, exc)
            return False
        return True

    def settle(self, outcome: Outcome, reply: Reply, server: Server, transport: Transport) -> None:
        self.reached.outcome, self.reached.reply = outcome, reply
        self.reached.server, self.reached.transport = server, transport
        if reply.note:
            self.reached.notes.append(reply.note)
        self.tell_silent(one for one in self.silent_servers if one != server)
        self.end()

    def end(self) -> None:
        self.done, self.ended = True, monotonic()
        self.close()  # what comes for it now would wake the loop, and an end of TCP would ask again

    def result(self) -> Reached:
        """After close(): a reply, or else the worst that was heard.

        Only when every server turned us away at once is it unreachable; one that kept silent makes it a timeout.
        """
        reached = self.reached
        reached.elapsed_ms = ((self.ended or monotonic()) - self.start) * 1000
        if reached.reply is None:
            if self.second_best:
                self.settle(*self.second_best)
            elif self.bad:
                reached.outcome = self.bad
            elif reached.rejected and not self.heard_nothing and not self.open_at_end:
                reached.outcome = Outcome.UNREACHABLE
        return reached

    def close(self) -> None:
        self.open_at_end = bool(self.open)
        if not self.done:
            self.tell_silent(exchange.server for exchange in self.open)
        while self.open:
            self.open.pop().close()

    def tell_silent(self, servers: Iterable[Server]) -> None:
        """Those that have been waited for, unless something else was heard of them."""
        heard = {one.server for one in self.reached.rejected}
        for server in dict.fromkeys(servers):
            if str(server) not in heard:
                self.reject(server, "gave no reply")


def outcome_of(reply: Reply) -> Outcome:
    """What a reply says, before aliases are followed."""
    if reply.truncated:
        return Outcome.TRUNCATED
    if reply.rcode == 3:
        return Outcome.NXDOMAIN
    if reply.rcode:
        return FAILURES.get(reply.rcode, Outcome.RCODE)
    if reply.answer:
        return Outcome.ANSWER
    kinds = {raw.type for raw in reply.authority}
    # A referral: name servers of some zone and no SOA, from one that has no authority.
    if NS in kinds and SOA not in kinds and not reply.flags & AA:
        return Outcome.LAME
    return Outcome.NODATA
