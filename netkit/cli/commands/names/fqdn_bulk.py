"""`fqdn -i FILE`: the full names of any number of names and addresses, a result for each, as they come."""

from collections.abc import Iterator, Sequence

from netkit.cli.commands.names.bulk_options import FqdnBulk, in_flight
from netkit.cli.commands.names.bulk_run import carried_out, few_collections, opened
from netkit.cli.output.names.fqdn_bulk import json_line, row
from netkit.cli.output.sink import Form, Output
from netkit.cli.trace import listener
from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.full_names import FullNames
from netkit.dns.bulk.steps import EXITS
from netkit.dns.bulk.tally import Tally
from netkit.errors import Exit


def fqdn_bulk(bulk: FqdnBulk, servers: Sequence[str], *, timeout: float, out: Output, trace: str) -> Exit:
    """Look up the lines of the input. Raises BadInput, LocalFailure; what becomes of the lines is told of each."""
    failing = bulk.failing
    tally = Tally(timed=bulk.stats)
    settings = Settings(timeout=timeout, concurrency=in_flight(bulk.concurrency), rate=bulk.rate, ordered=bulk.ordered)
    few_collections()
    with opened(bulk.input or "-") as fd:
        run = FullNames(fd, servers=servers, settings=settings, times=tally.times, on_event=listener(trace))
        return carried_out(Rows(run, tally, json=out.form is Form.JSON), fd, out, bulk, failing, EXITS)


class Rows:
    """A run as lines of output."""

    def __init__(self, run: FullNames, tally: Tally, *, json: bool) -> None:
        self.run = run
        self.tally = tally
        self.format = json_line if json else row
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
            self.tally.outcomes.update(one.status for one in results)
            yield "".join(map(self.format, results))
        self.tally.lines = self.run.feed.lines
        self.tally.counts = self.run.engine.counts
