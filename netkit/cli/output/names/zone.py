"""`resolve --zone`: the records as lines of a zone file (RFC 1035 5.1), each whole: owner, TTL, class, type, data.

What has no time to be cached (from the hosts file, the special names, the system) has TTL 0.
"""

from collections.abc import Iterable

from netkit.cli.output.names.resolve import complain
from netkit.dns.lookup import Lookup
from netkit.dns.result import Record


def plain(found: Lookup) -> Iterable[str]:
    complain(found)
    for record in dict.fromkeys(record for one in found.resolutions for record in one.records):
        yield line(record)


def line(record: Record) -> str:
    return f"{record.name}\t{record.ttl or 0}\t{record.rdclass}\t{record.type}\t{record.data}"
