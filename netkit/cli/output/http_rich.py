"""A fetched URL for a terminal: hops, TLS, headers in wire order, the body made readable, a waterfall of the phases.

Everything a server sent goes through `visible`, so no byte of it can steer the terminal.
"""

import re
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.http import View
from netkit.cli.output.json_text import layout
from netkit.http.result import Body, Response
from netkit.net.hop import PHASES, HopResult, Tls, masked
from netkit.net.tls import Certificate, common_name, days_left, problems

PRETTY_LIMIT = 1024 * 1024  # bytes of JSON laid out; more takes seconds and nobody reads it
COLOURED = 20_000  # pieces of JSON in colour; Rich needs 40 microseconds for each
NO_CHARSETS = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")  # Python's codecs, slow or odd
BAR_LIMIT = 60  # columns of the waterfall's bars
EXPIRES_SOON = 21  # days; Let's Encrypt renews at 30

PHASE_STYLE = {
    "dns": "cyan",
    "connect": "blue",
    "tls": "magenta",
    "send": "yellow",
    "wait": "green",
    "body": "bright_cyan",
}
TOKEN_STYLE = {"key": "cyan", "string": "green", "number": "yellow", "word": "magenta"}
EIGHTHS = " ▏▎▍▌▋▊▉█"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"%PDF-", "PDF document"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "ELF program"),
)


def print_view(console: Console, view: View) -> None:
    """Print the sections; lines are not wrapped, the terminal does that without cutting anything."""
    for text in sections(view, console.width):
        if isinstance(text, str):  # past Rich, which would need a minute for ten megabytes of short lines
            console.file.write(f"{text}\n")
        else:
            console.print(text, soft_wrap=True)


def sections(view: View, width: int) -> Iterator[Text | str]:
    """Lines for the console; a `str` is harmless already and goes out as it is."""
    response, wanted = view.response, view.sections
    if not response.hops:
        return
    last = response.hops[-1]
    quiet = wanted <= {"body"}
    for before, following in zip([] if quiet else response.hops, response.hops[1:], strict=False):
        yield hop_line(before, following.hop.url)
    if "request" in wanted:
        yield request(last)
    if "tls" in wanted or "headers" in wanted:
        yield status(last)
        if "tls" in wanted and last.tls:
            yield from tls(last.tls, last.hop.host)
        for info in last.informational:
            count = len(info.headers)
            yield Text(f"{info.status} {visible(info.reason)}, {count} header{'s' * (count != 1)}", "dim")
    if "headers" in wanted and last.head:
        yield headers(last.head.headers)
        if last.trailers:
            yield Text("trailers", "dim")
            yield headers(last.trailers)
    if "body" in wanted and response.body.content:
        if not quiet:
            yield Text()
        yield from body(response.body, (last.head.get("content-type") if last.head else None) or "")
    if response.body.saved_to and not quiet:
        yield Text.assemble(
            ("saved ", "bold"), visible(response.body.saved_to), f"  {size(response.body.decoded_bytes)}"
        )
    if "timing" in wanted:
        yield Text()
        yield from waterfall(response, width)


def hop_line(hop: HopResult, target: str) -> Text:
    status = str(hop.head.status) if hop.head else "-"
    line = Text.assemble((status, "yellow"), " ", visible(hop.hop.url), (" → ", "dim"), visible(target))
    return line.append(f"  {milliseconds(hop.timings.total)}", "dim")


