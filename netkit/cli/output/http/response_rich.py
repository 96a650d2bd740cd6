"""A fetched URL for a terminal: hops, TLS, headers in wire order, the body made readable, a waterfall of the phases.

Everything a server sent goes through `visible`, so no byte of it can steer the terminal.
"""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.http.body_rich import body
from netkit.cli.output.http.response import View
from netkit.cli.output.http.tls_rich import tls
from netkit.cli.output.http.waterfall import fitted, milliseconds, size, status_style, waterfall, within
from netkit.http.checks import Check
from netkit.http.result import Body
from netkit.net.hop import Head, HopResult

LONGEST = 2000  # characters of a URL in the line of a redirect; a Location may have 64 Ki


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
    quiet = wanted <= {"body"}
    hops = response.hops
    if heading := view.heading:
        yield Text(fitted(visible(heading), LONGEST), "bold")
    for number, hop in enumerate(hops):
        last = number + 1 == len(hops)
        if not last and not quiet:
            yield from hop_line(hop, hops[number + 1].hop.url, width)
        if last or "hops" in wanted:
            yield from exchange(view, hop, width)
            if not last:
                yield Text()
    if not hops:
        return
    kept = response.body
    if "body" in wanted and kept.content:
        if not quiet:
            yield Text()
        yield from body(kept, (hops[-1].head.get("content-type") if hops[-1].head else None) or "", raw=view.raw)
    if "trailers" in wanted and hops[-1].trailers:
        yield Text("\ntrailers", "dim") if kept.content and not quiet else Text("trailers", "dim")
        yield headers(hops[-1].trailers)
    if kept.saved_to and not quiet:
        yield saved(kept)
    if "timing" in wanted:
        yield Text()
        yield from waterfall(response, width)
    if response.checks and not quiet:
        yield Text()
        yield from map(check, response.checks)


def exchange(view: View, hop: HopResult, width: int) -> Iterator[Text]:
    """One hop in full: what was asked, what came before the response, how it was reached, and the headers."""
    wanted = view.sections
    if "request" in wanted:
        yield request(hop)
    if "informational" in wanted:
        yield from map(informational, hop.informational)
    if wanted & {"tls", "headers"}:
        yield status(hop, failed="timing" not in wanted)
    if "tls" in wanted and hop.tls:
        yield from tls(hop, hop.tls, width, full=view.chosen)
    if "headers" in wanted and hop.head:
        yield headers(hop.head.headers)


def hop_line(hop: HopResult, target: str, width: int) -> Iterator[Text]:
    """A redirect: from where, to where, how long it took; on two lines where one is too short."""
    here, there = fitted(visible(hop.hop.url), LONGEST), fitted(within(target, hop.hop.url), LONGEST)
    line = Text().append(str(hop.head.status) if hop.head else "–", status_style(hop)).append(f" {here}")
    arrow = Text().append("→ ", "dim").append(there).append(f"  {milliseconds(hop.timings.total)}", "dim")
    if line.cell_len + 1 + arrow.cell_len < width:
        yield line.append(" ").append_text(arrow)
    else:
        yield line
        yield Text("    ").append_text(arrow)


def status(hop: HopResult, *, failed: bool) -> Text:
    """failed: with the addresses that did not connect, which are otherwise in the waterfall."""
    line = Text()
    if head := hop.head:
        colour = status_style(hop)
        line.append(f"HTTP/{head.http_version} ", "dim").append(str(head.status), f"bold {colour}")
        if head.reason:
            line.append(f" {visible(head.reason)}", colour)
    else:
        line.append("no response", "bold red")
    if hop.remote:
        line.append(f"   {hop.remote}", "dim")
    if hop.reused:
        line.append("   same connection", "dim")
    for failure in (hop.failed or ()) if failed else ():
        line.append(f"   ✗ {failure.remote} {visible(failure.reason)}", "yellow")
    return line


def informational(info: Head) -> Text:
    """A response before the response (RFC 9110 15.2), its headers further in."""
    line = Text().append(f"{info.status} {visible(info.reason)}".rstrip(), "cyan")
    for name, value in info.headers:
        line.append(f"\n    {visible(name)}", "cyan dim").append(": ", "dim").append(visible(value), "dim")
    return line


def request(hop: HopResult) -> Text:
    text = Text().append(f"{hop.hop.method} {visible(hop.hop.url)}", "bold")
    if hop.shown_request is None:
        return text.append("   not sent\n", "dim")
    return text.append("\n").append(headers(hop.shown_request)).append("\n")


def headers(fields: tuple[tuple[str, str], ...]) -> Text:
    text = Text()
    for number, (name, value) in enumerate(fields):
        text.append("\n" if number else "").append(visible(name), "cyan").append(": ", "dim").append(visible(value))
    return text


def saved(body: Body) -> Text:
    """The file, and what of it was not fetched now."""
    line = Text.assemble(("saved ", "bold"), visible(body.saved_to or ""), f"  {size(body.decoded_bytes)}")
    if body.resumed_from is not None:
        whole = body.resumed_from == body.decoded_bytes
        line.append(", all of it here already" if whole else f", {size(body.resumed_from)} of it here already", "dim")
    if body.checksum:
        line.append(f"   {body.checksum.partition(':')[0]} ok", "green")
    return line


def check(one: Check) -> Text:
    """A check that holds, or does not, or was not come to."""
    mark, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "dim")}[one.ok]
    return Text(f"{mark} {visible(one.message)}", colour)
