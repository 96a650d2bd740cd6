"""What a user may write as a name to look up, and the octets it becomes on the wire.

Host names go through `net.hostname` (IDNA 2008, UTS 46); a backslash makes the text a name in master-file form
(RFC 1035 5.1), where `\\.` is a dot inside a label and `\\DDD` an octet. An IP address means its reverse name.
"""

import re
import socket

from netkit.errors import BadInput
from netkit.net.hostname import MAX_LABEL, is_ipv4, refuse_legacy_ipv4, to_ascii

MAX_WIRE = 255  # octets, RFC 1035 2.3.4
_PLAIN = frozenset(range(33, 127)) - frozenset(b'"().;\\@$')  # RFC 1035 5.1, as dnspython and BIND write it


def is_ip(text: str) -> bool:
    if is_ipv4(text):
        return True
    if ":" not in text:
        return False
    try:
        _packed(text)
    except (OSError, ValueError):
        return False
    return True


def _packed(text: str) -> bytes:
    """The 16 octets of an IPv6 address; a zone (`%eth0`) says where it is, not what it is.

    Raises OSError, ValueError; UnicodeEncodeError is one, of a zone with octets that were no UTF-8.
    """
    address, _, zone = text.partition("%")
    zone.encode()
    return socket.inet_pton(socket.AF_INET6, address)


def canonical_ip(text: str) -> str:
    """An address as getaddrinfo(3) and DNS data write it (RFC 5952)."""
    if ":" not in text:
        return text
    return socket.inet_ntop(socket.AF_INET6, _packed(text))


def reverse_name(address: str) -> str:
    """The name that PTR is asked for, with its final dot (RFC 1035 3.5, RFC 3596 2.5)."""
    if is_ipv4(address):
        return ".".join(reversed(address.split("."))) + ".in-addr.arpa."
    nibbles = _packed(address).hex()
    return ".".join(reversed(nibbles)) + ".ip6.arpa."


def parse_name(text: str, *, idn: bool = True) -> bytes:
    """The wire form of a name. Raises BadInput with the rule, and what may have been meant.

    Without idn, what is not ASCII stays UTF-8, as multicast DNS has it (RFC 6762 16).
    """
    if "\\" in text:
        return _from_master_form(text)
    refuse_legacy_ipv4(text)
    if not idn and not text.isascii():
        return _from_master_form("".join(char if char.isascii() else _as_utf8(char) for char in text))
    try:
        ascii_name = to_ascii(text)
    except BadInput as exc:
        raise BadInput(exc.message, hint=exc.hint or suggestion(text)) from None
    return to_wire([label.encode("ascii") for label in ascii_name.split(".")] if ascii_name else [])


def _as_utf8(char: str) -> str:
    try:
        return "".join(f"\\{octet:03d}" for octet in char.encode())
    except UnicodeEncodeError:  # a lone surrogate: an argument's octet that was no UTF-8
        raise BadInput(f"{char!r} is no character of a name") from None


def suggestion(text: str) -> str | None:
    """What the text may have been meant as: the host of a URL, of HOST:PORT, of user@host, an address, a network."""
    if found := re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::[0-9]+)?", text):
        return f"did you mean {found[1]}?"
    if found := re.fullmatch(r"([0-9a-fA-F:.]+)/[0-9]{1,3}", text):
        return "is it a network? -i asks for each of its addresses" if is_ip(found[1]) else None
    if text.strip() != text and " " not in text.strip():
        return f"did you mean {text.strip()}?" if text.strip() else None
    if found := re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?([^/:?#]+)", text):
        return f"did you mean {found[1]}?"
    if found := re.fullmatch(r"([^:/@\s]+):([0-9]+|[a-z]+)", text):
        return f"did you mean {found[1]}?"
    if found := re.fullmatch(r"[^@\s/]+@([^@\s/:]+)", text):
        return f"did you mean {found[1]}, or -t MX {found[1]}?"
    return None


def to_wire(labels: list[bytes]) -> bytes:
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > MAX_WIRE:
        raise BadInput(f"the name is {len(wire)} octets long on the wire, the limit is {MAX_WIRE}")
    return wire


def _from_master_form(text: str) -> bytes:
    labels: list[bytes] = []
    label = bytearray()
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            if found := re.match(r"[0-9]{3}", text[at + 1 : at + 4]):
                if int(found[0]) > 255:
                    raise BadInput(f"{text!r}: \\{found[0]} is more than an octet holds")
                label.append(int(found[0]))
                at += 4
            elif at + 1 < len(text) and text[at + 1].isascii() and not text[at + 1].isdigit():
                label += text[at + 1].encode()
                at += 2
            else:
                raise BadInput(f"{text!r}: a backslash needs a character or three digits behind it")
            continue
        if char == ".":
            if not label:
                raise BadInput(f"{text!r}: label {len(labels) + 1} is empty")
            labels.append(bytes(label))
            label.clear()
        elif char.isascii() and char > " ":
            label += char.encode()
        else:
            raise BadInput(f"{text!r}: {char!r} is not allowed in a name with escapes")
        at += 1
    if label:
        labels.append(bytes(label))
    for number, one in enumerate(labels, 1):
        if len(one) > MAX_LABEL:
            raise BadInput(f"{text[:60]!r}: label {number} is {len(one)} octets long, the limit is {MAX_LABEL}")
    return to_wire(labels)


def to_text(wire: bytes) -> str:
    """An uncompressed wire name as text with the final dot, everything unusual escaped (RFC 1035 5.1)."""
    labels: list[str] = []
    at = 0
    while wire[at]:
        labels.append(label_text(wire[at + 1 : at + 1 + wire[at]]))
        at += 1 + wire[at]
    return ".".join(labels) + "."


def is_below(name: bytes, ancestor: bytes) -> bool:
    """Whether the wire name is the other one or below it, label by label."""
    at = 0
    while len(name) - at > len(ancestor):
        at += 1 + name[at]
    return name[at:].lower() == ancestor.lower()


def label_text(label: bytes) -> str:
    if _PLAIN.issuperset(label):
        return label.decode("ascii")
    return "".join(
        f"\\{octet:03d}" if octet <= 32 or octet >= 127 else f"\\{chr(octet)}" if octet not in _PLAIN else chr(octet)
        for octet in label
    )
