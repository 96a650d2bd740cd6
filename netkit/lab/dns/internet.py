"""The lab's small internet: the root of DNS, `test.`, and two servers that do not help, each at an address of its own.

All are on the port of the lab's own server, which has lab.test, signed.test and the reverse zones: who goes down from
the root (`netkit resolve --trace-root`, `dig +trace`) takes one port for all. Zones of the user's are delegated to the
lab's own server as well. Where 127.0.0.1 is the only address of loopback, as on macOS, there is no such internet.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

from netkit.lab.dns.faults import FAULTS, Fault
from netkit.lab.dns.signing import ANCHOR, LASTING, ds_of, read_zone, sign
from netkit.lab.dns.zones import Zone, Zones

ROOT, TOP, LAME, CLOSED = (f"127.0.53.{last}" for last in range(1, 5))
ADDRESSES = (ROOT, TOP, LAME, CLOSED)  # 127.0.0.53 and .54 are systemd-resolved's
OWN = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.NS, "ns1.lab.test.")  # the lab's own server
TEST = dns.name.from_text("test.")
TTL = 300  # seconds

FindFault = Callable[[dns.message.Message], tuple[str, Fault] | None]


class Site(NamedTuple):
    """What an address answers: from its zones, unless its fault has the word."""

    zones: Zones
    find_fault: FindFault


class Internet(NamedTuple):
    """upper: test. and the root. sites: what is at each of ADDRESSES."""

    upper: Sequence[Zone]
    sites: Mapping[str, Site]


def make_internet(served: Zones, now: datetime | None = None) -> Internet:
    """The internet above a lab that serves these zones, signed as of now."""
    root, test = read_zone(dns.name.root), read_zone(TEST)
    for origin in sorted(
        map(dns.name.from_text, served.origins), key=len
    ):  # what is below another is that one's affair
        _delegate(test if origin.is_subdomain(TEST) else root, origin)
    until = (now or datetime.now(UTC)) + LASTING
    for parent, child in ((test, ANCHOR), (root, TEST)):
        parent.find_rdataset(child, dns.rdatatype.DS, create=True).add(ds_of(child), TTL)
        sign(parent, until)
    upper = Zone(test), Zone(root)
    nothing = Zones([])
    sites = {
        ROOT: Site(Zones([upper[1]]), lambda query: None),
        TOP: Site(Zones([upper[0]]), lambda query: None),
        LAME: Site(nothing, lambda query: ("lame", Fault("refers up to the root", _upwards))),
        CLOSED: Site(nothing, lambda query: ("closed", FAULTS["refused"])),
    }
    return Internet(upper, sites)


def _delegate(parent: dns.zone.Zone, origin: dns.name.Name) -> None:
    """Lead to a zone of the lab's, where nothing leads there yet."""
    assert parent.origin is not None
    names = [origin.split(labels)[1] for labels in range(len(parent.origin) + 1, len(origin) + 1)]
    if names and not any(parent.get_rdataset(name, dns.rdatatype.NS) for name in names):
        parent.find_rdataset(origin, dns.rdatatype.NS, create=True).add(OWN, TTL)


def _upwards(query: dns.message.Message, wire: bytes) -> list[bytes]:
    """A referral to the root, from a server that knows no more of the name than whoever asks."""
    reply = dns.message.make_response(query)
    reply.authority.append(dns.rrset.from_text(".", TTL, "IN", "NS", "a.root."))
    reply.additional.append(dns.rrset.from_text("a.root.", TTL, "IN", "A", ROOT))
    return [reply.to_wire()]
