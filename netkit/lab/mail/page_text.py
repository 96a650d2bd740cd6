"""What stands on the lab's mail pages, made harmless: text for HTML, file names for whoever saves an attachment."""

import html
import re
from urllib.parse import quote

MAX_NAME = 100  # characters of a file's name
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NAME = re.compile(r"[^\w.,;()\[\]{}@&=+!~$^ -]", re.ASCII)
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # not files on Windows
_ENDINGS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "message/rfc822": ".eml",
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
}


def escaped(text: str) -> str:
    """For HTML, in text and in quoted attributes; control characters, also those of direction, are shown."""
    return html.escape(_HARMFUL.sub(_show, text), quote=True)


def _show(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def file_name(name: str, kind: str, number: int) -> str:
    """A name that is one in every system's folder, and hides nothing: of what was sent, the last part of the path."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(char if char.isprintable() else "" for char in last).strip(" .")
    shown = re.sub(r'[<>:"|?*]', "_", shown)
    if len(shown) > MAX_NAME:
        stem, dot, ending = shown.rpartition(".")
        keep = f".{ending}" if dot and len(ending) <= 10 else ""
        shown = (stem if keep else shown)[: MAX_NAME - len(keep)] + keep
    if not shown:
        return f"part-{number}{_ENDINGS.get(kind, '.bin')}"
    return f"_{shown}" if _DEVICE.match(shown) else shown


def disposition(name: str) -> str:
    """The value of Content-Disposition: an ASCII name for old readers, the whole one for all others (RFC 6266)."""
    return f"attachment; filename=\"{_NAME.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def size_text(size: int) -> str:
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} kB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"
