"""Whether a zone's keys have signed an RRset (RFC 4035 section 5.3), and whether a DS means a key (5.2).

The cryptography is dnspython's and its library's; here is what a resolver has to look at before it believes a
signature, the words for what is wrong, and the limits on what a hostile zone can make it cost.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import cryptography.exceptions
import dns.dnssec
import dns.exception
import dns.name
import dns.rdataset
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

from netkit.dns.validate.limits import (
    MAX_DIGESTS,
    MAX_EXPONENT_BITS,
    MAX_RSA_BITS,
    MAX_SAME_TAG,
    MAX_SIGNATURES,
    TooMuch,
    Work,
)
from netkit.dns.validate.records import Signed

# What RFC 8624 lets a validator check and the library can; a zone signed by others alone is insecure (RFC 4035 5.2).
ALGORITHMS = frozenset((5, 7, 8, 10, 13, 14, 15, 16))
RSA = frozenset((5, 7, 8, 10))
SHA1 = 1
DIGESTS = {1: "SHA1", 2: "SHA256", 4: "SHA384"}
ZONE_KEY, REVOKED = 0x0100, 0x0080  # RFC 4034 2.1.1, RFC 5011 section 3
SHORTLY = 86_400  # seconds; a signature that is so little out of its time makes one think of the clock


class Failed(Exception):
    """The signatures do not prove it; signature: the one that the reason is about."""

    def __init__(self, reason: str, signature: RRSIG | None = None, *, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.signature = signature
        self.hint = hint


class Good(NamedTuple):
    """The signature that proves an RRset, by which key. wildcard: the name whose `*` it was made from, if one was."""

    signature: RRSIG
    key: DNSKEY
    wildcard: dns.name.Name | None


def algorithm_name(number: int) -> str:
    """ECDSAP256SHA256, or ALG250 where it has no name."""
    text = dns.dnssec.algorithm_to_text(Algorithm.make(number))
    return text if not text.isdigit() else f"ALG{text}"


def when(stamp: float) -> str:
    return datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(stamp: int, now: float) -> float:
    """The time that the 32 bits of a signature mean: the one nearest to now (RFC 4034 3.1.5, RFC 1982)."""
    ahead = (stamp - int(now)) & 0xFFFFFFFF
    return int(now) + (ahead if ahead < 0x80000000 else ahead - 0x100000000)


def verify(signed: Signed, zone: dns.name.Name, keys: Sequence[DNSKEY], *, now: float, work: Work) -> Good:
    """The first signature of the zone over the RRset that holds. Raises Failed, TooMuch."""
    if signed.several:
        raise Failed(f"more than one {signed.type} record where a name has one")
    by_zone = [one for one in signed.signatures if one.signer == zone]
    if not by_zone:
        others = ", ".join(sorted({str(one.signer) for one in signed.signatures})[:3])
        signer = f"it is signed by {others}, not by {zone}" if others else f"no signature, and {zone} is signed"
        raise Failed(signer)
    if len(by_zone) > MAX_SIGNATURES:
        raise TooMuch(f"{len(by_zone)} signatures of {zone} over one RRset, more than {MAX_SIGNATURES}")
    failures: list[Failed] = []
    for one in by_zone:
        try:
            return _verify_one(signed, one, keys, now=now, work=work)
        except Failed as exc:
            failures.append(exc)
    raise next((one for one in failures if one.signature and one.signature.algorithm in ALGORITHMS), failures[0])


def _verify_one(signed: Signed, signature: RRSIG, keys: Sequence[DNSKEY], *, now: float, work: Work) -> Good:
    labels = len(signed.name) - 1 - signed.name.is_wild()
    if signature.algorithm not in ALGORITHMS:
        raise Failed(f"the algorithm {algorithm_name(signature.algorithm)} is unknown here", signature)
    if signature.labels > labels:
        raise Failed(f"signed as a name of {signature.labels} labels, it has {labels}", signature)
    _check_time(signature, now)
    # A revoked key proves itself alone (RFC 5011 2.1), and then no anchor and no DS may lead to it: not used at all.
    fitting = [
        key
        for key in keys
        if key.algorithm == signature.algorithm and key.key_id() == signature.key_tag and usable(key)
    ]
    if not fitting:
        known = ", ".join(str(key.key_id()) for key in keys[:8]) or "none"
        raise Failed(f"no key {signature.key_tag} in {signature.signer}: its keys are {known}", signature)
    for key in fitting[:MAX_SAME_TAG]:
        work.check()
        try:
            dns.dnssec.validate_rrsig(
                signed.rrset,
                signature,
                {signature.signer: _rdataset(key)},
                now=signature.inception,
                policy=dns.dnssec.allow_all_policy,
            )
        except (dns.exception.DNSException, cryptography.exceptions.UnsupportedAlgorithm, ValueError, TypeError):
            continue
        wild = signature.labels < labels
        return Good(signature, key, signed.name.split(signature.labels + 1)[1] if wild else None)
    if len(fitting) > MAX_SAME_TAG:
        raise TooMuch(f"{len(fitting)} keys with the tag {signature.key_tag}, more than {MAX_SAME_TAG}")
    raise Failed(f"the signature of key {signature.key_tag} does not fit the data", signature)


def _check_time(signature: RRSIG, now: float) -> None:
    """RFC 4035 5.3.1; no tolerance, as BIND has none."""
    begins, ends = moment(signature.inception, now), moment(signature.expiration, now)
    if ends < begins:
        raise Failed(f"the signature ends on {when(ends)}, before it begins on {when(begins)}", signature)
    gap = int(now - ends if now > ends else begins - now)
    if gap <= 0 and begins <= now <= ends:
        return
    if now > ends:
        text = f"the signature expired on {when(ends)}, {ago(gap)} ago"
    else:
        text = f"the signature is not valid before {when(begins)}, in {ago(gap)}"
    hint = f"this machine's clock says {when(now)}: is that right?" if gap < SHORTLY or now < begins else None
    raise Failed(text, signature, hint=hint)


def ago(seconds: int) -> str:
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'s' * (count != 1)}"
    return "less than a second"


def _rdataset(key: DNSKEY) -> dns.rdataset.Rdataset:
    return dns.rdataset.from_rdata(0, key)


def usable(key: DNSKEY) -> bool:
    """Whether the key may sign a zone's data, and can be tried at a fair cost."""
    signs = bool(key.flags & ZONE_KEY) and not key.flags & REVOKED and key.protocol == 3
    return signs and key.algorithm in ALGORITHMS and (key.algorithm not in RSA or _is_fair_rsa(key.key))


