"""The requests of `netkit http --count` on a terminal: counts, a sparkline of the totals, percentiles of each phase."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.http.sampling import TITLES, Numbered, counts, rows, said
from netkit.http.sampling import Summary

LEVELS = "▁▂▃▄▅▆▇█"
COLUMNS = 60  # of the sparkline; a column is a request, the last one on the right


def render(result: Numbered | Summary, *, quiet: bool = False) -> RenderableType:
    if isinstance(result, Numbered):
        return Text(visible(said(result)), "red" if result.response.error else "")
    parts: list[RenderableType] = [Text(visible(counts(result)), "bold" if result.ok == result.sent else "bold red")]
    if any(value is not None for value in result.recent):
        parts.append(Text.assemble(("total   ", "dim"), sparkline(result.recent)))
    if result.answered:
        parts.append(table(result))
    return Group(*parts)


def sparkline(totals: tuple[float | None, ...]) -> Text:
    """Each total between the least and the greatest; × has no answer."""
    shown = totals[-COLUMNS:]
    known = [value for value in shown if value is not None]
    low, high = min(known), max(known)
    line = Text()
    for value in shown:
        if value is None:
            line.append("×", "red")
        else:
            line.append(LEVELS[round((value - low) / (high - low) * 7) if high > low else 0], "cyan")
    return line


def table(summary: Summary) -> Table:
    found = Table.grid(padding=(0, 2))
    found.add_column()
    for _ in TITLES:
        found.add_column(justify="right")
    found.add_row(Text("ms", "dim"), *(Text(title, "dim") for title in TITLES))
    for name, figures in rows(summary):
        found.add_row(Text(name, "bold" if name == "total" else ""), *figures)
    return found
