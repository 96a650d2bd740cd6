"""DNS messages: queries from a template, replies parsed strictly (RFC 1035 section 4), without I/O.

The most frequent types (A, AAAA, CNAME, PTR, NS, MX, TXT) are read here and cost no import; dns.message would cost 47
ms of CPU per process. The data of all others is left to dnspython. Strict means: lengths inside the packet, names that
point backwards only, the question repeated, the class that was asked, one OPT record at most and that in its place; a
record whose owner is neither the question nor the target of an alias from it is never part of an answer.
"""

import struct
from collections.abc import Iterator
from socket import AF_INET6, inet_ntop
from typing import TYPE_CHECKING, NamedTuple

from netkit.dns.name import MAX_WIRE, to_text
from netkit.dns.result import Record
from netkit.dns.types import AAAA, ANY, CNAME, DNAME, IN, MX, NS, OPT, PTR, RRSIG, TXT, A, class_name, type_name

if TYPE_CHECKING:
    from netkit.dns.cookies import Cookies
    from netkit.dns.tsig_key import Key

UDP_PAYLOAD = 1232  # octets that cross any path in one piece (DNS flag day 2020)
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
FLAGS = {AA: "aa", TC: "tc", RD: "rd", RA: "ra", AD: "ad", CD: "cd"}
DO = 0x8000  # in the TTL of the OPT record (RFC 3225)
PADDING = 12  # the EDNS option of RFC 7830
PAD_ENCRYPTED = 128  # queries on encrypted transports are padded to a multiple of it (RFC 8467 4.1)
MAX_POINTERS = 127  # in one name: each has a label to lead to (RFC 1035 4.1.4), and 127 is all that 255 octets hold
UNREAD = (1, 2, 4, 5)  # FORMERR, SERVFAIL, NOTIMP, REFUSED: the replies of who may not have read the question
NOTAUTH = 9  # of who does not take the signature, too
RCODES = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 16: "BADVERS", 23: "BADCOOKIE",
}  # fmt: skip


def rcode_name(rcode: int) -> str:
    return RCODES.get(rcode, f"RCODE{rcode}")


class Malformed(ValueError):
    """The octets are no DNS message; the text says what is wrong with them."""


class Mismatch(ValueError):
    """A well-formed message that is no reply to this query; the text says why."""


class Raw(NamedTuple):
    """A record as it stands in the message: owner as an uncompressed wire name, data by its place.

    A tuple, like the others here: a dataclass costs twice the time to define and to make, once a record.
    """

    owner: bytes
    type: int
    ttl: int
    start: int
    end: int


class Reply(NamedTuple):
    """A reply to the question that was asked: rcode, flags, the sections, and where its OPT record is (RFC 6891)."""

    wire: bytes
    rcode: int
    flags: int
    answer: tuple[Raw, ...]
    authority: tuple[Raw, ...]
    note: str | None = None  # what was odd about it
    additional: tuple[Raw, ...] = ()
    opt: Raw | None = None

    @property
    def truncated(self) -> bool:
        return bool(self.flags & TC)

    @property
    def flag_names(self) -> tuple[str, ...]:
        return tuple(name for bit, name in FLAGS.items() if self.flags & bit)


class QueryOptions(NamedTuple):
    """How a question is asked, beside its name and type.

    recurse: RD. checking_disabled: CD, a validating resolver is to answer also what it finds bogus (RFC 4035 3.2.2).
    dnssec: DO, signatures are wanted (RFC 3225). edns: with an OPT record (RFC 6891) that offers `payload` octets over
    UDP and carries `extra`, EDNS options as (code, data). pad: to a multiple of so many octets (RFC 7830); None is 128
    where the transport is encrypted, and 0 is never. cookies: those of the servers (RFC 7873). key: signs the query,
    and the reply must be signed with it (TSIG, RFC 8945). source: the address it is sent from, "" is the system's
    choice. insist: never again without EDNS, since no signature would come; a server that does not take it has failed.
    """

    recurse: bool = True
    checking_disabled: bool = False
    dnssec: bool = False
    rdclass: int = IN
    edns: bool = True
    payload: int = UDP_PAYLOAD
    extra: tuple[tuple[int, bytes], ...] = ()
    pad: int | None = None
    cookies: "Cookies | None" = None
    key: "Key | None" = None
    source: str = ""
    insist: bool = False

    @property
    def encrypted(self) -> "QueryOptions":
        """The same on a transport that is encrypted: padded, unless it was said how much."""
        return self._replace(pad=PAD_ENCRYPTED) if self.pad is None else self


