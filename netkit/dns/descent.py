"""From the root of DNS down to a name, as a resolver goes: every referral, who gave it, and how long it took.

Each zone's servers are asked one after the other until one helps. A referral must lead down towards the name
(RFC 1034 5.3.3), glue counts only where the referring zone has a say on its owner, and name servers without glue are
looked up from the root themselves. The root's servers come from hints, or from a server that is asked for them first,
as by `dig @SERVER +trace`. Aliases are followed from the deepest zone that is known to hold their target. The
number of queries, name servers and levels is limited: a hostile zone could refer for ever (CVE-2020-8616).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netkit.dns.link import Links
from netkit.dns.lookup import questions_of
from netkit.dns.manner import Manner
from netkit.dns.name import is_below, to_text
from netkit.dns.result import EXIT, Outcome, Record, Rejected
from netkit.dns.root_hints import Hint
from netkit.dns.servers import PLAIN, PORT, Server
from netkit.dns.stub import Reached, ask
from netkit.dns.types import AAAA, CNAME, NS, A, type_name
from netkit.dns.wire import USUAL, Malformed, QueryOptions, Raw, Reply, data_name, follow, record_of
from netkit.errors import Exit
from netkit.events import OnEvent
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

TIMEOUT = 20.0  # seconds for a name and type: ten servers on the way may each be silent once
TRY_SECONDS = 2.0
MAX_QUERIES = 100  # in all; a cold resolver needs under 30 for the longest chains in use
MAX_NAME_SERVERS = 16  # of one referral; the root has 13
MAX_DEPTH = 4  # of name servers whose name servers have no glue either
MAX_ALIASES = 16
ROOT = b"\0"
SAID = (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN)  # what ends the way, of the name that is looked for


class Step(NamedTuple):
    """One query on the way.

    depth: 0 for the name itself, more for a name server's address. zone: whose server was asked, or of the first step
    whose servers were asked for; server: its name; address: HOST:PORT. referral: the zone it leads to, with
    name_servers; None at an end. outcome: of an end, and of what did not help. records: those of the name and of its
    aliases, whatever else the reply has.
    """

    depth: int
    name: str
    type: str
    zone: str
    server: str
    address: str
    outcome: Outcome
    elapsed_ms: float
    referral: str | None = None
    name_servers: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    rejected: tuple[Rejected, ...] = ()


class Descent(NamedTuple):
    """The way to one (name, type), and what was found there."""

    input: str
    name: str
    type: str
    outcome: Outcome
    records: tuple[Record, ...]
    steps: tuple[Step, ...]
    detail: str | None = None

    @property
    def exit(self) -> Exit:
        return EXIT[self.outcome]


class _Named(NamedTuple):
    """A zone's server: one address of a name."""

    name: str
    server: Server


