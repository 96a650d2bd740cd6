"""The system's own resolver: getaddrinfo(3) and getnameinfo(3), in a thread under the deadline.

It answers for everything nsswitch.conf(5) names (hosts file, mDNS, LDAP, DNS), but says neither which, nor a TTL.
"""

import socket
from time import monotonic

from netkit.dns.name import is_ip, parse_name, reverse_name, to_text
from netkit.dns.result import Outcome, Record, Resolution
from netkit.errors import TimedOut
from netkit.events import OnEvent, Step
from netkit.net.blocking import call
from netkit.net.deadline import Deadline

OUTCOMES = {
    socket.EAI_NONAME: Outcome.NXDOMAIN,
    getattr(socket, "EAI_NODATA", -5): Outcome.NODATA,
    getattr(socket, "EAI_ADDRFAMILY", -9): Outcome.NODATA,
    socket.EAI_AGAIN: Outcome.SERVFAIL,
    socket.EAI_FAIL: Outcome.SERVFAIL,
}
KINDS = {socket.AF_INET: "A", socket.AF_INET6: "AAAA"}


def resolve_system(text: str, *, deadline: Deadline, on_event: OnEvent | None = None) -> tuple[Resolution, ...]:
    """What programs get for a name (A and AAAA) or an address (PTR)."""
    return _names(text, deadline, on_event) if is_ip(text) else _addresses(text, deadline, on_event)


def _addresses(text: str, deadline: Deadline, on_event: OnEvent | None) -> tuple[Resolution, ...]:
    name = to_text(parse_name(text))
    host = name.removesuffix(".")
    start = monotonic()

    def look() -> list[tuple[int, str, str]]:
        # As octets: what Python's own encoding does not take, like an empty label behind an escape, is UnicodeError.
        found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        return [(int(family), str(sockaddr[0]), canonical) for family, _, _, canonical, sockaddr in found]

    try:
        found = call(look, deadline=deadline, what=f"looking up {host}")
    except TimedOut:
        return _failed(text, name, ("A", "AAAA"), Outcome.TIMEOUT, None, start, on_event)
    except socket.gaierror as exc:
        outcome = OUTCOMES.get(exc.errno or 0, Outcome.SERVFAIL)
        return _failed(text, name, ("A", "AAAA"), outcome, exc.strerror, start, on_event)
    if on_event:
        on_event(Step("resolve", host, detail="getaddrinfo " + " ".join(address for _, address, _ in found)))
    canonical = next((f"{one}." for _, _, one in found if one), None)
    elapsed = _since(start)
    return tuple(
        Resolution(
            text,
            name,
            kind,
            Outcome.ANSWER if data else Outcome.NODATA,
            "system",
            tuple(Record(name, kind, None, one) for one in data),
            canonical,
            elapsed_ms=elapsed,
            tries=1,
        )
        for family, kind in KINDS.items()
        for data in [list(dict.fromkeys(address for one, address, _ in found if one == family))]
    )


def _names(text: str, deadline: Deadline, on_event: OnEvent | None) -> tuple[Resolution, ...]:
    name = reverse_name(text)
    start = monotonic()
    try:
        found, _ = call(
            lambda: socket.getnameinfo((text, 0), socket.NI_NAMEREQD), deadline=deadline, what=f"looking up {text}"
        )
    except TimedOut:
        return _failed(text, name, ("PTR",), Outcome.TIMEOUT, None, start, on_event)
    except socket.gaierror as exc:
        outcome = OUTCOMES.get(exc.errno or 0, Outcome.SERVFAIL)
        return _failed(text, name, ("PTR",), outcome, exc.strerror, start, on_event)
    if on_event:
        on_event(Step("resolve", text, detail=f"getnameinfo {found}"))
    record = Record(name, "PTR", None, f"{found}.")
    return (Resolution(text, name, "PTR", Outcome.ANSWER, "system", (record,), elapsed_ms=_since(start), tries=1),)


def _failed(
    text: str,
    name: str,
    kinds: tuple[str, ...],
    outcome: Outcome,
    reason: str | None,
    start: float,
    on_event: OnEvent | None,
) -> tuple[Resolution, ...]:
    if on_event:
        on_event(Step("resolve", text, result=reason or outcome.value))
    elapsed = _since(start)
    return tuple(
        Resolution(text, name, kind, outcome, "system", elapsed_ms=elapsed, tries=1, detail=reason) for kind in kinds
    )


def _since(start: float) -> float:
    return round((monotonic() - start) * 1000, 3)
