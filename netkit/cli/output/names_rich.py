"""`resolve` on a terminal: the records aligned, and one grey line on who answered, how and how fast."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names import complaints
from netkit.dns.lookup import Lookup
from netkit.dns.result import NEGATIVE, Outcome, Resolution
from netkit.net.hostname import to_unicode

TYPE_STYLES = {"A": "green", "AAAA": "cyan", "CNAME": "yellow", "PTR": "blue"}


def render(found: Lookup, *, quiet: bool = False) -> RenderableType | None:
    parts: list[RenderableType] = []
    records = [record for one in found.resolutions for record in one.records]
    if records:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for justify in ("left", "right", "left", "left"):
            table.add_column(justify="right" if justify == "right" else "left", overflow="fold")
        for record in dict.fromkeys(records):
            table.add_row(
                Text(name(record.name), style="bold"),
                Text("" if record.ttl is None else str(record.ttl), style="dim"),
                Text(record.type, style=TYPE_STYLES.get(record.type, "magenta")),
                Text(visible(record.data)),
            )
        parts.append(table)
    for text, hint in complaints(found).items():
        negative = all(one.outcome is Outcome.ANSWER or one.outcome in NEGATIVE for one in found.resolutions)
        line = Text(visible(text), style="yellow" if negative else "red")
        if hint:
            line.append(f"\nhint: {visible(hint)}", style="dim")
        parts.append(line)
    if not quiet:
        parts += status(found)
    return Group(*parts) if parts else None


def name(text: str) -> str:
    """The name for people: Unicode with the A-labels behind it where they differ."""
    shown = to_unicode(text)
    return visible(text if shown == text else f"{shown} ({text})")


def status(found: Lookup) -> list[Text]:
    """The grey lines; the same for several types is said once."""
    lines: dict[str, None] = {}
    slowest = max(one.elapsed_ms for one in found.resolutions)
    for one in found.resolutions:
        lines.setdefault(facts(one, slowest))
        for note in one.notes:
            lines.setdefault(f"note: {note}")
    return [Text(visible(line), style="bright_black") for line in lines]


def facts(one: Resolution, elapsed_ms: float) -> str:
    if one.source == "special":
        return "from the special names of RFC 6761"
    if one.source == "hosts":
        return "from the hosts file"
    if one.source == "system":
        return f"from the system's resolver · {elapsed_ms:.1f} ms"
    parts = [f"from {one.server}" if one.server else "from no server", one.transport or ""]
    parts += [" ".join(one.flags), f"{elapsed_ms:.1f} ms"]
    if one.tries > 1:
        parts.append(f"{one.tries} tries")
    return " · ".join(part for part in parts if part)
