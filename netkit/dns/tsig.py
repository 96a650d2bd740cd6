"""TSIG (RFC 8945): a query signed with a key that the server shares, and whether its reply is signed with the same.

Signing and checking are dnspython's (dns.tsig); here is the key's file, and where in a message the signature stands.
Keys come from a file alone: BIND's `key "NAME" { algorithm ALG; secret "BASE64"; };`, as tsig-keygen(8) and named.conf
have it, or one line `NAME:ALG:SECRET`, in the order of nsupdate(1) and kdig(1) too, `ALG:NAME:SECRET`. No message and
no repr() has the secret in it, nor any word of a file in another order that might be it. The messages of a zone
transfer, several to one signature, are `transfer.signed`'s.
"""

import re
from base64 import b64decode
from itertools import pairwise
from time import time
from typing import Any, NamedTuple

from netkit.dns.name import parse_name, to_text
from netkit.dns.wire import Malformed, Query, Reply, read_name, read_record
from netkit.errors import BadInput
from netkit.net.text_file import read_text

TSIG, CLASS_ANY = 250, b"\0\xff"
FUDGE = 300  # seconds that the two clocks may differ (RFC 8945 5.2.3)
MAX_FILE = 65536  # octets; a key has about 150
DEFAULT_ALGORITHM = "hmac-sha256"
ORDER = 'NAME:ALG:SECRET, ALG:NAME:SECRET, or key "NAME" { algorithm ALG; secret "BASE64"; };'
ALGORITHMS = {
    "hmac-md5": "hmac-md5.sig-alg.reg.int", "hmac-sha1": "hmac-sha1", "hmac-sha224": "hmac-sha224",
    "hmac-sha256": "hmac-sha256", "hmac-sha256-128": "hmac-sha256-128", "hmac-sha384": "hmac-sha384",
    "hmac-sha384-192": "hmac-sha384-192", "hmac-sha512": "hmac-sha512", "hmac-sha512-256": "hmac-sha512-256",
}  # fmt: skip
_TOKEN = re.compile(r'\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/|"(?P<quoted>[^"\n]*)"|(?P<mark>[{};])|(?P<word>[^\s{};"]+)', re.S)


class Key(NamedTuple):
    """name: with its final dot. algorithm: as ALGORITHMS has it. secret: octets."""

    name: str
    algorithm: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name!r}, {self.algorithm!r}, ***)"


class Forged(Exception):
    """The reply is not signed, or not with the key; the text says which."""


class Untaken(Exception):
    """The server does not take our key or signature; the text says why."""


def read_key(path: str) -> Key:
    """The one key in the file. Raises LocalFailure when it cannot be read, BadInput when it has no key or several."""
    text = read_text(path, "key file", limit=MAX_FILE)
    try:
        return parse_key(text)
    except BadInput as exc:
        raise BadInput(f"{path}: {exc.message}", hint=exc.hint) from None


def parse_key(text: str) -> Key:
    """The key of a key file's text. Raises BadInput."""
    lines = [line for one in text.splitlines() if (line := one.partition("#")[0].strip())]
    if len(lines) == 1 and lines[0].count(":") in (1, 2) and "{" not in text:
        return _of_line(lines[0])
    keys = _clauses(text)
    if not keys:
        raise BadInput("it has no key", hint='write key "NAME" { algorithm hmac-sha256; secret "BASE64"; };')
    if len(keys) > 1:
        raise BadInput(f"it has {len(keys)} keys, where one is to be used")
    return keys[0]


def _of_line(line: str) -> Key:
    parts = line.split(":")
    if len(parts) == 2:
        return _key(parts[0], DEFAULT_ALGORITHM, parts[1])
    if parts[0].lower().removesuffix(".") in ALGORITHMS:
        return _key(parts[1], parts[0], parts[2])
    return _key(*parts)


def _clauses(text: str) -> list[Key]:
    """The key clauses of a file in BIND's syntax; others are passed over."""
    words: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadInput('its syntax is broken: a " is never closed')
        at = found.end()
        if found.lastgroup:
            words.append(found[found.lastgroup] or "")
    keys = []
    for place, word in enumerate(words):
        if word == "key" and words[place + 2 : place + 3] == ["{"]:
            try:
                inside = words[place + 3 : words.index("}", place + 3)]
            except ValueError:
                raise BadInput("its syntax is broken: a { is never closed") from None
            facts = dict(pairwise(inside))
            if "secret" not in facts:
                raise BadInput("the key has no secret")
            keys.append(_key(words[place + 1], facts.get("algorithm", DEFAULT_ALGORITHM), facts["secret"]))
    return keys


