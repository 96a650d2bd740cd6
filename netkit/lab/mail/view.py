"""A kept message as people look at it: text, HTML with its pictures inside, files; each with a limit."""

import re
from base64 import b64encode
from typing import NamedTuple

from netkit.lab.mail.page_text import file_name
from netkit.mail.header_text import decode
from netkit.mail.parts import Part, content, header_fields, parts, text

MAX_TEXT = 512 * 1024  # bytes of a part that are shown
MAX_TEXTS = 10
MAX_INLINE = 8 * 1024 * 1024  # bytes of all pictures that an HTML part shows
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # not SVG: that is a document
_CID = re.compile(r"""cid:([^"'\s<>()]{1,200})""", re.IGNORECASE)
# They could reach out before the page's policy has a say (a connection made ahead), or change what it means.
_NOT_SHOWN = re.compile(r"<(?=/?(?:meta|link|base)\b)", re.IGNORECASE)


class File(NamedTuple):
    """number: of the part, from 1."""

    number: int
    name: str
    kind: str
    size: int


class View(NamedTuple):
    """text, html: None where there is none. cut: there were more parts than are looked at."""

    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    files: tuple[File, ...]
    cut: bool


def view(data: bytes) -> View:
    headers = tuple((name, decode(raw).text) for name, raw in header_fields(data))
    found, cut = parts(data)
    texts = [part for part in found if part.kind == "text/plain" and not part.attached][:MAX_TEXTS]
    pages = [part for part in found if part.kind == "text/html" and not part.attached][:1]
    files = [
        File(number, file_name(part.name, part.kind, number), part.kind, _size(part))
        for number, part in enumerate(found, 1)
        if part not in texts and part not in pages
    ]
    shown = "\n".join(text(data, _short(part)) for part in texts) if texts else None
    return View(headers, shown, _page(data, pages[0], found) if pages else None, tuple(files), cut)


def file(data: bytes, number: int) -> tuple[str, bytes] | None:
    """The name and the content of a part."""
    found = parts(data).parts
    if not 1 <= number <= len(found):
        return None
    part = found[number - 1]
    return file_name(part.name, part.kind, number), content(data, part)


def _page(data: bytes, page: Part, found: tuple[Part, ...]) -> str:
    """The HTML, with pictures of the message itself in place of their `cid:`."""
    named = {part.id: part for part in found if part.id and part.kind in PICTURES}
    left = MAX_INLINE

    def picture(match: re.Match[str]) -> str:
        nonlocal left
        part = named.get(match[1])
        if part is None or (size := part.end - part.start) > left:
            return match[0]
        left -= size
        return f"data:{part.kind};base64,{b64encode(content(data, part)).decode()}"

    return _CID.sub(picture, _NOT_SHOWN.sub("<not-shown-", text(data, _short(page))))


def _short(part: Part) -> Part:
    return part._replace(end=min(part.end, part.start + MAX_TEXT))


def _size(part: Part) -> int:
    """About: what base64 adds is taken off."""
    size = part.end - part.start
    return size * 3 // 4 if part.encoding == "base64" else size
