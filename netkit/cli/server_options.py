"""The options that servers share: where to listen, and whom to tell that they do (CONTRACT: addresses)."""

from pathlib import Path
from typing import Annotated

import typer

LISTEN, READY = "Listening", "Telling that it is ready"

Bind = Annotated[
    list[str],
    typer.Option(
        "--bind",
        "-b",
        metavar="ADDRESS",
        help="Listen on this address; repeatable.",
        show_default="127.0.0.1 and ::1",
        rich_help_panel=LISTEN,
    ),
]
ReadyFd = Annotated[
    int | None,
    typer.Option(
        "--ready-fd", metavar="N", min=0, help="Write the addresses to this descriptor.", rich_help_panel=READY
    ),
]
ReadyFile = Annotated[
    Path | None,
    typer.Option(
        "--ready-file", metavar="FILE", help="Write them to this file; it goes at the end.", rich_help_panel=READY
    ),
]


def port(default: int) -> object:
    """The type of a server's `--port`, as text: a number, a service name, or 0 for any free one."""
    return typer.Option(
        "--port",
        "-p",
        metavar="PORT",
        help="Listen on this port; 0: any free one.",
        show_default=str(default),
        rich_help_panel=LISTEN,
    )
