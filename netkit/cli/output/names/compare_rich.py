"""`resolve --compare` on a terminal: the sources below each other, what differs in colour and with a mark."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.compare import verdict
from netkit.dns.compare import Comparison
from netkit.dns.result import MEANING, Outcome

MARK = "≠ "


def render(found: Comparison, *, quiet: bool = False) -> RenderableType | None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    for number, view in enumerate(found.views):
        one = view.resolution
        data = Text()
        for datum in one.data:
            data.append("\n" if data else "")
            differs = datum in view.differing
            data.append((MARK if differs else "  ") + visible(datum), style="bold yellow" if differs else "green")
        if one.outcome is not Outcome.ANSWER:
            style = "bold yellow" if view.answered and found.agree is False else "dim" if view.answered else "red"
            data.append(f"  {one.outcome.value}: {MEANING[one.outcome]}", style=style)
        table.add_row(
            Text(f"{visible(found.name)} {found.type}" if not number else "", style="bold"),
            Text(view.source, style="cyan"),
            data,
            Text(f"{one.elapsed_ms:.1f} ms", style="dim"),
        )
    if quiet:
        return table
    style = {True: "green", False: "yellow", None: "red"}[found.agree]
    return Group(table, Text(visible(verdict(found)), style=style))
