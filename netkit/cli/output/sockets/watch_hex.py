"""The same as `watch`, with data dumped as hexadecimal."""

from collections.abc import Iterator

from netkit.cli.output.sink import rfc3339
from netkit.cli.output.sockets.watch import ARROWS, document, said
from netkit.cli.trace import hexdump
from netkit.watch.event import Event

__all__ = ["document", "plain"]


def plain(event: Event) -> Iterator[str]:
    if event.data is None:
        yield f"{rfc3339(event.time)} {event.label} - {said(event)}"
        return
    yield f"{rfc3339(event.time)} {event.label} {ARROWS[event.direction]} {len(event.data)} bytes"
    yield from hexdump(event.data)
