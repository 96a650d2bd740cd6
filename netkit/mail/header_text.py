"""Header fields as they come in real mail: found in a raw header block, unfolded, encoded words decoded.

RFC 5322 2.2 (fields, folding), RFC 2047 (encoded words), RFC 2231 5 (their language), RFC 6532 (raw UTF-8). Nothing
here fails: what is broken gives the best text there is and the name of the defect. Every function takes linear time,
whatever the bytes are. Control characters stay in the text as they came; who shows it on a terminal escapes them.

The standard `email` package is not used: its import costs 10 to 20 ms, one subject takes 78 to 450 us (here: 5), it
keeps the line breaks of folds, and raises on base64 and charsets that mail does contain.

Defects, each at most once in the order in which they appear:

    8bit               raw bytes that are not UTF-8, read as Latin-1
    base64             an encoded word whose base64 lacks padding, has other characters or ends in the middle
    charset            an encoded word in a charset that is not known; what is not ASCII is U+FFFD
    folding            a line break that no white space follows
    quoted-printable   an encoded word with "=" before something else than two hex digits, raw spaces or raw bytes
    undecodable        an encoded word whose bytes are not of its charset; they are U+FFFD
"""

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from netkit.mail.charset import codec, read


class Text(NamedTuple):
    """A decoded value; `charset` is that of its first encoded word, in lower case."""

    text: str
    charset: str | None
    defects: tuple[str, ...]


def decode(raw: bytes) -> Text:
    """An unstructured value, such as a subject: everything behind the colon, folded or not."""
    if raw.isascii() and b"=?" not in raw and b"\n" not in raw and b"\r" not in raw:
        return Text(raw.strip(b" \t").decode("ascii"), None, ())
    # plain, charset, encoding, encoded text, plain, charset, ..., plain
    parts = _word().split(unfold(raw).strip(b" \t\r\n"))
    defects: dict[str, None] = {}  # an ordered set
    out = [_plain(parts[0], defects)] if parts[0] else []
    run: list[bytes] = []  # of words in one charset: a character may begin in one and end in the next
    for place in range(1, len(parts), 4):
        name = _charset(parts[place])
        run.append(_encoded(parts[place + 1], parts[place + 2], defects))
        behind = parts[place + 3]
        between = place + 4 < len(parts) and not behind.strip(b" \t")  # two words: it is dropped
        if between and _same(name, _charset(parts[place + 4])):
            continue
        out.append(_in_charset(b"".join(run), name, defects))
        run.clear()
        if not between:
            out.append(_plain(behind, defects))
    charset = _charset(parts[1]).lower() if len(parts) > 1 else None
    return Text("".join(out), charset, tuple(defects))


def unfold(raw: bytes) -> bytes:
    """Without the line breaks of folding; the white space behind them stays (RFC 5322 2.2.3)."""
    return _fold().sub(b"", raw) if b"\n" in raw else raw


def subject(header: bytes) -> bytes | None:
    """The raw value of the first Subject field; None when there is none."""
    return field(header, b"subject")


def field(header: bytes, name: bytes) -> bytes | None:
    """The raw value of the first field of that name."""
    return fields(header, (name,)).get(name)


def fields(header: bytes, names: Collection[bytes]) -> dict[bytes, bytes]:
    """The raw value of the first field of each name that is there: everything behind the colon, line breaks of folds
    included. The header ends at the first empty line; lines end in CRLF or LF; an mbox "From " line is passed over.
    """
    wanted = {name.lower(): name for name in names}
    found: dict[bytes, bytes] = {}
    here, size = 0, len(header)
    if header.startswith(b"From "):
        here = _line_end(header, 0)
    while here < size and wanted and not header.startswith((b"\n", b"\r\n"), here):
        end = _line_end(header, here)
        colon = header.find(b":", here, end)
        name = wanted.pop(header[here:colon].rstrip(b" \t").lower(), None) if colon > 0 else None
        if name is not None:
            while header.startswith((b" ", b"\t"), end):
                end = _line_end(header, end)
            found[name] = header[colon + 1 : end].removesuffix(b"\n").removesuffix(b"\r")
        here = end
    return found


def _line_end(header: bytes, start: int) -> int:
    return header.find(b"\n", start) + 1 or len(header)


def _charset(raw: bytes) -> str:
    """Without the language, `utf-8*de`."""
    return raw.partition(b"*")[0].decode("ascii", "replace")


def _same(name: str, other: str) -> bool:
    return name == other or codec(name) == codec(other) is not None


def _encoded(encoding: bytes, text: bytes, defects: dict[str, None]) -> bytes:
    """The bytes of an encoded word."""
    if encoding in b"qQ":
        if not _not_quoted_printable().search(text):
            return a2b_qp(text, header=True)
        defects["quoted-printable"] = None
        return _hex().sub(lambda found: bytes.fromhex(found[1].decode()), text.replace(b"_", b" "))
    try:
        return a2b_base64(text, strict_mode=True)
    except Error:
        defects["base64"] = None
    # Padding in the middle: pieces that were encoded apart. A single character is 6 bits, no byte.
    pieces = _not_base64().sub(b"", text).split(b"=")
    whole = (piece[:-1] if len(piece) % 4 == 1 else piece for piece in pieces)
    return b"".join(a2b_base64(piece + b"=" * (-len(piece) % 4)) for piece in whole if piece)


def _in_charset(data: bytes, name: str, defects: dict[str, None]) -> str:
    known = codec(name)
    if known is None:
        defects["charset"] = None
        return data.decode("ascii", "replace")
    text, whole = read(data, known)
    if not whole:
        defects["undecodable"] = None
    return text


def _plain(raw: bytes, defects: dict[str, None]) -> str:
    if b"\n" in raw or b"\r" in raw:
        defects["folding"] = None
    text, whole = raw_text(raw)
    if not whole:
        defects["8bit"] = None
    return text


def raw_text(raw: bytes) -> tuple[str, bool]:
    """Raw bytes as UTF-8 (RFC 6532), and whether they are; else as Latin-1, in which every byte is a character."""
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        return raw.decode("latin-1"), False


# Compiled when first used: a program that reads no header does not pay for them.


@cache
def _word() -> re.Pattern[bytes]:
    """An encoded word, anywhere, of any length, also with spaces or "?" in it. The text ends where another word begins
    (`?Q?`), so no byte is looked at from more than one beginning."""
    return re.compile(rb"=\?([^?\s]{0,75})\?([bBqQ])\?((?:[^?]++|\?(?!=|[bBqQ]\?))*+)\?=")


@cache
def _fold() -> re.Pattern[bytes]:
    return re.compile(rb"\r?\n(?=[ \t])")


@cache
def _not_quoted_printable() -> re.Pattern[bytes]:
    return re.compile(rb"=(?![0-9A-Fa-f]{2})|[^!-~]")


@cache
def _hex() -> re.Pattern[bytes]:
    return re.compile(rb"=([0-9A-Fa-f]{2})")


@cache
def _not_base64() -> re.Pattern[bytes]:
    return re.compile(rb"[^A-Za-z0-9+/=]+")
