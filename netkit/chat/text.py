"""What people type, made safe to show to others: valid UTF-8 without control characters, written out instead.

A terminal acts on what it is sent: ESC sequences set titles, fill the clipboard and type answers; bidi controls
turn text round (CVE-2021-42574). So C0 but TAB, DEL, C1 and bidi controls become `\\x1b` and `\\u202e`, and bytes that
are no UTF-8 `\\xe9`. Joiners stay (emoji and Persian need them), and so do eight combining marks in a row, no more.
"""

import re
import unicodedata
from functools import cache

MAX_MARKS = 8  # combining marks and joiners on one character; hundreds cover the lines above
_PLAIN = bytes([9, *range(32, 127)])


def safe(line: bytes) -> bytes:
    """A line without its end, as others may see it: valid UTF-8, nothing that a terminal acts on."""
    if not line.translate(None, _PLAIN):  # what most lines are: 0.2 us
        return line
    text = _unsafe().sub(_written_out, line.decode("utf-8", "backslashreplace"))
    return _marks().sub(_fewer, text).encode() if not text.isascii() else text.encode()


@cache
def _unsafe() -> re.Pattern[str]:
    bidi = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    return re.compile(f"[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff{bidi}]")


def _written_out(found: "re.Match[str]") -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


@cache
def _marks() -> re.Pattern[str]:
    """Long runs of what may be marks: whatever is beyond ASCII and Latin-1 letters; `_fewer` looks closer."""
    return re.compile(f"[^\0-\u02ff]{{{MAX_MARKS + 1},}}")


def _fewer(found: "re.Match[str]") -> str:
    out, run = [], 0
    for char in found[0]:
        run = run + 1 if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf") else 0
        if run <= MAX_MARKS:
            out.append(char)
    return "".join(out)