def status(hop: HopResult) -> Text:
    line = Text()
    if head := hop.head:
        colour = {1: "cyan", 2: "green", 3: "yellow"}.get(head.status // 100, "red")
        line.append(f"HTTP/{head.http_version} ", "dim").append(str(head.status), f"bold {colour}")
        if head.reason:
            line.append(f" {visible(head.reason)}", colour)
    else:
        line.append("no response", "bold red")
    if hop.remote:
        line.append(f"   {hop.remote}", "dim")
    if hop.reused:
        line.append("   same connection", "dim")
    for failure in hop.failed or ():
        line.append(f"   {failure.remote} {visible(failure.reason)}", "yellow")
    return line


def tls(facts: Tls, host: str) -> Iterator[Text]:
    if facts.version:
        words = (facts.version, facts.cipher, facts.group, f"ALPN {facts.alpn}" if facts.alpn else None)
        yield Text("   ".join(visible(word) for word in words if word), "dim")
    chain = facts.chain
    if not chain:
        return
    line = Text()
    if facts.verified:
        line.append("certificate ok", "green")
    elif facts.verified is None:
        line.append("certificate", "dim")
    else:
        line.append("certificate not verified", "bold red")
        if wrong := problems(chain, host):
            line.append(f": {', '.join(visible(one) for one in wrong)}", "red")
    line.append(validity(chain[0]), _urgency(chain[0]))
    names = ", ".join(chain[0].names[:3]) or common_name(chain[0].subject)
    more = f" +{len(chain[0].names) - 3}" if len(chain[0].names) > 3 else ""
    line.append(f"   {visible(names)}{more}, by {visible(common_name(chain[0].issuer))}", "dim")
    yield line


def validity(certificate: Certificate) -> str:
    left = days_left(certificate)
    if left is None or left < 0:
        return ""
    return f", {left} day{'' if left == 1 else 's'} left"


def _urgency(certificate: Certificate) -> str:
    left = days_left(certificate)
    return "yellow" if left is not None and left < EXPIRES_SOON else "green"


def request(hop: HopResult) -> Text:
    text = Text(f"{hop.hop.method} {visible(hop.hop.url)}\n", "bold")
    text.append(headers(masked(hop.request or ())))
    return text.append("\n")


def headers(fields: tuple[tuple[str, str], ...]) -> Text:
    text = Text()
    for number, (name, value) in enumerate(fields):
        text.append("\n" if number else "").append(visible(name), "cyan").append(": ", "dim").append(visible(value))
    return text


def body(kept: Body, content_type: str) -> Iterator[Text | str]:
    """The kept body, readable."""
    data = kept.content or b""
    text = as_text(data, content_type, kept.truncated)
    if text is None:
        yield Text(binary(data, content_type, kept), "dim italic")
        return
    pretty = len(data) <= PRETTY_LIMIT and not kept.truncated and _may_be_json(text, content_type)
    yield (_json(text) if pretty else None) or visible(text.replace("\r\n", "\n").rstrip("\n"), lines=True)
    if kept.truncated:
        yield Text(f"… {size(kept.decoded_bytes)} in all, --max-body shows more", "dim italic")


def as_text(data: bytes, content_type: str, cut: bool) -> str | None:
    """The text without a byte order mark, None for what is binary."""
    found = re.search(r"charset=\"?([\w.:-]+)", content_type, re.IGNORECASE)
    charset = _charset(found[1]) if found else "utf-8"
    if b"\0" in data[:4096] and not charset.startswith(("utf-16", "utf-32")):
        return None
    try:
        return data.decode(charset, "ignore" if cut else "strict").removeprefix("\ufeff")
    except UnicodeError:
        return data.decode("latin-1") if content_type.startswith("text/") else None


def _charset(name: str) -> str:
    """Python's name of the charset; UTF-8 where it is none that we take."""
    import codecs

    try:
        found = codecs.lookup(name)
    except LookupError:
        return "utf-8"
    return "utf-8" if found.name in NO_CHARSETS or not found._is_text_encoding else found.name


def _may_be_json(text: str, content_type: str) -> bool:
    return "json" in content_type.lower() or text.lstrip()[:1] in ("{", "[")


def _json(text: str) -> Text | str | None:
    if (laid_out := layout(text)) is None:
        return None
    pieces = list(laid_out)
    if len(pieces) > COLOURED:
        return visible("".join(piece for _, piece in pieces), lines=True)
    shown = Text()
    for kind, piece in pieces:
        shown.append(piece if kind == "space" else visible(piece), TOKEN_STYLE.get(kind))
    return shown


def binary(data: bytes, content_type: str, kept: Body) -> str:
    what = next((name for magic, name in _MAGIC if data.startswith(magic)), None)
    what = what or visible(content_type.partition(";")[0]) or "unknown kind"
    return f"binary body, {what}, {size(kept.decoded_bytes)}: not shown (-o FILE saves it)"


def waterfall(response: Response, width: int) -> Iterator[Text]:
    """A bar for each phase on one time axis, hop under hop; phases too short to be seen are left out."""
    total = response.total_ms or 1.0
    bar = max(10, min(BAR_LIMIT, width - 22))
    start = 0.0
    for number, hop in enumerate(response.hops):
        if len(response.hops) > 1:
            status = hop.head.status if hop.head else "-"
            yield Text(f"{number + 1}. {status} {visible(hop.hop.url)}"[: width - 1], "dim")
        offset = start
        for phase in PHASES:
            span = getattr(hop.timings, phase)
            if span is None:
                continue
            if span >= 0.05 or span >= total / 20:
                line = Text(f"{phase:<8}", "dim").append(_bar(offset, span, total, bar), PHASE_STYLE[phase])
                yield line.append(f" {milliseconds(span):>10}")
            offset += span
        start += hop.timings.total
    yield summary(response, bar)


def summary(response: Response, bar: int) -> Text:
    body = response.body
    line = Text("total   ", "bold")
    received = size(body.decoded_bytes)
    if body.wire_bytes != body.decoded_bytes and body.decoded_bytes:
        received += f" from {size(body.wire_bytes)}"
    line.append(f"{received:<{bar}}", "dim")
    return line.append(f" {milliseconds(response.total_ms):>10}", "bold")


def _bar(offset: float, span: float, total: float, width: int) -> str:
    """The bar in eighths of a column, at least one of them, padded to the width."""
    begin = min(width - 1, int(offset / total * width))
    eighths = max(1, min((width - begin) * 8, round(span / total * width * 8)))
    filled = "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
    return (" " * begin + filled).ljust(width)


def milliseconds(span: float) -> str:
    if span >= 10_000:
        return f"{span / 1000:.1f} s"
    return f"{span:.0f} ms" if span >= 1000 else f"{span:.1f} ms"


def size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    number = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        number /= 1000
        if number < 999.5 or unit == "TB":
            return f"{number:.1f} {unit}"
    raise AssertionError
