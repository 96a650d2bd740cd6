"""`resolve --zone` on a terminal: the same lines, which the terminal wraps, so that they can be copied whole."""

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.names.zone import plain
from netkit.dns.lookup import Lookup


def render(found: Lookup, *, quiet: bool = False) -> Text | None:
    lines = [visible(line, lines=True) for line in plain(found)]
    return Text("\n".join(lines), no_wrap=True, overflow="ignore") if lines else None
