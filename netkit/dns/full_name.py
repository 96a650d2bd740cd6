"""The fully qualified name of this host, of a name, or of an address, and where it comes from.

`socket.getfqdn()` is never called: it gives back "localhost" on hosts whose name the system knows, and may hang for
half a minute. Each source is asked by itself (`name_sources`), under one deadline, and "localhost" is nobody's name.
"""

from functools import partial
from typing import NamedTuple

from netkit.dns.lookup import Lookup
from netkit.dns.name import is_ip, parse_name, to_text
from netkit.dns.name_sources import Source, SourceName, Sources, every_one, in_turn, is_full, of_localhost
from netkit.dns.resolv_conf import read_configuration
from netkit.dns.result import Outcome
from netkit.dns.reverse import confirmed
from netkit.dns.search import candidates
from netkit.dns.system_names import canonical, name_info
from netkit.errors import Exit
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

TIMEOUT = 5.0
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


def fqdn(
    target: str | None = None,
    *,
    every: bool = False,
    servers: tuple[str, ...] = (),
    timeout: float = TIMEOUT,
    hosts: str | None = None,
    resolv_conf: str | None = None,
    on_event: OnEvent | None = None,
) -> Fqdn:
    """The fully qualified name of `target`; of this host without one.

    every: ask all sources at once, not in turn until one knows. timeout: seconds for all of it. Raises BadInput,
    LocalFailure without a resolver configuration where DNS is needed; what cannot be found is in the result.
    """
    asking = Sources(Deadline.after(timeout), servers, hosts, resolv_conf, on_event)
    if target is None:
        found = _this_host(asking, every)
    else:
        found = _address(target, asking, every) if is_ip(target) else _name(target, asking, every)
    return found._replace(every=every)


def agreement(said: list[SourceName]) -> bool | None:
    """Whether those with a full name say the same; None when fewer than two have one."""
    full = [(one.name or "").lower().rstrip(".") for one in said if is_full(one.name)]
    return len(set(full)) == 1 if len(full) > 1 else None


def _has_full(one: SourceName) -> bool:
    return is_full(one.name)


def _is_confirmed(one: SourceName) -> bool:
    return one.confirmed is True


def _this_host(asking: Sources, every: bool) -> Fqdn:
    from netkit.dns.this_host import sources

    all_of_them = sources(asking)
    said = every_one(all_of_them, asking) if every else in_turn(all_of_them, asking, enough=_has_full)
    full = next((one for one in said if is_full(one.name)), None)
    if full:
        return Fqdn(None, full.name, full.source, Exit.OK, agree=agreement(said), sources=tuple(said))
    short = next((one for one in said if one.name and not of_localhost(one.name)), None)
    if short is None:
        return Fqdn(None, None, None, Exit.NO, sources=tuple(said), detail="this host has no name but localhost")
    detail = f"only a short name: no source knows a domain for {short.name!r}"
    return Fqdn(None, short.name, short.source, Exit.NO, sources=tuple(said), detail=detail)


def _name(text: str, asking: Sources, every: bool) -> Fqdn:
    """The canonical name of the first candidate of the search list that exists (resolv.conf(5), ndots)."""
    written = to_text(parse_name(text)).removesuffix(".")  # Python's own encoding is that of 2003: faß would be fass
    bare = text.rstrip(".")
    if not is_full(bare) and bare.lower().split(".")[-1] == "localhost":
        return Fqdn(text, None, "special", Exit.NO, detail="localhost is every host's name for itself, not a full one")
    configuration = read_configuration(asking.resolv_conf)
    names = candidates(text, configuration.search, configuration.ndots)
    answers = asking.resolve_all(names) if every else map(asking.resolve, names)
    said: list[SourceName] = []
    worst: Lookup | None = None
    for candidate, answer in zip(names, answers, strict=True):
        found = next((one for one in answer.resolutions if one.outcome is Outcome.ANSWER), answer.resolutions[0])
        exists = found.outcome in (Outcome.ANSWER, Outcome.NODATA)
        name = (found.canonical or found.name).rstrip(".") if exists else None
        detail = None if exists else found.outcome.value
        said.append(SourceName(found.source, name, detail, found.elapsed_ms, candidate))
        if is_full(name) and not every:
            break
        if worst is None or answer.exit not in (Exit.OK, Exit.NO):
            worst = answer
    first = next((one for one in said if is_full(one.name)), None)
    agree = None
    if every:
        [system] = every_one([Source("canonical", text, partial(canonical, written or text))], asking)
        said.append(system)
        agree = agreement([first, system]) if first else None
    if first:
        return Fqdn(text, first.name, first.source, Exit.OK, agree=agree, sources=tuple(said))
    assert worst is not None
    if worst.exit in (Exit.OK, Exit.NO):
        detail = "only a short name" if any(one.name for one in said) else "no such name"
        return Fqdn(text, None, None, Exit.NO, sources=tuple(said), detail=detail)
    return Fqdn(text, None, None, worst.exit, sources=tuple(said), detail=worst.resolutions[0].outcome.value)


def _address(text: str, asking: Sources, every: bool) -> Fqdn:
    """PTR, then whether one of the names leads back: forward-confirmed reverse DNS."""
    answer = asking.resolve(text)
    reverse = answer.resolutions[0]
    names = [data.rstrip(".") for data in reverse.data]
    full = [name for name in names if is_full(name)][:MAX_NAMES]
    if full:
        back = [Source(reverse.source, text, partial(confirmed, name, text)) for name in full]
        said = every_one(back, asking) if every else in_turn(back, asking, enough=_is_confirmed)
    else:
        said = [SourceName(reverse.source, names[0] if names else None, None, reverse.elapsed_ms, text)]
    agree = None
    if every:
        [system] = every_one([Source("system", text, partial(name_info, text))], asking)
        agree = agreement([*said[:1], system])
        said.append(system)
    if not full:
        if answer.exit not in (Exit.OK, Exit.NO):
            return Fqdn(text, None, None, answer.exit, sources=tuple(said), detail=reverse.outcome.value)
        detail = f"only {names[0]}, not a full name" if names else "no name: " + reverse.outcome.value
        return Fqdn(text, None, reverse.source, Exit.NO, None, agree, tuple(said), detail)
    best = next((one for one in said if one.confirmed), said[0])
    return Fqdn(text, best.name, best.source, best.exit, best.confirmed, agree, tuple(said), best.detail)
