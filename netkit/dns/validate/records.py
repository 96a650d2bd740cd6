"""From a reply to its RRsets, each with the signatures over it (RFC 2181 section 5, RFC 4035 section 5.3)."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.wire
from dns.rdtypes.ANY.RRSIG import RRSIG

from netkit.dns.types import type_name
from netkit.dns.wire import Malformed, Raw, Reply

Key = tuple[dns.name.Name, int]  # owner and type


class Signed(NamedTuple):
    """An RRset and the signatures that came with it. several: a type of which a name has one record has more."""

    rrset: dns.rrset.RRset
    signatures: tuple[RRSIG, ...] = ()
    several: bool = False

    @property
    def name(self) -> dns.name.Name:
        return self.rrset.name

    @property
    def type(self) -> str:
        return type_name(self.rrset.rdtype)

    def signers(self, *, above: bool = False) -> list[dns.name.Name]:
        """Who signs it, of those that may: a zone at or above the name, the deepest first; for a DS only above."""
        names = {one.signer for one in self.signatures if self.name.is_subdomain(one.signer)}
        return sorted((name for name in names if not above or name != self.name), key=len, reverse=True)


def sets_of(reply: Reply, section: Sequence[Raw]) -> dict[Key, Signed]:
    """The RRsets of a section. Raises Malformed for data that cannot be read."""
    found: dict[Key, dns.rrset.RRset] = {}
    counts: dict[Key, set[bytes]] = {}
    signatures: dict[Key, list[RRSIG]] = {}
    for raw in section:
        name, _ = dns.name.from_wire(raw.owner, 0)
        rdata = _rdata(reply, raw)
        if isinstance(rdata, RRSIG):
            signatures.setdefault((name, int(rdata.type_covered)), []).append(rdata)
            continue
        key = (name, raw.type)
        rrset = found.get(key)
        if rrset is None:
            rrset = found[key] = dns.rrset.RRset(name, dns.rdataclass.IN, dns.rdatatype.RdataType(raw.type))
        counts.setdefault(key, set()).add(rdata.to_digestable())
        try:
            rrset.add(rdata, raw.ttl if raw.ttl < 0x80000000 else 0)
        except dns.rdataset.DifferingCovers as exc:  # of SIG (RFC 2535), which is no signature any more
            raise Malformed(f"SIG records of several types at {name}") from exc
    # dnspython keeps the last of several CNAME, where the reader of an answer may take the first.
    return {
        key: Signed(rrset, tuple(dict.fromkeys(signatures.get(key, ()))), len(counts[key]) > len(rrset))
        for key, rrset in found.items()
    }


def _rdata(reply: Reply, raw: Raw) -> dns.rdata.Rdata:
    parser = dns.wire.Parser(reply.wire, raw.start)
    try:
        with parser.restrict_to(raw.end - raw.start):
            return dns.rdata.from_wire_parser(dns.rdataclass.IN, dns.rdatatype.RdataType(raw.type), parser)
    except (dns.exception.DNSException, ValueError, IndexError, struct.error) as exc:
        raise Malformed(f"the data of a {type_name(raw.type)} record: {exc or type(exc).__name__}") from exc
