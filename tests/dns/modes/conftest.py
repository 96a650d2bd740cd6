"""A small internet on 127.0.0.x: each address a name server with zones of its own, all on one port."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import dns.message
import dns.rdataclass
import dns.zone
import pytest

from netkit.lab.dns.zones import Zone, Zones
from tests.ports import find_free_port

Change = Callable[[dns.message.Message, dns.message.Message], dns.message.Message | None]  # (query, reply)

ROOT = """
@ 60 IN SOA a.root. admin. 1 2 3 4 60
@ 60 IN NS a.root.
@ 60 IN NS b.root.
a.root. 60 IN A 127.0.1.1
b.root. 60 IN A 127.0.1.2
test. 60 IN NS ns.test.
ns.test. 60 IN A 127.0.1.3
other. 60 IN NS ns.outside.test.
lost. 60 IN NS ns.lost.
"""
TEST = """
@ 60 IN SOA ns admin 7 2 3 4 60
@ 60 IN NS ns
ns 60 IN A 127.0.1.3
zone 60 IN NS ns1.zone
zone 60 IN NS ns2.zone
ns1.zone 60 IN A 127.0.1.4
ns2.zone 60 IN A 127.0.1.5
outside 60 IN NS ns.outside
ns.outside 60 IN A 127.0.1.6
"""
LEAF = """
@ 60 IN SOA ns1 admin 42 2 3 4 60
@ 60 IN NS ns1
@ 60 IN NS ns2
ns1 60 IN A 127.0.1.4
ns2 60 IN A 127.0.1.5
www 60 IN A 192.0.2.80
www 60 IN A 192.0.2.81
alias 60 IN CNAME www
away 60 IN CNAME www.other.
gone 60 IN CNAME nosuch
loop 60 IN CNAME pool
pool 60 IN CNAME loop
"""
OUTSIDE = """
@ 60 IN SOA ns admin 1 2 3 4 60
@ 60 IN NS ns
ns 60 IN A 127.0.1.6
"""
OTHER = """
@ 60 IN SOA ns.outside.test. admin 1 2 3 4 60
@ 60 IN NS ns.outside.test.
www 60 IN A 192.0.2.90
"""
USUAL = {
    "127.0.1.1": {".": ROOT},
    "127.0.1.2": {".": ROOT},
    "127.0.1.3": {"test.": TEST},
    "127.0.1.4": {"zone.test.": LEAF},
    "127.0.1.5": {"zone.test.": LEAF},
    "127.0.1.6": {"outside.test.": OUTSIDE, "other.": OTHER},
}
HINTS = ". NS a.root.\n. NS b.root.\na.root. A 127.0.1.1\nb.root. A 127.0.1.2\n"


def zone_of(origin: str, text: str) -> Zone:
    return Zone(dns.zone.from_text(text, origin, dns.rdataclass.IN, relativize=False, check_origin=False))


@dataclass
class Internet:
    """port: of every server. changed: what a server makes of its reply, None is silence. A server `resolver` at
    127.0.1.9 knows all zones and answers with recursion. questions: (address, name, type) as they came."""

    zones: Mapping[str, Mapping[str, str]]
    changed: dict[str, Change] = field(default_factory=dict)
    questions: list[tuple[str, str, str]] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.answers = {ip: Zones([zone_of(*one) for one in zones.items()]) for ip, zones in self.zones.items()}
        everything = {origin: text for zones in self.zones.values() for origin, text in zones.items()}
        self.answers["127.0.1.9"] = Zones([zone_of(*one) for one in everything.items()])
        self.sockets: dict[str, socket.socket] = {}
        self.port = self.port or find_free_port()  # on each of the addresses
        for ip in self.answers:
            one = socket.socket(type=socket.SOCK_DGRAM)
            one.bind((ip, self.port))
            self.sockets[ip] = one
        self.threads = [threading.Thread(target=self.serve, args=pair, daemon=True) for pair in self.sockets.items()]
        for thread in self.threads:
            thread.start()

    @property
    def resolver(self) -> str:
        return f"127.0.1.9:{self.port}"

    def serve(self, ip: str, sock: socket.socket) -> None:
        while True:
            wire, sender = sock.recvfrom(65535)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            question = query.question[0]
            self.questions.append((ip, str(question.name), dns.rdatatype.to_text(question.rdtype)))
            reply: dns.message.Message | None = self.answers[ip].answer(query)
            if ip in self.changed and reply is not None:
                reply = self.changed[ip](query, reply)
            if reply is not None:
                sock.sendto(reply.to_wire(), sender)

    def close(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for ip in self.sockets:
                sender.sendto(b"", (ip, self.port))
        for thread in self.threads:
            thread.join()
        for one in self.sockets.values():
            one.close()


@pytest.fixture
def internet() -> Iterator[Callable[..., Internet]]:
    running: list[Internet] = []

    def start(zones: Mapping[str, Mapping[str, str]] = USUAL, **changed: Change) -> Internet:
        running.append(Internet(zones, {ip.replace("_", "."): change for ip, change in changed.items()}))
        return running[-1]

    yield start
    for one in running:
        one.close()
