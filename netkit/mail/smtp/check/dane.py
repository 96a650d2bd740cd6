"""DANE for SMTP (RFC 7672): whether the certificate that a server shows is the one that its TLSA records name.

Usage 3 names the server's own certificate, and then neither its dates nor its names count (3.1.1). Usage 2 names an
authority, which must be in the chain that the server shows and have signed what is below it (3.1.2). 0 and 1 are not
for SMTP (3.1.3). Records count only where DNSSEC proves them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netkit.mail.smtp.check.findings import Finding, finding

USAGES, SELECTORS, HASHES = (2, 3), (0, 1), {0: None, 1: "sha256", 2: "sha512"}


class Tlsa(NamedTuple):
    """The records of a server, as `3 1 1 hex`; proven: by DNSSEC."""

    records: tuple[str, ...]
    proven: bool


class Record(NamedTuple):
    usage: int
    selector: int
    matching: int
    data: bytes


def parse(text: str) -> Record | None:
    """None for a kind that SMTP does not use."""
    words = text.split()
    try:
        usage, selector, matching = map(int, words[:3])
        data = bytes.fromhex("".join(words[3:]))
    except ValueError:
        return None
    if usage not in USAGES or selector not in SELECTORS or matching not in HASHES or not data:
        return None
    return Record(usage, selector, matching, data)


def judge(tlsa: Tlsa, chain: Sequence[bytes]) -> Iterator[Finding]:
    """chain: certificates in DER as the server showed them, its own first."""
    if not tlsa.records:
        yield finding("dane.none", "no TLSA record")
        return
    if not tlsa.proven:
        said = "TLSA records without proof by DNSSEC (AD from a resolver to be believed): nobody may use them"
        yield finding("dane.insecure", said, records=list(tlsa.records))
        return
    usable = [(text, record) for text in tlsa.records if (record := parse(text))]
    if not usable:
        yield finding("dane.unusable", f"no TLSA record that SMTP uses: {tlsa.records[0]}", records=list(tlsa.records))
        return
    if not chain:
        return  # that there was no TLS is told already
    for text, record in usable:
        if matches(record, chain):
            yield finding("dane.match", f"the certificate is that of TLSA {short(text)}", record=text)
            return
    said = f"no TLSA record fits the certificate: {', '.join(short(text) for text, _ in usable)}"
    yield finding("dane.mismatch", said, records=list(tlsa.records))


def vouched(findings: Sequence[Finding]) -> bool:
    """Whether DANE stands for the server's own certificate, whatever is in it."""
    return any(one.id == "dane.match" and one.data["record"].startswith("3") for one in findings)


def matches(record: Record, chain: Sequence[bytes]) -> bool:
    if record.usage == 3:
        return _same(record, chain[0])
    from cryptography import x509  # 40 ms of CPU, for whoever has such records
    from cryptography.exceptions import InvalidSignature

    try:
        below = x509.load_der_x509_certificate(chain[0])
        for der in chain[1:]:
            authority = x509.load_der_x509_certificate(der)
            below.verify_directly_issued_by(authority)
            if _same(record, der):
                return True
            below = authority
    except (ValueError, TypeError, InvalidSignature):  # not issued by it, or too odd to be read
        return False
    return False


def _same(record: Record, der: bytes) -> bool:
    data = der
    if record.selector == 1:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        try:
            key = x509.load_der_x509_certificate(der).public_key()
        except (ValueError, TypeError):  # a key that cryptography does not know
            return False
        data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name = HASHES[record.matching]
    return record.data == (hashlib.new(name, data).digest() if name else data)


def short(text: str) -> str:
    """`3 1 1 0123456789abcdef…`"""
    words = text.split()
    data = "".join(words[3:])
    return " ".join([*words[:3], data if len(data) <= 16 else f"{data[:16]}…"])
