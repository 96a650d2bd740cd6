"""The messages of a zone transfer, read one by one without I/O: AXFR (RFC 5936) and IXFR (RFC 1995).

A transfer begins and ends with the same SOA; each record between is handed on as it is read, so a zone of any size
takes the memory of one message. Strict means: every message is a reply to the query with this id, without an error and
not cut short; every owner is in the zone; the two SOAs are alike; nothing comes behind the last. What breaks off before
that is an error, however many records came, since a part of a zone looks like a whole one.

Not here: the signatures of transfers by TSIG (`signed`), and applying differences to a zone.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from netkit.dns.name import is_below, to_text
from netkit.dns.result import Record
from netkit.dns.types import SOA
from netkit.dns.wire import (
    QR,
    TC,
    Malformed,
    Mismatch,
    Query,
    Raw,
    Reply,
    rcode_name,
    read_name,
    read_record,
    record_of,
    skip_question,
)

AXFR, IXFR = 252, 251
HALF = 1 << 31  # of the serials' circle (RFC 1982)

Action = Literal["zone", "delete", "add"]


class Change(NamedTuple):
    """A record of the zone, or one that a newer version of it lacks or has."""

    action: Action
    record: Record


class Refused(Exception):
    """The server answers with an error instead of the zone."""

    def __init__(self, rcode: int) -> None:
        super().__init__(rcode_name(rcode))
        self.rcode = rcode


class Transfer:
    """One transfer: `feed` a message, get its changes; `done` once the last SOA came.

    serial: of IXFR, the version that is there already. new_serial: of the zone that comes, None before its SOA.
    incremental: whether differences came, None until that can be told; up_to_date: there is nothing newer.
    """

    def __init__(self, query: Query, *, serial: int | None = None) -> None:
        self.query = query
        self.serial = serial
        self.new_serial: int | None = None
        self.incremental: bool | None = None if serial is not None else False
        self.up_to_date = False
        self.done = False
        self.messages = 0
        self.records = 0
        self._first: bytes | None = None  # the data of the SOA that also comes last
        self._action: Action = "zone"
        self._opening = Record("", "SOA", None, "")
        self._at: int | None = serial  # the version that the differences have come to

    def feed(self, wire: bytes) -> Iterator[Change]:
        """The changes in a message. Raises Refused, Mismatch, Malformed; read them all before the next message."""
        reply, raws = self._open(wire)
        self.messages += 1
        for number, raw in enumerate(raws):
            if self.done:
                raise Malformed("records come behind the last SOA of the transfer")
            if not is_below(raw.owner, self.query.name):
                raise Malformed(f"it has a record of {to_text(raw.owner)}, which is not in the zone")
            self.records += 1
            yield from self._record(reply, raw, alone=number == len(raws) - 1)

    def _record(self, reply: Reply, raw: Raw, *, alone: bool) -> Iterator[Change]:
        """alone: no record follows in this message."""
        if raw.type != SOA or raw.owner.lower() != self.query.name.lower():
            if self._first is None:
                raise Malformed("the transfer does not begin with the zone's SOA")
            if self.incremental is None:
                self.incremental = False  # a whole zone after all (RFC 1995 4)
                yield Change("zone", self._opening)
            yield Change(self._action, record_of(reply, raw))
            return
        record, serial, data = record_of(reply, raw), serial_of(reply, raw), canonical(reply, raw)
        if self._first is None:
            self._first, self.new_serial, self._opening = data, serial, record
            if self.serial is None:
                yield Change("zone", record)
            elif alone and not newer(serial, self.serial):
                self.up_to_date = self.done = True
                self.incremental = False
            return
        if self.incremental is None:
            self.incremental = data != self._first  # twice the same: a whole zone of nothing but its SOA
            if not self.incremental:
                yield Change("zone", self._opening)
        if not self.incremental:
            if data != self._first:
                raise Malformed(f"it ends with another SOA (serial {serial}) than it began with ({self.new_serial})")
            self.done = True
        elif self._action == "delete":
            self._action, self._at = "add", serial
            yield Change("add", record)
        elif data == self._first and self._at == self.new_serial:
            self.done = True
        else:
            if serial != self._at:
                raise Malformed(f"differences of version {serial} come where those of {self._at} should")
            self._action = "delete"
            yield Change("delete", record)

    def _open(self, wire: bytes) -> tuple[Reply, list[Raw]]:
        """The message and its answer; the other sections are read only as far as their octets are whole."""
        if len(wire) < 12:
            raise Malformed(f"{len(wire)} octets are no DNS message: the header alone has 12")
        flags = int.from_bytes(wire[2:4])
        if int.from_bytes(wire[:2]) != self.query.id:
            raise Mismatch("wrong id")
        if not flags & QR or (flags >> 11) & 15:
            raise Mismatch("it is no reply to a query")
        if flags & 15:
            raise Refused(flags & 15)
        if flags & TC:
            raise Malformed("it is cut short (TC), which no message over TCP may be")
        questions, answers, *others = (int.from_bytes(wire[at : at + 2]) for at in (4, 6, 8, 10))
        at = 12
        if questions:  # every message but the first may leave it out (RFC 5936 2.2.1)
            at = skip_question(wire, questions, self.query)
        elif not self.messages:
            raise Mismatch("it has no question")
        raws: list[Raw] = []
        for count, keep in ((answers, True), (sum(others), False)):
            for _ in range(count):
                raw, at, rdclass = read_record(wire, at)
                if keep and rdclass != self.query.options.rdclass:
                    raise Malformed(f"it has a record of class {rdclass}")
                if keep:
                    raws.append(raw)
        if not raws:
            raise Malformed("it has no records")
        return Reply(wire, 0, flags, tuple(raws), ()), raws


def serial_of(reply: Reply, raw: Raw) -> int:
    """The serial of an SOA record. Raises Malformed."""
    _, at = read_name(reply.wire, raw.start)
    _, at = read_name(reply.wire, at)
    if at + 20 != raw.end:
        raise Malformed("the data of an SOA record has the wrong length")
    return int.from_bytes(reply.wire[at : at + 4])


def canonical(reply: Reply, raw: Raw) -> bytes:
    """The data of an SOA record with its names in full and in lower case: what two are compared by."""
    server, at = read_name(reply.wire, raw.start)
    mailbox, at = read_name(reply.wire, at)
    return server.lower() + mailbox.lower() + reply.wire[at : raw.end]


def newer(serial: int, than: int) -> bool:
    """Whether a serial comes behind the other on their circle (RFC 1982 3.2)."""
    return serial != than and (serial - than) % (1 << 32) < HALF
