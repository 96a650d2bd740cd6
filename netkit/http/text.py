"""Reads a body as text: which charset it is in, who says so, and what to make of bytes that are not in it.

The order is that of browsers (WHATWG Encoding, HTML 13.2.3): a byte order mark, the charset of Content-Type, what the
first 1024 bytes of HTML or XML declare, else UTF-8. What is not in the charset it claims is read as Latin-1, which
takes every byte, and the `note` says so. A body with NUL bytes, or that claims to be no text and is none, is binary.
"""

import codecs
import re
from typing import NamedTuple

from netkit.net.hop import Warn

PRESCAN = 1024  # bytes of HTML or XML that may declare a charset (HTML 4.2.5.4)
NUL_SEEN = 4096  # bytes in which a NUL makes a body binary
NO_CHARSETS = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")  # Python's codecs, slow or odd

_MARKS = (
    (b"\xff\xfe\0\0", "utf-32le"),
    (b"\0\0\xfe\xff", "utf-32be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16le"),
    (b"\xfe\xff", "utf-16be"),
)
_PARAMETER = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta\b[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_DECLARATION = re.compile(rb"\s{0,20}<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})")


class Text(NamedTuple):
    """text: with its byte order mark, if there is one. charset: the label it was read by."""

    text: str
    charset: str
    note: Warn | None = None

    @property
    def readable(self) -> str:
        return self.text.removeprefix("\ufeff")


def read(data: bytes, content_type: str, *, cut: bool = False) -> Text | None:
    """The text of a body, None when it is binary. cut: the end is missing, so the last character may be."""
    media = content_type.partition(";")[0].strip().lower()
    label, note = _label(data, content_type, media)
    if label is None:
        label = "utf-8"
    if b"\0" in data[:NUL_SEEN] and not label.startswith(("utf-16", "utf-32")):
        return None
    try:
        return Text(codecs.getincrementaldecoder(label)().decode(data, not cut), label, note)
    except UnicodeError as exc:
        if not media.startswith("text/"):
            return None
        place = f" at byte {exc.start}" if isinstance(exc, UnicodeDecodeError) else ""
        said = Warn("undecodable_text", f"the body is not in {label}{place}: read as Latin-1")
        return Text(data.decode("latin-1"), "iso-8859-1", said)


def exact(found: Text, data: bytes) -> bool:
    """Whether the text in its charset is those very bytes."""
    try:
        return found.text.encode(found.charset) == data
    except UnicodeError:
        return False


def _label(data: bytes, content_type: str, media: str) -> tuple[str | None, Warn | None]:
    found = _PARAMETER.search(content_type)
    declared = found[1].lower() if found else None
    for mark, label in _MARKS:
        if data.startswith(mark):
            if declared and not label.startswith(declared):
                return label, Warn("charset", f"Content-Type says {declared}, the byte order mark {label}")
            return label, None
    if declared:
        if known(declared):
            return declared, None
        return None, Warn("unknown_charset", f"charset {declared!r} is not known: read as UTF-8")
    start = data[:PRESCAN]
    inside = _META.search(start) if "html" in media else _DECLARATION.match(start) if "xml" in media else None
    if inside and known(label := inside[1].decode("ascii").lower()):
        return ("utf-8" if label.startswith(("utf-16", "utf-32")) else label), None  # it was read as ASCII to be found
    return None, None


def known(label: str) -> bool:
    """Whether it is a charset to read a text by; Python has codecs that are none."""
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return False
    return found.name not in NO_CHARSETS and found._is_text_encoding and found.incrementaldecoder is not None
