"""The states of all endpoints below the events, on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netkit.cli.output.sink import Form, Output, make_console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from netkit.watch.watcher import Watcher

REFRESH_SECONDS = 0.25
ROWS = 12
STYLES = {"open": "green", "half-closed": "yellow", "waiting": "dim", "closed": "dim", "failed": "red"}


@contextmanager
def watching(watcher: "Watcher", out: Output) -> Iterator[None]:
    if out.form is not Form.HUMAN or not sys.stderr.isatty() or out.quiet:
        yield
        return
    from rich.live import Live

    live = Live(
        console=make_console(sys.stderr, out.color),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def refresh() -> None:
        live.update(table(watcher), refresh=True)
        watcher.loop.later(REFRESH_SECONDS, refresh)

    watcher.loop.later(REFRESH_SECONDS, refresh)
    out.print_above = live.console.print
    with live:
        try:
            yield
        finally:
            out.print_above = None


def table(watcher: "Watcher") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from netkit.cli.output.escape import visible
    from netkit.cli.output.servers_rich import size

    made = Table.grid(padding=(0, 2))
    rows = watcher.states()
    for label, state, received, sent in rows[:ROWS]:
        made.add_row(
            Text(visible(label)), Text(state, STYLES.get(state, "")), f"{size(received)} in", f"{size(sent)} out"
        )
    if len(rows) > ROWS:
        made.add_row(Text(f"and {len(rows) - ROWS} more", "dim"))
    return made
