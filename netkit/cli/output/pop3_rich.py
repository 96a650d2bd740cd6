"""`pop3` on a terminal: rows that stream, each a line and harmless whatever a subject holds.

A subject that is longer than the line is cut with an ellipsis: pipes and JSON have the whole of it.
"""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.pop3 import Capabilities, Deleted, Result, Shown, Stat, texts
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.save import Saved

WIDTHS = {"n": 5, "size": 9, "date": 16, "from": 22, "uidl": 20}  # a row is shown before the next is known
STYLES = {"n": "bright_black", "size": "cyan", "date": "bright_black", "from": "green", "subject": "bold"}


def render(result: Result, *, quiet: bool = False) -> RenderableType | None:
    if isinstance(result, Shown):
        return row(result)
    if isinstance(result, Stat):
        words = "message" if result.messages == 1 else "messages"
        line = Text.assemble((f"{result.messages} {words}", "bold"), f", {result.size} bytes")
        return line if quiet else line.append(f"   {visible(result.user)} at {result.target}", style="bright_black")
    if isinstance(result, Listed):
        size = "?" if result.size is None else str(result.size)
        return Text.assemble((f"{result.n:>5}", "bright_black"), (f"{size:>10}", "cyan"), f"  {result.uidl or '-'}")
    if isinstance(result, Saved):
        line = Text.assemble((f"{result.n:>5}", "bright_black"), (f"{result.size or 0:>10}  ", "cyan"))
        if result.error is not None:
            return line.append(f"not saved: {visible(result.error.message)}", style="red")
        return line.append(visible(result.file or ""), style="green")
    if isinstance(result, Deleted):
        return Text.assemble(
            (f"{result.n:>5}  ", "bright_black"),
            ("deleted", "green") if result.error is None else (f"not deleted: {visible(result.error)}", "red"),
            f"  {result.uidl or ''}",
        )
    return capabilities(result, quiet)


def row(shown: Shown) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    cells = []
    for field, text in zip(shown.fields, texts(shown), strict=True):
        width = WIDTHS.get(field)
        justify = "right" if field in ("n", "size") else "left"
        table.add_column(
            width=width,
            ratio=None if width else 1,
            justify=justify,  # type: ignore[arg-type]
            no_wrap=True,
            overflow="ellipsis",
        )
        cells.append(cell(shown, field, text))
    table.add_row(*cells)
    return table


def cell(shown: Shown, field: str, text: str) -> Text:
    if field == "date":
        return Text(text[:16], style=STYLES[field])
    if field == "subject":
        if shown.row.error is not None:
            return Text(visible(shown.row.error.message), style="red")
        if not text:
            return Text("(no subject)" if shown.row.subject is None else "(empty)", style="bright_black italic")
    return Text(visible(text), style=STYLES.get(field, ""))


def capabilities(result: Capabilities, quiet: bool) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for name, words in result.now.items():
        note = "" if result.clear is None or name in result.clear else "after TLS alone"
        table.add_row(Text(visible(name), style="bold"), Text(visible(" ".join(words))), Text(note, style="green"))
    for name in result.clear or {}:
        if name not in result.now:
            table.add_row(Text(visible(name), style="strike"), Text(""), Text("before TLS alone", style="yellow"))
    if not quiet:
        table.caption = Text(f"{result.target} · {result.tls or 'no TLS'}", style="bright_black")
        table.caption_justify = "left"
    return table
