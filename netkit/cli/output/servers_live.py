"""What is shown while a server runs, besides its events: once a second the counts for a reader of JSON; on a terminal a
live table of connections, below the events.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from netkit.cli.output.sink import Form, Output, make_console

if TYPE_CHECKING:
    from rich.console import RenderableType

STATS_SECONDS = 1.0
REFRESH_SECONDS = 0.5
ROWS = 12  # the busiest connections; a table longer than the terminal would not be live


@contextmanager
def watching(server: Any, out: Output) -> Iterator[None]:
    """server: an EchoServer, HelloServer or Workers, which has a loop, `snapshot` and `log`."""
    if out.form is Form.JSON:
        _report(server)
        yield
    elif out.form is Form.HUMAN and sys.stderr.isatty() and not out.quiet:
        with _table(server, out):
            yield
    else:
        yield


def _report(server: Any) -> None:
    from netkit.echo.server.event import event

    last = server.snapshot()

    def report() -> None:
        nonlocal last
        now = server.snapshot()
        if now != last:
            last = now
            server.log(event("stats", snapshot=now))
        server.loop.later(STATS_SECONDS, report)

    server.loop.later(STATS_SECONDS, report)


@contextmanager
def _table(server: Any, out: Output) -> Iterator[None]:
    from rich.live import Live

    from netkit.cli.output.servers_rich import Traffic

    traffic = Traffic(server)
    console = make_console(sys.stderr, out.color)
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)

    def refresh() -> None:
        live.update(traffic.table(ROWS), refresh=True)
        server.loop.later(REFRESH_SECONDS, refresh)

    def above(renderable: "RenderableType") -> None:
        live.console.print(renderable)

    server.loop.later(REFRESH_SECONDS, refresh)
    out.print_above = above
    with live:
        try:
            yield
        finally:
            out.print_above = None
