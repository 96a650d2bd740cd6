"""`resolve` on a terminal: the records aligned, and one grey line on who answered, how and how fast."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.resolve import complaints, not_used, reasons, server_name
from netkit.dns.lookup import Lookup
from netkit.dns.result import NEGATIVE, Outcome, Resolution
from netkit.net.hostname import to_unicode

NAMES = ("CNAME", "DNAME", "NS", "PTR")  # types whose data is a name and nothing else
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
                Text(name(record.name, idn=found.idn), style="bold"),
                Text("" if record.ttl is None else str(record.ttl), style="dim"),
                Text(record.type, style=TYPE_STYLES.get(record.type, "magenta")),
                Text(name(record.data, idn=found.idn) if record.type in NAMES else visible(record.data)),
            )
        parts.append(table)
    for text, hint in complaints(found, with_others=False).items():
        negative = all(one.outcome is Outcome.ANSWER or one.outcome in NEGATIVE for one in found.resolutions)
        line = Text(visible(text), style="yellow" if negative else "red")
        if hint:
            line.append(f"\nhint: {visible(hint)}", style="dim")
        parts.append(line)
    if not quiet:
        parts += status(found)
    return Group(*parts) if parts else None


def name(text: str, *, idn: bool = True) -> str:
    """The name for people: Unicode with the A-labels behind it where they differ."""
    shown = to_unicode(text) if idn else text
    return visible(text if shown == text else f"{shown} ({text})")


def status(found: Lookup) -> list[Text]:
    """The grey lines; the same for several types is said once."""
    slowest = max(one.elapsed_ms for one in found.resolutions)
    outcomes: dict[str, dict[Outcome, list[str]]] = {}
    others: dict[str, None] = {}
    for one in found.resolutions:
        outcomes.setdefault(facts(one, slowest), {}).setdefault(one.outcome, []).append(one.type)
        others.update((line, None) for line in not_used(one))
        others.update((f"note: {note}", None) for note in one.notes)
    lines = [_outcomes(kinds) + rest for rest, kinds in outcomes.items()]
    return [Text(visible(line), style="bright_black") for line in (*lines, *others)]


def answers_first(kind: tuple[Outcome, list[str]]) -> bool:
    return kind[0] is not Outcome.ANSWER


def _outcomes(kinds: dict[Outcome, list[str]]) -> str:
    """One word for all types, or each with its types."""
    if len(kinds) == 1:
        return next(iter(kinds)).value
    return ", ".join(
        f"{' '.join(types)} {outcome.value}" for outcome, types in sorted(kinds.items(), key=answers_first)
    )


def facts(one: Resolution, elapsed_ms: float) -> str:
    """What stands behind the outcome."""
    if one.source == "special":
        return " from the special names of RFC 6761"
    if one.source == "hosts":
        return " from the hosts file"
    if one.source == "system":
        return f" from the system's resolver · {elapsed_ms:.1f} ms"
    parts = [f" from {one.server}" if one.server else "", one.transport or "", f"{elapsed_ms:.1f} ms"]
    if one.tries > 1:
        parts.append(f"{one.tries} tries")
    said = reasons(one) if one.outcome is Outcome.ANSWER else []  # a failure has them in its own line
    parts += [" ".join(one.flags), *said, server_name(one) or ""]
    if edns := one.edns:
        parts.append(f"ECS {edns.subnet} for /{edns.scope}" if edns.subnet else "")
        parts.append("cookie" if edns.server_cookie else "")
    parts.append(f"signed with {one.key}" if one.key else "")
    return " · ".join(part for at, part in enumerate(parts) if part or not at)
