"""What an authoritative server answers (RFC 1034 4.3.2) from zones in memory; no sockets.

Aliases are followed inside the zones that are here, wildcards and DNAMEs expanded, delegations referred to; a name
that does not exist and a type that does not both come with the SOA (RFC 2308). Nothing outside the zones is looked
up, ever: such a question is refused. Who sets DO gets what a signed zone has of signatures and of NSEC (RFC 4035
section 3). The work is dnspython's; what it does not do is this search.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.zone

from netkit.errors import BadInput, LocalFailure
from netkit.lab.dns.about import answer_chaos, answer_options
from netkit.lab.dns.signing import signed_zones

BUILT_IN = ("lab.test.zone", "good.lab.test.zone", "127.in-addr.arpa.zone", "ip6.arpa.zone")
MAX_ALIASES = 16  # in one answer; BIND and Unbound stop at about as many
MAX_ZONE_FILE = 64 * 1024 * 1024
PAYLOAD = 1232  # the datagram size that no path fragments (DNS flag day 2020)

PROVEN = (dns.name.from_text("good.lab.test."),)  # answered as a resolver does that has validated the answer
MAIL_KEY = "@MAIL-KEY@"

SOA = dns.rdatatype.SOA
SETS_A_MESSAGE = 50  # of a zone transfer; a message has room for 65,535 octets
NOT_SERVED = (dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.MAILA, dns.rdatatype.MAILB)


class Zone:
    """One zone, with the names that exist only because something is below them."""

    def __init__(self, zone: dns.zone.Zone) -> None:
        assert zone.origin is not None
        self.origin = zone.origin
        self.nodes: dict[dns.name.Name, dns.node.Node] = dict(zone.nodes)
        self.names: set[dns.name.Name] = set()
        for name in self.nodes:
            while name not in self.names and name.is_subdomain(self.origin):
                self.names.add(name)
                name = name.parent() if name != self.origin else name
        # The owners of NSEC in canonical order, which is how dnspython compares names (RFC 4034 6.1).
        self.denying = sorted(name for name in self.nodes if self.get(name, dns.rdatatype.NSEC))
        apex = self.nodes[self.origin]
        self.soa = _rrset(self.origin, apex.find_rdataset(dns.rdataclass.IN, dns.rdatatype.SOA))

    def get(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.rdataset.Rdataset | None:
        node = self.nodes.get(name)
        return node.get_rdataset(dns.rdataclass.IN, rdtype) if node else None

    def signatures(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> dns.rdataset.Rdataset | None:
        node = self.nodes.get(name)
        return node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, rdtype) if node else None

    def encloser(self, name: dns.name.Name) -> dns.name.Name:
        """The deepest name above that is there."""
        encloser = name.parent()
        while encloser not in self.names:
            encloser = encloser.parent()
        return encloser

    def before(self, name: dns.name.Name) -> dns.name.Name | None:
        """The owner of the NSEC at the name, or of that over it; None in a zone without."""
        at = bisect_right(self.denying, name)
        return self.denying[at - 1] if self.denying else None

    def above(self, name: dns.name.Name) -> Iterator[dns.name.Name]:
        """The names from just below the origin down to the name itself."""
        for labels in range(len(self.origin) + 1, len(name) + 1):
            yield name.split(labels)[1]

    def negative_soa(self) -> dns.rrset.RRset:
        """The SOA for a negative answer: its TTL is how long to remember it (RFC 2308 section 3)."""
        soa = self.soa[0]
        assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
        return dns.rrset.from_rdata(self.origin, min(self.soa.ttl, soa.minimum), soa)


class Zones:
    """Every zone served; the deepest one that holds a name answers for it.

    upper: zones that lead here and are another server's, deepest first. Their SOA, NS and keys, and the DS records in
    them, are answered all the same, as by a resolver: that is what goes down from the root, and what validates, asks.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = {zone.origin: zone for zone in zones}
        self.upper: Sequence[Zone] = ()

    @property
    def origins(self) -> list[str]:
        return [origin.to_text(omit_final_dot=True) for origin in self._zones]

    def find(self, name: dns.name.Name, rdtype: int = 0) -> Zone | None:
        """The zone to answer from; the DS of a child zone is its parent's (RFC 4035 3.1.4.1)."""
        zones = [zone for labels in range(len(name), 0, -1) if (zone := self._zones.get(name.split(labels)[1]))]
        zones += [zone for zone in self.upper if _is_of(zone, name, rdtype)]
        if rdtype == dns.rdatatype.DS and len(zones) > 1 and zones[0].origin == name:
            del zones[0]
        return zones[0] if zones else None

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The reply to a well-formed query."""
        reply = dns.message.make_response(query, our_payload=PAYLOAD)
        if query.edns == 0 and query.ednsflags & dns.flags.DO:
            reply.want_dnssec()  # said back (RFC 4035 3.2.1), and signatures go with what follows
        if query.edns > 0:
            reply.set_rcode(dns.rcode.BADVERS)
            return reply
        if query.opcode() != dns.opcode.QUERY:
            reply.set_rcode(dns.rcode.NOTIMP)
            return reply
        if len(query.question) != 1:
            reply.set_rcode(dns.rcode.FORMERR)
            return reply
        question = query.question[0]
        answer_options(query, reply)
        if question.rdclass == dns.rdataclass.CH:
            answer_chaos(reply, question.name, question.rdtype)
            return reply
        zone = self.find(question.name, question.rdtype)
        internet = question.rdclass in (dns.rdataclass.IN, dns.rdataclass.ANY)
        if zone is None or not internet or question.rdtype in NOT_SERVED:
            reply.set_rcode(dns.rcode.REFUSED)
        elif question.rdtype == dns.rdatatype.ANY:
            self._answer_any(reply, zone, question.name)
        else:
            self._search(reply, question.name, question.rdtype)
            if zone.origin in PROVEN and (query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO):
                reply.flags |= dns.flags.AD
        return reply

    def transfer(self, query: dns.message.Message) -> list[dns.message.Message]:
        """The messages of a whole zone (RFC 5936), for TCP alone; none when no zone begins at the name."""
        question = query.question[0] if len(query.question) == 1 else None
        if question is None or (question.rdtype, question.rdclass) != (dns.rdatatype.AXFR, dns.rdataclass.IN):
            return []
        zone = self._zones.get(question.name)
        if zone is None:
            return []
        sets = [_rrset(name, each) for name, node in zone.nodes.items() for each in node if each.rdtype != SOA]
        sets = [zone.soa, *sets, zone.soa]
        messages = []
        for start in range(0, len(sets), SETS_A_MESSAGE):
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            reply.answer = sets[start : start + SETS_A_MESSAGE]
            messages.append(reply)
        return messages

    def _answer_any(self, reply: dns.message.Message, zone: Zone, name: dns.name.Name) -> None:
        """ANY gets the smallest answer there is (RFC 8482 4.2): it serves amplification above all."""
        reply.flags |= dns.flags.AA
        if name in zone.names:
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", "HINFO", 'RFC8482 ""'))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority.append(zone.negative_soa())

    def _search(self, reply: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> None:
        seen: set[dns.name.Name] = set()
        while name not in seen and len(seen) < MAX_ALIASES:
            seen.add(name)
            zone = self.find(name, rdtype)
            if zone is None:  # an alias to somewhere else: the asker goes on from there
                return
            target = _step(reply, zone, name, rdtype)
            if target is None:
                return
            name = target


def _is_of(zone: Zone, name: dns.name.Name, rdtype: int) -> bool:
    """Whether it is the upper zone's to answer: what belongs to its top, or a DS in it."""
    if rdtype == dns.rdatatype.DS:
        return name != zone.origin and name.is_subdomain(zone.origin)
    return name == zone.origin and rdtype in (SOA, dns.rdatatype.NS, dns.rdatatype.DNSKEY)


