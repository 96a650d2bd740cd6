"""`smtp check` on a terminal: a block a host, a mark a finding, the certificate and the changes of EHLO in short."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.mail.smtp_check import rows
from netkit.mail.smtp.check.findings import Finding, Kind, Level, Report
from netkit.net.hostname import to_unicode

MARKS = {
    Level.ok: ("✓", "green"),
    Level.info: ("·", "bright_black"),
    Level.warn: ("!", "yellow"),
    Level.fail: ("✗", "bold red"),
}
ID_WIDTH = 24  # the longest id


def render(result: Report | Kind, *, quiet: bool = False) -> RenderableType | None:
    if isinstance(result, Kind):
        return _grid([(result.level, result.id, Text(result.meaning))])
    shown = [one for one in rows(result) if not quiet or one.level in (Level.warn, Level.fail)]
    if not shown:
        return None
    return Group(_heading(result), _grid([(one.level, one.id, message(one)) for one in shown]), "")


def _heading(report: Report) -> Text:
    name = report.host or report.target
    shown = to_unicode(name)
    line = Text(visible(name if shown == name else f"{shown} ({name})"), style="bold")
    if report.address is not None and report.address != report.host:
        line.append(f"  {visible(report.address)}", style="bright_black")
    counts = {level: sum(one.level is level for one in rows(report)) for level in (Level.fail, Level.warn)}
    for level, count in counts.items():
        if count:
            mark, style = MARKS[level]
            line.append(f"  {mark} {count}", style=style)
    return line


def _grid(lines: list[tuple[Level, str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, width=ID_WIDTH)
    table.add_column(overflow="fold")
    for level, id, text in lines:
        mark, style = MARKS[level]
        table.add_row(Text(mark, style=style), Text(id, style=style if level is not Level.ok else ""), text)
    return table


def message(one: Finding) -> Text:
    data = one.data
    if one.id == "ehlo.changed":
        return _changes(data["new"], data["gone"])
    if one.id == "tls.certificate":
        text = Text(visible(one.message))
        dates = f"{(data['not_before'] or '?')[:10]} to {(data['not_after'] or '?')[:10]}"
        return text.append(f"\n{dates} · sha256 {data['sha256'][:16]}…", style="bright_black")
    return Text(visible(one.message), style="bright_black" if one.level is Level.info else "")


def _changes(new: list[str], gone: list[str]) -> Text:
    text = Text()
    for sign, words, style in (("+", new, "green"), ("−", gone, "red")):
        for word in words:
            text.append("\n" if text else "").append(f"{sign} {visible(word)}", style=style)
    return text
