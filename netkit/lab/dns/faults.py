"""Names under lab.test whose answers are wrong on purpose, to see what a resolver makes of them.

A fault takes the query and the right reply on the wire, and gives the packets to send in its place: none, one or two.
It holds for the name and everything below it (`silent.lab.test`, `x.silent.lab.test`), over UDP and TCP.
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

ORIGIN = dns.name.from_text("lab.test.")
MAX_DELAY = 60.0  # seconds; a waiting answer holds memory
SLOW = 2.0
STALE, BLOCKED = dns.edns.EDECode.STALE_ANSWER, dns.edns.EDECode.BLOCKED
_DELAY = re.compile(rb"delay-(\d{1,6})(ms|s)", re.IGNORECASE)

Send = Callable[[dns.message.Message, bytes], list[bytes]]


@dataclass(frozen=True, slots=True)
class Fault:
    summary: str
    send: Send
    delay: float = 0.0


def _rcode(rcode: dns.rcode.Rcode) -> Send:
    def send(query: dns.message.Message, wire: bytes) -> list[bytes]:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        return [reply.to_wire()]

    return send


def _wrong_id(query: dns.message.Message, wire: bytes) -> bytes:
    return struct.pack("!H", query.id ^ 0x5555) + wire[2:]


def _wrong_question(query: dns.message.Message, wire: bytes) -> list[bytes]:
    other = dns.message.make_query("other.lab.test.", query.question[0].rdtype, id=query.id)
    return [dns.message.make_response(other).to_wire()]


def _no_question(query: dns.message.Message, wire: bytes) -> list[bytes]:
    return [struct.pack("!HHHHHH", query.id, 0x8400, 0, 0, 0, 0)]


def _garbage(query: dns.message.Message, wire: bytes) -> list[bytes]:
    return [struct.pack("!HH", query.id, 0x8400) + b"\xff\x1b[31mnot DNS\x1b[0m" + bytes(range(40))]


def _pointer_loop(query: dns.message.Message, wire: bytes) -> list[bytes]:
    """A compression pointer to itself, which a careless decoder follows for ever (RFC 1035 4.1.4)."""
    head = struct.pack("!HHHHHH", query.id, 0x8400, 1, 1, 0, 0)
    question = query.question[0]
    asked = question.name.to_wire() or b""
    kind = struct.pack("!HH", question.rdtype, question.rdclass)
    at = 12 + len(asked) + len(kind)
    return [head + asked + kind + struct.pack("!HHHIH", 0xC000 | at, question.rdtype, question.rdclass, 60, 0)]


def _truncated(query: dns.message.Message, wire: bytes) -> list[bytes]:
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


def _extended(rcode: dns.rcode.Rcode | None, code: dns.edns.EDECode, text: str) -> Send:
    """An extended error (RFC 8914) with an rcode, or beside the right answer; to a query without EDNS, without."""

    def send(query: dns.message.Message, wire: bytes) -> list[bytes]:
        reply = dns.message.make_response(query) if rcode is not None else dns.message.from_wire(wire)
        reply.set_rcode(reply.rcode() if rcode is None else rcode)
        if query.edns == 0:
            right = dns.message.from_wire(wire)
            reply.use_edns(0, options=[*right.options, dns.edns.EDEOption(code, text)])
        return [reply.to_wire()]

    return send


def _foreign(query: dns.message.Message, wire: bytes) -> list[bytes]:
    """The record of a name that nobody asked for in the answer, and nothing else."""
    reply = dns.message.make_response(query)
    reply.answer.append(dns.rrset.from_text("other.lab.test.", 60, "IN", "A", "127.6.6.6"))
    return [reply.to_wire()]


def _no_edns(query: dns.message.Message, wire: bytes) -> list[bytes]:
    """What a server of before 1999 says to a record that it does not know."""
    return [wire] if query.edns < 0 else [struct.pack("!HHHHHH", query.id, 0x8001, 0, 0, 0, 0)]


FAULTS: Mapping[str, Fault] = {
    "servfail": Fault("answers SERVFAIL", _rcode(dns.rcode.SERVFAIL)),
    "refused": Fault("answers REFUSED", _rcode(dns.rcode.REFUSED)),
    "notimp": Fault("answers NOTIMP", _rcode(dns.rcode.NOTIMP)),
    "formerr": Fault("answers FORMERR", _rcode(dns.rcode.FORMERR)),
    "silent": Fault("never answers", lambda query, wire: []),
    "wrongid": Fault("answers with another query's id", lambda query, wire: [_wrong_id(query, wire)]),
    "spoofed": Fault("a wrong id first, then the answer", lambda query, wire: [_wrong_id(query, wire), wire]),
    "twice": Fault("answers twice", lambda query, wire: [wire, wire]),
    "wrongname": Fault("answers another question", _wrong_question),
    "noquestion": Fault("answers without the question", _no_question),
    "garbage": Fault("answers what is no DNS", _garbage),
    "short": Fault("answers five bytes", lambda query, wire: [wire[:5]]),
    "cutoff": Fault("answers with the end missing", lambda query, wire: [wire[:-3]]),
    "trailing": Fault("answers with bytes too many", lambda query, wire: [wire + b"trailing"]),
    "pointer": Fault("answers with a compression loop", _pointer_loop),
    "truncated": Fault("TC even by TCP", _truncated),
    "stale": Fault("a stale answer, and says so (EDE 3)", _extended(None, STALE, "the zone's servers are away")),
    "blocked": Fault(
        "no such name, by policy (EDE 15)", _extended(dns.rcode.NXDOMAIN, BLOCKED, "on the list \x1b[31mred")
    ),
    "foreign": Fault("answers with another name's address", _foreign),
    "noedns": Fault("does not know EDNS (FORMERR)", _no_edns),
    "ednsdrop": Fault("no answer to EDNS", lambda query, wire: [wire] if query.edns < 0 else []),
    "slow": Fault(f"answers after {SLOW:g} s", lambda query, wire: [wire], SLOW),
}


def find_fault(query: dns.message.Message) -> tuple[str, Fault] | None:
    """The fault that the name asked for stands for; also `delay-250ms.lab.test`."""
    if len(query.question) != 1:
        return None
    name = query.question[0].name
    if len(name) <= len(ORIGIN) or not name.is_subdomain(ORIGIN):
        return None
    label = name.labels[-len(ORIGIN) - 1].lower()
    word = label.decode("ascii", "replace")
    if found := FAULTS.get(word):
        return word, found
    if delay := _DELAY.fullmatch(label):
        seconds = int(delay[1]) / (1000 if delay[2].lower() == b"ms" else 1)
        return word, Fault("answers later", lambda query, wire: [wire], min(seconds, MAX_DELAY))
    return None
