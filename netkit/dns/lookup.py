"""`resolve()`: names and addresses to records, by the sources that programs on this machine use, or by DNS alone.

A bare name goes through the special names of RFC 6761, then the hosts file, then DNS for A and AAAA; a bare address
means PTR. A server, a type or `dns=True` goes straight to DNS, `system=True` to getaddrinfo(3). Aliases are followed,
also with new queries where a server leaves their target out. All names are checked before anything is sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from netkit.dns import hosts as hosts_file
from netkit.dns import special
from netkit.dns.exchange import rcode_name
from netkit.dns.name import is_ip, parse_name, reverse_name, to_text
from netkit.dns.result import NEGATIVE, Outcome, Record, Resolution
from netkit.dns.servers import Server, find, parse_server
from netkit.dns.stub import TRIES, TRY_SECONDS, Reached, ask
from netkit.dns.system import resolve_system
from netkit.dns.types import AAAA, CNAME, DNAME, PTR, SOA, A, parse_type, type_name
from netkit.dns.wire import Malformed, Raw, Reply, follow, record_of
from netkit.errors import BadInput, Exit, combine
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

TIMEOUT = 6.0
MAX_ALIASES = 32  # followed in all; the longest chains in use have under 20
AT_ONCE = 50  # names asked together; each type of each is a socket, and a process has 1,024


@dataclass(frozen=True, slots=True)
class Lookup:
    """All that came of one name: a Resolution for each type, and the exit code they make together."""

    input: str
    resolutions: tuple[Resolution, ...]
    types_asked: bool = False  # by name, so that each counts; of the default pair one answer is enough

    @property
    def exit(self) -> Exit:
        if self.types_asked:
            return combine(one.exit for one in self.resolutions)
        codes = [one.exit for one in self.resolutions]
        if Exit.OK in codes:
            return Exit.OK
        return next((code for code in codes if code is not Exit.NO), Exit.NO)


@dataclass(slots=True)
class _Wanted:
    """A (name, type) on its way: the aliases so far and the owner they have led to."""

    input: str
    name: bytes
    type: int
    at: bytes
    records: list[Record] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    result: Resolution | None = None
    sofar: Resolution | None = None


def resolve(
    names: Sequence[str],
    *,
    types: Sequence[str] = (),
    servers: Sequence[str] = (),
    dns: bool = False,
    system: bool = False,
    tcp: bool = False,
    timeout: float = TIMEOUT,
    tries: int = TRIES,
    hosts: str | None = None,
    resolv_conf: str | None = None,
    on_event: OnEvent | None = None,
) -> Iterator[Lookup]:
    """One Lookup a name, in their order.

    names: names or IP addresses. types: record types, "MX", "TYPE65"; none means A and AAAA, for an address PTR.
    servers: "192.0.2.1", "[::1]:5300", "ns.example", "system"; none means those of resolv.conf(5). timeout: seconds
    for each name, all told. hosts, resolv_conf: other files than the system's. Raises BadInput before anything is
    sent, Unreachable for a server name without address, LocalFailure without a resolver configuration; what the
    servers say is an Outcome.
    """
    if system and (servers or types or dns or tcp):
        raise BadInput("--system asks the system's resolver: it takes no server, type, --dns or --tcp")
    numbers = tuple(dict.fromkeys(parse_type(text) for text in types))
    for text in servers:
        if text != "system":
            parse_server(text)
    wanted = [(name, _questions(name, numbers)) for name in names]
    straight = bool(servers or types or dns or tcp)
    for start in range(0, len(wanted), AT_ONCE):
        chunk = wanted[start : start + AT_ONCE]
        deadline = Deadline.after(timeout)
        if system:
            for name, _ in chunk:
                found = resolve_system(name, deadline=Deadline.after(timeout), on_event=on_event)
                yield Lookup(name, found)
            continue
        local: dict[int, tuple[Resolution, ...]] = {}
        if not straight:
            lines = hosts_file.read_hosts(hosts)
            local = {at: known for at, (name, _) in enumerate(chunk) if (known := _local(name, lines))}
        asking = [one for at, (_, questions) in enumerate(chunk) if at not in local for one in questions]
        if asking:
            found_servers = find(servers, deadline=deadline, resolv_conf=resolv_conf, on_event=on_event)
            seconds = min(TRY_SECONDS, timeout / tries)
            _ask(asking, found_servers, deadline, tcp, tries, seconds, on_event)
        for at, (name, questions) in enumerate(chunk):
            done = tuple(one.result for one in questions if one.result)
            yield Lookup(name, local.get(at, done), types_asked=bool(types))


def _questions(text: str, numbers: tuple[int, ...]) -> list[_Wanted]:
    if is_ip(text):
        if any(number != PTR for number in numbers):
            raise BadInput(f"{text} is an address: only PTR can be asked for it")
        name, numbers = parse_name(reverse_name(text)), (PTR,)
    else:
        try:
            name = parse_name(text)
        except BadInput as exc:
            raise BadInput(exc.message, kind="badname", hint=exc.hint) from None
        numbers = numbers or (A, AAAA)
    return [_Wanted(text, name, number, at=name) for number in numbers]


def _local(text: str, lines: tuple[hosts_file.Line, ...]) -> tuple[Resolution, ...] | None:
    """What the special names and the hosts file say; None when DNS is to be asked."""
    if is_ip(text):
        name = reverse_name(text)
        if names := hosts_file.names_of(text, lines):
            records = tuple(Record(name, "PTR", None, f"{one}.") for one in names)
            return (Resolution(text, name, "PTR", Outcome.ANSWER, "hosts", records),)
        if known := special.name_of(text):
            return (
                Resolution(text, name, "PTR", Outcome.ANSWER, "special", (Record(name, "PTR", None, f"{known}."),)),
            )
        return None
    name = to_text(parse_name(text))
    bare = name.removesuffix(".")
    try:
        data = {kind: special.data_of(bare, kind) for kind in ("A", "AAAA")}
    except LookupError:
        return tuple(
            Resolution(text, name, kind, Outcome.NXDOMAIN, "special", detail="no name exists under invalid (RFC 6761)")
            for kind in ("A", "AAAA")
        )
    if data["A"] is not None:
        return tuple(_found(text, name, kind, "special", values or ()) for kind, values in data.items())
    if addresses := hosts_file.addresses_of(bare, lines):
        v4 = tuple(one for one in addresses if ":" not in one)
        v6 = tuple(one for one in addresses if ":" in one)
        return (_found(text, name, "A", "hosts", v4), _found(text, name, "AAAA", "hosts", v6))
    return None


def _found(text: str, name: str, kind: str, source: str, values: Sequence[str]) -> Resolution:
    records = tuple(Record(name, kind, None, value) for value in values)
    outcome = Outcome.ANSWER if records else Outcome.NODATA
    assert source in ("special", "hosts")
    return Resolution(text, name, kind, outcome, "hosts" if source == "hosts" else "special", records, name)


def _ask(
    asking: list[_Wanted],
    servers: Sequence[Server],
    deadline: Deadline,
    tcp: bool,
    tries: int,
    try_seconds: float,
    on_event: OnEvent | None,
) -> None:
    """Ask, follow aliases, and ask again for targets that were left out, until every question has its result."""
    while waiting := [one for one in asking if one.result is None]:
        reached = ask(
            [(one.at, one.type) for one in waiting],
            servers,
            deadline=deadline,
            tcp=tcp,
            tries=tries,
            try_seconds=try_seconds,
            on_event=on_event,
        )
        for one, came in zip(waiting, reached, strict=True):
            _judge(one, came)


def _judge(one: _Wanted, came: Reached) -> None:
    """Take what came into the result, or set the next owner to ask for."""
    reply = came.reply
    resolution = _merged(one, came)
    if reply is None or came.outcome not in (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN):
        one.result = replace(resolution, records=tuple(one.records), canonical=None)
        return
    try:
        owner, wanted, loop = _walk(one, reply)
        records = tuple(one.records) + tuple(record_of(reply, raw) for raw in wanted)
    except Malformed as exc:
        one.result = replace(resolution, outcome=Outcome.MALFORMED, detail=str(exc), records=())
        return
    notes = resolution.notes + _left_out(reply, one.seen | {owner.lower()})
    resolution = replace(resolution, records=records, canonical=to_text(owner), notes=notes)
    aliased = owner.lower() != one.name.lower()
    if loop or len(one.records) > MAX_ALIASES:
        detail = None if loop else f"more than {MAX_ALIASES} aliases"
        one.result = replace(resolution, outcome=Outcome.CNAME_LOOP, canonical=None, detail=detail)
    elif wanted:
        one.result = replace(resolution, outcome=Outcome.ANSWER)
    elif came.outcome is Outcome.NXDOMAIN:
        one.result = replace(resolution, outcome=Outcome.DANGLING_CNAME if aliased else Outcome.NXDOMAIN)
    elif owner.lower() != one.at.lower() and not any(raw.type == SOA for raw in reply.authority):
        one.at, one.sofar = owner, resolution  # the target was left out: ask for it by itself
    else:
        one.result = replace(resolution, outcome=Outcome.NODATA)


def _walk(one: _Wanted, reply: Reply) -> tuple[bytes, list[Raw], bool]:
    """(the owner the aliases lead to, its records, whether they lead round); aliases go to `one.records`."""
    owner, wanted = one.at, []
    for owner, records in follow(reply, one.at, one.type):
        if records and records[0].type == CNAME and one.type not in (CNAME, 255):
            if owner.lower() in one.seen:
                return owner, [], True
            one.seen.add(owner.lower())
            one.records += [record_of(reply, raw) for raw in records]
            continue
        wanted = records
    return owner, wanted, owner.lower() in one.seen


def _left_out(reply: Reply, owners: set[bytes]) -> tuple[str, ...]:
    """A note on records whose owner is neither the question nor an alias of it; a DNAME made one (RFC 6672 3.1)."""
    strangers = sorted(
        {to_text(raw.owner) for raw in reply.answer if raw.owner.lower() not in owners and raw.type != DNAME}
    )
    return (f"left out records of {', '.join(strangers[:3])}: not what was asked",) if strangers else ()


def _merged(one: _Wanted, came: Reached) -> Resolution:
    """The resolution so far: facts of this round, sums over all rounds."""
    before = one.sofar
    reply = came.reply
    return Resolution(
        input=one.input,
        name=to_text(one.name),
        type=type_name(one.type),
        outcome=came.outcome,
        source="dns",
        rcode=rcode_name(reply.rcode) if reply else None,
        server=str(came.server) if came.server else None,
        transport=came.transport,
        elapsed_ms=round(came.elapsed_ms + (before.elapsed_ms if before else 0), 3),
        tries=came.tries + (before.tries if before else 0),
        flags=reply.flag_names if reply else (),
        size=len(reply.wire) if reply else None,
        rejected=(before.rejected if before else ()) + tuple(came.rejected),
        notes=(before.notes if before else ()) + tuple(came.notes),
        detail=rcode_name(reply.rcode) if reply and came.outcome is Outcome.RCODE else None,
    )


__all__ = ["NEGATIVE", "TIMEOUT", "Lookup", "resolve"]
