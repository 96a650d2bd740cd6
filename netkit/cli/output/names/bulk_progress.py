"""How far a run over many names is, on the terminal of standard error while standard output goes elsewhere."""

import os
import stat
import sys
from time import monotonic
from typing import Any

from netkit.cli.output.sink import Output, make_console

EVERY = 0.2  # seconds


class Progress:
    """Call `update` as often as you like. The bar is there after a second, and gone when the block ends."""

    def __init__(self, out: Output, fd: int) -> None:
        self.wanted = sys.stderr.isatty() and not sys.stdout.isatty() and not out.quiet
        self.color = out.color
        facts = os.fstat(fd)
        self.total = facts.st_size if stat.S_ISREG(facts.st_mode) else None
        self.start = self.shown = monotonic()
        self.bar: Any = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.bar:
            self.bar.stop()

    def update(self, read: int, done: int) -> None:
        """read: octets of the input; done: questions that have a result."""
        if not self.wanted or (now := monotonic()) - self.shown < (EVERY if self.bar else 1.0):
            return
        self.shown = now
        if self.bar is None:
            self._begin()
        rate = done / (now - self.start)
        self.bar.update(self.task, completed=read, done=f"{done:,}", rate=f"{rate:,.0f}/s")

    def _begin(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = [TextColumn("{task.fields[done]} done, {task.fields[rate]}")]
        known = [BarColumn(), TimeRemainingColumn()] if self.total else []
        console = make_console(sys.stderr, self.color)
        # The results go to where they go, and not above the bar, as Rich would have it.
        self.bar = Progress(*columns, *known, console=console, transient=True, redirect_stdout=False)
        self.task = self.bar.add_task("", total=self.total, done="", rate="")
        self.bar.start()
