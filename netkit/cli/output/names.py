"""`resolve`: one JSON object or one line a record, and what is said of names without an answer.

JSON, one object for each (name, type): time, input, name, display, type, outcome, exit_code, source, rcode, answers
(name, type, ttl, data), canonical, addresses, server, transport, elapsed_ms, tries, flags, size, rejected (from,
reason), notes, error (kind, message, hint).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from netkit.cli.output.sink import now
from netkit.cli.run import say
from netkit.dns.lookup import Lookup
from netkit.dns.result import MEANING, NEGATIVE, Outcome, Resolution
from netkit.dns.types import FREQUENT
from netkit.net.hostname import to_unicode

HINTS = {
    Outcome.TIMEOUT: "--timeout 10s waits longer; @SERVER asks another server",
    Outcome.UNREACHABLE: "is a DNS server running there? @SERVER asks another one",
    Outcome.LAME: "ask a recursive server, or one of the zone's own",
    Outcome.REFUSED: "the server may answer only its own network or zones",
}


def documents(found: Lookup) -> Iterator[dict[str, Any]]:
    for one in found.resolutions:
        failed = one.outcome is not Outcome.ANSWER
        yield {
            "time": now(),
            "input": one.input,
            "name": one.name,
            "display": to_unicode(one.name),
            "type": one.type,
            "outcome": one.outcome.value,
            "exit_code": int(one.exit),
            "source": one.source,
            "rcode": one.rcode,
            "answers": [{"name": r.name, "type": r.type, "ttl": r.ttl, "data": r.data} for r in one.records],
            "canonical": one.canonical,
            "addresses": [r.data for r in one.records if r.type in ("A", "AAAA")],
            "server": one.server,
            "transport": one.transport,
            "elapsed_ms": one.elapsed_ms,
            "tries": one.tries,
            "flags": list(one.flags),
            "size": one.size,
            "rejected": [{"from": r.server, "reason": r.reason} for r in one.rejected],
            "notes": list(one.notes),
            "error": {"kind": one.outcome.value, "message": message(one), "hint": HINTS.get(one.outcome)}
            if failed
            else None,
        }


def plain(found: Lookup) -> Iterable[str]:
    """A line a record: name, ttl, type, data, source, behind tabs; `-` for a TTL that there is not."""
    complain(found)
    for record, source in dict.fromkeys((record, one.source) for one in found.resolutions for record in one.records):
        ttl = "-" if record.ttl is None else str(record.ttl)
        yield "\t".join((record.name, ttl, record.type, record.data, source))


def complain(found: Lookup) -> None:
    """Say on standard error what has no answer; of the default pair, one negative beside an answer is none."""
    for text, hint in complaints(found).items():
        say(f"netkit: {text}", hint)


def complaints(found: Lookup) -> dict[str, str | None]:
    """What is said of a name without an answer, each with its hint; types that share it are not told apart."""
    failed = [one for one in found.resolutions if one.outcome is not Outcome.ANSWER]
    if not found.types_asked and len(failed) < len(found.resolutions):
        failed = [one for one in failed if one.outcome not in NEGATIVE]
    alike = not found.types_asked and len(failed) > 1 and len({one.outcome for one in failed}) == 1
    if not found.types_asked and failed and failed[0].server and failed[0].input.upper() in FREQUENT:
        word = failed[0].input.upper()
        return {message(failed[0], with_type=False): f"{word} is a record type: did you mean -t {word}?"}
    return {message(one, with_type=not alike): HINTS.get(one.outcome) for one in (failed[:1] if alike else failed)}


def message(one: Resolution, *, with_type: bool = True) -> str:
    """One line: what was asked, what came of it, who said so, and what else came."""
    name = one.input if one.type == "PTR" or one.source == "special" else one.name.removesuffix(".") or "."
    parts = [f"{name} {one.type}" if with_type and one.type != "PTR" else name]
    parts.append(f"{one.outcome.value}: {MEANING[one.outcome]}")
    text = ": ".join(parts)
    if one.detail:
        text += f" ({one.detail})"
    if one.server:
        text += f", says {one.server}"
    others = dict.fromkeys(f"{r.server} {r.reason}" for r in one.rejected if r.server != one.server)
    if others:
        text += "; " + ", ".join(list(others)[:3])
    return text
