"""`resolve --validate`: what `resolve` prints, and the verdict: in a pipe a sixth column behind the source."""

from collections.abc import Iterator

from netkit.cli.output.names.resolve import complain, documents
from netkit.dns.lookup import Lookup

__all__ = ["complain", "documents", "plain"]


def plain(found: Lookup) -> Iterator[str]:
    """A line a record: name, ttl, type, data, source, verdict, behind tabs."""
    complain(found)
    lines = dict.fromkeys((record, one) for one in found.resolutions for record in one.records)
    for record, one in lines:
        verdict = one.dnssec.verdict.value if one.dnssec else "-"
        yield "\t".join((record.name, str(record.ttl), record.type, record.data, one.source, verdict))
