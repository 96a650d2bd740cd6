"""The lab's DNS servers: UDP and TCP on one port, TLS on another (RFC 7858), and never of use to an attacker.

- It answers nobody off this machine unless it was bound there, no replies (two servers would talk for ever), and no
  port of a service that would answer back.
- To another machine no datagram is more than three times as long as the query (as RFC 9000 8.1 has it for QUIC):
  what is longer is cut with TC, and TCP proves that the asker is who he says.
- TCP connections are limited in number, in idle time, and in queries.
- Further addresses of loopback are servers of their own, the root's among them (internet.py).

What they answer is the responder's affair, which `/dns-query` of the HTTP server asks as well.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar

from netkit.events import Step
from netkit.lab.certificates import Certificates
from netkit.lab.connections import Connections
from netkit.lab.dns.internet import ADDRESSES, ROOT, make_internet
from netkit.lab.dns.responder import MAX_MESSAGE, Responder
from netkit.lab.service import Port, Service, Shared
from netkit.net.address import Endpoint, join
from netkit.net.listen import Listening

AMPLIFICATION = 3  # reply bytes for each query byte, to anybody off this machine
MAX_CONNECTIONS = 100
MAX_QUERIES = 10_000  # on one connection
MAX_DELAYED = 1_000  # answers that wait at once
IDLE_SECONDS = 10.0
# Services that answer whatever comes, or answer much: a forged source port would make them talk to us for ever.
REFLECTORS = frozenset({0, 7, 13, 17, 19, 37, 53, 69, 111, 123, 137, 161, 389, 520, 1900, 5353, 11211})


class Dns(Service):
    """Serves the zones given, and lab.test with its reverse zones."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("dns", 5300, {"udp": "udp", "tcp": "tcp"}, also=ADDRESSES),
        Port("dns-tls", 8530, {"tcp": "tls"}),
    )

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        assert shared.dns is not None
        self.responder = shared.dns
        self._others: Mapping[str, Responder] = {}  # by address
        self._certificates = Certificates(shared.ca, ("dot",))
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._delayed: set[asyncio.TimerHandle] = set()
        self._connections = Connections(self._serve_stream, self._failed, MAX_CONNECTIONS)

    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        loop = asyncio.get_running_loop()
        if {each.endpoint.host for each in listening["dns"]}.issuperset(ADDRESSES):
            internet = make_internet(self.responder.zones)
            self.responder.zones.upper = internet.upper
            self._others = {
                address: Responder(self.shared, site.zones, site.find_fault) for address, site in internet.sites.items()
            }
        for each in listening["dns"]:
            if each.transport == "udp":
                local = _is_loopback(each.endpoint.host)
                transport, _ = await loop.create_datagram_endpoint(
                    lambda each=each, local=local: _Datagrams(self, each.endpoint, local),  # type: ignore[misc]
                    sock=each.socket.dup(),
                )
                self._datagrams.append(transport)
            else:
                self._connections.listen(each.socket)
        context = self._certificates.context([each.endpoint.host for each in listening["dns-tls"]])
        for each in listening["dns-tls"]:
            self._connections.listen(each.socket, context)

    async def stop(self) -> None:
        for each in self._datagrams:
            each.close()
        for handle in self._delayed:
            handle.cancel()
        await self._connections.close()

    def _failed(self, peer: str, reason: str) -> None:
        self.shared.log("dns-tls" if reason.startswith("TLS") else "dns", "failed", peer=peer, summary=reason)

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        found = {
            "NETKIT_LAB_DNS": addresses["dns"],
            "NETKIT_LAB_DNS_TLS": f"tls://{addresses['dns-tls']}",
            "NETKIT_LAB_ZONE": self.responder.zones.origins[0],
        }
        if self._others:
            found["NETKIT_LAB_ROOT"] = f"{ROOT}:{addresses['dns'].rpartition(':')[2]}"
        return found

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        server, tls, https, anchor, ca = (
            environment[f"NETKIT_LAB_{name}"] for name in ("DNS", "DNS_TLS", "HTTPS", "ANCHOR", "CA")
        )
        host, _, port = environment["NETKIT_LAB_DNS"].rpartition(":")
        return [
            f"netkit resolve @{server} www.lab.test",
            f"netkit resolve @{server} -t TXT escape.lab.test",
            f"netkit resolve @{server} servfail.lab.test   # or silent, spoofed, garbage",
            f"netkit resolve @{server} --trust-anchor {anchor} www.signed.test   # or tampered",
            f"netkit resolve @{tls} --cacert {ca} www.lab.test   # or @{https}",
            *([f"netkit resolve --trace-root @{environment['NETKIT_LAB_ROOT']} www.lab.test"] if self._others else []),
            f"dig @{host.strip('[]')} -p {port} big.lab.test A",
        ]

    def responder_at(self, host: str) -> Responder:
        """Who answers at this address of ours."""
        return self._others.get(host, self.responder)

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
        transport = "tls" if writer.get_extra_info("ssl_object") else "tcp"
        responder = self.responder_at(writer.get_extra_info("sockname")[0])
        if full:
            self.shared.log("dns", "refused", address=address, peer=peer, summary=f"{MAX_CONNECTIONS} connections open")
            writer.close()
            return
        try:
            for _ in range(MAX_QUERIES):
                async with asyncio.timeout(IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(length)
                reply = responder.respond(data, peer, address, transport)
                if not reply.packets and length < 12:
                    return
                if reply.delay:
                    await asyncio.sleep(reply.delay)
                for packet in reply.packets:
                    writer.write(struct.pack("!H", len(packet)) + packet)
                    if self.shared.on_event:
                        self.shared.on_event(Step("send", peer, transport, len(packet), data=packet))
                async with asyncio.timeout(IDLE_SECONDS):
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError):  # TimeoutError is one
            writer.transport.abort()  # it left, was silent for too long, or does not read
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Dns, endpoint: Endpoint, local: bool) -> None:
        self._server = server
        self._responder = server.responder_at(endpoint.host)
        self._address = str(endpoint)
        self._local = local
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        from_here = _is_loopback(addr[0])
        if addr[1] in REFLECTORS or (self._local and not from_here):
            return
        limit = MAX_MESSAGE if from_here else max(12, AMPLIFICATION * len(data))
        peer = _text(addr)
        reply = self._responder.respond(data, peer, self._address, "udp", limit)
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


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)
    return False


def _text(address: object) -> str:
    return join(str(address[0]), int(address[1])) if isinstance(address, tuple) else ""