def _step(
    reply: dns.message.Message, zone: Zone, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.name.Name | None:
    """Answer for one name in its zone; the name to go on with after an alias."""
    for upper in zone.above(name):
        if (ns := zone.get(upper, dns.rdatatype.NS)) and (upper, rdtype) != (name, dns.rdatatype.DS):
            _refer(reply, zone, upper, ns)
            return None
        if upper != name and (dname := zone.get(upper, dns.rdatatype.DNAME)):
            return _redirect(reply, zone, upper, name, dname)
    reply.flags |= dns.flags.AA
    source = name if name in zone.names else _wildcard(zone, name)
    if source is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
        _deny(reply, zone, name)
        return None
    if found := zone.get(source, rdtype):
        _put(reply, reply.answer, zone, found, source, name)
        if rdtype == dns.rdatatype.NS:
            _put_addresses(reply, zone, found)
        return None
    if alias := zone.get(source, dns.rdatatype.CNAME):
        _put(reply, reply.answer, zone, alias, source, name)
        target = alias[0]
        assert isinstance(target, dns.rdtypes.ANY.CNAME.CNAME)
        return target.target
    _deny(reply, zone, name, source)
    return None


def _put(
    reply: dns.message.Message,
    section: list[dns.rrset.RRset],
    zone: Zone,
    found: dns.rdataset.Rdataset,
    source: dns.name.Name,
    name: dns.name.Name,
) -> None:
    """Records under a name, with their signatures where they are wanted; from a wildcard, with its proof."""
    section.append(_rrset(name, found))
    if reply.ednsflags & dns.flags.DO:
        if signatures := zone.signatures(source, found.rdtype):
            section.append(_rrset(name, signatures))
        if source != name:
            _prove(reply, zone, name)


def _deny(reply: dns.message.Message, zone: Zone, name: dns.name.Name, source: dns.name.Name | None = None) -> None:
    """What a negative answer has: the SOA and, signed, the NSEC of what is there instead (RFC 4035 3.1.3)."""
    reply.authority.append(zone.negative_soa())
    if not reply.ednsflags & dns.flags.DO:
        return
    if signatures := zone.signatures(zone.origin, dns.rdatatype.SOA):
        reply.authority.append(_rrset(zone.origin, signatures))
    _prove(reply, zone, name)
    if source is None:
        _prove(reply, zone, dns.name.Name((b"*", *zone.encloser(name).labels)))
    elif source != name:
        _prove(reply, zone, source)


def _prove(reply: dns.message.Message, zone: Zone, name: dns.name.Name) -> None:
    """The NSEC at the name, or over it."""
    owner = zone.before(name)
    if owner is None or any(each.name == owner and each.rdtype == dns.rdatatype.NSEC for each in reply.authority):
        return
    for found in (zone.get(owner, dns.rdatatype.NSEC), zone.signatures(owner, dns.rdatatype.NSEC)):
        if found:
            reply.authority.append(_rrset(owner, found))


def _refer(reply: dns.message.Message, zone: Zone, cut: dns.name.Name, ns: dns.rdataset.Rdataset) -> None:
    """A delegation: the servers of the child, and their addresses as far as they are ours (glue)."""
    reply.authority.append(_rrset(cut, ns))
    if reply.ednsflags & dns.flags.DO:
        if ds := zone.get(cut, dns.rdatatype.DS):
            _put(reply, reply.authority, zone, ds, cut, cut)
        else:
            _prove(reply, zone, cut)
    _put_addresses(reply, zone, ns)


def _put_addresses(reply: dns.message.Message, zone: Zone, ns: dns.rdataset.Rdataset) -> None:
    """The addresses of name servers, as far as the zone has them."""
    for server in ns:
        for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            if glue := zone.get(server.target, rdtype):
                reply.additional.append(_rrset(server.target, glue))


def _redirect(
    reply: dns.message.Message, zone: Zone, owner: dns.name.Name, name: dns.name.Name, dname: dns.rdataset.Rdataset
) -> dns.name.Name | None:
    """A DNAME and the CNAME made from it (RFC 6672); YXDOMAIN when the new name would be too long."""
    reply.flags |= dns.flags.AA
    _put(reply, reply.answer, zone, dname, owner, owner)
    try:
        target = name.relativize(owner).concatenate(dname[0].target)
    except dns.name.NameTooLong:
        reply.set_rcode(dns.rcode.YXDOMAIN)
        return None
    reply.answer.append(dns.rrset.from_text(name, dname.ttl, "IN", "CNAME", target.to_text()))
    return target


def _wildcard(zone: Zone, name: dns.name.Name) -> dns.name.Name | None:
    """The wildcard that covers a name that does not exist: the one at its closest encloser (RFC 4592)."""
    star = dns.name.Name((b"*", *zone.encloser(name).labels))
    return star if star in zone.names else None


class _Ordered(dns.rrset.RRset):
    """Records in the order of the zone file: dnspython shuffles them, and then no two runs print the same."""

    def to_wire(self, *args: Any, **options: Any) -> int:
        return super().to_wire(*args, **{**options, "want_shuffle": False})


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    made = _Ordered(name, rdataset.rdclass, rdataset.rdtype, rdataset.covers)
    made.update_ttl(rdataset.ttl)
    for record in rdataset:
        made.add(record)
    return made


def load(paths: Sequence[Path] = (), *, built_in: bool = True, mail_key: str = "00" * 32) -> Zones:
    """The zones of the files and the built-in ones; a file's zone takes the place of a built-in one.

    mail_key: the digest of the key of the lab's mail servers, for TLSA records.

    Raises BadInput naming the file and line of a mistake, LocalFailure for a file that cannot be read.
    """
    zones = []
    for name in BUILT_IN if built_in else ():
        text = files("netkit.lab.dns").joinpath(name).read_text(encoding="utf-8")
        zones.append(_parse(text.replace(MAIL_KEY, mail_key), name))
    if built_in:
        zones += map(Zone, signed_zones())
    for path in paths:
        try:
            if path.stat().st_size > MAX_ZONE_FILE:
                raise BadInput(f"{path}: a zone file has at most {MAX_ZONE_FILE >> 20} MiB")
            text = path.read_text(encoding="utf-8")
        except OSError as exc:
            raise LocalFailure(f"{path}: cannot read the zone: {exc.strerror}", kind="unreadable") from exc
        except UnicodeDecodeError as exc:
            raise BadInput(f"{path}: a zone file is UTF-8 text") from exc
        zones.append(_parse(text.replace(MAIL_KEY, mail_key), str(path)))
    return Zones(zones)


def _parse(text: str, where: str) -> Zone:
    try:
        # $INCLUDE stays off: a zone somebody hands you reads no other file of yours.
        zone = dns.zone.from_text(text, relativize=False, check_origin=False, filename=where, allow_include=False)
    except dns.zone.UnknownOrigin:
        zone = None
    except (dns.exception.DNSException, ValueError) as exc:
        reason = str(exc) or type(exc).__name__
        raise BadInput(reason if where in reason else f"{where}: {reason}") from exc
    if zone is None or zone.origin is None:
        raise BadInput(f"{where}: the zone does not say its name", hint="begin it with $ORIGIN example.test.")
    for rdtype in (dns.rdatatype.SOA, dns.rdatatype.NS):
        if zone.get_rdataset(zone.origin, rdtype) is None:
            raise BadInput(f"{where}: the zone has no {rdtype.name} record at its top")
    return Zone(zone)
