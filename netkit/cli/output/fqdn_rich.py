"""`fqdn` on a terminal: the name, and below it where it came from."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.dns.full_name import Fqdn


def render(found: Fqdn, *, quiet: bool = False) -> RenderableType | None:
    parts: list[RenderableType] = []
    if found.name:
        line = Text(visible(found.name), style="bold")
        if found.confirmed is not None and not quiet:
            line.append(
                "  forward-confirmed" if found.confirmed else "  not confirmed", "green" if found.confirmed else "red"
            )
        parts.append(line)
    if len(found.sources) > 1 and not quiet:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for one in found.sources:
            said = Text(visible(one.name)) if one.name else Text(visible(one.detail or ""), style="bright_black")
            table.add_row(Text(one.source, style="cyan"), said, Text(f"{one.elapsed_ms:.1f} ms", style="bright_black"))
        parts.append(table)
        if found.agree is not None:
            verdict = "the sources agree" if found.agree else "the sources do not agree"
            parts.append(Text(verdict, style="green" if found.agree else "yellow"))
    return Group(*parts) if parts else None
