"""The options that servers share: where to listen, and whom to tell that they do (CONTRACT: addresses)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from netkit.cli.groups import Group
from netkit.cli.options import option

if TYPE_CHECKING:
    from netkit.net.address import Endpoint
    from netkit.net.ready import Ready

LISTEN, READY = "Listening", "Telling that it is ready"

Bind = Annotated[
    list[str],
    option(
        "--bind",
        "-b",
        metavar="ADDRESS",
        help="Listen on this address; repeatable.",
        panel=LISTEN,
        default="127.0.0.1 and ::1",
    ),
]
MetricsOption = Annotated[
    str | None, option("--metrics", metavar="[HOST:]PORT", help="Serve the counters to Prometheus.", panel=LISTEN)
]


def port(default: int) -> object:
    """The type of a server's `--port`, as text: a number, a service name, or 0 for any free one."""
    return option(
        "--port",
        "-p",
        metavar="PORT",
        help="Listen on this port; 0: any free one.",
        panel=LISTEN,
        default=str(default),
    )


def page_at(text: str | None) -> "Endpoint | None":
    """Where [HOST:]PORT is to be served. Raises BadInput."""
    if text is None:
        return None
    from netkit.net.address import parse_endpoint

    return parse_endpoint(text if ":" in text else f":{text}", server=True)


class Telling(Group):
    """Whom to tell that the server listens."""

    ready_fd: Annotated[
        int | None,
        option("--ready-fd", metavar="N", min=0, help="Write the addresses to this descriptor.", panel=READY),
    ] = None
    ready_file: Annotated[
        Path | None,
        option("--ready-file", metavar="FILE", help="Write them to this file; it goes at the end.", panel=READY),
    ] = None

    def ready(self, *, taken_over: bool = False) -> "Ready":
        """taken_over: the process before this one has told the descriptor. Raises BadInput."""
        from netkit.net.ready import Ready

        return Ready(fd=None if taken_over else self.ready_fd, file=self.ready_file)
