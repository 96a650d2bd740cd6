"""Trust anchors: the keys that are trusted from the start, of the root unless a file names others.

A file has DS or DNSKEY records in zone form (what `dig DNSKEY`, `dnssec-dsfromkey` and Unbound's root.key hold), or
BIND's `trust-anchors { }`, also under its old names. A DNSKEY is kept as its DS. Nothing is ever rolled by itself
(RFC 5011): what is trusted is what the file says.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import NamedTuple

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zonefile
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from netkit.dns.validate.signature import ALGORITHMS, DIGESTS, REVOKED, ZONE_KEY, algorithm_name
from netkit.errors import BadInput
from netkit.net.text_file import read_text

MAX_FILE = 256 * 1024  # octets: a thousand keys; a file that is larger is none of anchors
BIND = re.compile(r"(?:^|\*/)\s*(?:trust-anchors|managed-keys|trusted-keys)\s*\{", re.MULTILINE)
ENTRY_POINT = 0x0001  # SEP (RFC 4034 2.1.1): of all the keys of a zone, as dig prints them, those that are anchors
KINDS = {"static-key": "DNSKEY", "initial-key": "DNSKEY", "static-ds": "DS", "initial-ds": "DS"}
_COMMENT = re.compile(r'"[^"]*"|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)
_TOKEN = re.compile(r'"([^"]*)"|([{};])|([^\s{};"]+)')


class Anchor(NamedTuple):
    """The keys of one zone that are trusted, as DS. source: where they were read."""

    zone: dns.name.Name
    ds: tuple[DS, ...]
    source: str


Anchors = Mapping[dns.name.Name, Anchor]


def load_anchors(path: str | None = None) -> Anchors:
    """The anchors of a file, those of the root that come with netkit without one.

    Raises BadInput for a file that is none of anchors, LocalFailure for one that cannot be read.
    """
    if path is None:
        text = files("netkit.dns.validate").joinpath("root.anchors").read_text(encoding="ascii")
        return parse_anchors(text, "IANA's root anchors")
    return parse_anchors(read_text(path, "trust anchor", limit=MAX_FILE), path)


def parse_anchors(text: str, source: str) -> Anchors:
    """The anchors in the text. Raises BadInput, naming the source."""
    found: dict[dns.name.Name, list[DS]] = {}
    try:
        for zone, rdata in _from_bind(text) if BIND.search(text) else _from_zone_form(text):
            found.setdefault(zone, []).append(_ds(zone, rdata))
    except (dns.exception.DNSException, ValueError) as exc:
        reason = exc.message if isinstance(exc, BadInput) else f"no trust anchor: {exc or type(exc).__name__}"
        raise BadInput(f"{source}: {reason}", hint=EXAMPLE) from exc
    if not found:
        raise BadInput(f"{source} has no trust anchor", hint=EXAMPLE)
    for zone, keys in found.items():
        if not any(ds.algorithm in ALGORITHMS and ds.digest_type in DIGESTS for ds in keys):
            names = ", ".join(sorted({algorithm_name(ds.algorithm) for ds in keys}))
            raise BadInput(f"{source}: no anchor of {zone} can be used: {names} or its digest is unknown here")
    return {zone: Anchor(zone, tuple(dict.fromkeys(keys)), source) for zone, keys in found.items()}


EXAMPLE = "write DS or DNSKEY records, as `dig +noall +answer DNSKEY .` prints them, or BIND's trust-anchors { }"


def _ds(zone: dns.name.Name, rdata: dns.rdata.Rdata) -> DS:
    if isinstance(rdata, DS):
        return rdata
    assert isinstance(rdata, DNSKEY)
    if not rdata.flags & ZONE_KEY or rdata.flags & REVOKED or rdata.protocol != 3:
        raise BadInput(f"the DNSKEY {rdata.key_id()} of {zone} signs no zone, or is revoked")
    return dns.dnssec.make_ds(zone, rdata, "SHA256", policy=dns.dnssec.allow_all_policy)


def _from_zone_form(text: str) -> Iterator[tuple[dns.name.Name, dns.rdata.Rdata]]:
    """Records with or without TTL and class; other types than the two are a mistake, signatures of them are not."""
    for rrset in dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0, origin=dns.name.root, relativize=False):
        if rrset.rdtype == dns.rdatatype.RRSIG:
            continue
        if rrset.rdtype not in (dns.rdatatype.DS, dns.rdatatype.DNSKEY):
            raise BadInput(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} is no trust anchor: DS or DNSKEY is")
        entry = [rdata for rdata in rrset if isinstance(rdata, DNSKEY) and rdata.flags & ENTRY_POINT]
        yield from ((rrset.name, rdata) for rdata in entry or rrset)


def _from_bind(text: str) -> Iterator[tuple[dns.name.Name, dns.rdata.Rdata]]:
    """The statements of named.conf(5), comments in all three of its styles."""
    bare = _COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    words: list[str] = []
    inside = False
    for quoted, mark, word in _TOKEN.findall(bare):
        if mark == "{":
            inside, words = True, []
        elif mark == "}":
            inside = False
        elif mark != ";":
            words.append(quoted or word)
        elif inside and words:
            yield _statement(words)
            words = []
    if inside or words:
        raise BadInput("trust-anchors { } is not closed")


def _statement(words: list[str]) -> tuple[dns.name.Name, dns.rdata.Rdata]:
    zone, *rest = words
    kind = KINDS[rest.pop(0)] if rest and rest[0] in KINDS else "DNSKEY"  # trusted-keys has no such word
    if len(rest) < 4:
        raise BadInput(f"the anchor of {zone} needs four fields: {' '.join(words)[:60]}")
    data = " ".join([*rest[:3], "".join("".join(rest[3:]).split())])
    return dns.name.from_text(zone), dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), data)
