"""Record types and classes by name and number (RFC 3597 TYPEnn and CLASSnn included).

The frequent ones stand here, so that asking for an address imports no dnspython (16 ms of CPU); it knows the rest.
"""

import re

from netkit.errors import BadInput

FREQUENT = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "NAPTR": 35,
    "DNAME": 39, "DS": 43, "SSHFP": 44, "DNSKEY": 48, "TLSA": 52, "SVCB": 64, "HTTPS": 65, "ANY": 255, "CAA": 257,
}  # fmt: skip
NAMES = {number: name for name, number in FREQUENT.items()}
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, DNAME, OPT, RRSIG = 1, 2, 5, 6, 12, 15, 16, 28, 39, 41, 46
COMMON = ("A", "AAAA", "CNAME", "MX", "NS", "SOA", "TXT", "CAA", "HTTPS")
IN, CH, HS, ANY = 1, 3, 4, 255
CLASSES = {"IN": IN, "CH": CH, "HS": HS, "ANY": ANY}
CLASS_NAMES = {number: name for name, number in CLASSES.items()}
_TRANSFER = "zone transfers are not answered by one message and not supported"
NOT_ASKED = {
    41: "it is part of the message, never asked for",
    250: "it signs messages, it is never asked for",
    251: _TRANSFER, 252: _TRANSFER, 253: _TRANSFER, 254: _TRANSFER,
}  # fmt: skip


def parse_type(text: str) -> int:
    """The number of a record type: `MX`, `mx`, `TYPE65534`. Raises BadInput."""
    number = _number(text)
    if number in NOT_ASKED:
        raise BadInput(f"record type {text!r}: {NOT_ASKED[number]}")
    return number


def _number(text: str) -> int:
    name = text.upper()
    if name in FREQUENT:
        return FREQUENT[name]
    if found := re.fullmatch(r"TYPE([0-9]{1,5})", name):
        if 1 <= int(found[1]) <= 65535:
            return int(found[1])
        raise BadInput(f"record type {text!r}: the number is outside 1 to 65535 (RFC 3597)")
    import dns.rdatatype

    try:
        if number := int(dns.rdatatype.from_text(name)):  # 0 is NONE, dnspython's own
            return number
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        pass
    from difflib import get_close_matches

    close = get_close_matches(name, FREQUENT)
    hint = f"did you mean {close[0]}?" if close else "types are written A, AAAA, MX, ... or TYPE257"
    raise BadInput(f"record type {text[:40]!r} is unknown", hint=hint)


def type_name(number: int) -> str:
    """The name of a record type, TYPEnn when it has none."""
    if number in NAMES:
        return NAMES[number]
    import dns.rdatatype

    return str(dns.rdatatype.to_text(dns.rdatatype.RdataType(number)))


def parse_class(text: str) -> int:
    """The number of a class: `IN`, `ch`, `CLASS32`. Raises BadInput."""
    name = text.upper()
    if name in CLASSES:
        return CLASSES[name]
    if (found := re.fullmatch(r"CLASS([0-9]{1,5})", name)) and 1 <= int(found[1]) <= 65535:
        return int(found[1])
    raise BadInput(f"class {text[:40]!r} is unknown", hint="classes are written IN, CH, HS, ANY or CLASS32")


def class_name(number: int) -> str:
    """The name of a class, CLASSnn when it has none."""
    return CLASS_NAMES.get(number) or f"CLASS{number}"
