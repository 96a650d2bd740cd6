"""`resolve --short` on a terminal: the same lines, made harmless."""

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.short import plain
from netkit.dns.lookup import Lookup


def render(found: Lookup, *, quiet: bool = False) -> Text | None:
    lines = [visible(line) for line in plain(found)]
    return Text("\n".join(lines)) if lines else None
