"""`resolve`: one JSON object or one line a record, and what is said of names without an answer.

JSON: one object for each (name, type), with KEYS, always all. README's table of them is made from here.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from netkit.cli.output.say import say
from netkit.cli.output.sink import exact, now
from netkit.dns.lookup import Lookup
from netkit.dns.result import MEANING, NEGATIVE, SEARCHED, Edns, Outcome, Rejected, Resolution
from netkit.dns.types import FREQUENT
from netkit.net.hostname import to_unicode

if TYPE_CHECKING:
    from netkit.dns.validate.verdict import Dnssec, Link

KEYS = {
    "time": "when it was shown",
    "input": "the name or address as it was written",
    "name": "the name that was asked for, in A-labels, with its final dot",
    "display": "the same in Unicode",
    "type": "the type that was asked for",
    "class": "the class, IN in nearly all cases",
    "outcome": "one word: answer, nodata, nxdomain, dangling_cname, cname_loop, lame, servfail, refused, rcode, "
    "truncated, malformed, mismatch, timeout, unreachable, tls, notauth, bogus or indeterminate",
    "exit_code": "what that means for the exit code",
    "source": "special (RFC 6761), hosts, dns or system",
    "rcode": "the response code, as NOERROR",
    "answers": "the records, aliases first: name, type, class, ttl, data",
    "canonical": "the name that the aliases lead to",
    "addresses": "those of the answers",
    "server": "who decided, ADDRESS:PORT",
    "transport": "how it was asked: udp, tcp, tls, https or quic",
    "elapsed_ms": "from the first query to the decision",
    "tries": "queries sent",
    "flags": "of the reply: aa, tc, rd, ra, ad, cd",
    "size": "of the reply, in octets",
    "rejected": "replies and servers that were not used: from, reason",
    "notes": "what was odd, in words",
    "ede": "extended errors (RFC 8914): code, name, text",
    "edns": "of the reply: version, payload, dnssec_ok; null when it has none",
    "nsid": "who the server is (RFC 5001)",
    "ecs": "the client subnet (RFC 7871): subnet, scope",
    "cookie": "client and server, in hexadecimal (RFC 7873)",
    "tsig": "the key that the reply is verified with (RFC 8945)",
    "dnssec": "with --validate: verdict, reason, hint, opt_out (an unsigned delegation may be there), failing (a "
    "link), chain (links); a link: zone, role, name, type, verdict, key_tag, algorithm, inception, expires, key_tags, "
    "reason, opt_out",
    "error": "kind, message, hint; null with an answer",
}
MAX_REASONS = 4  # extended errors that are shown to people; 64 KB hold thousands, and JSON has them all
OPT_OUT = " (opt-out: an unsigned delegation may be there, RFC 5155 9.2)"
MAX_WORDS = 200  # characters of somebody else's words in a line for people; RFC 8914 wants them short

SHORT_NAME = "--search also tries the domains of the search list, where there are any"
HINTS = {
    Outcome.TIMEOUT: "--timeout 10s waits longer; @SERVER asks another server",
    Outcome.UNREACHABLE: "is a DNS server running there? @SERVER asks another one",
    Outcome.LAME: "ask a recursive server, or one of the zone's own",
    Outcome.INDETERMINATE: "--trust-anchor FILE names the keys of a zone above it",
    Outcome.NOTAUTH: "--tsig-file takes the file with the name, algorithm and secret that the server has",
    Outcome.TLS: "--cacert FILE names an authority to trust; the certificate is for the name or address behind ://",
    Outcome.REFUSED: "the server may answer only its own network or zones",
}


def documents(found: Lookup) -> Iterator[dict[str, Any]]:
    for one in found.resolutions:
        failed = one.outcome is not Outcome.ANSWER
        edns = one.edns
        yield {
            "time": now(),
            "input": one.input,
            "name": one.name,
            "display": to_unicode(one.name) if found.idn else one.name,
            "type": one.type,
            "class": one.rdclass,
            "outcome": one.outcome.value,
            "exit_code": int(one.exit),
            "source": one.source,
            "rcode": one.rcode,
            "answers": [
                {"name": r.name, "type": r.type, "class": r.rdclass, "ttl": r.ttl, "data": r.data} for r in one.records
            ],
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
            "ede": [ede._asdict() for ede in one.ede],
            "edns": {"version": edns.version, "payload": edns.payload, "dnssec_ok": edns.dnssec_ok} if edns else None,
            "nsid": exact(edns.nsid) if edns and edns.nsid is not None else None,
            "ecs": {"subnet": edns.subnet, "scope": edns.scope} if edns and edns.subnet else None,
            "cookie": _cookie(edns) if edns else None,
            "tsig": one.key,
            "dnssec": dnssec(one.dnssec) if one.dnssec else None,
            "error": {"kind": one.outcome.value, "message": message(one), "hint": hint_of(one)} if failed else None,
        }


def dnssec(found: "Dnssec") -> dict[str, Any]:
    """The `dnssec` object of a document."""
    return {
        "verdict": found.verdict.value,
        "reason": found.reason,
        "hint": found.hint,
        "opt_out": found.opt_out,
        "failing": _link(found.failing) if found.failing else None,
        "chain": [_link(link) for link in found.chain],
    }


def _link(link: "Link") -> dict[str, Any]:
    return link._asdict() | {"verdict": link.verdict.value, "key_tags": list(link.key_tags)}


def _cookie(edns: Edns) -> dict[str, str | None] | None:
    if edns.client_cookie is None:
        return None
    return {"client": edns.client_cookie.hex(), "server": edns.server_cookie.hex() if edns.server_cookie else None}


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
    for one in found.resolutions:
        if one.outcome is Outcome.ANSWER and one.dnssec and one.dnssec.verdict == "insecure":
            say(f"netkit: {one.name} {one.type}: insecure: {one.dnssec.reason}")


def complaints(found: Lookup, *, with_others: bool = True) -> dict[str, str | None]:
    """What is said of a name without an answer, each with its hint; types that share it are not told apart."""
    failed = [one for one in found.resolutions if one.outcome is not Outcome.ANSWER]
    if not found.types_asked and len(failed) < len(found.resolutions):
        failed = [one for one in failed if one.outcome not in NEGATIVE]
    alike = not found.types_asked and len(failed) > 1 and len({one.outcome for one in failed}) == 1
    if not found.types_asked and failed and failed[0].server and failed[0].input.upper() in FREQUENT:
        word = failed[0].input.upper()
        return {
            message(
                failed[0], with_type=False, with_others=with_others
            ): f"{word} is a record type: did you mean -t {word}?"
        }
    return {
        message(one, with_type=not alike, with_others=with_others): hint_of(one) or _of_short(one)
        for one in (failed[:1] if alike else failed)
    }


def _of_short(one: Resolution) -> str | None:
    """The hint for a name that only the search list may make a whole one."""
    short = one.outcome is Outcome.NXDOMAIN and one.source == "dns" and "." not in one.input and one.type != "PTR"
    searched = any(note.startswith(SEARCHED) for note in one.notes)
    return SHORT_NAME if short and not searched else None


def hint_of(one: Resolution) -> str | None:
    return (one.dnssec.hint if one.dnssec else None) or HINTS.get(one.outcome)


def message(one: Resolution, *, with_type: bool = True, with_others: bool = True) -> str:
    """One line: what was asked, what came of it, who said so and why, and what else came."""
    name = one.input if one.type == "PTR" or one.source == "special" else one.name.removesuffix(".") or "."
    parts = [f"{name} {one.type}" if with_type and one.type != "PTR" else name]
    parts.append(f"{one.outcome.value}: {MEANING[one.outcome]}")
    text = ": ".join(parts)
    if one.detail:
        text += f" ({one.detail})"
    if one.server:
        text += f", says {one.server}"
    if one.dnssec and one.outcome in NEGATIVE:
        text += f", {one.dnssec.verdict}{OPT_OUT if one.dnssec.opt_out else ''}"
    if one.ede:
        text += f" ({'; '.join(reasons(one))})"
    if with_others and (others := list(rejected(one))):
        text += "; " + ", ".join(f"{r.server} {r.reason}" for r in others[:3])
    return text


def reasons(one: Resolution) -> list[str]:
    """The extended errors in words, "EDE 18 Prohibited: not for you": MAX_REASONS of them, so long as people read."""
    return [f"EDE {ede.code} {ede.name}" + (f": {_cut(ede.text)}" if ede.text else "") for ede in one.ede[:MAX_REASONS]]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + "…"


def rejected(one: Resolution) -> dict[Rejected, int]:
    """The replies and servers that were not used, each with how often; without what the outcome says already."""
    counted: dict[Rejected, int] = {}
    for r in one.rejected:
        said = r.server == one.server and r.reason in (one.outcome.value, one.rcode, f"notauth: {one.detail}")
        if one.outcome is Outcome.TLS:
            said |= f"{r.server}: {r.reason.removeprefix('tls: ')}" == one.detail
        if not said:
            counted[r] = counted.get(r, 0) + 1
    return counted


def not_used(one: Resolution) -> list[str]:
    """A line for each of the rejected, in words."""
    return [
        f"not used: {r.server}: {r.reason}" + (f", {count} times" if count > 1 else "")
        for r, count in rejected(one).items()
    ]


def remarks(found: Lookup) -> list[str]:
    """What a result's reader should know beside it, for where no grey line says it.

    Of an answer extended errors, and replies and servers that were not used (a failure's own line has them); what was
    odd; and who the server is when that was asked. What types of a name share is said once.
    """
    told: dict[tuple[str, str], dict[str, None]] = {}
    for one in found.resolutions:
        answered = one.outcome is Outcome.ANSWER
        lines = [f"{one.server} says {why}" for why in reasons(one)] if answered else []
        lines += not_used(one) if answered else []
        lines += [note for note in one.notes if not (answered and note.startswith(SEARCHED))]
        for line in lines:
            told.setdefault((one.name.removesuffix(".") or ".", line), {})[one.type] = None
    lines = [f"{name} {', '.join(types)}: {line}" for (name, line), types in told.items()]
    lines += [f"{one.server} is {who}" for one in found.resolutions if (who := server_name(one))]
    return list(dict.fromkeys(lines))


def server_name(one: Resolution) -> str | None:
    """The NSID, in hexadecimal what is no text."""
    if one.edns is None or one.edns.nsid is None:
        return None
    try:
        return f"NSID {_cut(one.edns.nsid.decode())!r}"
    except UnicodeDecodeError:
        return f"NSID 0x{_cut(one.edns.nsid.hex())}"
