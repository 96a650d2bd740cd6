"""`resolve --validate`: what `resolve` prints, and the verdict.

In a pipe the verdict is a sixth column behind the source. JSON has it in `dnssec`: verdict, reason, hint, opt_out,
failing (a link), chain (links); a link is zone, role, name, type, verdict, key_tag, algorithm, inception, expires,
key_tags, reason, opt_out.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.names.resolve import complain, documents
from netkit.dns.lookup import Lookup
from netkit.dns.validate.verdict import Dnssec, Link

__all__ = ["complain", "dnssec", "documents", "plain"]


def plain(found: Lookup) -> Iterator[str]:
    """A line a record: name, ttl, type, data, source, verdict, behind tabs."""
    complain(found)
    lines = dict.fromkeys((record, one) for one in found.resolutions for record in one.records)
    for record, one in lines:
        verdict = one.dnssec.verdict.value if one.dnssec else "-"
        yield "\t".join((record.name, str(record.ttl), record.type, record.data, one.source, verdict))


def dnssec(found: Dnssec) -> dict[str, Any]:
    """The `dnssec` object of a JSON document."""
    return {
        "verdict": found.verdict.value,
        "reason": found.reason,
        "hint": found.hint,
        "opt_out": found.opt_out,
        "failing": _link(found.failing) if found.failing else None,
        "chain": [_link(link) for link in found.chain],
    }


def _link(link: Link) -> dict[str, Any]:
    return link._asdict() | {"verdict": link.verdict.value, "key_tags": list(link.key_tags)}
