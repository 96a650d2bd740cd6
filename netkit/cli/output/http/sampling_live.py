"""The counts and percentiles of `netkit http --count` as they grow, on a terminal, below what is shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from netkit.cli.output.live import wanted
from netkit.cli.output.sink import Output, make_console
from netkit.http.sampling import Sampling

EVERY = 0.1  # seconds between two drawings


@contextmanager
def watching(sampling: Sampling, out: Output) -> Iterator[Callable[[], None]]:
    """Gives what draws it anew."""
    if not wanted(out):
        yield lambda: None
        return
    from rich.live import Live

    from netkit.cli.output.http.sampling_rich import render

    console = make_console(sys.stderr, out.color)
    live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
    drawn = 0.0

    def refresh() -> None:
        nonlocal drawn
        if monotonic() - drawn >= EVERY:
            drawn = monotonic()
            live.update(render(sampling.summary()), refresh=True)

    out.print_above = live.console.print
    with live:
        try:
            yield refresh
        finally:
            out.print_above = None
