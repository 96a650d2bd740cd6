"""`resolve -i FILE`: any number of names; what is read, shown and counted, and how it ends."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from netkit.cli.commands.names.bulk_options import Bulk, in_flight
from netkit.cli.commands.names.bulk_run import carried_out, few_collections, opened
from netkit.cli.options import Color
from netkit.cli.output.sink import Output
from netkit.errors import BadInput, Exit

if TYPE_CHECKING:
    from netkit.cli.commands.names.query_options import Asking, Edns, Printing, Sending
    from netkit.dns.bulk.look_up import Run
    from netkit.dns.bulk.tally import Tally
    from netkit.dns.bulk.task import Result
    from netkit.dns.result import Outcome

Lines = Callable[[Sequence["Result"]], list[str]]


def resolve_bulk(
    bulk: Bulk,
    words: Sequence[str],
    asking: "Asking",
    sending: "Sending",
    edns: "Edns",
    printing: "Printing",
    *,
    timeout: float,
    json: bool,
    color: Color,
    quiet: bool,
    trace: str,
) -> Exit:
    """Look up the names of the input. Raises BadInput, LocalFailure; what becomes of the names is told of each."""
    from netkit.cli.trace import listener
    from netkit.dns.bulk.engine import Settings
    from netkit.dns.bulk.look_up import Run
    from netkit.dns.bulk.tally import EXITS
    from netkit.dns.manner import TRIES
    from netkit.dns.types import COMMON
    from netkit.dns.wire import USUAL

    _refuse(words, asking, edns, printing, bulk)
    form = printing.form(json)
    shown, failing = bulk.shown, bulk.failing
    out = Output("names.bulk", json=json, color=color, quiet=quiet)
    settings = Settings(
        tcp=sending.tcp,
        tries=sending.tries or TRIES,
        timeout=timeout,
        options=edns.options(asking, sending) or USUAL,
        concurrency=in_flight(bulk.concurrency),
        rate=bulk.rate,
        ordered=bulk.ordered,
        confirm=bulk.confirm,
    )
    unheard = listener(trace)

    def begun(fd: int, share: int = 1, marker: bytes = b"") -> Run:
        """A run on the lines of `fd`, with its share of what all may do."""
        part = settings._replace(
            rate=settings.rate and settings.rate / share,
            concurrency=settings.concurrency and max(1, settings.concurrency // share),
        )
        return Run(
            fd,
            types=[*asking.all_types, *(COMMON if asking.common else ())],
            servers=[word[1:] for word in words] + sending.servers,
            dns=asking.dns,
            settings=part,
            unique=bulk.unique,
            lenient=bulk.lenient,
            version=sending.version,
            idn=not asking.no_idn,
            on_event=unheard,
            marker=marker,
        )

    few_collections()
    with opened(bulk.input or "-") as fd:
        run = begun(fd)
        lines = writer(form, idn=not asking.no_idn)
        if bulk.jobs == 1:
            source: Alone | Together = Alone(run, lines, shown, timed=bulk.stats)
        else:
            run.close()
            source = Together(fd, bulk, begun, lines, shown)
        return carried_out(source, fd, out, bulk, failing, EXITS)


def _refuse(words: Sequence[str], asking: "Asking", edns: "Edns", printing: "Printing", bulk: Bulk) -> None:
    """Raise BadInput for what does not go with many names."""
    if names := [word for word in words if not word.startswith("@")]:
        raise BadInput(f"{names[0][:60]!r} and -i: the names come from the input alone")
    for name, given in {
        "--search": asking.search,
        "--system": asking.system,
        "--cookie": edns.cookie,
        "--pad": edns.pad,
        "--tsig-file": edns.tsig_file,
        "--zone": printing.zone,
        "--fields": printing.fields,
    }.items():
        if given:
            raise BadInput(f"{name} does not go with -i")
    if bulk.unique and bulk.jobs > 1:
        raise BadInput("--unique and --jobs exclude each other: one process has to see all names")


def writer(form: str, *, idn: bool) -> Lines:
    """What makes lines of results."""
    from netkit.cli.output.names import bulk

    if form == "json":
        return bulk.JsonLines(idn=idn).lines
    return bulk.short if form == "short" else bulk.columns


class Alone:
    """One process does all of it."""

    def __init__(self, run: "Run", lines: Lines, shown: "frozenset[Outcome]", *, timed: bool) -> None:
        from netkit.dns.bulk.tally import Tally
        from netkit.dns.result import Outcome

        self.run = run
        self.format = lines
        self.shown = None if len(shown) == len(Outcome) else shown
        self.tally = Tally(timed=timed)
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
        yield from self._text(self.run.results(wake=wake))
        self._end()

    def _text(self, batches: "Iterator[list[Result]]") -> Iterator[str]:
        for results in batches:
            self.tally.add(results)
            if self.shown is not None:
                results = [one for one in results if one.outcome in self.shown]
            yield "".join(self.format(results))

    def _end(self) -> None:
        self.tally.lines = self.run.feed.lines
        self.tally.repeated = self.run.feed.repeated
        self.tally.counts = self.run.engine.counts

    def part(self, write: Callable[[bytes], None], stop: int, marker: bytes) -> "Tally":
        """This process as one of several: lines that are marks are passed on, and not counted."""
        mark = marker.decode()
        for results in self.run.results(wake=stop, to_the_end=True):
            at = 0
            for place, one in enumerate(results):
                if mark and one.task.text == mark:
                    for text in self._text(iter([results[at:place]])):
                        write(text.encode("utf-8", "surrogateescape") + marker + b"\n")
                    at = place + 1
            for text in self._text(iter([results[at:]])):
                write(text.encode("utf-8", "surrogateescape"))
        self._end()
        return self.tally


class Together:
    """Several processes, each with some of the lines."""

    def __init__(self, fd: int, bulk: Bulk, begun: Callable[..., "Run"], lines: Lines, shown: "frozenset[Outcome]"):
        from netkit.dns.bulk.jobs import Spread
        from netkit.dns.bulk.tally import Tally

        def work(part: int, write: Callable[[bytes], None], stop: int, marker: bytes) -> Tally:
            run = begun(part, bulk.jobs, marker)
            return Alone(run, lines, shown, timed=bulk.stats).part(write, stop, marker)

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
