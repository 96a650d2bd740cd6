"""What the lab's DNS servers answer to a message, whatever brought it: from the zones, or wrong on purpose.

The answer to a padded query is padded as well where that hides something, on an encrypted way (RFC 8467 4.1).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from netkit.events import Step
from netkit.lab.dns.faults import find_fault
from netkit.lab.dns.internet import FindFault
from netkit.lab.dns.zones import PAYLOAD, Zones
from netkit.lab.event import Reports

MIN_DATAGRAM = 512  # what every resolver takes (RFC 1035 2.3.4)
MAX_MESSAGE = 65535
ENCRYPTED = ("tls", "https")
PADDING = dns.edns.OptionType.PADDING
BLOCK = 468  # octets that a padded answer has a multiple of


@dataclass(frozen=True, slots=True)
class Reply:
    """Messages to send one after the other, and seconds to wait before."""

    packets: Sequence[bytes]
    delay: float


class Responder:
    """find_fault: what is wrong on purpose with the answer to a query, and its name."""

    def __init__(self, reports: Reports, zones: Zones, find_fault: FindFault = find_fault) -> None:
        self.reports = reports
        self.zones = zones
        self._find_fault = find_fault

    def respond(self, data: bytes, peer: str, address: str, transport: str, limit: int = MAX_MESSAGE) -> Reply:
        """What to send for one message, at most `limit` octets each; nothing when it is better to be silent.

        transport: udp, tcp, tls, https or http. A zone is transferred over TCP and TLS alone (RFC 5936, RFC 9103).
        """
        if self.reports.on_event:
            self.reports.on_event(Step("recv", peer, transport, len(data), data=data))
        if len(data) < 12 or data[2] & 0x80:  # no header, or a reply itself
            return Reply([], 0.0)
        try:
            query = dns.message.from_wire(data, ignore_trailing=False)
            if transport in ("tcp", "tls") and (messages := self.zones.transfer(query)):
                packets = [one.to_wire(max_size=MAX_MESSAGE) for one in messages]
                self._log(query, packets, peer, address, transport, None)
                return Reply(packets, 0.0)
            correct = self.zones.answer(query)
            if transport in ENCRYPTED and any(option.otype == PADDING for option in query.options):
                correct.pad = BLOCK
        except (dns.exception.DNSException, ValueError) as exc:
            reason = str(exc) or type(exc).__name__
            self.reports.log("dns", "refused", address=address, peer=peer, summary=f"FORMERR: {reason}")
            return Reply([data[:2] + struct.pack("!HHHHH", 0x8001 | (data[2] << 8 & 0x7900), 0, 0, 0, 0)], 0.0)
        if transport == "udp":
            offered = query.payload if query.edns >= 0 else MIN_DATAGRAM
            limit = min(limit, max(MIN_DATAGRAM, min(offered, PAYLOAD)))
        wire = _to_wire(query, correct, limit)
        packets = [wire]
        delay, fault = 0.0, None
        if found := self._find_fault(query):
            fault, delay = found[0], found[1].delay
            packets = [packet for packet in found[1].send(query, wire) if len(packet) <= limit]
        self._log(query, packets, peer, address, transport, fault)
        return Reply(packets, delay)

    def _log(
        self,
        query: dns.message.Message,
        packets: Sequence[bytes],
        peer: str,
        address: str,
        transport: str,
        fault: str | None,
    ) -> None:
        question = query.question[0] if query.question else None  # an RRset without records, hence false
        name = question.name.to_text() if question is not None else ""
        kind = dns.rdatatype.to_text(question.rdtype) if question is not None else ""
        head = packets[-1] if packets and len(packets[-1]) >= 12 else None
        rcode = dns.rcode.to_text(dns.rcode.Rcode(head[3] & 15)) if head else None
        answers = struct.unpack_from("!H", head, 6)[0] if head else 0
        truncated = bool(head and head[2] & 0x02)
        outcome = f"{rcode or 'nothing'}, {answers} record{'s' * (answers != 1)}" + ", truncated" * truncated
        self.reports.log(
            "dns",
            "query",
            address=address,
            peer=peer,
            summary=f"{kind} {name} {transport}: {outcome}" + (f" ({fault} on purpose)" if fault else ""),
            name=name,
            type=kind,
            transport=transport,
            rcode=rcode,
            answers=answers,
            size=sum(map(len, packets)),
            truncated=truncated,
            fault=fault,
        )


def _to_wire(query: dns.message.Message, reply: dns.message.Message, limit: int) -> bytes:
    """The reply in at most `limit` octets, with TC where that leaves something out."""
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        cut = dns.message.make_response(query)
        cut.flags |= dns.flags.TC | (reply.flags & dns.flags.AA)
        return cut.to_wire()