class _Ended(Exception):
    """The way ends here, without an answer."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome, self.detail = outcome, detail


def descend(
    text: str,
    *,
    types: Sequence[int] = (A,),
    hints: Sequence[Hint] = (),
    servers: Sequence[Server] = (),
    port: int | None = None,
    version: int | None = None,
    timeout: float = TIMEOUT,
    tcp: bool = False,
    idn: bool = True,
    options: QueryOptions = USUAL,
    security: Security | None = None,
    on_event: OnEvent | None = None,
) -> list[Descent]:
    """A Descent for each type; the later ones begin where the first has been.

    hints: the root's servers; without, those that the first of `servers` gives that knows any. port: of all name
    servers; without one, that of the server that gave the root's, or 53 if it is asked over TLS. version: 4 or 6, such
    addresses alone. idn: as in `resolve`. security: how the certificates of `servers` are verified. Raises BadInput,
    LocalFailure.
    """
    questions = questions_of(text, tuple(types), idn)
    root = [_Named(one.name, Server(one.address, port or PORT)) for one in hints]
    zones = {ROOT: fit_for(root, version)} if hints else {}
    manner = Manner(Deadline.after(timeout), tcp, tries=1, options=options._replace(recurse=False), on_event=on_event)
    work = _Work(servers, port, version, security, manner, zones, manner.deadline)
    return [work.way(one.input, one.name, one.type, Deadline.after(timeout)) for one in questions]


def fit_for(servers: Sequence[_Named], version: int | None) -> list[_Named]:
    return [one for one in servers if version is None or (":" in one.server.host) == (version == 6)]


@dataclass(slots=True)
class _Work:
    """What is known on the way: the servers of each zone that a referral led to."""

    servers: Sequence[Server]
    port: int | None
    version: int | None
    security: Security | None
    manner: Manner
    zones: dict[bytes, list[_Named]]
    deadline: Deadline
    port_there: int = PORT  # of the name servers, where `port` says nothing
    queries: int = 0
    steps: list[Step] = field(default_factory=list)

    def way(self, text: str, name: bytes, rdtype: int, deadline: Deadline) -> Descent:
        self.deadline, self.queries, self.steps = deadline, 0, []
        detail = None
        records: list[Record] = []
        try:
            if ROOT not in self.zones:
                self.begin()
            outcome = self.look_up(name, rdtype, 0, records)
        except _Ended as exc:
            outcome, detail = exc.outcome, exc.detail
        return Descent(text, to_text(name), type_name(rdtype), outcome, tuple(records), tuple(self.steps), detail)

    def begin(self) -> None:
        """Ask for the root's servers (RFC 9609), of one server after the other until one knows any. Raises _Ended."""
        worst: Outcome | None = None
        for server in self.servers:
            self.port_there = server.port if server.transport in PLAIN else PORT
            with Links(self.security) as links:
                [reached] = self.ask_for_root(server, links, [(ROOT, NS)])
                step = _step(_Named(server.name or server.host, server), ROOT, 0, reached, None)
                names = tuple(one.data for one in step.records if one.type == "NS")
                self.steps.append(step._replace(referral=".", name_servers=names) if names else step)
                worst = worst or (Outcome.LAME if step.outcome in SAID else step.outcome)
                if names and (root := self.root_of(server, links, reached)):
                    self.zones[ROOT] = root
                    return
        asked = ", ".join(map(str, self.servers))
        raise _Ended(worst or Outcome.UNREACHABLE, f"{asked}: no addresses of the root's name servers from there")

    def root_of(self, server: Server, links: Links, reached: Reached) -> list[_Named]:
        """The root's servers: by the addresses that came along, or else by those that the same server tells."""
        assert reached.reply
        try:
            wanted = [data_name(reached.reply, raw) for raw in reached.reply.answer if raw.type == NS]
            wanted = wanted[:MAX_NAME_SERVERS]
            if fit := fit_for(self.addresses_in(reached.reply, wanted, ROOT), self.version):
                return fit
            kinds = [kind for kind in (A, AAAA) if self.version in (None, 6 if kind == AAAA else 4)]
            asked = [(name, kind) for name in wanted for kind in kinds]
            return [
                self.named(one.name, record_of(one.reply, raw).data)
                for one in self.ask_for_root(server, links, asked)
                if one.reply and one.outcome is Outcome.ANSWER
                for raw in one.reply.answer
                if raw.type == one.type
            ]
        except Malformed as exc:
            raise _Ended(Outcome.MALFORMED, f"the root's name servers, of {server}: {exc}") from exc

    def ask_for_root(self, server: Server, links: Links, questions: Sequence[tuple[bytes, int]]) -> list[Reached]:
        """With recursion desired: it may be a resolver."""
        deadline = Deadline.after(min(self.deadline.left, TRY_SECONDS))
        options = self.manner.options._replace(recurse=True)
        return ask(questions, [server], self.manner._replace(deadline=deadline, options=options, links=links))

    def look_up(self, name: bytes, rdtype: int, depth: int, records: list[Record]) -> Outcome:
        """The outcome; the answer's records, aliases first, go to `records`. Raises _Ended."""
        owner, seen = name, {name.lower()}
        while True:
            reached = self.go_down(owner, rdtype, depth)
            assert reached.reply
            try:
                asked, wanted = owner, False
                for step, found in follow(reached.reply, asked, rdtype):
                    owner = step
                    records += [record_of(reached.reply, raw) for raw in found]
                    if not found or found[0].type != CNAME or rdtype == CNAME:
                        wanted = bool(found)
                        break
                    target = data_name(reached.reply, found[0])
                    if target.lower() in seen or len(seen) > MAX_ALIASES:
                        return Outcome.CNAME_LOOP
                    seen.add(target.lower())
            except Malformed as exc:
                raise _Ended(Outcome.MALFORMED, str(exc)) from exc
            if wanted:
                return Outcome.ANSWER
            if reached.outcome is Outcome.NXDOMAIN:
                return Outcome.DANGLING_CNAME if len(seen) > 1 else Outcome.NXDOMAIN
            if owner.lower() == asked.lower():
                return Outcome.NODATA

    def go_down(self, name: bytes, rdtype: int, depth: int) -> Reached:
        """What a server says that does not lead further down. Raises _Ended."""
        zone = max((zone for zone in self.zones if is_below(name, zone)), key=len)
        while True:
            reached, below = self.ask_zone(zone, name, rdtype, depth)
            if below is None:
                return reached
            assert reached.reply
            self.zones[below] = self.servers_of(zone, below, reached.reply, depth)
            zone = below

    def ask_zone(self, zone: bytes, name: bytes, rdtype: int, depth: int) -> tuple[Reached, bytes | None]:
        """(a reply, the zone it refers to): of the first server that has either. Raises _Ended."""
        worst: Outcome | None = None
        for one in self.zones[zone]:
            if self.deadline.passed:
                raise _Ended(Outcome.TIMEOUT, f"no end within {self.deadline.seconds:g} s")
            self.queries += 1
            if self.queries > MAX_QUERIES:
                raise _Ended(Outcome.LAME, f"more than {MAX_QUERIES} queries on the way")
            deadline = Deadline.after(min(self.deadline.left, TRY_SECONDS))
            [reached] = ask([(name, rdtype)], [one.server], self.manner._replace(deadline=deadline))
            below = referral(reached.reply, zone, name) if reached.reply else None
            helps = below is not None or reached.outcome in SAID
            self.steps.append(_step(one, zone, depth, reached, below))
            if helps:
                return reached, below
            worst = worst or reached.outcome
        raise _Ended(worst or Outcome.UNREACHABLE, f"no server of {to_text(zone)} helps further")

    def servers_of(self, zone: bytes, below: bytes, reply: Reply, depth: int) -> list[_Named]:
        """The servers that a referral names, with the addresses that came along, or else looked up. Raises _Ended."""
        try:
            names = [data_name(reply, raw) for raw in _ns(reply, below)][:MAX_NAME_SERVERS]
            glue = self.addresses_in(reply, names, zone)
        except Malformed as exc:
            raise _Ended(Outcome.MALFORMED, f"the referral to {to_text(below)}: {exc}") from exc
        if fit := fit_for(glue, self.version):
            return fit
        if depth >= MAX_DEPTH:
            raise _Ended(Outcome.LAME, f"the name servers of {to_text(below)} cannot be found: no glue, {depth} deep")
        for name in names:
            if is_below(name, below):
                continue  # only its own servers could tell, and they are what is looked for
            for kind in (A, AAAA):
                records: list[Record] = []
                if self.version not in (None, 6 if kind == AAAA else 4):
                    continue
                try:
                    self.look_up(name, kind, depth + 1, records)
                except _Ended:
                    if self.deadline.passed:
                        raise
                    continue
                if found := [one.data for one in records if one.type == type_name(kind)]:
                    return [self.named(name, one) for one in found]
        raise _Ended(Outcome.LAME, f"no name server of {to_text(below)} has an address")

    def addresses_in(self, reply: Reply, names: Sequence[bytes], zone: bytes) -> list[_Named]:
        """The addresses of the names that came along, as far as the zone has a say on them. Raises Malformed."""
        return [
            self.named(name, record_of(reply, raw).data)
            for name in names
            for raw in reply.additional
            if raw.type in (A, AAAA) and raw.owner.lower() == name.lower() and is_below(raw.owner, zone)
        ]

    def named(self, name: bytes, address: str) -> _Named:
        return _Named(to_text(name), Server(address, self.port or self.port_there))


