"""The lab's signed zones: signed.test, and what is below it and broken on purpose.

The keys are made from the zones' names, so that the trust anchor and the key tags are the same at each start and on
each machine. Everybody knows them: they prove something about DNSSEC, and nothing about who signed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

ANCHOR = dns.name.from_text("signed.test.")
EXPIRED = dns.name.from_text("expired.signed.test.")
UNSIGNED = dns.name.from_text("unsigned.signed.test.")
LASTING = timedelta(days=30)
RAN_OUT = datetime(2025, 1, 1, tzinfo=UTC)
TAMPERED, STRIPPED = (dns.name.from_text(label, ANCHOR) for label in ("tampered", "stripped"))


def signed_zones(now: datetime | None = None) -> Sequence[dns.zone.Zone]:
    """The three zones, signed as of now, the deepest last."""
    now = now or datetime.now(UTC)
    parent, unsigned, expired = map(read_zone, (ANCHOR, UNSIGNED, EXPIRED))
    parent.find_rdataset(EXPIRED, dns.rdatatype.DS, create=True).add(ds_of(EXPIRED), 300)
    sign(parent, now + LASTING)
    sign(expired, RAN_OUT)
    other = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.A, "127.0.0.66")
    parent.replace_rdataset(TAMPERED, dns.rdataset.from_rdata(300, other))
    parent.delete_rdataset(STRIPPED, dns.rdatatype.RRSIG, dns.rdatatype.A)
    return parent, unsigned, expired


def trust_anchor(origin: dns.name.Name = ANCHOR) -> str:
    """The trust anchor of a zone, as a line of a zone file."""
    return f"{origin} IN DS {ds_of(origin).to_text()}\n"


def read_zone(origin: dns.name.Name) -> dns.zone.Zone:
    name = f"{origin}zone" if origin != dns.name.root else "root.zone"
    text = files("netkit.lab.dns").joinpath(name).read_text(encoding="utf-8")
    return dns.zone.from_text(text, relativize=False, filename=name, allow_include=False)


def _key(origin: dns.name.Name) -> tuple[Ed25519PrivateKey, DNSKEY]:
    private = Ed25519PrivateKey.from_private_bytes(sha256(f"netkit lab {origin}".encode()).digest())
    return private, dns.dnssec.make_dnskey(private.public_key(), Algorithm.ED25519, flags=257)


def ds_of(origin: dns.name.Name) -> dns.rdata.Rdata:
    return dns.dnssec.make_ds(origin, _key(origin)[1], "SHA256")


def sign(zone: dns.zone.Zone, until: datetime) -> None:
    """NSEC and signatures that last until then; they begin as long before that, so that a slow clock has them too."""
    assert zone.origin is not None
    dns.dnssec.sign_zone(
        zone,
        keys=[_key(zone.origin)],
        inception=until - 2 * LASTING,
        expiration=until,
        dnskey_ttl=300,
    )
