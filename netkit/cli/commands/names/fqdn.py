"""`netkit fqdn`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from netkit.cli.commands.names.bulk_options import Bulk, dashed, without_input
from netkit.cli.commands.names.query_options import security
from netkit.cli.groups import grouped
from netkit.cli.options import Cacert, Color, ColorOption, Insecure, Json, Quiet, Trace, timeout
from netkit.cli.output.names.looking import looking_up
from netkit.cli.output.sink import Output
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, No, combine


@grouped
def fqdn(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|IP]...", help="Names or addresses; none means this host.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Ask every source, and whether they agree.")] = False,
    servers: Annotated[
        list[str],
        typer.Option("--server", "-s", metavar="SERVER", help="IP, HOST:PORT, tls://HOST, system."),
    ] = [],
    short_ok: Annotated[bool, typer.Option("--short-ok", help="A name without a dot is good enough.")] = False,
    bulk: Bulk,
    cacert: Cacert = None,
    insecure: Insecure = False,
    timeout: Annotated[float, timeout("5s")] = 5.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Show the fully qualified name of a host, by default this one.

    For this host the sources are asked in turn, until one has a name with a dot: the host name, the hosts file,
    getaddrinfo, the PTR of its addresses, the search domain. A NAME is expanded by the search list and its aliases
    followed. For an IP, a name of it must lead back to it.

    In a pipe: the name; with --all SOURCE, ASKED, NAME and DETAIL of each behind tabs. Exit: 0 a full name, 1 only a
    short one, none, or one that does not lead back.

    -i reads many, a line each: NAME, IP, or a network for each of its addresses. Each has one result, in a pipe INPUT,
    NAME and STATUS behind tabs: answer is a full name, confirmed or unconfirmed an address's; short, none, or what
    failed. A no counts as an answer there, unless --fail-on no. Ctrl-C: what was read has its results, exit 130.

    $ netkit fqdn --all
    $ netkit fqdn -i hosts.txt --ordered
    $ netkit fqdn -i - --json --fail-on no
    """
    bulk, targets = dashed(bulk, targets or [])
    secured = security(cacert, insecure, servers)
    if bulk.input is not None:
        if targets:
            raise BadInput(f"{targets[0][:60]!r} and -i: the names come from the input alone")
        if every or short_ok:
            raise BadInput(f"{'--all' if every else '--short-ok'} does not go with -i")
        from netkit.cli.commands.names.fqdn_bulk import fqdn_bulk

        out = Output("names.fqdn", json=json, color=color, quiet=quiet)
        return fqdn_bulk(bulk, servers, security=secured, timeout=timeout, out=out, trace=trace)
    without_input(bulk)
    from netkit.dns.full_name import fqdn as find

    out = Output("names.fqdn", json=json, color=color, quiet=quiet)
    unheard = listener(trace)
    codes = []
    wanted: Sequence[str | None] = targets or [None]
    for target in wanted:
        with looking_up(out, [target or "this host"]):
            found = find(
                target, every=every, servers=tuple(servers), timeout=timeout, security=secured, on_event=unheard
            )
        out.show(found)
        good = found.exit is Exit.NO and short_ok and found.name is not None and found.confirmed is None
        codes.append(Exit.OK if good else found.exit)
        if found.detail and not good:
            out.error(No(f"{target or 'this host'}: {found.detail}"))
    return combine(codes)
