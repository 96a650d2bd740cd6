"""`fqdn` on a terminal: the name, and below it where it came from."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.dns.naming import Fqdn


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
            said = Text(visible(one.name or ""))
            if one.confirmed is not None:
                said.append("  confirmed" if one.confirmed else "  not confirmed", "green" if one.confirmed else "red")
            elif one.detail:
                said.append(f"  {visible(one.detail)}" if one.name else visible(one.detail), "bright_black")
            asked = "" if one.asked in (found.input, one.name) else visible(one.asked or "")
            took = Text(f"{one.elapsed_ms:.1f} ms", style="bright_black")
            table.add_row(Text(one.source, style="cyan"), Text(asked, style="bright_black"), said, took)
        parts.append(table)
        if found.agree is not None:
            verdict = "the sources agree" if found.agree else "the sources do not agree"
            parts.append(Text(verdict, style="green" if found.agree else "yellow"))
    return Group(*parts) if parts else None
