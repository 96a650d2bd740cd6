"""A zone transfer on a terminal: each record as it comes, red what is gone and green what is new; then a grey line."""

from rich.console import RenderableType
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.transfer import line, summary
from netkit.dns.transfer.protocol import Change
from netkit.dns.transfer.stream import Summary

STYLES = {"zone": "", "delete": "red", "add": "green"}


def render(one: Change | Summary, *, quiet: bool = False) -> RenderableType | None:
    if isinstance(one, Change):
        shown = "  ".join(visible(part) for part in line(one).split("\t"))
        return Text(shown, style=STYLES[one.action], overflow="fold")
    if quiet or one.error:
        return None
    return Text(visible(summary(one)), style="dim")
