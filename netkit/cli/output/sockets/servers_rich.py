"""The servers on a terminal: a line an event, and below them the live table of connections."""

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.sockets.servers import said
from netkit.echo.server.event import Event

TRANSPORTS = {"tcp": "green", "udp": "cyan", "tls": "magenta", "unix": "blue", "unix-dgram": "blue"}
EVENTS = {"refused": "yellow", "listening": "bold green", "end": "bold", "draining": "yellow"}
REASONS = {"reset": "red", "error": "red", "tls": "red", "idle": "yellow", "shutdown": "yellow"}
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def render(event: Event, *, quiet: bool = False) -> RenderableType | None:
    line = Text(overflow="fold")
    line.append(event.time.astimezone().strftime("%H:%M:%S "), "dim")
    line.append(f"{event.event:<10}", EVENTS.get(event.event, ""))
    rest = visible(said(event))
    if event.transport and rest.startswith(event.transport):
        line.append(f"{event.transport:<4} ", TRANSPORTS.get(event.transport, ""))
        rest = rest[len(event.transport) :].lstrip()
    line.append(rest, REASONS.get(event.reason or "", ""))
    return line


def size(number: float) -> str:
    """Bytes for people: 512 B, 1.5 KiB, 23.4 MiB."""
    for unit in UNITS:
        if number < 1024 or unit == UNITS[-1]:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


class Traffic:
    """The table, and the rates since the one before."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._bytes: dict[int, int] = {}
        self._counts = server.snapshot()
        self._when = server.loop.now

    def table(self, rows: int) -> RenderableType:
        now, counts = self._server.loop.now, self._server.snapshot()
        seconds = max(now - self._when, 1e-6)
        parts: list[RenderableType] = []
        clients = list(getattr(self._server, "clients", {}).values())
        rates = {one.id: (one.received - self._bytes.get(one.id, 0)) / seconds for one in clients}
        if clients:
            parts.append(self._clients(sorted(clients, key=lambda one: -rates[one.id])[:rows], rates, now))
            if len(clients) > rows:
                parts.append(Text(f"and {len(clients) - rows} more", "dim"))
        parts.append(self._totals(counts, seconds))
        self._bytes = {one.id: one.received for one in clients}
        self._counts, self._when = counts, now
        return Group(*parts)

    def _clients(self, clients: list[Any], rates: dict[int, float], now: float) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        table.add_column("#", justify="right", style="dim")
        table.add_column("peer", overflow="fold")
        for name in ("received", "sent", "rate", "age"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("state", no_wrap=True)
        for one in clients:
            table.add_row(
                str(one.id),
                visible(one.peer) or "unix",
                size(one.received),
                size(one.sent),
                f"{size(rates[one.id])}/s",
                f"{now - one.opened:.0f} s",
                one.state,
            )
        return table

    def _totals(self, counts: Any, seconds: float) -> Text:
        line = Text(style="dim", overflow="fold")
        before = self._counts
        line.append(f"{counts.open} open of {counts.connections}")
        line.append(f", {size((counts.stream_received - before.stream_received) / seconds)}/s")
        datagrams = (counts.datagrams_received - before.datagrams_received) / seconds
        line.append(f"; {counts.datagrams_received} datagrams, {datagrams:.0f}/s")
        refused = sum(counts.refused.values()) + counts.kernel_dropped
        if refused:
            line.append(f"; {refused} refused", "yellow")
        return line
