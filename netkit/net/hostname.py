"""Names as users write them: the rules of RFC 1035 and UTS 46, told when they are broken.

`to_ascii` gives the form that goes on the wire (A-labels), `to_unicode` the form for people. ASCII labels are taken
as they stand, in lower case, underscores included (`_dmarc.example`); a label with anything else goes through
IDNA 2008 with the UTS 46 mapping, non-transitional. Not here: escapes of the DNS master file (`a\\.b`), which are
`netkit.dns.name`'s.
"""

import re

from netkit.errors import BadInput

MAX_LABEL = 63  # octets, RFC 1035 2.3.4
MAX_NAME = 253  # octets as text without the final dot: 255 on the wire (RFC 1035 2.3.4)

# Compiled when wanted, which takes 0.1 to 0.3 ms each.
_LEGACY_IPV4 = r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+)){0,3}\.?"
_NUMBER = r"(?:0[xX][0-9a-fA-F]*|[0-9]+)"
_OTHER_DOTS = "[\u3002\uff0e\uff61]"  # what UTS 46 maps to a full stop


def is_ipv4(text: str) -> bool:
    """Whether the text is an IPv4 address as dotted decimal, the only form netkit takes (RFC 6943 3.1.1)."""
    if text.count(".") != 3 or not text.isascii():
        return False
    for part in text.split("."):
        if not part.isdecimal() or len(part) > 3 or int(part) > 255 or (part[0] == "0" and part != "0"):
            return False
    return True


def refuse_legacy_ipv4(text: str) -> None:
    """Raise BadInput for an IPv4 address in octal, hexadecimal or short form, which programs read differently."""
    if is_ipv4(text) or not re.fullmatch(_LEGACY_IPV4, text):
        return
    port = f", or :{text} for that port of this machine" if text.isdecimal() and 0 < int(text) < 65536 else ""
    raise BadInput(
        f"{text!r} is not an IPv4 address: octal, hexadecimal, short and out-of-range forms are refused",
        hint=f"write four decimal numbers from 0 to 255, as in 127.0.0.1{port}",
    )


def to_ascii(name: str) -> str:
    """The name in A-labels, lower case, without a final dot; "" for the root.

    Raises BadInput with the rule that is broken: an empty label, a label over 63 octets, a name over 253, a
    character that no name may have, a Unicode label that IDNA 2008 does not allow.
    """
    text = name if name.isascii() else re.sub(_OTHER_DOTS, ".", name)
    if text == ".":
        return ""
    bare = text[:-1] if text.endswith(".") else text
    if not bare:
        raise BadInput("the name is empty")
    labels = []
    for number, label in enumerate(bare.split("."), 1):
        if not label:
            raise BadInput(f"{name!r}: label {number} is empty (two dots in a row, or a dot in front)")
        labels.append(_label(label, number, name))
    ascii_name = ".".join(labels)
    if len(ascii_name) > MAX_NAME:
        raise BadInput(f"{_short(name)}: the name is {len(ascii_name)} octets long, the limit is {MAX_NAME}")
    if labels[-1][0] in "0123456789" and re.fullmatch(_NUMBER, labels[-1]):
        refuse_legacy_ipv4(ascii_name)
        raise BadInput(f"{name!r}: the last label of a name is never a number (RFC 3696 section 2)")
    return ascii_name


def _label(label: str, number: int, name: str) -> str:
    if label.isascii():
        bad = next((char for char in label if char <= " " or char == "\x7f" or char in "/\\:@[]?#\"'<>"), None)
        if bad is not None:
            raise BadInput(f"{_short(name)}: {bad!r} is not allowed in a name")
        if len(label) > MAX_LABEL:
            raise BadInput(f"{_short(name)}: label {number} is {len(label)} octets long, the limit is {MAX_LABEL}")
        return label.lower()
    import idna  # 8 ms of CPU, only names that are not ASCII pay it

    try:
        encoded = idna.encode(label, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError as exc:
        reason = str(exc)
        if "too long" in reason.lower():
            reason = f"its A-label is over {MAX_LABEL} octets"
        raise BadInput(f"{_short(name)}: label {number} is not an IDNA 2008 label: {reason}") from exc
    return encoded


def to_unicode(name: str) -> str:
    """The name for people: each valid A-label as Unicode, anything else as it stands. Never raises."""
    if "xn--" not in name.lower():
        return name
    import idna

    labels = []
    for label in name.split("."):
        try:
            labels.append(idna.decode(label) if label.lower().startswith("xn--") else label)
        except (idna.IDNAError, UnicodeError):
            labels.append(label)
    return ".".join(labels)


def _short(text: str, limit: int = 60) -> str:
    """The text quoted for a message, cut when it is long."""
    return repr(text if len(text) <= limit else text[:limit] + "…")
