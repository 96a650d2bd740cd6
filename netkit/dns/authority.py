"""What all name servers of a name's zone say, each at every address: the serial, the answer, and who is lame.

The zone and its name servers come from the resolver in use; the name servers themselves are asked without recursion,
all at once. A server is lame that does not answer as one with authority (RFC 1912 2.8): it refuses, fails, refers
elsewhere, or answers without AA. A name server without an address and an address without a reply are told as such.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from netkit.dns.link import Links
from netkit.dns.lookup import TIMEOUT, questions_of
from netkit.dns.manner import Manner
from netkit.dns.name import is_below, is_ip, to_text
from netkit.dns.result import Outcome, Record
from netkit.dns.servers import PORT, Server
from netkit.dns.stub import Reached, ask, ask_each
from netkit.dns.transfer.protocol import serial_of
from netkit.dns.types import AAAA, CNAME, NS, SOA, A, type_name
from netkit.dns.wire import AA, USUAL, Malformed, QueryOptions, Raw, Reply, data_name, follow, record_of
from netkit.errors import Exit, Insecure, NetkitError, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import OnEvent
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

MAX_SERVERS = 32  # name servers of a zone; the root has 13, and what has more is an attack or a mistake
MAX_ADDRESSES = 64  # of all of them
Item = TypeVar("Item")
GOOD = (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN)


class Said(NamedTuple):
    """What a server says of one type: records of the type or the alias, and whether all say the same."""

    type: str
    outcome: Outcome
    records: tuple[Record, ...]
    differs: bool = False


class NameServer(NamedTuple):
    """One name server at one address. address: None where its name has none. serial: of the SOA it has.

    lame: why it is not one, None when it answers with authority. ns_differs: its NS records are not those that the
    resolver gave. elapsed_ms: of its SOA.
    """

    name: str
    address: str | None
    serial: int | None = None
    lame: str | None = None
    serial_differs: bool = False
    ns_differs: bool = False
    said: tuple[Said, ...] = ()
    elapsed_ms: float = 0.0


class Authority(NamedTuple):
    """All name servers of the zone that `name` is in; `error` says what is wrong with it or with them."""

    input: str
    name: str
    zone: str | None
    servers: tuple[NameServer, ...] = ()
    error: NetkitError | None = None

    @property
    def exit(self) -> Exit:
        return self.error.exit if self.error else Exit.OK


def authority(
    text: str,
    *,
    types: Sequence[int] = (A, AAAA),
    servers: Sequence[Server],
    port: int = PORT,
    version: int | None = None,
    timeout: float = TIMEOUT,
    tcp: bool = False,
    idn: bool = True,
    options: QueryOptions = USUAL,
    security: Security | None = None,
    on_event: OnEvent | None = None,
) -> Authority:
    """The Authority of a name, or of an address's reverse name.

    servers: whom to ask where the zone is; security: how their certificates are verified. port: of the name servers.
    idn: as in `resolve`. Raises BadInput; LocalFailure.
    """
    question = questions_of(text, (), idn)[0]
    name = to_text(question.name)
    asked = (question.type,) if is_ip(text) else tuple(types)
    with Links(security) as links:
        manner = Manner(Deadline.after(timeout), tcp, options=options, links=links, on_event=on_event)
        work = _Work(servers, port, version, manner)
        try:
            zone = work.find_zone(question.name)
            names = work.name_servers(zone)
            if not names:
                raise No(f"{to_text(zone)} has no name servers", kind="no_name_servers")
            expected = {to_text(one).lower() for one in names}
            found = work.ask_all(zone, question.name, asked, work.addresses(names), expected)
        except NetkitError as exc:
            return Authority(text, name, None, error=exc)
    return Authority(text, name, to_text(zone), found, _verdict(to_text(zone), found))


class _Work(NamedTuple):
    """Whom to ask, and how; the manner's options are for the name servers."""

    servers: Sequence[Server]
    port: int
    version: int | None
    manner: Manner

    def resolver(self, questions: Sequence[tuple[bytes, int]]) -> list[Reached]:
        return ask(questions, self.servers, self.manner._replace(options=USUAL))

    def find_zone(self, name: bytes) -> bytes:
        """The zone that holds the name: the owner of the SOA that the resolver gives (RFC 2308 2.1, 2.2)."""
        at = name
        while True:
            reached = self.resolver([(at, SOA)])[0]
            reply = reached.reply
            if reply is None or reached.outcome not in GOOD:
                raise _no_reply(f"the zone of {to_text(name)}", reached)
            if not _of(reply, at, CNAME):  # of an alias the SOA that comes may be its target's
                for raw in (*reply.answer, *reply.authority):
                    if raw.type == SOA and is_below(at, raw.owner):
                        return raw.owner
            if at == b"\0":
                raise PeerError(f"no SOA is given for {to_text(name)} nor above it", kind="no_zone")
            at = at[1 + at[0] :]

    def name_servers(self, zone: bytes) -> list[bytes]:
        reached = self.resolver([(zone, NS)])[0]
        if reached.reply is None or reached.outcome not in GOOD:
            raise _no_reply(f"the name servers of {to_text(zone)}", reached)
        try:
            found = {data_name(reached.reply, raw) for raw in _of(reached.reply, zone, NS)}
        except Malformed as exc:
            raise PeerError(f"the name servers of {to_text(zone)}: {exc}", kind="malformed") from exc
        if len(found) > MAX_SERVERS:
            raise PeerError(f"{to_text(zone)} has {len(found)} name servers, the limit is {MAX_SERVERS}")
        return sorted(found, key=lambda one: to_text(one).lower())

    def addresses(self, names: Sequence[bytes]) -> list[tuple[bytes, str | None]]:
        """(name server, address), with None for one that has none."""
        kinds = [kind for kind, version in ((A, 4), (AAAA, 6)) if self.version in (None, version)]
        came = iter(self.resolver([(name, kind) for name in names for kind in kinds]))
        found: list[tuple[bytes, str | None]] = []
        for name in names:
            replies = [(kind, next(came).reply) for kind in kinds]
            try:
                mine = [
                    record_of(reply, raw).data for kind, reply in replies if reply for raw in _of(reply, name, kind)
                ]
            except Malformed as exc:
                raise PeerError(f"the addresses of {to_text(name)}: {exc}", kind="malformed") from exc
            found += [(name, one) for one in mine] or [(name, None)]
        return found[:MAX_ADDRESSES]

    def ask_all(
        self,
        zone: bytes,
        name: bytes,
        types: Sequence[int],
        addresses: Sequence[tuple[bytes, str | None]],
        expected: set[str],
    ) -> tuple[NameServer, ...]:
        wanted = ((zone, SOA), (zone, NS), *((name, kind) for kind in types))
        asking = [
            (owner, kind, (Server(address, self.port),))
            for _, address in addresses
            if address
            for owner, kind in wanted
        ]
        came = iter(ask_each(asking, self.manner._replace(options=self.manner.options._replace(recurse=False))))
        found = []
        for server, address in addresses:
            if address is None:
                found.append(NameServer(to_text(server), None, lame="its name has no address"))
                continue
            soa, ns, *said = [next(came) for _ in wanted]
            found.append(_judge(to_text(server), address, zone, soa, ns, said, expected))
        return _compared(found)


