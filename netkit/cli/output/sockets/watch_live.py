"""The states of all endpoints below the events, on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netkit.cli.output.live import below, wanted
from netkit.cli.output.sink import Output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from netkit.watch.watcher import Watcher

REFRESH_SECONDS = 0.25
ROWS = 12
STYLES = {"open": "green", "half-closed": "yellow", "waiting": "dim", "closed": "dim", "failed": "red"}


@contextmanager
def watching(watcher: "Watcher", out: Output) -> Iterator[None]:
    if wanted(out):
        with below(out, watcher.loop, REFRESH_SECONDS, lambda: table(watcher)):
            yield
    else:
        yield


def table(watcher: "Watcher") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from netkit.cli.output.escape import visible
    from netkit.cli.output.sockets.servers_rich import size

    made = Table.grid(padding=(0, 2))
    rows = watcher.states()
    for label, state, received, sent in rows[:ROWS]:
        made.add_row(
            Text(visible(label)), Text(state, STYLES.get(state, "")), f"{size(received)} in", f"{size(sent)} out"
        )
    if len(rows) > ROWS:
        made.add_row(Text(f"and {len(rows) - ROWS} more", "dim"))
    return made
