"""What is shown while a server runs, besides its events: once a second the counts for a reader of JSON; on a terminal a
live table of connections, below the events.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from netkit.cli.output.live import below, wanted
from netkit.cli.output.sink import Form, Output

if TYPE_CHECKING:
    from netkit.echo.server.event import Event
    from netkit.net.loop import Loop

STATS_SECONDS = 1.0
REFRESH_SECONDS = 0.5
ROWS = 12  # the busiest connections; a table longer than the terminal would not be live


class Watched(Protocol):
    """What an EchoServer, a HelloServer and Workers have."""

    loop: "Loop"

    def snapshot(self) -> Any: ...
    def log(self, entry: "Event") -> None: ...


@contextmanager
def watching(server: Watched, out: Output) -> Iterator[None]:
    if out.form is Form.JSON:
        _report(server)
        yield
    elif wanted(out):
        from netkit.cli.output.sockets.servers_rich import Traffic

        traffic = Traffic(server)
        with below(out, server.loop, REFRESH_SECONDS, lambda: traffic.table(ROWS)):
            yield
    else:
        yield


def _report(server: Watched) -> None:
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
