"""`watch --raw`: what came alone, byte by byte as it came; what happens to the endpoints is said on standard error.

Lines of several endpoints do not run into each other as long as they end within PARTIAL_SECONDS.
"""

from netkit.cli.output.sink import Output
from netkit.cli.output.sockets.watch import said
from netkit.cli.output.stdout import write_data
from netkit.errors import Exit
from netkit.watch.event import CODES, Event, OnWatch


def raw(out: Output) -> OnWatch:
    """Where the events go."""

    def show(event: Event) -> None:
        if event.event == "data" and event.direction == "in" and event.data:
            write_data(event.data)
        elif CODES.get(event.event, Exit.OK) is not Exit.OK:
            out.note(f"netkit: {event.label}: {said(event)}")

    return show
