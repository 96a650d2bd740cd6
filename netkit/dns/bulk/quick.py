"""Queries from a template, and the strict reader of the replies that nearly all questions get (RFC 1035 section 4).

Read here are replies without error or NXDOMAIN, of A, AAAA, CNAME and PTR records, each owned by the question or by
the target of the alias before it, that is: by a pointer to it, which is how servers write them. For anything else
`read` gives None, and dns.wire has the word, which also tells what is wrong; so nothing is accepted here that is
refused there (tests/dns/bulk/test_quick.py holds the two against each other).
"""

import struct
from functools import partial
from socket import AF_INET6, inet_ntoa, inet_ntop
from typing import NamedTuple

from netkit.dns.bulk.task import Quick, Row, Shape, Task
from netkit.dns.chase import MAX_ALIASES
from netkit.dns.name import to_text
from netkit.dns.result import Outcome, Transport
from netkit.dns.types import AAAA, CNAME, IN, NS, OPT, PTR, SOA, A
from netkit.dns.wire import AA, FLAGS, QR, TC, Malformed, Query, QueryOptions, read_name, read_record

MAX_SHAPES = 4096  # remembered; a peer may invent as many as it likes
HARMLESS = b"abcdefghijklmnopqrstuvwxyz0123456789_-."  # means the same in JSON, in %-formats and on a terminal
_REMOVED = dict.fromkeys(HARMLESS + b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_RECORD = struct.Struct("!HHHIH").unpack_from  # owner as a pointer, type, class, TTL, length of the data
_TYPES = {A: "A", AAAA: "AAAA", CNAME: "CNAME", PTR: "PTR"}
_SINGLE = struct.Struct("!6sIH4s11s").unpack_from  # one A record and an OPT record, which is what most replies are
_SINGLE_SIZE = 27
_SINGLE_A = b"\xc0\x0c\0\1\0\1"
_POINTER = 0xC000
_TO_QUESTION = _POINTER | 12
_MAX_POINTER = 0x3FFF

_ANSWER = Outcome.ANSWER  # an attribute of an enum's class is slow to get

_shapes: dict[bytes, Shape] = {}
_opts: dict[bytes, bytes] = {}  # OPT records: class and TTL of each

_quick = partial(tuple.__new__, Quick)  # what Quick() does, without the call of a function of Python's


class Tails(dict[int, bytes]):
    """What stands behind a question of so many octets where queries are padded; made when it is first asked for."""

    def __init__(self, options: QueryOptions) -> None:
        super().__init__()
        self.options = options

    def __missing__(self, size: int) -> bytes:
        query = Query(0, bytes(size - 4), A, self.options)
        self[size] = tail = query.wire[12 + size :]
        return tail


class Template(NamedTuple):
    """What stands between the id and the question, and what stands behind it; tails: where they are padded."""

    head: bytes
    tail: bytes
    tails: Tails | None


def template(options: QueryOptions) -> Template:
    query = Query(0, b"\0", A, options)
    padded = options.edns and options.pad
    return Template(query.wire[2:12], query.wire[12 + len(query.question) :], Tails(options) if padded else None)


def read(wire: bytes, task: Task, server: str, transport: Transport, now: float) -> Quick | None:
    """What a reply says that came now, or None where it is not one of the usual; its id is right already."""
    head = wire[2:12]
    shape = _shapes.get(head) or _shape(head)
    question = task.question
    at = 12 + len(question)
    if shape is None or not wire.startswith(question, 12):
        return None
    wanted = task.type
    if shape.single and wanted == A and len(wire) == at + _SINGLE_SIZE:  # 60 % of the time of what follows
        fixed, ttl, length, address, opt = _SINGLE(wire, at)
        if fixed == _SINGLE_A and ttl < 0x80000000 and length == 4 and (fact := _opts.get(opt) or _opt(opt, 0)):
            name = task.name
            row = name, "A", ttl, inet_ntoa(address)
            elapsed_ms = int((now - task.began) * 1e6) / 1000
            return _quick((task, _ANSWER, shape, (row,), name, server, transport, elapsed_ms, len(wire), fact))
    owner, name = _TO_QUESTION, task.name
    rows: list[Row] = []
    aliases: set[str] | None = None
    end = len(wire)
    for _ in range(shape.answers):
        if end - at < 12:
            return None
        pointer, rdtype, rdclass, ttl, size = _RECORD(wire, at)
        start = at + 12
        at = start + size
        if pointer != owner or rdclass != IN or ttl > 0x7FFFFFFF or at > end:
            return None
        if rdtype == wanted:
            if rdtype == A:
                if size != 4:
                    return None
                data = inet_ntoa(wire[start:at])
            elif rdtype == AAAA:
                if size != 16:
                    return None
                data = inet_ntop(AF_INET6, wire[start:at])
            elif rdtype not in _TYPES or (data := _name(wire, start, at)) == "":
                return None
            rows.append((name, _TYPES[rdtype], ttl, data))
            continue
        if rdtype != CNAME or start > _MAX_POINTER or (data := _name(wire, start, at)) == "":
            return None
        aliases = aliases or set()
        aliases.add(name.lower())
        if data.lower() in aliases or len(aliases) > MAX_ALIASES or (rows and rows[-1][1] != "CNAME"):
            return None
        rows.append((name, "CNAME", ttl, data))
        owner, name = _POINTER | start, data
    if rows and rows[-1][1] == "CNAME" and wanted != CNAME:
        return None  # the target was left out
    if shape.additional == 1 and end - at == 11 and not shape.authority:
        opt = _opt(wire, at)
        if not opt:
            return None
    elif shape.authority or shape.additional:
        rest = _rest(wire, at, shape)
        if rest is None:
            return None
        kinds, opt = rest
        if NS in kinds and SOA not in kinds and not (rows or shape.rcode or shape.authoritative):
            return None  # a referral
    elif at != end:
        return None
    else:
        opt = b""
    outcome = Outcome.ANSWER if rows else Outcome.NXDOMAIN if shape.rcode else Outcome.NODATA
    return Quick(task, outcome, shape, rows, name, server, transport, int((now - task.began) * 1e6) / 1000, end, opt)


def read_answer(wire: bytes, task: Task, server: str, transport: Transport, now: float) -> Quick | None:
    """The same, but None for a negative reply as well: it is to be confirmed first."""
    found = read(wire, task, server, transport, now)
    return found if found and found.outcome is Outcome.ANSWER else None


def _shape(head: bytes) -> Shape | None:
    """None for what is not to be read here: errors, truncated, no reply, other than one question."""
    if len(head) < 10:
        return None
    flags, questions, answers, authority, additional = struct.unpack("!5H", head)
    rcode = flags & 15
    usual = flags & (QR | TC | 0x7800) == QR and questions == 1
    shape: Shape | None = None
    if usual and (rcode == 0 or (rcode == 3 and not answers)):
        names = tuple(name for bit, name in FLAGS.items() if flags & bit)
        single = (answers, authority, additional) == (1, 0, 1)
        shape = Shape(head, rcode, names, answers, authority, additional, bool(flags & AA), single)
    if shape and len(_shapes) < MAX_SHAPES:
        _shapes[head] = shape
    return shape


def _opt(wire: bytes, at: int) -> bytes:
    """Class and TTL of an OPT record; nothing where it is none, has options, or the upper bits of an rcode."""
    if wire[at : at + 3] != b"\0\0\x29" or wire[at + 5] or wire[at + 9 : at + 11] != b"\0\0":
        return b""
    found = wire[at + 3 : at + 9]
    if len(_opts) < MAX_SHAPES:
        _opts.setdefault(wire[at : at + 11], found)
    return found


def _rest(wire: bytes, at: int, shape: Shape) -> tuple[set[int], bytes] | None:
    """(the types in the authority section, what _opt gives); None unless all behind the answer is whole and usual."""
    kinds: set[int] = set()
    opt = b""
    try:
        for number in range(shape.authority + shape.additional):
            start = at
            raw, at, rdclass = read_record(wire, at)
            if raw.type == OPT:
                if opt or number < shape.authority or not (opt := _opt(wire, start)):
                    return None
            elif rdclass != IN:
                return None
            elif number < shape.authority:
                kinds.add(raw.type)
    except Malformed:
        return None
    return (kinds, opt) if at == len(wire) else None


def _name(wire: bytes, start: int, end: int) -> str:
    """The name that these octets are, as text; "" where they are more than one or it has an unusual character."""
    try:
        name, behind = read_name(wire, start)
    except Malformed:
        return ""
    if behind != end:
        return ""
    text = to_text(name)
    return text if is_harmless(text) else ""


def is_harmless(text: str) -> bool:
    """Whether each of its characters means itself in JSON, %-formats and on a terminal."""
    return not text.translate(_REMOVED)
