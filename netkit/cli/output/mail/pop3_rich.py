"""`pop3` on a terminal: rows that stream, each a line and harmless whatever a subject holds.

A subject that is longer than the line is cut with an ellipsis: pipes and JSON have the whole of it.
"""

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.mail.pop3 import Capabilities, Deleted, Result, Shown, Stat, texts
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.save import Saved

WIDTHS = {"n": 5, "size": 9, "date": 16, "from": 22, "uidl": 20}  # a row is shown before the next is known
RIGHT = ("n", "size")
GAP = "  "
SUBJECT_ROOM, FROM_ROOM = 28, 10  # columns that are theirs as long as the window has them
STYLES = {"n": "bright_black", "size": "cyan", "date": "bright_black", "from": "green", "subject": "bold"}


def render(result: Result, *, quiet: bool = False) -> RenderableType | None:
    if isinstance(result, Shown):
        return Line(result)
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


class Line:
    """A row of as many columns as there are fields; a Table for each would take four times as long."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = self.shown
        widths = [WIDTHS.get(field, 0) for field in shown.fields]
        spare = options.max_width - sum(widths) - len(GAP) * (len(widths) - 1)
        if "from" in shown.fields and spare < SUBJECT_ROOM:  # a narrow window: the sender makes room
            at = shown.fields.index("from")
            give = min(widths[at] - FROM_ROOM, SUBJECT_ROOM - spare)
            widths[at] -= give
            spare += give
        line = Text(no_wrap=True)
        for field, fixed, text in zip(shown.fields, widths, texts(shown), strict=True):
            width = fixed or max(spare // widths.count(0), 1)
            one = cell(shown, field, text)
            one.truncate(width, overflow="ellipsis")
            pad = Text(" " * (width - one.cell_len))
            for part in (pad, one) if field in RIGHT else (one, pad):
                line.append_text(part)
            line.append(GAP)
        line.rstrip()
        yield line


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
