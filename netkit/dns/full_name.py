"""The fully qualified name of this host, of a name, or of an address, and where it comes from.

`socket.getfqdn()` is never called: it gives back "localhost" on hosts whose name the system knows, and may hang for
half a minute. Each source is asked by itself (`name_sources`), under one deadline, and "localhost" is nobody's name.
"""

from functools import partial
from typing import TYPE_CHECKING

from netkit.dns import naming
from netkit.dns.lookup import Lookup
from netkit.dns.name import is_ip, parse_name, to_text
from netkit.dns.name_sources import Source, SourceName, Sources, every_one, in_turn, is_full, of_localhost
from netkit.dns.naming import Fqdn
from netkit.dns.resolv_conf import read_configuration
from netkit.dns.reverse import confirmed
from netkit.dns.search import candidates
from netkit.dns.system_names import canonical, name_info
from netkit.errors import Exit
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    from netkit.net.tls_client import Security

TIMEOUT = 5.0


def fqdn(
    target: str | None = None,
    *,
    every: bool = False,
    servers: tuple[str, ...] = (),
    timeout: float = TIMEOUT,
    hosts: str | None = None,
    resolv_conf: str | None = None,
    security: "Security | None" = None,
    on_event: OnEvent | None = None,
) -> Fqdn:
    """The fully qualified name of `target`; of this host without one.

    every: ask all sources at once, not in turn until one knows. timeout: seconds for all of it. security:
    how the certificates of servers asked over TLS, HTTPS or QUIC are verified. Raises BadInput,
    LocalFailure without a resolver configuration where DNS is needed; what cannot be found is in the result.
    """
    asking = Sources(Deadline.after(timeout), servers, hosts, resolv_conf, security, on_event)
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
    if known := naming.localhost(text):
        return known
    configuration = read_configuration(asking.resolv_conf)
    names = candidates(text, configuration.search, configuration.ndots)
    answers = asking.resolve_all(names) if every else map(asking.resolve, names)
    said: list[SourceName] = []
    worst: Lookup | None = None
    for candidate, answer in zip(names, answers, strict=True):
        said.append(naming.candidate_said(candidate, answer))
        worst = naming.worse(answer, worst)
        if is_full(said[-1].name) and not every:
            break
    assert worst is not None
    found = naming.of_candidates(text, said, worst)
    if not every:
        return found
    [system] = every_one([Source("canonical", text, partial(canonical, written or text))], asking)
    first = next((one for one in said if is_full(one.name)), None)
    return found._replace(
        agree=agreement([first, system]) if first else None,
        sources=(*said, system),
        detail="only a short name" if found.exit is Exit.NO and system.name else found.detail,
    )


def _address(text: str, asking: Sources, every: bool) -> Fqdn:
    """PTR, then whether one of the names leads back: forward-confirmed reverse DNS."""
    reverse = asking.resolve(text).resolutions[0]
    if names := naming.to_confirm(reverse):
        back = [Source(reverse.source, text, partial(confirmed, name, text)) for name in names]
        said = every_one(back, asking) if every else in_turn(back, asking, enough=_is_confirmed)
        found = naming.named(text, reverse, said)
    else:
        said = [naming.reverse_said(text, reverse)]
        found = naming.unnamed(text, reverse, said)
    if not every:
        return found
    [system] = every_one([Source("system", text, partial(name_info, text))], asking)
    return found._replace(agree=agreement([*said[:1], system]), sources=(*said, system))
