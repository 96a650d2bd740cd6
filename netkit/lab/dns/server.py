"""The lab's DNS server: UDP and TCP on one port, authoritative for its zones, and never of use to an attacker.

- It answers nobody off this machine unless it was bound there, no replies (two servers would talk for ever), and no
  port of a service that would answer back.
- To another machine no datagram is more than three times as long as the query (as RFC 9000 8.1 has it for QUIC):
  what is longer is cut with TC, and TCP proves that the asker is who he says.
- TCP connections are limited in number, in idle time, and in queries.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from netkit.events import Step
from netkit.lab.connections import Connections
from netkit.lab.dns.faults import find_fault
from netkit.lab.dns.zones import PAYLOAD, load
from netkit.lab.service import Port, Service, Shared
from netkit.net.address import join
from netkit.net.listen import Listening, Transport

MIN_DATAGRAM = 512  # what every resolver takes (RFC 1035 2.3.4)
AMPLIFICATION = 3  # reply bytes for each query byte, to anybody off this machine
MAX_TCP = 65535
MAX_CONNECTIONS = 100
MAX_QUERIES = 10_000  # on one connection
MAX_DELAYED = 1_000  # answers that wait at once
IDLE_SECONDS = 10.0
# Services that answer whatever comes, or answer much: a forged source port would make them talk to us for ever.
REFLECTORS = frozenset({0, 7, 13, 17, 19, 37, 53, 69, 111, 123, 137, 161, 389, 520, 1900, 5353, 11211})


@dataclass(frozen=True, slots=True)
class _Reply:
    packets: Sequence[bytes]
    delay: float


class Dns(Service):
    """Serves the zones given, and lab.test with its reverse zones."""

    ports: ClassVar[tuple[Port, ...]] = (Port("dns", 5300, {"udp": "udp", "tcp": "tcp"}),)

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.zones = load(shared.zones, mail_key=shared.mail.key_sha256) if shared.mail else load(shared.zones)
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._delayed: set[asyncio.TimerHandle] = set()
        self._connections = Connections(self._serve_stream, self._failed, MAX_CONNECTIONS)

    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        loop = asyncio.get_running_loop()
        for each in listening["dns"]:
            if each.transport == "udp":
                local = _is_loopback(each.endpoint.host)
                transport, _ = await loop.create_datagram_endpoint(
                    lambda each=each, local=local: _Datagrams(self, str(each.endpoint), local),  # type: ignore[misc]
                    sock=each.socket.dup(),
                )
                self._datagrams.append(transport)
            else:
                self._connections.listen(each.socket)

    async def stop(self) -> None:
        for each in self._datagrams:
            each.close()
        for handle in self._delayed:
            handle.cancel()
        await self._connections.close()

    def _failed(self, peer: str, reason: str) -> None:
        self.shared.log("dns", "failed", peer=peer, summary=reason)

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {"NETKIT_LAB_DNS": addresses["dns"], "NETKIT_LAB_ZONE": self.zones.origins[0]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        server, anchor = "@" + environment["NETKIT_LAB_DNS"], environment["NETKIT_LAB_ANCHOR"]
        host, _, port = environment["NETKIT_LAB_DNS"].rpartition(":")
        return [
            f"netkit resolve {server} www.lab.test",
            f"netkit resolve {server} -t TXT escape.lab.test",
            f"netkit resolve {server} servfail.lab.test   # or silent, spoofed, garbage",
            f"netkit resolve {server} --trust-anchor {anchor} www.signed.test   # or tampered",
            f"dig @{host.strip('[]')} -p {port} big.lab.test A",
        ]

    def respond(self, data: bytes, peer: str, address: str, transport: Transport, limit: int) -> _Reply:
        """What to send for one message, at most `limit` octets each; nothing when it is better to be silent."""
        if self.shared.on_event:
            self.shared.on_event(Step("recv", peer, transport, len(data), data=data))
        if len(data) < 12 or data[2] & 0x80:  # no header, or a reply itself
            return _Reply([], 0.0)
        try:
            query = dns.message.from_wire(data, ignore_trailing=False)
            if transport == "tcp" and (messages := self.zones.transfer(query)):
                packets = [one.to_wire(max_size=MAX_TCP) for one in messages]
                self._log_query(query, packets, peer, address, transport, None)
                return _Reply(packets, 0.0)
            correct = self.zones.answer(query)
        except (dns.exception.DNSException, ValueError) as exc:
            reason = str(exc) or type(exc).__name__
            self.shared.log("dns", "refused", address=address, peer=peer, summary=f"FORMERR: {reason}")
            return _Reply([data[:2] + struct.pack("!HHHHH", 0x8001 | (data[2] << 8 & 0x7900), 0, 0, 0, 0)], 0.0)
        if transport == "udp":
            offered = query.payload if query.edns >= 0 else MIN_DATAGRAM
            limit = min(limit, max(MIN_DATAGRAM, min(offered, PAYLOAD)))
        wire = _to_wire(query, correct, limit)
        packets = [wire]
        delay, fault = 0.0, None
        if found := find_fault(query):
            fault, delay = found[0], found[1].delay
            packets = [packet for packet in found[1].send(query, wire) if len(packet) <= limit]
        self._log_query(query, packets, peer, address, transport, fault)
        return _Reply(packets, delay)

    def _log_query(
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
        self.shared.log(
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

    def later(self, delay: float, send: Callable[[], None]) -> None:
        """Send after a while; at once when too many wait already."""
        if not delay or len(self._delayed) >= MAX_DELAYED:
            send()
            return

        def due() -> None:
            self._delayed.discard(handle)
            send()

        handle = asyncio.get_running_loop().call_later(delay, due)
        self._delayed.add(handle)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, full: bool) -> None:
        """One TCP connection: queries in order, each with its length in front (RFC 1035 4.2.2)."""
        peer, address = (_text(writer.get_extra_info(name)) for name in ("peername", "sockname"))
        if full:
            self.shared.log("dns", "refused", address=address, peer=peer, summary=f"{MAX_CONNECTIONS} connections open")
            writer.close()
            return
        try:
            for _ in range(MAX_QUERIES):
                async with asyncio.timeout(IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(length)
                reply = self.respond(data, peer, address, "tcp", MAX_TCP)
                if not reply.packets and length < 12:
                    return
                if reply.delay:
                    await asyncio.sleep(reply.delay)
                for packet in reply.packets:
                    writer.write(struct.pack("!H", len(packet)) + packet)
                    if self.shared.on_event:
                        self.shared.on_event(Step("send", peer, "tcp", len(packet), data=packet))
                async with asyncio.timeout(IDLE_SECONDS):
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError):  # TimeoutError is one
            writer.transport.abort()  # it left, was silent for too long, or does not read
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Dns, address: str, local: bool) -> None:
        self._server = server
        self._address = address
        self._local = local
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        from_here = _is_loopback(addr[0])
        if addr[1] in REFLECTORS or (self._local and not from_here):
            return
        limit = MAX_TCP if from_here else max(12, AMPLIFICATION * len(data))
        peer = _text(addr)
        reply = self._server.respond(data, peer, self._address, "udp", limit)
        if reply.packets:
            self._server.later(reply.delay, lambda: self._send(reply.packets, addr, peer))

    def _send(self, packets: Sequence[bytes], addr: tuple[str, int], peer: str) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        for packet in packets:
            self._transport.sendto(packet, addr)
            if self._server.shared.on_event:
                self._server.shared.on_event(Step("send", peer, "udp", len(packet), data=packet))

    def error_received(self, exc: Exception) -> None:
        """The asker's port is closed by now (ICMP): nothing to do."""


def _to_wire(query: dns.message.Message, reply: dns.message.Message, limit: int) -> bytes:
    """The reply in at most `limit` octets, with TC where that leaves something out."""
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        cut = dns.message.make_response(query)
        cut.flags |= dns.flags.TC | (reply.flags & dns.flags.AA)
        return cut.to_wire()


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)
    return False


def _text(address: object) -> str:
    return join(str(address[0]), int(address[1])) if isinstance(address, tuple) else ""
