"""`netkit resolve`."""

from typing import Annotated

import typer

from netkit.cli.commands.names.bulk_options import Bulk, dashed, without_input
from netkit.cli.commands.names.dig_words import refuse_dig_words
from netkit.cli.commands.names.modes import Mode, refuse, run
from netkit.cli.commands.names.query_options import Asking, Edns, Printing, Sending
from netkit.cli.commands.names.transfer import transfer, wanted
from netkit.cli.commands.names.validate import Validating
from netkit.cli.groups import grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, timeout
from netkit.cli.output.names.looking import looking_up
from netkit.cli.output.names.resolve import remarks
from netkit.cli.output.sink import Form, Output
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, combine

FAMILIES = {"": "resolve", "json": "resolve", "tsv": "tsv", "zone": "zone", "short": "short"}


@grouped
def resolve(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[@SERVER]... NAME|IP...", help="Names; an address means its PTR.")
    ] = None,
    *,
    asking: Asking,
    sending: Sending,
    edns: Edns,
    mode: Mode,
    validating: Validating,
    bulk: Bulk,
    timeout: Annotated[float | None, timeout("6s; longer for zones and modes")] = None,
    printing: Printing,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Look up names and addresses, each answer with its source.

    A bare NAME is found as programs on this machine find it: the special names of RFC 6761, then the hosts file, then
    DNS (A and AAAA) by the servers of /etc/resolv.conf. A server, a type, or any option on how to ask goes straight to
    DNS. NETKIT_HOSTS and NETKIT_RESOLV_CONF name other files.

    In a pipe: NAME, TTL, TYPE, DATA and SOURCE behind tabs; --short has DATA alone. Fields of --tsv: those of the JSON
    object, and NAME, TYPE, CLASS, TTL and DATA of each record.

    --validate checks DNSSEC from the root's keys, or those of --trust-anchor, down, whatever the server thinks of it:
    secure and insecure answers are shown with the word, bogus ones never (6), nor what no anchor is above (1).

    --trace-root begins at the servers of the root that IANA publishes, that --root-hints has, or that a @SERVER knows:
    then all on the way are asked on its port.

    -i reads many names, a line each: NAME, NAME,TYPE or NAME,TYPE,@SERVER; an address means its PTR, a network that of
    each address. Each line has one result a type, in a pipe INPUT, TYPE, OUTCOME and DATA behind tabs; what is no name
    has one too. A no counts as an answer there, unless --fail-on no. Ctrl-C: what was read has its results, exit 130.

    Exit: 0 an answer, 1 no such name or record, 2 a bad name, 3 unreachable, 4 no reply, 5 a bad reply, 6 a bad
    signature or certificate, 7 the key is refused, 9 the server failed; 8 if names differ.

    $ netkit resolve www.example.org
    $ netkit resolve @9.9.9.9 -t MX,TXT example.org
    $ netkit resolve @9.9.9.9 --dnssec --nsid -t SOA --json example.org
    $ netkit resolve --validate @9.9.9.9 example.org
    $ netkit resolve --tsv --fields name,ttl,data,server example.org
    $ netkit resolve @tls://dns.example#192.0.2.53 www.example.org
    $ netkit resolve @192.0.2.53 --class CH version.bind
    $ netkit resolve --compare @9.9.9.9 @192.0.2.53 www.example.org
    $ netkit resolve --authoritative example.org
    $ netkit resolve --trace-root -t MX example.org
    $ netkit resolve --trace-root @127.0.53.1:5300 www.lab.test
    $ netkit resolve -i names.txt --json
    $ netkit resolve -i - --only no --confirm 1 @192.0.2.53 @198.51.100.53
    $ netkit resolve @192.0.2.53 -t AXFR example.org
    $ netkit resolve @192.0.2.53 -t IXFR=2026010101 example.org
    """
    bulk, words = dashed(bulk, names or [])
    if bulk.input is not None:
        if mode.family or validating.wanted:
            raise BadInput(
                "-i looks names up: it goes with no mode and no --validate, which ask a hundred questions for one name",
                hint="without -i they go with any number of names",
            )
        from netkit.cli.commands.names.resolve_bulk import resolve_bulk

        return resolve_bulk(
            bulk, words, asking, sending, edns, printing, timeout=timeout or 6.0, json=json, color=color, quiet=quiet,
            trace=trace,
        )  # fmt: skip
    without_input(bulk)
    from netkit.dns.lookup import resolve as look_up
    from netkit.dns.types import COMMON

    asked = [name for name in words if not name.startswith("@")]
    if not asked:
        given = ": only servers were given" if words else ""
        raise BadInput(f"no name to resolve{given}", hint="netkit resolve @192.0.2.53 example.com, or -i FILE for many")
    refuse_dig_words(asked)
    form = printing.form(json)
    servers = [name[1:] for name in words if name.startswith("@")] + sending.servers
    security = sending.security(servers)
    is_transfer, serial = wanted(asking.all_types)
    if validating.wanted and (is_transfer or mode.family):
        raise BadInput("--validate is for answers: neither zone transfers nor the modes are validated")
    if is_transfer or mode.family:
        refuse(asking, sending, edns, mode, is_transfer=is_transfer)
    if is_transfer:
        return transfer(
            asked,
            serial=serial,
            idn=not asking.no_idn,
            servers=servers,
            version=sending.version,
            options=edns.options(asking, sending),
            security=security,
            timeout=timeout,
            form=form,
            out=Output("names.transfer", json=json, color=color, quiet=quiet),
            on_event=listener(trace),
        )
    if mode.family:
        return run(
            mode,
            asked,
            types=[*asking.all_types, *(COMMON if asking.common else ())],
            servers=servers,
            version=sending.version,
            tcp=sending.tcp,
            tries=sending.tries,
            idn=not asking.no_idn,
            timeout=timeout,
            options=edns.options(asking, sending),
            security=security,
            form=form,
            out=Output(f"names.{mode.family}", json=json, color=color, quiet=quiet),
            on_event=listener(trace),
        )
    out = Output(
        f"names.{FAMILIES[form] if form or not validating.wanted else 'validate'}", json=json, color=color, quiet=quiet
    )
    fields: tuple[str, ...] = ()
    if form == "tsv":
        from netkit.cli.output.names.tsv import Table, parse_fields

        fields = parse_fields(printing.fields)
    codes = []
    with looking_up(out, asked) as waiting:
        for found in look_up(
            asked,
            types=asking.all_types,
            common=asking.common,
            servers=servers,
            dns=asking.dns,
            system=asking.system,
            tcp=sending.tcp,
            version=sending.version,
            search=asking.search,
            idn=not asking.no_idn,
            tries=sending.tries,
            options=edns.options(asking, sending),
            timeout=timeout or 6.0,
            validate=validating.wanted,
            trust_anchor=validating.trust_anchor,
            security=security,
            on_event=listener(trace),
        ):
            with waiting.aside():
                out.show(Table(found, fields) if fields else found)
                if form != "json" and (form or out.form is Form.PLAIN):
                    for line in remarks(found):
                        out.note(f"netkit: {line}")
            codes.append(found.exit)
    return combine(codes)