def _is_fair_rsa(data: bytes) -> bool:
    """RFC 3110 section 2: the exponent's length in one octet or three, the exponent, the modulus."""
    if len(data) < 3:
        return False
    size, start = (data[0], 1) if data[0] else (int.from_bytes(data[1:3]), 3)
    exponent, modulus = int.from_bytes(data[start : start + size]), int.from_bytes(data[start + size :])
    return exponent.bit_length() <= MAX_EXPONENT_BITS and modulus.bit_length() <= MAX_RSA_BITS


def supported(ds: Iterable[DS]) -> list[DS]:
    """Those that can be followed: known algorithm and digest; SHA-1 where nothing better is (RFC 4509 section 3)."""
    known = [one for one in ds if one.algorithm in ALGORITHMS and one.digest_type in DIGESTS]
    better = [one for one in known if one.digest_type != SHA1]
    return better or known


def meant(zone: dns.name.Name, ds: Sequence[DS], keys: Sequence[DNSKEY]) -> list[DNSKEY]:
    """The zone's keys that the DS records mean. Raises TooMuch."""
    pairs = [
        (one, key)
        for one in ds
        for key in keys
        if key.algorithm == one.algorithm and key.key_id() == one.key_tag and usable(key)
    ]
    if len(pairs) > MAX_DIGESTS:
        raise TooMuch(f"{len(pairs)} keys to hash for the DS of {zone}, more than {MAX_DIGESTS}")
    found = [
        key
        for one, key in pairs
        if dns.dnssec.make_ds(zone, key, DIGESTS[one.digest_type], policy=dns.dnssec.allow_all_policy).digest
        == one.digest
    ]
    return list(dict.fromkeys(found))
