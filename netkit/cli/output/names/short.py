"""`resolve --short`: the data alone, a line each; nothing else is ever on standard output."""

from collections.abc import Iterable

from netkit.cli.output.names.resolve import complain
from netkit.dns.lookup import Lookup


def plain(found: Lookup) -> Iterable[str]:
    complain(found)
    for one in found.resolutions:
        yield from one.data
