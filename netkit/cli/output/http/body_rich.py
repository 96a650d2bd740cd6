"""A body for a terminal: JSON laid out token by token, HTML and XML with their tags coloured, text as it is, anything
else as one line about it.

Nothing of it is interpreted and nothing left out, but for what is beyond --max-body; every control character is shown
escaped. What would take Rich too long is shown without colour.
"""

from collections.abc import Iterator

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.http.waterfall import size
from netkit.cli.output.json_text import layout, lines
from netkit.cli.output.markup_text import pieces as markup
from netkit.http.media import kind
from netkit.http.result import Body
from netkit.http.text import read

PRETTY_LIMIT = 1024 * 1024  # characters of JSON laid out; more takes seconds and nobody reads it
COLOURED = 20_000  # pieces in colour; Rich needs 40 microseconds for each
TOKEN_STYLE = {
    "key": "cyan", "string": "green", "number": "yellow", "word": "magenta", "tag": "cyan", "comment": "dim",
}  # fmt: skip
LINES_OF_JSON = ("ndjson", "jsonl", "json-lines", "jsonlines", "json-seq", "stream+json")


def body(kept: Body, content_type: str, *, raw: bool = False) -> Iterator[Text | str]:
    """The kept body, readable; a `str` is harmless already and goes out as it is."""
    data = kept.content or b""
    found = read(data, content_type, cut=kept.truncated)
    if found is None:
        yield Text(binary(data, content_type, kept), "dim italic")
        return
    text = found.readable
    shown = None if raw else _laid_out(text, content_type, cut=kept.truncated)
    yield visible(text.replace("\r\n", "\n").rstrip("\n"), lines=True) if shown is None else shown
    if found.note:
        yield Text(f"({visible(found.note.message)})", "dim italic")
    if kept.truncated:
        yield Text(f"… {size(kept.decoded_bytes)} in all, --max-body shows more", "dim italic")


def _laid_out(text: str, content_type: str, *, cut: bool) -> Text | str | None:
    media = content_type.partition(";")[0].strip().lower()
    if len(text) > PRETTY_LIMIT:
        return None
    if "json" in media or text.lstrip()[:1] in ("{", "["):
        if any(name in media for name in LINES_OF_JSON):
            return coloured(lines(text))
        found = None if cut else layout(text)
        return None if found is None else coloured(found)
    if "html" in media or "xml" in media:
        return coloured(markup(text.replace("\r\n", "\n").rstrip("\n")))
    return None


def coloured(pieces: Iterator[tuple[str, str]]) -> Text | str:
    """Named pieces with the colour of their name; a `str`, harmless as well, where that would take too long."""
    found = list(pieces)
    if len(found) > COLOURED:
        return visible("".join(piece for _, piece in found), lines=True)
    shown = Text()
    for name, piece in found:
        shown.append(visible(piece, lines=True), TOKEN_STYLE.get(name))
    return shown


def binary(data: bytes, content_type: str, kept: Body) -> str:
    """The one line: what it is by its first bytes, else by its name."""
    media = content_type.partition(";")[0].strip().lower()
    found = kind(data)
    what = found or visible(media) or "unknown kind"
    if found and (family := found.partition(",")[0].split()[-1]) in ("image", "audio", "video", "font"):
        what += f", sent as {visible(media)}" if media and not media.startswith(family) else ""
    return f"binary body, {what}, {size(kept.decoded_bytes)}: not shown (-o FILE saves it)"
