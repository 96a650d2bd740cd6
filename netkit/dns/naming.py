"""What answers say about a full name, whoever asked for them: one name at a time, or any number of them at once.

A name is full with a dot in it, unless it is localhost's. A name's is the canonical name of the first candidate of its
search list that exists; an address's is the first of its PTR names that leads back to it, else the first of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from netkit.dns.lookup import Lookup
from netkit.dns.name import canonical_ip, is_ip, parse_name
from netkit.dns.name_sources import Said, SourceName, is_full
from netkit.dns.result import MEANING, Outcome, Resolution
from netkit.errors import BadInput, Exit

MAX_OTHERS = 3  # servers and replies that are named beside a failure
MAX_NAMES = 8  # of one address, that are looked at; hundreds may stand in one PTR reply


class Fqdn(NamedTuple):
    """The full name that was found, or why there is none.

    input: a name or address, None for this host. name: without the final dot, None when nothing has one.
    confirmed: for an address, whether the name leads back to it; None when that could not be found out. agree: whether
    all sources with a dotted name say the same; None when fewer than two have one. sources: those that were asked, in
    the order of trust. every: whether all of them were to be asked.
    """

    input: str | None
    name: str | None
    source: str | None
    exit: Exit
    confirmed: bool | None = None
    agree: bool | None = None
    sources: tuple[SourceName, ...] = ()
    detail: str | None = None
    every: bool = False


def localhost(text: str) -> Fqdn | None:
    """What is known of a name without asking: that it is localhost."""
    bare = text.rstrip(".")
    if is_full(bare) or bare.lower().split(".")[-1] != "localhost":
        return None
    return Fqdn(text, None, "special", Exit.NO, detail="localhost is every host's name for itself, not a full one")


def candidate_said(candidate: str, answer: Lookup) -> SourceName:
    """The name that a candidate of the search list leads to."""
    found = next((one for one in answer.resolutions if one.outcome is Outcome.ANSWER), answer.resolutions[0])
    exists = found.outcome in (Outcome.ANSWER, Outcome.NODATA)
    name = (found.canonical or found.name).rstrip(".") if exists else None
    return SourceName(found.source, name, None if exists else found.outcome.value, found.elapsed_ms, candidate)


def of_candidates(text: str, said: Sequence[SourceName], failed: Lookup) -> Fqdn:
    """The full name of a name. failed: the answer that tells most where none of the candidates has one, see worse()."""
    first = next((one for one in said if is_full(one.name)), None)
    if first:
        return Fqdn(text, first.name, first.source, Exit.OK, sources=tuple(said))
    if failed.exit in (Exit.OK, Exit.NO):
        detail = "only a short name" if any(one.name for one in said) else "no such name"
        return Fqdn(text, None, None, Exit.NO, sources=tuple(said), detail=detail)
    return Fqdn(text, None, None, failed.exit, sources=tuple(said), detail=_why(failing(failed)))


def failing(answer: Lookup) -> Resolution:
    """The one that its exit code is of."""
    return next(one for one in answer.resolutions if one.exit is answer.exit)


def _why(one: Resolution) -> str:
    """What came of it, who said so, and what else was heard."""
    text = f"{one.outcome.value}: {MEANING[one.outcome]}"
    if one.server:
        text += f", says {one.server}"
    others = [f"{r.server} {r.reason}" for r in dict.fromkeys(one.rejected) if r.server != one.server]
    return f"{text}; {', '.join(others[:MAX_OTHERS])}" if others else text


def worse(answer: Lookup, than: Lookup | None) -> Lookup:
    """The one that tells more of why there is no name: the first, unless a later one failed."""
    return answer if than is None or answer.exit not in (Exit.OK, Exit.NO) else than


def names_in(reverse: Resolution) -> list[str]:
    """The names of an address, without their final dots."""
    return [data.rstrip(".") for data in reverse.data]


def to_confirm(reverse: Resolution) -> list[str]:
    """Those that are to lead back to it."""
    return [name for name in names_in(reverse) if is_full(name)][:MAX_NAMES]


def may_be_host(name: str) -> bool:
    """Whether addresses can be asked for; a PTR may hold anything."""
    try:
        parse_name(name)
    except BadInput:
        return False
    return not is_ip(name)


def no_host(name: str) -> Said:
    return Said(name, False, "its name is no host name", Exit.NO)


def leads_back(name: str, address: str, forward: Sequence[Resolution]) -> Said:
    """Whether a name of an address has that address; unknown where the server failed that was to tell."""
    wanted = canonical_ip(address)
    kind = "AAAA" if ":" in wanted else "A"
    for one in forward:
        if one.type == kind and one.exit not in (Exit.OK, Exit.NO):
            return Said(name, None, f"{name} cannot be confirmed: {one.outcome.value}", one.exit)
    if any(wanted in one.data for one in forward):
        return Said(name, True)
    return Said(name, False, f"{name} does not lead back to {address}", Exit.NO)


def unnamed(text: str, reverse: Resolution, said: Sequence[SourceName]) -> Fqdn:
    """An address that has no full name."""
    if reverse.exit not in (Exit.OK, Exit.NO):
        return Fqdn(text, None, None, reverse.exit, sources=tuple(said), detail=_why(reverse))
    names = names_in(reverse)
    detail = f"only {names[0]}, not a full name" if names else "no name: " + reverse.outcome.value
    return Fqdn(text, None, reverse.source, Exit.NO, sources=tuple(said), detail=detail)


def named(text: str, reverse: Resolution, said: Sequence[SourceName]) -> Fqdn:
    """An address with full names, each of which was asked whether it leads back, as far as that was needed."""
    best = next((one for one in said if one.confirmed), said[0])
    return Fqdn(text, best.name, reverse.source, best.exit, best.confirmed, sources=tuple(said), detail=best.detail)


def reverse_said(text: str, reverse: Resolution) -> SourceName:
    """What the PTR of an address says where it holds no full name."""
    return SourceName(reverse.source, next(iter(names_in(reverse)), None), None, reverse.elapsed_ms, text)
