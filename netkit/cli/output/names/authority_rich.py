"""`resolve --authoritative` on a terminal: the name servers in a table, what is lame or differs in colour."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.authority import data, remarks, state
from netkit.dns.authority import Authority

DIFFERS = "bold yellow"
STYLES = {"ok": "green", "differs": DIFFERS, "lame": "red"}


def render(found: Authority, *, quiet: bool = False) -> RenderableType | None:
    parts: list[RenderableType] = []
    if found.servers:
        types = next(([said.type for said in one.said] for one in found.servers if one.said), [])
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for column in ("name server", "address", "serial", *types, "", ""):
            table.add_column(column, overflow="fold", justify="right" if column == "serial" else "left")
        for one in found.servers:
            style = STYLES[state(one)]
            cells = [
                Text(
                    "\n".join(map(visible, data(said))) or said.outcome.value,
                    style="bold yellow" if said.differs else "",
                )
                for said in one.said
            ] or [Text("") for _ in types]
            table.add_row(
                Text(visible(one.name), style="bold"),
                Text(one.address or ""),
                Text("" if one.serial is None else str(one.serial), style=DIFFERS if one.serial_differs else ""),
                *cells,
                Text(visible(one.lame or remarks(one) or "ok"), style=style),
                Text(f"{one.elapsed_ms:.1f} ms" if one.address else "", style="dim"),
            )
        parts.append(table)
    if found.error:
        parts.append(Text(visible(found.error.message), style="red" if found.zone is None else "yellow"))
    elif not quiet:
        count = len(found.servers)
        parts.append(Text(f"{visible(found.zone or '')}: {count} addresses, all the same", style="green"))
    return Group(*parts)