USUAL = QueryOptions()


class Query(NamedTuple):
    """One question as it is sent; `id` must be unpredictable (RFC 5452). signed, mac: set by `tsig.sign`."""

    id: int
    name: bytes
    type: int
    options: QueryOptions = USUAL
    signed: bytes = b""
    mac: bytes = b""

    @property
    def question(self) -> bytes:
        return self.name + self.type.to_bytes(2) + self.options.rdclass.to_bytes(2)

    @property
    def wire(self) -> bytes:
        """The message.

        AD asks a resolver that validates to say so in its answer (RFC 6840 5.7), at no cost in size.
        """
        if self.signed:
            return self.signed
        options = self.options
        flags = (RD | AD if options.recurse else 0) | (CD if options.checking_disabled else 0)
        head = self.id.to_bytes(2) + flags.to_bytes(2) + b"\0\1\0\0\0\0"
        if not options.edns:
            return head + b"\0\0" + self.question
        data = b"".join(code.to_bytes(2) + len(value).to_bytes(2) + value for code, value in options.extra)
        opt = b"\0\0\x29" + options.payload.to_bytes(2) + (DO if options.dnssec else 0).to_bytes(4)
        if options.pad:  # the last option, which makes the size of the whole (RFC 8467 3)
            size = len(head) + 2 + len(self.question) + len(opt) + 2 + len(data) + 4
            zeros = bytes(-size % options.pad)
            data += PADDING.to_bytes(2) + len(zeros).to_bytes(2) + zeros
        return head + b"\0\1" + self.question + opt + len(data).to_bytes(2) + data


def parse(wire: bytes, query: Query) -> Reply:
    """The reply in `wire` to the query.

    Raises Mismatch for a message that does not belong to the query, Malformed for one that cannot be read. A reply
    with TC set may end anywhere; what is whole of it is given.
    """
    if len(wire) < 12:
        raise Malformed(f"{len(wire)} octets are no DNS message: the header alone has 12")
    flags = int.from_bytes(wire[2:4])
    if int.from_bytes(wire[:2]) != query.id:
        raise Mismatch("wrong id")
    if not flags & QR:
        raise Mismatch("it is a query, not a reply")
    if opcode := (flags >> 11) & 15:
        raise Mismatch(f"opcode {opcode}, not QUERY")
    questions, *counts = (int.from_bytes(wire[at : at + 2]) for at in (4, 6, 8, 10))
    unread = flags & 15 in UNREAD or (query.mac and flags & 15 == NOTAUTH)
    at = 12 if questions == 0 and unread else skip_question(wire, questions, query)
    sections: list[tuple[Raw, ...]] = []
    opt: Raw | None = None
    for count in counts:
        records: list[Raw] = []
        try:
            for _ in range(count):
                record, at, rdclass = read_record(wire, at)
                if record.type == OPT:
                    if opt or len(sections) < 2 or record.owner != b"\0":
                        raise Malformed("its OPT record is not the one of the additional section (RFC 6891 6.1.1)")
                    opt = record
                elif rdclass == query.options.rdclass or query.options.rdclass == ANY:
                    records.append(record)
        except Malformed:
            if not flags & TC:
                raise
            at = len(wire)
        sections.append(tuple(records))
    note = f"{len(wire) - at} octets behind the message" if at < len(wire) else None
    extended = (opt.ttl >> 24) << 4 if opt else 0
    return Reply(wire, (flags & 15) | extended, flags, sections[0], sections[1], note, sections[2], opt)


