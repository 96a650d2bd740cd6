"""The echo client on a terminal: a line a probe, then the counts, the percentiles and a histogram."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.bars import BARS, bars
from netkit.cli.output.escape import visible
from netkit.cli.output.sockets.echo_client import counts, kernel_line, said, spread
from netkit.echo.client.result import Probe, Stream, Summary

OUTCOMES = {"ok": "", "corrupt": "bold red", "lost": "red", "duplicate": "yellow", "late": "yellow"}


def render(result: Probe | Summary | Stream, *, quiet: bool = False) -> RenderableType | None:
    if isinstance(result, Probe):
        return Text(said(result), "yellow" if result.reordered else OUTCOMES[result.outcome])
    if isinstance(result, Stream):
        speed = result.received / max(result.seconds, 1e-9) / 1e6
        good = result.failure is None
        line = Text("all came back" if good else "not all came back", "bold green" if good else "bold red")
        line.append(f"  {visible(result.transport)} {visible(result.target)}", "dim")
        facts = Text(f"{result.sent} bytes sent, {result.received} equal, {speed:.1f} MB/s in {result.seconds:.3f} s")
        return Group(line, facts, Text(f"sha256 {result.sha256}", "dim", overflow="fold"))
    parts: list[RenderableType] = [Text(""), Text(visible(counts(result)), "bold" if not result.limits else "bold red")]
    if result.times.samples:
        table = Table.grid(padding=(0, 2))
        for _ in spread(result):
            table.add_column(justify="right")
        table.add_row(*(Text(name, "dim") for name, _ in spread(result)))
        table.add_row(*(value for _, value in spread(result)))
        parts += [Text(""), Text("round trip, ms" + (" (from when due)" if result.open_loop else ""), "dim"), table]
    if known := kernel_line(result):
        parts.append(Text(known, "dim"))
    if result.times.samples >= BARS:
        parts += [Text(""), bars(result.histogram)]
    return Group(*parts)
