"""The one place where text is made harmless before a terminal sees it.

C0 controls, DEL, C1 and bidi controls could move the cursor, set the title, write the clipboard or reorder what is
read; they are shown as `\\x1b` or `\\u202e`. So are line separators and lone surrogates (bytes that were no UTF-8).
TAB and LF stay where lines are shown. A backslash stays one backslash: this is for reading, not for parsing back;
pipes get the exact content instead. JSON gets it in JSON's own escapes, which are exact and harmless at once.
"""

import re
from functools import cache

_ALWAYS = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_CONTROLS = "\x00-\x1f"
_JSON = ""  # C0 controls are escaped in every JSON text (RFC 8259, 7)
_CONTROLS_BUT_LINES = "\x00-\x08\x0b-\x1f"
_SPACES = dict.fromkeys(map(ord, "\t\r\n\v\f\x85\u2028\u2029"), " ")


@cache  # a millisecond each to compile, so not before it is needed
def _harmful(besides: str) -> re.Pattern[str]:
    return re.compile(f"[{besides}{_ALWAYS}]")


def one_line(text: str) -> str:
    """The text as a field of a line in a pipe: each tab and line end in it is a space."""
    return text.translate(_SPACES)


def visible(text: str, *, lines: bool = False) -> str:
    """The text with every control character shown; with `lines`, TAB and LF are kept."""
    return _harmful(_CONTROLS_BUT_LINES if lines else _CONTROLS).sub(_show, text)


def visible_json(text: str) -> str:
    """JSON text whose strings hold no raw control character; it means the same and is valid UTF-8."""
    return _harmful(_JSON).sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _show(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: the byte that could not be decoded
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
