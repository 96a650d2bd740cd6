"""`fqdn -i FILE`: the full names of any number of names and addresses, a result for each, as they come."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from netkit.cli.commands.names.bulk_options import Bulk, Words, in_flight
from netkit.cli.commands.names.bulk_run import carried_out, few_collections, opened
from netkit.cli.commands.names.bulk_source import Form, source
from netkit.cli.output.names.fqdn_bulk import json_line, row
from netkit.cli.output.sink import Form as OutputForm
from netkit.cli.output.sink import Output
from netkit.cli.trace import listener
from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.full_names import FullNames
from netkit.dns.bulk.steps import EXITS, NO, Named
from netkit.dns.bulk.tally import Tally
from netkit.dns.result import NEGATIVE
from netkit.errors import Exit
from netkit.net.tls_client import Security


def fqdn_bulk(
    bulk: Bulk, servers: Sequence[str], *, security: Security | None, timeout: float, out: Output, trace: str
) -> Exit:
    """Look up the lines of the input. Raises BadInput, LocalFailure; what becomes of the lines is told of each."""
    bulk.refuse_together()
    known = Words({one: code for one, code in EXITS.items() if one not in NEGATIVE}, frozenset(NO), "word of a result")
    failing = bulk.failing(known)
    write = json_line if out.form is OutputForm.JSON else row
    form = Form(_lines(write), attrgetter("found.input"), attrgetter("status"), bulk.shown(known))
    settings = Settings(
        timeout=timeout,
        concurrency=in_flight(bulk.concurrency),
        rate=bulk.rate,
        ordered=bulk.ordered,
        confirm=bulk.confirm,
        security=security,
    )
    unheard = listener(trace)

    def begun(fd: int, settings: Settings, marker: bytes, tally: Tally) -> FullNames:
        return FullNames(
            fd,
            servers=servers,
            settings=settings,
            unique=bulk.unique,
            lenient=bulk.lenient,
            times=tally.times,
            on_event=unheard,
            marker=marker,
        )

    few_collections()
    with opened(bulk.input or "-") as fd:
        return carried_out(source(fd, bulk, settings, begun, form), fd, out, bulk, failing, EXITS)


def _lines(write: Callable[[Named], str]) -> Callable[[Sequence[Named]], list[str]]:
    return lambda results: [write(one) for one in results]
