"""A display that is kept up to date below the events on a terminal, driven by the loop of what it shows."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netkit.cli.output.sink import Form, Output, make_console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from netkit.net.loop import Loop


def wanted(out: Output) -> bool:
    """Whether somebody sits there to see it."""
    return out.form is Form.HUMAN and sys.stderr.isatty() and not out.quiet


@contextmanager
def below(out: Output, loop: "Loop", seconds: float, make: "Callable[[], RenderableType]") -> Iterator[None]:
    """Show what `make` returns, again every so many seconds; what `out` shows meanwhile goes above it."""
    from rich.live import Live

    console = make_console(sys.stderr, out.color)
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)

    def refresh() -> None:
        live.update(make(), refresh=True)
        loop.later(seconds, refresh)

    loop.later(seconds, refresh)
    out.print_above = live.console.print
    with live:
        try:
            yield
        finally:
            out.print_above = None
