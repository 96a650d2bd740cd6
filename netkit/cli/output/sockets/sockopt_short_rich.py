"""`sockopt get --short` on a terminal: the same lines, made harmless."""

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.sockets.sockopt_short import plain
from netkit.sockopt.read import Snapshot


def render(shown: Snapshot, *, quiet: bool = False) -> Text | None:
    lines = [visible(line) for line in plain(shown)]
    return Text("\n".join(lines)) if lines else None
