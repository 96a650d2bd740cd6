"""Watched endpoints on a terminal, with data dumped as hexadecimal."""

from rich.console import Group, RenderableType
from rich.text import Text

from netkit.cli.output.sockets.watch import ARROWS
from netkit.cli.output.sockets.watch_rich import head
from netkit.cli.output.sockets.watch_rich import render as as_text
from netkit.cli.trace import hexdump
from netkit.watch.event import Event


def render(event: Event, *, quiet: bool = False) -> RenderableType | None:
    if event.data is None:
        return as_text(event, quiet=quiet)
    line = head(event)
    line.append(f" {ARROWS[event.direction]} {len(event.data)} bytes", "dim")
    return Group(line, Text("\n".join(hexdump(event.data)), no_wrap=True))