def skip_question(wire: bytes, questions: int, query: Query) -> int:
    """The offset behind the question, which must be the one that was asked."""
    if questions != 1:
        raise Mismatch(f"{questions} questions")
    name, at = read_name(wire, 12)
    if at + 4 > len(wire):
        raise Malformed("it ends inside the question")
    if name.lower() != query.name.lower() or wire[at : at + 4] != query.question[-4:]:
        rdtype, rdclass = int.from_bytes(wire[at : at + 2]), int.from_bytes(wire[at + 2 : at + 4])
        other = "" if rdclass == query.options.rdclass else f" in class {rdclass}"
        raise Mismatch(f"it answers {to_text(name)} {type_name(rdtype)}{other}")
    return at + 4


def read_name(wire: bytes, at: int) -> tuple[bytes, int]:
    """(the name uncompressed, the offset behind it). Pointers may only go backwards (RFC 1035 4.1.4)."""
    parts: list[bytes] = []
    length, end, limit, pointers = 0, -1, at, 0
    while True:
        if at >= len(wire):
            raise Malformed("a name runs past the end")
        size = wire[at]
        if size >= 0xC0:
            if at + 1 >= len(wire):
                raise Malformed("a name runs past the end")
            target = (size & 0x3F) << 8 | wire[at + 1]
            if end < 0:
                end = at + 2
            if target >= limit:
                raise Malformed("a compressed name points forwards or at itself")
            pointers += 1
            if pointers > MAX_POINTERS:  # a chain of them costs more time than a packet has octets
                raise Malformed(f"a compressed name has more than {MAX_POINTERS} pointers")
            limit = at = target
            continue
        if size > 63:
            raise Malformed(f"a label begins with the octet 0x{size:02x}")
        length += size + 1
        if length > MAX_WIRE:
            raise Malformed(f"a name has more than {MAX_WIRE} octets")
        if at + 1 + size > len(wire):
            raise Malformed("a name runs past the end")
        parts.append(wire[at : at + 1 + size])
        at += 1 + size
        if size == 0:
            return b"".join(parts), end if end >= 0 else at


def read_record(wire: bytes, at: int) -> tuple[Raw, int, int]:
    """(the record, the offset behind it, its class)."""
    owner, at = read_name(wire, at)
    if at + 10 > len(wire):
        raise Malformed("it ends inside a record")
    rdtype = int.from_bytes(wire[at : at + 2])
    rdclass = int.from_bytes(wire[at + 2 : at + 4])
    ttl = int.from_bytes(wire[at + 4 : at + 8])
    start = at + 10
    end = start + int.from_bytes(wire[at + 8 : at + 10])
    if end > len(wire):
        raise Malformed("a record's data runs past the end")
    return Raw(owner, rdtype, ttl, start, end), end, rdclass


def class_of(reply: Reply, record: Raw) -> int:
    """The record's class, which stands eight octets before its data."""
    return int.from_bytes(reply.wire[record.start - 8 : record.start - 6])


def data_name(reply: Reply, record: Raw) -> bytes:
    """The one name that the record's data is (CNAME, PTR, NS, DNAME)."""
    name, end = read_name(reply.wire, record.start)
    if end != record.end:
        raise Malformed(f"the data of a {type_name(record.type)} record has the wrong length")
    return name


def data_text(reply: Reply, record: Raw) -> str:
    """The record's data in presentation format; dnspython's text for all but the most frequent types."""
    data = reply.wire[record.start : record.end]
    if class_of(reply, record) != IN:  # A of CH is a name and a number
        return _other_text(reply, record)
    if record.type == A:
        if len(data) != 4:
            raise Malformed(f"an A record of {len(data)} octets")
        return ".".join(map(str, data))
    if record.type == AAAA:
        if len(data) != 16:
            raise Malformed(f"an AAAA record of {len(data)} octets")
        return inet_ntop(AF_INET6, data)
    if record.type in (CNAME, PTR, NS, DNAME):
        return to_text(data_name(reply, record))
    if record.type == MX and len(data) > 2:
        exchange, end = read_name(reply.wire, record.start + 2)
        if end != record.end:
            raise Malformed("the data of an MX record has the wrong length")
        return f"{int.from_bytes(data[:2])} {to_text(exchange)}"
    if record.type == TXT and data:
        return " ".join(map(quoted, strings(data)))
    return _other_text(reply, record)