def _judge(
    server: str, address: str, zone: bytes, soa: Reached, ns: Reached, said: Sequence[Reached], expected: set[str]
) -> NameServer:
    elapsed = round(soa.elapsed_ms, 3)
    if (lame := _lame(soa)) is not None:
        return NameServer(server, address, None, lame, elapsed_ms=elapsed)
    try:
        assert soa.reply
        mine = [serial_of(soa.reply, raw) for raw in _of(soa.reply, zone, SOA)]
        names = {to_text(data_name(ns.reply, raw)).lower() for raw in _of(ns.reply, zone, NS)} if ns.reply else set()
        answers = tuple(_said(one) for one in said)
    except Malformed as exc:
        return NameServer(server, address, None, f"its records cannot be read: {exc}", elapsed_ms=elapsed)
    if not mine:
        return NameServer(server, address, None, "it has no SOA of the zone", elapsed_ms=elapsed)
    return NameServer(server, address, mine[0], ns_differs=names != expected, said=answers, elapsed_ms=elapsed)


def _lame(soa: Reached) -> str | None:
    if soa.reply is None or soa.outcome not in GOOD:
        why = "; ".join(dict.fromkeys(one.reason for one in soa.rejected))
        return f"{soa.outcome.value}{f' ({why})' if why and why != soa.outcome.value else ''}"
    if not soa.reply.flags & AA:
        return "it answers without authority (no AA)"
    return None


