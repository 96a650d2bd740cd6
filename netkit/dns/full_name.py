"""The fully qualified name of this host, of a name, or of an address, and where it comes from.

`socket.getfqdn()` is never called: it gives back "localhost" on hosts whose name the system knows, and may hang for
half a minute. Each source is asked by itself, under one deadline, and "localhost" is nobody's name.
"""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import NamedTuple

from netkit.dns import hosts as hosts_file
from netkit.dns.lookup import Lookup, resolve
from netkit.dns.name import canonical_ip, is_ip, parse_name, to_text
from netkit.dns.resolv_conf import read_configuration
from netkit.dns.result import Outcome
from netkit.dns.search import candidates
from netkit.errors import Exit, NetkitError
from netkit.events import OnEvent
from netkit.net.blocking import call
from netkit.net.deadline import Deadline

TIMEOUT = 5.0
MIN_LEFT = 0.001


class SourceName(NamedTuple):
    """What one source says: its name, or why it has none."""

    source: str
    name: str | None
    detail: str | None
    elapsed_ms: float


class Fqdn(NamedTuple):
    """The full name that was found, or why there is none.

    input: a name or address, None for this host. name: without the final dot, None when nothing has one.
    confirmed: for an address, whether the name leads back to it; None when that could not be found out. agree: whether
    all sources with a dotted name say the same; None when fewer than two have one. sources: those that were asked, in
    the order of trust.
    """

    input: str | None
    name: str | None
    source: str | None
    exit: Exit
    confirmed: bool | None = None
    agree: bool | None = None
    sources: tuple[SourceName, ...] = ()
    detail: str | None = None


class _Asking(NamedTuple):
    deadline: Deadline
    servers: tuple[str, ...]
    hosts: str | None
    resolv_conf: str | None
    on_event: OnEvent | None

    def resolve(self, name: str, *, straight: bool = False) -> Lookup:
        """One name by the usual sources, or by DNS alone, within what is left of the deadline."""
        found = resolve(
            [name],
            servers=self.servers,
            dns=straight,
            timeout=max(MIN_LEFT, self.deadline.left),
            hosts=self.hosts,
            resolv_conf=self.resolv_conf,
            on_event=self.on_event,
        )
        return next(found)


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

    every: ask all sources, not just until one knows. timeout: seconds for all of it. Raises BadInput, LocalFailure
    without a resolver configuration where DNS is needed; what cannot be found is in the result.
    """
    asking = _Asking(Deadline.after(timeout), servers, hosts, resolv_conf, on_event)
    if target is None:
        return _this_host(asking, every)
    return _address(target, asking) if is_ip(target) else _name(target, asking)


def is_full(name: str | None) -> bool:
    """Whether it is a name with a dot that is not localhost's."""
    return name is not None and "." in name.rstrip(".") and not of_localhost(name)


def of_localhost(name: str) -> bool:
    """Whether it is localhost, below it, or one of the names old hosts files give loopback (localhost.localdomain)."""
    labels = name.lower().rstrip(".").split(".")
    return "localhost" in (labels[0], labels[-1])


def _this_host(asking: _Asking, every: bool) -> Fqdn:
    said: list[SourceName] = []
    for source, ask in _sources(asking):
        start = monotonic()
        name: str | None = None
        detail: str | None = None
        try:
            name = ask()
        except NetkitError as exc:
            detail = exc.message
        except OSError as exc:
            detail = exc.strerror or str(exc)
        except UnicodeError as exc:  # a host name of 64 octets, which no label can have
            detail = str(exc)
        if name is None and detail is None:
            detail = "has none"
        said.append(SourceName(source, name, detail, round((monotonic() - start) * 1000, 3)))
        if is_full(name) and not every:
            break
    full = [one for one in said if is_full(one.name)]
    agree = len({(one.name or "").lower() for one in full}) == 1 if len(full) > 1 else None
    if full:
        return Fqdn(None, full[0].name, full[0].source, Exit.OK, agree=agree, sources=tuple(said))
    short = next((one for one in said if one.name and not of_localhost(one.name)), None)
    if short is None:
        return Fqdn(None, None, None, Exit.NO, sources=tuple(said), detail="this host has no name but localhost")
    detail = f"only a short name: no source knows a domain for {short.name!r}"
    return Fqdn(None, short.name, short.source, Exit.NO, sources=tuple(said), detail=detail)


def _sources(asking: _Asking) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """The sources in the order of trust; each is asked only when it is come to."""
    hostname = socket.gethostname()
    yield "hostname", lambda: hostname
    yield "hosts", partial(_from_hosts, hostname, asking)
    yield "canonical", partial(_canonical, hostname, asking)
    yield "reverse", partial(_from_reverse, hostname, asking)
    yield "search", partial(_from_search, hostname, asking)


def _from_hosts(hostname: str, asking: _Asking) -> str | None:
    """The first name of the hosts file's line for this host, as `hostname --fqdn` finds it."""
    lines = [line for line in hosts_file.read_hosts(asking.hosts) if hostname.lower() in line.names]
    names = [line.names[0] for line in lines if not of_localhost(line.names[0])]
    return next((name for name in names if is_full(name)), next(iter(names), None))


