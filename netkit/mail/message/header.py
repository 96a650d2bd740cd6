"""Header fields to send: folded, and encoded where they are not ASCII (RFC 5322 2.2, RFC 2047, RFC 2231).

Nothing in a value can begin a field of its own: control characters are refused, and what looks like an encoded word
is encoded, so that it arrives as it was written. The standard `email` package let both through (CVE-2024-6923).
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from netkit.errors import BadInput
from netkit.mail.mailbox import Mailbox, refuse_control

WIDTH = 78  # characters of a line without its end, RFC 5322 2.1.1
MAX_WIDTH = 998
MAX_WORD = 75  # characters of an encoded word, RFC 2047 section 2
MAX_VALUE = 64 * 1024  # characters of one field
MAX_NAME = 76  # characters of a field's name
_Q = tuple(
    "_" if byte == 32 else chr(byte) if byte < 128 and chr(byte).isalnum() else f"={byte:02X}" for byte in range(256)
)
_ATOMS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~ -")


def text_field(name: str, value: str, what: str | None = None) -> bytes:
    """`Name: value` with its line end. what: how messages call it. Raises BadInput."""
    check_value(value, what or name)
    words = _words(value)
    bare = value == value.strip(" ")  # whoever reads a field strips it
    longest = max((len(word) for word in words), default=0)
    if not bare or not value.isascii() or "=?" in value or longest > MAX_WIDTH - len(name) - 3:
        words = encoded_words(value, first=MAX_WORD - len(name) - 2)
    return fold(name, words)


def check_value(value: str, what: str) -> None:
    """Raise BadInput for what no field may hold, also where an encoded word hides it."""
    refuse_control(value.replace("\t", " "), what)
    if len(value) > MAX_VALUE:
        raise BadInput(f"{what}: {len(value)} characters are more than {MAX_VALUE}")
    if "=?" in value:
        from netkit.mail.header_text import decode

        hidden = decode(value.encode()).text
        for char in hidden:
            if (char < " " and char != "\t") or char == "\x7f":
                raise BadInput(f"{what}: an encoded word hides a control character (U+{ord(char):04X})")


def check_name(name: str, what: str) -> None:
    if not 0 < len(name) <= MAX_NAME or not all("!" <= char <= "~" and char != ":" for char in name):
        raise BadInput(f"{what}: {name[:60]!r} is no name of a field", hint="letters, digits and -, then a colon")


def address_field(name: str, boxes: Sequence[Mailbox]) -> bytes:
    """`To: Ann <a@b.test>, ...`, folded behind the commas. The domains are in A-labels already."""
    last = len(boxes) - 1
    words: list[str] = []
    for number, box in enumerate(boxes):
        comma = "" if number == last else ","
        address = f"<{box.address}>" if box.name else box.address
        words += [*phrase(box.name), address + comma]
    return fold(name, words)


def phrase(name: str) -> list[str]:
    """A display name as words: as it is, in quotes, or encoded."""
    if not name:
        return []
    if _ATOMS.issuperset(name) and name == " ".join(name.split()):
        words = name.split(" ")
    else:
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        words = [f'"{escaped}"']
    if not name.isascii() or "=?" in name or any(len(word) > MAX_WIDTH - MAX_NAME for word in words):
        return encoded_words(name, first=MAX_WORD - 20)
    return words


def encoded_words(text: str, *, first: int = MAX_WORD) -> list[str]:
    """The text as encoded words of at most 75 characters, none of which cuts a character in two (RFC 2047 5)."""
    out: list[str] = []
    chunk = ""
    for char in text:
        if chunk and len(_word(chunk + char)) > (MAX_WORD if out else max(first, 30)):
            out.append(_word(chunk))
            chunk = ""
        chunk += char
    return [*out, _word(chunk)] if chunk else out


def _word(text: str) -> str:
    raw = text.encode()
    q = "".join(_Q[byte] for byte in raw)
    b = b64encode(raw).decode()
    return f"=?utf-8?q?{q}?=" if len(q) <= len(b) else f"=?utf-8?b?{b}?="


def _words(value: str) -> list[str]:
    """Words with the spaces in front of them, where there are more than one."""
    found: list[str] = []
    spaces = ""
    for word in value.replace("\t", " ").strip(" ").split(" "):
        if word:
            found.append(spaces + word)
            spaces = ""
        else:
            spaces += " "
    return found


def fold(name: str, words: Iterable[str]) -> bytes:
    """The words with a space before each, in lines of 78 characters where that can be."""
    line = f"{name}:"
    lines = []
    for word in words:
        if len(line) + 1 + len(word) > WIDTH and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "".join(f"{one}\r\n" for one in [*lines, line]).encode()


def parameter(name: str, value: str) -> str:
    """`; name="value"`, folded; as RFC 2231 has it where it is not ASCII."""
    if not value.isascii():
        from urllib.parse import quote

        return f";\r\n {name}*=utf-8''{quote(value, safe='')}"
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f';\r\n {name}="{escaped}"'