def _said(one: Reached) -> Said:
    if one.reply is None or one.outcome not in GOOD:
        return Said(type_name(one.type), one.outcome, ())
    steps = [raw for _, raws in follow(one.reply, one.name, one.type) for raw in raws]
    return Said(type_name(one.type), one.outcome, tuple(record_of(one.reply, raw) for raw in steps))


def _compared(found: Sequence[NameServer]) -> tuple[NameServer, ...]:
    """The same with marks on what is not as most of them say."""
    good = [one for one in found if one.lame is None]
    serial = _most([one.serial for one in good])
    usual = [_most([_key(one.said[at]) for one in good]) for at in range(len(good[0].said) if good else 0)]
    return tuple(
        one
        if one.lame is not None
        else one._replace(
            serial_differs=one.serial != serial,
            said=tuple(
                said._replace(differs=_key(said) != common) for said, common in zip(one.said, usual, strict=True)
            ),
        )
        for one in found
    )


def _key(said: Said) -> tuple[str, tuple[str, ...]]:
    return said.outcome.value, tuple(sorted(f"{one.name} {one.type} {one.data}".lower() for one in said.records))


def _most(items: Sequence[Item]) -> Item | None:
    """The most frequent, the first of several."""
    return max(items, key=items.count, default=None)


def _verdict(zone: str, found: Sequence[NameServer]) -> NetkitError | None:
    """Raised by none, but what the exit code is made of."""
    good = [one for one in found if one.lame is None]
    if not good:
        reasons = ", ".join(f"{one.name} {one.lame}" for one in found[:3])
        outcomes = {(one.lame or "").partition(" ")[0] for one in found}
        kind: type[NetkitError] = Temporary
        if outcomes == {Outcome.TIMEOUT.value}:
            kind = TimedOut
        elif outcomes == {Outcome.UNREACHABLE.value}:
            kind = Unreachable
        return kind(f"{zone}: no name server answers with authority: {reasons}", kind="lame")
    parts = []
    if lame := [one for one in found if one.lame is not None]:
        parts.append(f"{len(lame)} of {len(found)} lame or silent")
    if any(one.serial_differs for one in good):
        parts.append("serials " + ", ".join(map(str, sorted({one.serial or 0 for one in good}))))
    if differing := sorted({said.type for one in good for said in one.said if said.differs}):
        parts.append(f"different answers for {', '.join(differing)}")
    if any(one.ns_differs for one in good):
        parts.append("other NS records than the resolver gave")
    return No(f"{zone}: {'; '.join(parts)}", kind="differ") if parts else None


def _no_reply(what: str, reached: Reached) -> NetkitError:
    outcome = reached.outcome
    why = ", ".join(f"{one.server} {one.reason}" for one in reached.rejected[:3])
    message = f"cannot find out {what}: {outcome.value}{f' ({why})' if why else ''}"
    kinds: dict[Outcome, type[NetkitError]] = {
        Outcome.TIMEOUT: TimedOut,
        Outcome.UNREACHABLE: Unreachable,
        Outcome.MALFORMED: PeerError,
        Outcome.MISMATCH: PeerError,
        Outcome.TRUNCATED: PeerError,
        Outcome.TLS: Insecure,
        Outcome.BOGUS: Insecure,
    }
    return kinds.get(outcome, Temporary)(message, kind=outcome.value)


def _of(reply: Reply, owner: bytes, rdtype: int) -> list[Raw]:
    return [raw for raw in reply.answer if raw.type == rdtype and raw.owner.lower() == owner.lower()]
