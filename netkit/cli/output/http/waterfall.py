"""A waterfall for a terminal: a bar for each phase of each hop, all on one time axis, with the addresses that failed.

Every line fits the width: a URL is cut in its middle, the bars take what is left. Phases too short to be seen are left
out, but never the one that a hop ended in.
"""

from collections.abc import Iterator

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.http.result import Response
from netkit.net.hop import PHASES, HopResult

BAR_LIMIT = 60  # columns of the bars
LABEL, NUMBERS = 9, 11  # columns in front of the bars and behind them
EIGHTHS = " ▏▎▍▌▋▊▉█"
PHASE_STYLE = {
    "dns": "cyan",
    "connect": "blue",
    "tls": "magenta",
    "send": "yellow",
    "wait": "green",
    "body": "bright_cyan",
}


def waterfall(response: Response, width: int) -> Iterator[Text]:
    total = response.total_ms or 1.0
    bar = max(8, min(BAR_LIMIT, width - LABEL - NUMBERS - 1))
    start = 0.0
    before = ""
    for number, hop in enumerate(response.hops, 1):
        if len(response.hops) > 1:
            yield _hop(number, hop, before, LABEL + bar + NUMBERS)
        yield from _phases(hop, start, total, bar)
        start += hop.timings.total
        before = hop.hop.url
    yield summary(response, bar)


def _hop(number: int, hop: HopResult, before: str, width: int) -> Text:
    """Its number, status, URL, and time of its own."""
    status = str(hop.head.status) if hop.head else "–"
    line = Text().append(f"{number}. ", "dim").append(status, status_style(hop)).append(" ")
    spent = milliseconds(hop.timings.total)
    room = width - line.cell_len - len(spent) - 2
    line.append(f"{fitted(within(hop.hop.url, before), room):<{room}}", "dim")
    return line.append(f"  {spent}", "dim")


def _phases(hop: HopResult, start: float, total: float, bar: int) -> Iterator[Text]:
    last = next((phase for phase in reversed(PHASES) if getattr(hop.timings, phase) is not None), None)
    offset = start
    for phase in PHASES:
        span = getattr(hop.timings, phase)
        ended_here = hop.error is not None and phase == last
        if span is not None and (span >= 0.05 or span >= total / 20 or ended_here):
            line = Text().append(f"{phase:<{LABEL}}", "dim")
            line.append(_bar(offset, span, total, bar), "red" if ended_here else PHASE_STYLE[phase])
            yield line.append(f" {milliseconds(span):>{NUMBERS - 1}}")
        if phase == "connect":
            for failure in hop.failed or ():
                reason = visible(failure.reason)
                yield Text(" " * LABEL).append(f"✗ {failure.remote} {reason}", "yellow")
        offset += span or 0.0


def summary(response: Response, bar: int) -> Text:
    body = response.body
    answered = response.head is not None and response.method != "HEAD"
    received = size(body.decoded_bytes) if answered else ""
    if body.wire_bytes != body.decoded_bytes and body.decoded_bytes and body.resumed_from is None:
        received += f" from {size(body.wire_bytes)}"
    line = Text().append(f"{'total':<{LABEL}}", "bold").append(f"{received:<{bar}}", "dim")
    return line.append(f" {milliseconds(response.total_ms):>{NUMBERS - 1}}", "bold")


def _bar(offset: float, span: float, total: float, width: int) -> str:
    """The bar in eighths of a column, at least one of them, padded to the width."""
    begin = min(width - 1, int(offset / total * width))
    eighths = max(1, min((width - begin) * 8, round(span / total * width * 8)))
    filled = "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
    return (" " * begin + filled).ljust(width)


def status_style(hop: HopResult) -> str:
    if hop.head is None:
        return "red"
    return {1: "cyan", 2: "green", 3: "yellow"}.get(hop.head.status // 100, "red")


def within(url: str, before: str) -> str:
    """A URL as it is told behind another: the path alone where the origin is the same."""
    here, there = url.split("/", 3), before.split("/", 3)
    return visible("/" + here[3] if here[:3] == there[:3] and len(here) > 3 else url)


def fitted(text: str, width: int) -> str:
    """Cut in the middle, where a URL tells least."""
    if len(text) <= width:
        return text
    left = max(1, (width - 1) // 2)
    return f"{text[:left]}…{text[len(text) - max(1, width - 1 - left) :]}"


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
