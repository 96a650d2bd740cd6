"""`sockopt set`, `try` and `diff` on a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.sockets.sockopt_change import Result
from netkit.cli.output.sockets.sockopt_rich import DIM, connection, head
from netkit.sockopt.attempt import Tried
from netkit.sockopt.change import Change
from netkit.sockopt.compare import Difference
from netkit.sockopt.values import human


def render(result: Result, *, quiet: bool = False) -> RenderableType:
    if isinstance(result, Difference):
        return difference(result)
    if isinstance(result, Tried):
        title = Text.assemble((visible(result.local), ""), " → ", (visible(result.address), "bold cyan"))
        parts: list[RenderableType] = [title, changes(result.changes, connected=True)]
        if result.tcp_info and not quiet:
            facts = connection(result.tcp_info)
            parts.append(Text(", ".join(facts["time"] + facts["window"] + facts["tcp"]), DIM))
    else:
        parts = [head(result.who), changes(result.changes, connected=False)]
    for one in result.changes:
        if one.error and one.error.hint:
            parts.append(Text(f"hint: {visible(one.error.hint)}", DIM))
    return Group(*parts)


def changes(done: tuple[Change, ...], *, connected: bool) -> Table:
    rows = _table("option", "before", "asked", "effective", *(["connected"] if connected else []))
    rows.add_column("", ratio=1)
    for one in done:
        cells = [human(one.option, one.before), one.asked, human(one.option, one.effective)]
        cells += [human(one.option, one.connected)] if connected else []
        why = one.error.message.partition(": ")[2] if one.error else one.why
        verdict = Text("✓ " if one.ok else "✗ ", "green" if one.ok else "bold red")
        verdict.append(visible(why), "" if not one.ok else DIM)
        shown = [Text(visible(cell)) for cell in cells]
        shown[2].stylize("bold" if one.ok else "bold red")
        rows.add_row(Text(one.option.name), *shown, verdict)
    return rows


def difference(found: Difference) -> RenderableType:
    parts: list[RenderableType] = [head(found.a.who), head(found.b.who)]
    if found.partial:
        parts.append(Text(f"partial: {found.partial}", "yellow"))
    if found.rows:
        rows = _table("option", found.a.who.label, found.b.who.label)
        rows.add_column("meaning", style=DIM, ratio=1)
        for row in found.rows:
            cells = [Text(visible(human(row.option, value)), "bold") for value in (row.a, row.b)]
            rows.add_row(Text(row.option.name), *cells, Text(visible(row.option.meaning)))
        parts.append(rows)
    same = found.compared - len(found.rows)
    parts.append(Text(f"the same in {same} of {found.compared} settings", DIM if found.rows else "green"))
    for side, names in ((found.a, found.only_a), (found.b, found.only_b)):
        if names:
            some = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            parts.append(Text(f"{len(names)} that {visible(side.who.label)} alone has: {some}", DIM))
    return Group(*parts)


def _table(*titles: str) -> Table:
    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    for title in titles:
        rows.add_column(Text(visible(title)), no_wrap=True, overflow="fold")
    return rows