def _key(name: str, algorithm: str, secret: str) -> Key:
    known = ALGORITHMS.get(algorithm.lower().removesuffix(".").removesuffix(".sig-alg.reg.int"))
    if known is None:
        word = f" {algorithm[:40]!r}" if algorithm.lower().startswith("hmac-") else ""  # base64 has no "-"
        raise BadInput(f"key algorithm{word} is not one of {', '.join(ALGORITHMS)}", hint=ORDER)
    try:
        octets = b64decode(secret.strip(), validate=True)
    except ValueError:
        octets = b""
    if not octets:
        raise BadInput("the key's secret is not base64", hint=ORDER)
    try:
        return Key(to_text(parse_name(name)), known, octets)
    except BadInput:
        if "." in name:  # base64 has none
            raise
        raise BadInput("the key's name is no name", hint=ORDER) from None


def sign(query: Query, key: Key) -> Query:
    """The query with its signature, which the reply's depends on."""
    signed, mac = attach(query.wire, key)
    return query._replace(signed=signed, mac=mac)


def attach(wire: bytes, key: Key) -> tuple[bytes, bytes]:
    """(the message with its signature, the signature alone)."""
    import dns.rdtypes.ANY.TSIG
    import dns.tsig

    made_record: Any = dns.rdtypes.ANY.TSIG.TSIG
    signed: Any = dns.tsig.sign
    made = made_key(key)
    empty = made_record(255, TSIG, made.algorithm, 0, FUDGE, b"", int.from_bytes(wire[:2]), 0, b"")
    rdata, _ = signed(wire, made, empty, int(time()), b"")
    data, owner = rdata.to_wire(), made.name.to_wire()
    record = owner + TSIG.to_bytes(2) + CLASS_ANY + bytes(4) + len(data).to_bytes(2) + data
    records = int.from_bytes(wire[10:12]) + 1
    return wire[:10] + records.to_bytes(2) + wire[12:] + record, rdata.mac


def verify(query: Query, key: Key, reply: Reply) -> None:
    """Check that the reply is signed with the key, for this query. Raises Forged, Untaken, Malformed."""
    check(reply.wire, key, query.mac)


def check(wire: bytes, key: Key, mac: bytes, context: Any = None, *, several: bool = False) -> Any:
    """Check a message's signature; what dnspython needs to check the next one of several (RFC 8945 5.3.1).

    mac: the signature before it. Raises Forged, Untaken, Malformed.
    """
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.tsig

    validate: Any = dns.tsig.validate
    found = signature(wire)
    if found is None:
        raise Forged("it is not signed")
    start, owner, data, end = found
    try:
        rdata = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, wire, data, end - data)
        name, _ = dns.name.from_wire(owner, 0)
        return validate(wire, made_key(key), name, rdata, int(time()), mac, start, context, several)
    except dns.tsig.PeerError as exc:
        raise Untaken(_PEER.get(type(exc).__name__, str(exc))) from exc
    except dns.tsig.BadTime as exc:
        raise Forged("its signature is of another time than this machine's") from exc
    except (dns.tsig.BadKey, dns.tsig.BadAlgorithm) as exc:
        raise Forged("it is signed with another key") from exc
    except dns.tsig.BadSignature as exc:
        raise Forged("its signature is wrong") from exc
    except (dns.exception.DNSException, ValueError, NotImplementedError) as exc:
        raise Malformed(f"its TSIG record: {exc or type(exc).__name__}") from exc


_PEER = {
    "PeerBadKey": "BADKEY: it does not know the key",
    "PeerBadSignature": "BADSIG: to it the signature is wrong, so its secret is another",
    "PeerBadTime": "BADTIME: its clock differs from this machine's",
    "PeerBadTruncation": "BADTRUNC: the signature is too short for it",
}


def signature(wire: bytes) -> tuple[int, bytes, int, int] | None:
    """(start, owner, start and end of the data) of the TSIG record, which is the last (RFC 8945 5.1)."""
    questions, *counts = (int.from_bytes(wire[at : at + 2]) for at in (4, 6, 8, 10))
    at = 12
    for _ in range(questions):
        at = read_name(wire, at)[1] + 4
    last = None
    for _ in range(sum(counts)):
        start = at
        record, at, _ = read_record(wire, at)
        last = (start, record.owner, record.start, record.end) if record.type == TSIG else None
    return last if counts[-1] else None


def made_key(key: Key) -> Any:
    import dns.tsig

    return dns.tsig.Key(key.name, key.secret, key.algorithm)