def strings(data: bytes) -> Iterator[bytes]:
    """The character-strings that the data is made of (RFC 1035 3.3)."""
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise Malformed("the data of a TXT record: a string runs past its end")
        yield data[at + 1 : end]
        at = end


def quoted(text: bytes) -> str:
    """A character-string as the master file writes it: quotes and backslashes escaped, other octets as \\DDD."""
    return f'"{text.decode("latin-1").translate(_QUOTED)}"'


_QUOTED = {octet: f"\\{octet:03d}" for octet in (*range(32), *range(127, 256))} | {34: '\\"', 92: "\\\\"}


def _other_text(reply: Reply, record: Raw) -> str:
    import dns.exception
    import dns.rdata  # 25 ms of CPU, for the types that dnspython writes better than we would
    import dns.rdataclass
    import dns.rdatatype
    import dns.wire

    rdclass, rdtype = dns.rdataclass.RdataClass(class_of(reply, record)), dns.rdatatype.RdataType(record.type)
    try:
        parser = dns.wire.Parser(reply.wire, record.start)
        with parser.restrict_to(record.end - record.start):
            rdata = dns.rdata.from_wire_parser(rdclass, rdtype, parser)
        text = str(rdata.to_text(chunksize=0))  # keys and signatures in one piece, as scripts want them
    except (dns.exception.DNSException, ValueError, IndexError, struct.error) as exc:
        raise Malformed(f"the data of a {type_name(record.type)} record: {exc or type(exc).__name__}") from exc
    return "".join(c if c.isprintable() else "".join(f"\\{octet:03d}" for octet in c.encode()) for c in text)


def record_of(reply: Reply, raw: Raw) -> Record:
    ttl = raw.ttl if raw.ttl < 0x80000000 else 0  # RFC 2181 section 8
    return Record(to_text(raw.owner), type_name(raw.type), ttl, data_text(reply, raw), class_name(class_of(reply, raw)))


def follow(reply: Reply, name: bytes, rdtype: int) -> Iterator[tuple[bytes, list[Raw]]]:
    """The steps of the answer from `name` on: (owner, its records of the type), or (owner, [its alias]) before.

    The last step has the records of the type, or an empty list where the message has nothing more on the owner. The
    signatures (RRSIG, RFC 4034 3) of what a step has stand behind it.
    A name that comes a second time is yielded again and ends the walk: the caller sees the loop.
    """
    by_owner: dict[bytes, list[Raw]] = {}
    for raw in reply.answer:
        by_owner.setdefault(raw.owner.lower(), []).append(raw)
    seen: set[bytes] = set()
    owner = name
    while True:
        records = by_owner.get(owner.lower(), [])
        wanted = [raw for raw in records if raw.type == rdtype or rdtype == 255]
        alias = [raw for raw in records if raw.type == CNAME]
        if wanted or not alias or rdtype == CNAME:
            yield owner, wanted + (_signatures(reply, records, rdtype) if wanted and rdtype not in (RRSIG, 255) else [])
            return
        yield owner, alias[:1] + _signatures(reply, records, CNAME)
        if owner.lower() in seen:
            return
        seen.add(owner.lower())
        owner = data_name(reply, alias[0])


def _signatures(reply: Reply, records: list[Raw], covered: int) -> list[Raw]:
    """Those of the records that sign the type; it stands first in their data."""
    return [
        raw
        for raw in records
        if raw.type == RRSIG and int.from_bytes(reply.wire[raw.start : min(raw.start + 2, raw.end)]) == covered
    ]
