"""Progress bars on standard error of several transfers at once, where somebody sits and it lasts over a second."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from netkit.cli.output.escape import visible
from netkit.cli.output.sink import Output, make_console

if TYPE_CHECKING:
    from netkit.http.request import Request

ROWS = 12  # bars at once; the line below them counts all
EVERY = 0.1  # seconds between two drawings


class Meters:
    """`add` gives what takes a transfer's progress, `end` it; what is written `aside` stands above the bars."""

    def __init__(self, out: Output) -> None:
        self.wanted = sys.stderr.isatty() and not out.quiet
        self.color = out.color
        self.start = self.drawn = monotonic()
        self.names: dict[int, str] = {}
        self.bytes: dict[int, int] = {}  # so far, of those under way
        self.rows: dict[int, Any] = {}
        self.over = self.over_bytes = 0
        self.bars: Any = None

    def __enter__(self) -> "Meters":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.bars:
            self.bars.stop()

    def add(self, number: int, request: "Request") -> Callable[[int, int], None]:
        self.names[number] = request.url.for_people
        return lambda done, total: self.update(number, done, total)

    def update(self, number: int, done: int, total: int) -> None:
        self.bytes[number] = done
        now = monotonic()
        if self.bars is None:
            if now - self.start < 1:
                return
            self._begin()
        if number in self.rows:
            self.bars.update(self.rows[number], completed=done, total=total or None)
        elif len(self.rows) < ROWS and number in self.names:
            name = visible(self.names[number])
            self.rows[number] = self.bars.add_task(name, completed=done, total=total or None)
        if now - self.drawn >= EVERY:
            self.drawn = now
            self._draw()

    def end(self, number: int) -> None:
        self.names.pop(number, None)
        self.over += 1
        self.over_bytes += self.bytes.pop(number, 0)
        if number in self.rows:
            self.bars.remove_task(self.rows.pop(number))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars away while something else is written to the terminal."""
        if self.bars is None:
            yield
            return
        self.bars.stop()
        try:
            yield
        finally:
            self._draw()
            self.bars.start()

    def _draw(self) -> None:
        words = f"{self.over} done, {len(self.names)} under way"
        self.bars.update(self.all, description=words, completed=self.over_bytes + sum(self.bytes.values()))
        self.bars.refresh()

    def _begin(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        from netkit.cli.output.transfer_columns import Amount, Speed

        name = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True))
        columns = (name, BarColumn(20), Amount(), Speed())
        console = make_console(sys.stderr, self.color)
        self.bars = Progress(*columns, console=console, transient=True, auto_refresh=False, expand=True)
        self.all = self.bars.add_task("", total=None)
        self.bars.start()
