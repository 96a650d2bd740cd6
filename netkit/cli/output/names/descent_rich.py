"""`resolve --trace-root` on a terminal: a line a step, indented as it goes down, then what was found at the bottom."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.descent import came, message
from netkit.dns.descent import Descent, Step
from netkit.dns.result import NEGATIVE, Outcome


def render(found: Descent, *, quiet: bool = False) -> RenderableType | None:
    steps = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for column in range(5):
        steps.add_column(overflow="fold", justify="right" if column == 4 else "left")
    for one in found.steps:
        steps.add_row(
            Text("  " * one.depth + visible(one.zone), style="bold"),
            Text(visible(one.server), style="cyan"),
            Text(one.address, style="dim"),
            _came(one),
            Text(f"{one.elapsed_ms:.1f} ms", style="dim"),
        )
    records = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for record in found.records:
        cells = (record.name, str(record.ttl), record.type, record.data)
        records.add_row(*(Text(visible(cell), style=style) for cell, style in zip(cells, _STYLES, strict=True)))
    parts: list[RenderableType] = [] if quiet else [steps]
    if found.records:
        parts.append(records)
    if found.outcome is not Outcome.ANSWER:
        parts.append(Text(visible(message(found)), style="yellow" if found.outcome in NEGATIVE else "red"))
    elif not quiet:
        total = sum(one.elapsed_ms for one in found.steps)
        count = f"{len(found.steps)} {'query' if len(found.steps) == 1 else 'queries'}"
        parts.append(Text(f"{count} from the root down, {total:.1f} ms", style="dim"))
    return Group(*parts)


_STYLES = ("bold", "dim", "green", "")


def _came(one: Step) -> Text:
    if one.referral:
        count = len(one.name_servers)
        servers = f"{count} name server{'' if count == 1 else 's'}"
        return Text("→ ").append(visible(one.referral), style="bold").append(f"  {servers}", style="dim")
    if one.outcome is Outcome.ANSWER:
        return Text("answer", style="green")
    why = "".join(f" {visible(r.reason)}" for r in one.rejected[:1] if r.reason != came(one))
    return Text(f"{came(one)}{why}", style="yellow" if one.outcome in NEGATIVE else "red")
