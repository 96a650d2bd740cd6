"""Asks servers and chases aliases: from a question to its Resolution, with new queries where a target is left out.

An answer is walked from the asked name over its aliases (RFC 1034 3.6.2); records of any other owner are left out and
noted. What a recursive server sends in one reply takes one query; an authoritative one may send an alias alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from netkit.dns.manner import Manner
from netkit.dns.name import is_below, to_text
from netkit.dns.result import Edns, Outcome, Question, Record, Resolution
from netkit.dns.servers import Server
from netkit.dns.stub import Reached, ask_each
from netkit.dns.types import CNAME, DNAME, NS, RRSIG, SOA, class_name, type_name
from netkit.dns.wire import Malformed, Raw, Reply, data_name, follow, rcode_name, record_of

MAX_ALIASES = 32  # followed in all; the longest chains in use have under 20
MAX_SHOWN = 4  # name servers of a referral that are named to people; a reply holds thousands


@dataclass(slots=True)
class Chase:
    """A question on its way: the owner its aliases have led to, and the records on the way there."""

    input: str
    name: bytes
    type: int
    rdclass: str
    servers: Sequence[Server]
    at: bytes
    records: list[Record] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    result: Resolution | None = None
    sofar: Resolution | None = None


def chase(
    questions: Sequence[Question],
    servers: Sequence[Server],
    manner: Manner,
    on_reply: Callable[[int, Reply], None] | None = None,
) -> list[Resolution]:
    """A Resolution for each question, in their order; all are asked at once, each server in its share of the time.

    on_reply: gets each reply that counts, with the place of its question.
    """
    return chase_each([(one, servers) for one in questions], manner, on_reply)


def chase_each(
    questions: Sequence[tuple[Question, Sequence[Server]]],
    manner: Manner,
    on_reply: Callable[[int, Reply], None] | None = None,
) -> list[Resolution]:
    """As `chase`, with servers of its own for each question."""
    manner = manner.within_deadline
    rdclass = class_name(manner.options.rdclass)
    asking = [Chase(one.input, one.name, one.type, rdclass, servers, at=one.name) for one, servers in questions]
    places = {id(one): place for place, one in enumerate(asking)}
    while waiting := [one for one in asking if one.result is None]:
        came = ask_each([(one.at, one.type, one.servers) for one in waiting], manner)
        for one, reached in zip(waiting, came, strict=True):
            if on_reply and reached.reply:
                on_reply(places[id(one)], reached.reply)
            judge(one, reached)
    return [one.result for one in asking if one.result]


def judge(one: Chase, came: Reached) -> None:
    """Take what came into the result, or set the next owner to ask for."""
    reply = came.reply
    resolution = _merged(one, came)
    if reply is None or came.outcome not in (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN):
        one.result = resolution._replace(records=tuple(one.records), canonical=None)
        return
    try:
        owner, wanted, loop = _walk(one, reply)
        records = tuple(one.records) + tuple(record_of(reply, raw) for raw in wanted)
    except Malformed as exc:
        one.result = resolution._replace(outcome=Outcome.MALFORMED, detail=str(exc), records=())
        return
    notes = resolution.notes + _left_out(reply, one.seen | {owner.lower()})
    resolution = resolution._replace(records=records, canonical=to_text(owner), notes=notes)
    aliased = owner.lower() != one.name.lower()
    if loop or len(one.seen) > MAX_ALIASES:
        detail = None if loop else f"or on and on: {MAX_ALIASES} were followed"
        one.result = resolution._replace(outcome=Outcome.CNAME_LOOP, canonical=None, detail=detail)
    elif wanted:
        one.result = resolution._replace(outcome=Outcome.ANSWER)
    elif came.outcome is Outcome.NXDOMAIN:
        one.result = resolution._replace(outcome=Outcome.DANGLING_CNAME if aliased else Outcome.NXDOMAIN)
    elif owner.lower() != one.at.lower() and not _denied(owner, reply):
        one.at, one.sofar = owner, resolution  # the target was left out: ask for it by itself
    else:
        one.result = resolution._replace(outcome=Outcome.NODATA)


def _walk(one: Chase, reply: Reply) -> tuple[bytes, list[Raw], bool]:
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


def _denied(owner: bytes, reply: Reply) -> bool:
    """Whether the SOA of a zone that the owner is in says that it has no such record (RFC 2308 2.2)."""
    return any(raw.type == SOA and is_below(owner, raw.owner) for raw in reply.authority)


def _left_out(reply: Reply, owners: set[bytes]) -> tuple[str, ...]:
    """A note on records whose owner is neither the question nor an alias of it; a DNAME made one (RFC 6672 3.1)."""
    strangers = sorted(
        {
            to_text(raw.owner)
            for raw in reply.answer
            if raw.owner.lower() not in owners and raw.type not in (DNAME, RRSIG)
        }
    )
    return (f"left out records of {', '.join(strangers[:3])}: not what was asked",) if strangers else ()


def _merged(one: Chase, came: Reached) -> Resolution:
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
        rdclass=one.rdclass,
        edns=edns_of(reply),
        key=came.key if reply else None,
        notes=(before.notes if before else ()) + tuple(came.notes),
        detail=_detail(came),
    )


def _detail(came: Reached) -> str | None:
    """Which code it is, or where a referral leads."""
    if came.reply and came.outcome is Outcome.RCODE:
        return rcode_name(came.reply.rcode)
    if came.reply and came.outcome is Outcome.LAME:
        return _referral(came.reply)
    return came.detail


def _referral(reply: Reply) -> str | None:
    """The zone and its name servers that a reply refers to: "to ns1.x., ns2.x. for x."; None where they are garbled."""
    raws = [raw for raw in reply.authority if raw.type == NS]
    try:
        names = [to_text(data_name(reply, raw)) for raw in raws if raw.owner == raws[0].owner]
    except Malformed:
        return None
    more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return f"to {', '.join(names[:MAX_SHOWN])}{more} for {to_text(raws[0].owner)}"


def edns_of(reply: Reply | None) -> Edns | None:
    """What the reply's OPT record says; `ask` has seen that it can be read."""
    if reply is None or reply.opt is None:
        return None
    from netkit.dns.edns import read

    return read(reply)
