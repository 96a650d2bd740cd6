"""The lab on a terminal: what listens and what to try, then one line for each thing that happens."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.lab.event import Event

SERVICE_STYLES = {"dns": "cyan", "http": "green", "https": "magenta", "echo": "yellow", "hello": "blue"}
EVENT_STYLES = {"refused": "yellow", "failed": "red"}


def render(event: Event, *, quiet: bool = False) -> RenderableType | None:
    """None for what the `ready` event shows at once."""
    if event.event == "listening":
        return None
    if event.event == "ready":
        return _ready(event)
    line = Text()
    line.append(event.time.astimezone().strftime("%H:%M:%S "), "dim")
    line.append(f"{event.service:<6}", SERVICE_STYLES.get(event.service, "blue"))
    line.append(visible(event.summary), _style(event))
    if event.peer:
        line.append(f"  {visible(event.peer)}", "dim")
    return line


def _style(event: Event) -> str:
    status, rcode = event.data.get("status"), event.data.get("rcode")
    if event.event == "request" and isinstance(status, int):
        return "red" if status >= 500 else "yellow" if status >= 400 else ""
    if event.event in ("query", "request"):
        return "" if rcode == "NOERROR" else "yellow"
    return EVENT_STYLES.get(event.event, "dim")


def _ready(event: Event) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    environment, tries = event.data["environment"], event.data["tries"]
    assert isinstance(environment, dict)
    assert isinstance(tries, list)
    for name, value in environment.items():
        table.add_row(Text(name, "bold"), Text(visible(value), overflow="fold"))
    return Group(
        Text("The lab is ready; Ctrl-C stops it.", "bold green"),
        Padding(table, (1, 2)),
        Text("Try in another terminal:", "bold"),
        *(Text(f"  {visible(line)}", no_wrap=True, overflow="ignore") for line in tries),
        Text(""),
    )
