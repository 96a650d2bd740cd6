"""The results of `resolve -i` and `fqdn -i` as lines of output: made by this process, or by several.

What they differ in is told by a `Form`: which word each result counts as, the input it is of, and how it is written.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from netkit.cli.commands.names.bulk_run import Source
from netkit.dns.bulk.tally import Tally

if TYPE_CHECKING:
    from netkit.cli.commands.names.bulk_options import Bulk
    from netkit.dns.bulk.engine import Engine, Settings
    from netkit.dns.bulk.feed import Feed


class Run(Protocol):
    """Lines being looked up."""

    feed: "Feed"
    engine: "Engine"

    def results(self, *, wake: int | None = None, to_the_end: bool = False) -> Iterator[Sequence[Any]]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Form(NamedTuple):
    """lines: of some results, each with its end. input: the line that a result is of. word: what it counts as; shown:
    the words of those that are printed, None for all."""

    lines: Callable[[Sequence[Any]], list[str]]
    input: Callable[[Any], str]
    word: Callable[[Any], StrEnum]
    shown: "frozenset[StrEnum] | None"


Begun = Callable[[int, "Settings", bytes, Tally], Run]  # (where lines are read, ..., the mark of `jobs`, what counts)


class Alone:
    """One process does all of it."""

    def __init__(self, run: Run, form: Form, tally: Tally) -> None:
        self.run = run
        self.form = form
        self.tally = tally
        self.stop = run.stop

    @property
    def read(self) -> int:
        return self.run.feed.read

    @property
    def done(self) -> int:
        return self.tally.questions

    @property
    def lines(self) -> int:
        return self.run.feed.whole_lines

    def text(self, wake: int) -> Iterator[str]:
        for results in self.run.results(wake=wake):
            yield self._text(results)
        self._end()

    def _text(self, results: Sequence[Any]) -> str:
        shown, word = self.form.shown, self.form.word
        self.tally.add(results, word)
        if shown is not None:
            results = [one for one in results if word(one) in shown]
        return "".join(self.form.lines(results))

    def _end(self) -> None:
        self.tally.lines = self.run.feed.lines
        self.tally.repeated = self.run.feed.repeated
        self.tally.counts = self.run.engine.counts

    def part(self, write: Callable[[bytes], None], stop: int, marker: bytes) -> Tally:
        """This process as one of several: lines that are marks are passed on, and not counted."""
        mark, input_of = marker.decode(), self.form.input
        for results in self.run.results(wake=stop, to_the_end=True):
            at = 0
            for place, one in enumerate(results):
                if mark and input_of(one) == mark:
                    write(self._text(results[at:place]).encode("utf-8", "surrogateescape") + marker + b"\n")
                    at = place + 1
            write(self._text(results[at:]).encode("utf-8", "surrogateescape"))
        self._end()
        return self.tally


class Together:
    """Several processes, each with some of the lines."""

    def __init__(self, fd: int, bulk: "Bulk", settings: "Settings", begun: Begun, form: Form) -> None:
        from netkit.dns.bulk.jobs import Spread

        part = settings._replace(
            rate=settings.rate and settings.rate / bulk.jobs,
            concurrency=settings.concurrency and max(1, settings.concurrency // bulk.jobs),
        )

        def work(lines: int, write: Callable[[bytes], None], stop: int, marker: bytes) -> Tally:
            tally = Tally(timed=bulk.stats)
            return Alone(begun(lines, part, marker, tally), form, tally).part(write, stop, marker)

        self.tally = Tally(timed=bulk.stats)
        self.spread = Spread(fd, bulk.jobs, work, self.tally, ordered=bulk.ordered)
        self.stop = self.spread.stop

    @property
    def read(self) -> int:
        return self.spread.read

    @property
    def done(self) -> int:
        return self.spread.lines  # dealt out: what the others have done is only told at the end

    @property
    def lines(self) -> int:
        return self.spread.lines

    def text(self, wake: int) -> Iterator[str]:
        for data in self.spread.parts(wake=wake):
            yield data.decode("utf-8", "surrogateescape")
        self.tally.lines = self.spread.lines


def source(fd: int, bulk: "Bulk", settings: "Settings", begun: Begun, form: Form) -> Source:
    """The results of the lines of `fd`. Raises what `begun` does, before a process is started."""
    tally = Tally(timed=bulk.stats)
    run = begun(fd, settings, b"", tally)
    if bulk.jobs == 1:
        return Alone(run, form, tally)
    run.close()
    return Together(fd, bulk, settings, begun, form)
