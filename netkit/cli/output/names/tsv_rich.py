"""`resolve --tsv` on a terminal: the same lines, made harmless."""

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.tsv import Table, plain


def render(table: Table, *, quiet: bool = False) -> Text | None:
    lines = [visible(line, lines=True) for line in plain(table)]
    return Text("\n".join(lines), no_wrap=True, overflow="ignore") if lines else None
