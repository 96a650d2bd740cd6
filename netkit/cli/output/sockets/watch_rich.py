"""Watched endpoints on a terminal: a colour a label, what came harmless, states apart from data."""

from zlib import crc32

from rich.console import RenderableType
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.sockets.watch import ARROWS, said
from netkit.watch.event import Event

LABELS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")
EVENTS = {"open": "green", "listening": "green", "reset": "bold red", "refused": "red", "error": "bold red"}
EVENTS |= {"timeout": "red", "half_close": "yellow", "close": "dim", "retry": "dim", "urgent": "bold yellow"}


def head(event: Event) -> Text:
    line = Text(overflow="fold")
    line.append(event.time.astimezone().strftime("%H:%M:%S.%f")[:-3] + " ", "dim")
    line.append(visible(event.label), LABELS[crc32(event.label.encode()) % len(LABELS)])
    return line


def render(event: Event, *, quiet: bool = False) -> RenderableType | None:
    if quiet and event.data is None:
        return None
    line = head(event)
    if event.data is None:
        line.append(f" {visible(said(event))}", EVENTS.get(event.event, "dim"))
        return line
    line.append(f" {'!' if event.event == 'urgent' else ARROWS[event.direction]} ", "dim")
    text = event.data.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    line.append(visible(text), "dim" if event.direction == "out" else "")
    return line