def referral(reply: Reply, zone: bytes, name: bytes) -> bytes | None:
    """The zone that a reply refers to: further down than the one asked, and above the name. None is no referral."""
    if reply.rcode or reply.answer:
        return None
    for raw in reply.authority:
        if raw.type == NS and is_below(name, raw.owner) and is_below(raw.owner, zone) and len(raw.owner) > len(zone):
            return raw.owner.lower()
    return None


def _ns(reply: Reply, owner: bytes) -> list[Raw]:
    return [raw for raw in reply.authority if raw.type == NS and raw.owner.lower() == owner]


def _step(one: _Named, zone: bytes, depth: int, reached: Reached, below: bytes | None) -> Step:
    names: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    reply, outcome = reached.reply, reached.outcome
    if reply and (below or reached.outcome is Outcome.ANSWER):
        try:
            names = tuple(to_text(data_name(reply, raw)) for raw in _ns(reply, below)) if below else ()
            steps = follow(reply, reached.name, reached.type)
            records = tuple(record_of(reply, raw) for _, found in steps for raw in found)
        except Malformed:
            outcome = Outcome.MALFORMED  # why is said where they are used
        else:
            outcome = outcome if below or records else Outcome.NODATA  # what came is of other owners
    return Step(
        depth=depth,
        name=to_text(reached.name),
        type=type_name(reached.type),
        zone=to_text(zone),
        server=one.name,
        address=str(one.server),
        outcome=outcome,
        elapsed_ms=round(reached.elapsed_ms, 3),
        referral=to_text(below) if below else None,
        name_servers=names,
        records=records,
        rejected=tuple(reached.rejected),
    )
