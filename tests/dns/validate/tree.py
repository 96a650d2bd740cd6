"""A root and zones below it, signed with keys of the test's own, and what an authoritative server answers from them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import dns.dnssec
import dns.message
import dns.name
import dns.rdataset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from netkit.dns.manner import Manner
from netkit.dns.result import Question, Resolution
from netkit.dns.servers import Server
from netkit.dns.types import parse_type
from netkit.dns.validate.anchors import Anchors, parse_anchors
from netkit.dns.validate.next_server import validated
from netkit.dns.wire import USUAL, QueryOptions
from netkit.events import OnEvent
from netkit.lab.dns.zones import Zone, Zones
from netkit.net.deadline import Deadline

NOW = 1_800_000_000  # 2027-01-15T08:00:00Z
DAY = 86_400
ANY_POLICY = dns.dnssec.allow_all_policy
SILENCE = b"silence"
Key = tuple[Any, DNSKEY]
Change = Callable[[dns.zone.Zone, Key], None]
Wires = Callable[[dns.message.Message, dns.message.Message], bytes | dns.message.Message | None]

BODY = """
www        A      192.0.2.1
MiXed      MX     5 WWW
*.wild     A      192.0.2.2
*.alias    CNAME  www
a.ent      A      192.0.2.3
alias      CNAME  www
dname      DNAME  deep
x.deep     A      192.0.2.4
cut        NS     ns.test.
"""


@cache
def make_key(owner: str, algorithm: int = 15, flags: int = 257) -> Key:
    """A key; Ed25519 ones are the same each time."""
    number = Algorithm(algorithm)
    private: Any
    if number is Algorithm.ED25519:
        private = ed25519.Ed25519PrivateKey.from_private_bytes(sha256(f"{owner} {flags}".encode()).digest())
    elif number is Algorithm.ED448:
        private = ed448.Ed448PrivateKey.generate()
    elif number in (Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384):
        private = ec.generate_private_key(ec.SECP256R1() if algorithm == 13 else ec.SECP384R1())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private, dns.dnssec.make_dnskey(private.public_key(), number, flags=flags)


def make_zone(origin: str, body: str) -> dns.zone.Zone:
    head = f"$ORIGIN {origin}\n$TTL 300\n@ SOA ns.test. h.test. 1 2 3 4 60\n@ NS ns.test.\n"
    return dns.zone.from_text(head + body, origin=origin, relativize=False, check_origin=False)


def sign(zone: dns.zone.Zone, keys: Sequence[Key], begins: float = NOW - DAY, ends: float = NOW + 30 * DAY) -> None:
    moments = (datetime.fromtimestamp(one, UTC) for one in (begins, ends))
    dns.dnssec.sign_zone(
        zone, keys=list(keys), inception=next(moments), expiration=next(moments), dnskey_ttl=300, policy=ANY_POLICY
    )


def ds_text(origin: str, key: DNSKEY, digest: str = "SHA256") -> str:
    return dns.dnssec.make_ds(origin, key, digest, policy=ANY_POLICY).to_text()


class Tree:
    """Zones are added, then `grow()` signs test. and the root above them. The server's script is `answer`.

    now: the clock of the validator. wires: what is sent in place of a reply, asked with the query and the reply.
    """

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.zones: dict[str, dns.zone.Zone] = {}
        self.delegations = "ns A 127.0.0.1\n"
        self.root = make_key(".", 13)
        self.wires: Wires = lambda query, reply: None
        self.served: Zones | None = None
        self.port = 0  # of a real server that has the zones

    def add(
        self,
        label: str,
        body: str = BODY,
        *,
        algorithm: int = 15,
        begins: int = -1,
        ends: int = 30,
        ds: Sequence[str] | None = None,
        digests: Sequence[str] = ("SHA256",),
        signed: bool = True,
        change: Change | None = None,
    ) -> Key:
        """A zone LABEL.test., signed for those days from now; ds: data of DS records in place of the right ones.

        change: what becomes of it once it is signed.
        """
        origin = f"{label}.test."
        key = make_key(origin, algorithm)
        zone = make_zone(origin, body)
        if signed:
            sign(zone, [key], self.now + begins * DAY, self.now + ends * DAY)
        if change:
            change(zone, key)
        self.zones[origin] = zone
        right = [ds_text(origin, key[1], digest) for digest in digests] if signed else []
        self.delegations += f"{label} NS ns.test.\n"
        self.delegations += "".join(f"{label} DS {one}\n" for one in (right if ds is None else ds))
        return key

    def grow(self) -> "Tree":
        test, key = make_zone("test.", self.delegations), make_key("test.", 13)
        root = make_zone(".", f"test. NS ns.test.\ntest. DS {ds_text('test.', key[1])}\n")
        for zone, signer in ((test, key), (root, self.root)):
            sign(zone, [signer], self.now - DAY, self.now + 30 * DAY)
        self.zones |= {"test.": test, ".": root}
        self.served = Zones([Zone(zone) for zone in self.zones.values()])
        return self

    @property
    def anchor(self) -> str:
        return f". IN DS {ds_text('.', self.root[1])}\n"

    def answer(self, wire: bytes, transport: str, number: int) -> list[bytes]:
        query = dns.message.from_wire(wire)
        assert self.served is not None
        reply = self.served.answer(query)
        sent = self.wires(query, reply) or reply
        if isinstance(sent, bytes):
            return [] if sent == SILENCE else [sent]
        full = sent.to_wire(max_size=65535)
        if transport == "udp" and len(full) > query.payload:
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            return [cut.to_wire()]
        return [full]

    def ask(
        self,
        server: object,
        name: str,
        rdtype: str = "A",
        *,
        anchors: Anchors | None = None,
        seconds: float = 60.0,
        options: QueryOptions = USUAL,
        others: Sequence[object] = (),
        on_event: OnEvent | None = None,
    ) -> Resolution:
        """The Resolution that validation makes of it; others: the servers to ask after the first."""
        ends = [str(one).rpartition(":") for one in (server, *others)]
        question = Question(name, dns.name.from_text(name).to_wire() or b"", parse_type(rdtype))
        [found] = validated(
            [question],
            [Server(host, int(port)) for host, _, port in ends],
            Manner(Deadline.after(seconds), options=options, on_event=on_event),
            anchors or parse_anchors(self.anchor, "the test"),
            now=self.now,
        )
        return found
