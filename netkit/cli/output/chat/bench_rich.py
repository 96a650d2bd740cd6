"""`chat bench` on a terminal: where it is, then the counts, percentiles and a histogram of the deliveries."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from netkit.chat.bench.result import Progress, Report
from netkit.cli.output.bars import bars
from netkit.cli.output.chat.bench import BUSY, STAGES, costs, counts, figures, load
from netkit.cli.output.escape import visible


def progress(now: Progress) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    unit = "" if now.stage in ("connecting", "joining") else " s"
    shown = f"{min(now.done, now.total):.0f} of {now.total:g}{unit}"
    lines = f"{now.lines:,} lines, {now.deliveries:,} deliveries" if now.lines else ""
    bar = ProgressBar(total=now.total, completed=min(now.done, now.total), width=32)
    table.add_row(Text(now.stage), bar, Text(shown), Text(lines, "dim"))
    return table


def render(report: Report, *, quiet: bool = False) -> RenderableType | None:
    parts: list[RenderableType] = [
        Text(visible(load(report)), "dim"),
        Text(counts(report), "bold red" if report.faults else "bold green"),
    ]
    if report.every.samples:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim")
        for _ in figures(report.every):
            table.add_column(justify="right")
        table.add_row("ms", *(Text(name, "dim") for name, _ in figures(report.every)))
        for name, words in STAGES.items():
            times = getattr(report, name)
            if times.samples:
                table.add_row(words, *(value for _, value in figures(times)))
        parts += [Text(""), table, Text(""), Text("deliveries, ms", "dim"), bars(report.histogram)]
    parts.append(Text(""))
    for line in costs(report):
        mine = line.startswith("this")
        parts.append(Text(line, "yellow" if mine and report.busy >= BUSY else "dim" if mine else ""))
    return Group(*parts)