def _canonical(hostname: str, asking: _Asking) -> str | None:
    """getaddrinfo(3) with AI_CANONNAME: what the system's sources together say."""
    found = call(
        lambda: socket.getaddrinfo(hostname, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME),
        deadline=asking.deadline,
        what=f"getaddrinfo {hostname}",
    )
    return next((entry[3].rstrip(".") for entry in found if entry[3]), None)


def _from_reverse(hostname: str, asking: _Asking) -> str | None:
    """PTR of the addresses this host uses towards others; loopback has no name of its own."""
    for address in own_addresses(hostname, asking):
        answer = asking.resolve(address, straight=True).resolutions[0]
        names = [data.rstrip(".") for data in answer.data if is_full(data)]
        if names:
            return names[0]
    return None


def own_addresses(hostname: str, asking: _Asking) -> list[str]:
    """The source addresses of the default routes, and what the hosts file has for the name; no loopback."""
    found = []
    for family, beyond in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((beyond, 9))  # sets the route alone: UDP sends nothing here
                found.append(str(sock.getsockname()[0]))
        except OSError:  # no route, or no such family at all
            continue
    found += hosts_file.addresses_of(hostname, hosts_file.read_hosts(asking.hosts))
    return [one for one in dict.fromkeys(found) if not one.startswith("127.") and one != "::1"]


def _from_search(hostname: str, asking: _Asking) -> str | None:
    """The host name in the first search domain, when DNS has that name."""
    search = read_configuration(asking.resolv_conf).search
    if not search or "." in hostname:
        return None
    name = f"{hostname}.{search[0]}"
    return name if asking.resolve(name, straight=True).exit is Exit.OK else None


def _name(text: str, asking: _Asking) -> Fqdn:
    """The canonical name of the first candidate of the search list that exists (resolv.conf(5), ndots)."""
    parse_name(text)
    bare = text.rstrip(".")
    if not is_full(bare) and bare.lower().split(".")[-1] == "localhost":
        return Fqdn(text, None, "special", Exit.NO, detail="localhost is every host's name for itself, not a full one")
    said: list[SourceName] = []
    worst: Lookup | None = None
    configuration = read_configuration(asking.resolv_conf)
    for candidate in candidates(text, configuration.search, configuration.ndots):
        answer = asking.resolve(candidate)
        found = next((one for one in answer.resolutions if one.outcome is Outcome.ANSWER), answer.resolutions[0])
        exists = found.outcome in (Outcome.ANSWER, Outcome.NODATA)
        name = (found.canonical or found.name).rstrip(".") if exists else None
        said.append(SourceName(found.source, name, None if exists else found.outcome.value, found.elapsed_ms))
        if name and is_full(name):
            return Fqdn(text, name, found.source, Exit.OK, sources=tuple(said))
        if worst is None or answer.exit is not Exit.NO:
            worst = answer
    assert worst is not None
    if worst.exit in (Exit.OK, Exit.NO):
        detail = "no such name" if all(one.name is None for one in said) else "only a short name"
        return Fqdn(text, None, None, Exit.NO, sources=tuple(said), detail=detail)
    return Fqdn(text, None, None, worst.exit, sources=tuple(said), detail=worst.resolutions[0].outcome.value)


def _address(text: str, asking: _Asking) -> Fqdn:
    """PTR, then whether one of the name's addresses is this one: forward-confirmed reverse DNS."""
    answer = asking.resolve(text)
    reverse = answer.resolutions[0]
    names = [data.rstrip(".") for data in reverse.data]
    name: str | None = next((one for one in names if is_full(one)), None)
    said = (SourceName(reverse.source, names[0] if names else None, None, reverse.elapsed_ms),)
    if name is None:
        if answer.exit not in (Exit.OK, Exit.NO):
            return Fqdn(text, None, None, answer.exit, sources=said, detail=reverse.outcome.value)
        detail = f"only {names[0]}, not a full name" if names else "no name: " + reverse.outcome.value
        return Fqdn(text, None, reverse.source, Exit.NO, sources=said, detail=detail)
    try:
        to_text(parse_name(name))
        forward = asking.resolve(name)
    except NetkitError:  # a PTR may hold what is no host name
        return Fqdn(text, name, reverse.source, Exit.NO, False, sources=said, detail="its name is no host name")
    if forward.exit not in (Exit.OK, Exit.NO):
        failed = next(one for one in forward.resolutions if one.exit is forward.exit)
        reason = f"{name} cannot be confirmed: {failed.outcome.value}"
        return Fqdn(text, name, reverse.source, forward.exit, sources=said, detail=reason)
    confirmed = any(canonical_ip(text) in one.data for one in forward.resolutions)
    doubt = None if confirmed else f"{name} does not lead back to {text}"
    return Fqdn(text, name, reverse.source, Exit.OK if confirmed else Exit.NO, confirmed, sources=said, detail=doubt)
