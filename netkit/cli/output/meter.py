"""A progress bar on standard error for what lasts over a second, when somebody sits there."""

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

from netkit.cli.output.escape import visible
from netkit.cli.output.sink import Output, make_console


class Meter:
    """Hand `update` to an operation where `wanted`; the bar is gone when the block ends."""

    def __init__(self, out: Output, name: str = "") -> None:
        """name: of what is fetched, shown in front."""
        self.name = name
        self.wanted = sys.stderr.isatty() and not out.quiet
        self.color = out.color
        self.silent = False
        self.start = monotonic()
        self.bar: Any = None
        self.advance: Callable[[int, int], None] | None = None

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.bar:
            self.bar.stop()

    def silence(self) -> None:
        """No bar from here on: what it would tell of is shown itself."""
        self.silent = True

    def update(self, done: int, total: int) -> None:
        """What was there when the first call came is not counted in the rate."""
        if self.bar is None:
            if self.silent or monotonic() - self.start < 1 or (total and done >= total):
                return
            self._begin(done, total)
        self.bar.update(self.task, completed=done, total=total or None)

    def _begin(self, done: int, total: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from netkit.cli.output.transfer_columns import Amount, Speed

        named = TextColumn("{task.description}", markup=False)
        columns = (named, BarColumn(), Amount(), Speed(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=make_console(sys.stderr, self.color), transient=True)
        self.task = self.bar.add_task(visible(self.name), total=total or None, completed=done)
        self.bar.start()
