"""`resolve -i FILE`: any number of names; what is read, shown and counted, and how it ends."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from netkit.cli.commands.names.bulk_options import Bulk, Words, in_flight
from netkit.cli.commands.names.bulk_run import carried_out, few_collections, opened
from netkit.cli.commands.names.bulk_source import Form, source
from netkit.cli.options import Color
from netkit.cli.output.sink import Output
from netkit.errors import BadInput, Exit

if TYPE_CHECKING:
    from netkit.cli.commands.names.query_options import Asking, Edns, Printing, Sending
    from netkit.dns.bulk.tally import Tally
    from netkit.dns.bulk.task import Result

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
    from netkit.cli.commands.names.query_options import security
    from netkit.cli.trace import listener
    from netkit.dns.bulk.engine import Settings
    from netkit.dns.bulk.look_up import Run
    from netkit.dns.bulk.tally import EXITS
    from netkit.dns.manner import TRIES
    from netkit.dns.result import NEGATIVE
    from netkit.dns.types import COMMON
    from netkit.dns.wire import USUAL

    _refuse(words, asking, edns)
    bulk.refuse_together()
    known = Words(EXITS, frozenset(NEGATIVE), "outcome")
    failing = bulk.failing(known)
    form = Form(
        lines=writer(printing, json=json, idn=not asking.no_idn),
        input=attrgetter("task.text"),
        word=attrgetter("outcome"),
        shown=bulk.shown(known),
    )
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
        security=security(sending.cacert, sending.insecure, None),
    )
    unheard = listener(trace)

    def begun(fd: int, settings: Settings, marker: bytes, tally: "Tally") -> Run:
        return Run(
            fd,
            types=[*asking.all_types, *(COMMON if asking.common else ())],
            servers=[word[1:] for word in words] + sending.servers,
            dns=asking.dns,
            settings=settings,
            unique=bulk.unique,
            lenient=bulk.lenient,
            search=asking.search,
            version=sending.version,
            idn=not asking.no_idn,
            on_event=unheard,
            marker=marker,
            times=tally.times,
        )

    few_collections()
    with opened(bulk.input or "-") as fd:
        return carried_out(source(fd, bulk, settings, begun, form), fd, out, bulk, failing, EXITS)


def _refuse(words: Sequence[str], asking: "Asking", edns: "Edns") -> None:
    """Raise BadInput for what does not go with many names."""
    if names := [word for word in words if not word.startswith("@")]:
        raise BadInput(f"{names[0][:60]!r} and -i: the names come from the input alone")
    if asking.system:
        raise BadInput(
            "--system does not go with -i: the system looks up one name after the other",
            hint="-i asks the servers of resolv.conf, and the hosts file first",
        )
    if edns.tsig_file is not None:
        raise BadInput(
            "--tsig-file does not go with -i: its queries come from a template, and a signature is of one query alone",
            hint="without -i it goes with any number of names",
        )


def writer(printing: "Printing", *, json: bool, idn: bool) -> Lines:
    """What makes lines of results. Raises BadInput for a field that there is not, and for two forms."""
    from netkit.cli.output.names import bulk

    form = printing.form(json)
    if form == "json":
        return bulk.JsonLines(idn=idn).lines
    if form == "tsv":
        from netkit.cli.output.names.tsv import parse_fields

        return bulk.Table(parse_fields(printing.fields), idn=idn).lines
    return {"short": bulk.short, "zone": bulk.zone}.get(form, bulk.columns)
