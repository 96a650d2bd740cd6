"""`netkit watch`."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netkit.cli.groups import NONE, Group, grouped
from netkit.cli.lazy import BEHIND
from netkit.cli.options import (
    TIME,
    Color,
    ColorOption,
    Json,
    Quiet,
    Trace,
    duration,
    option,
)
from netkit.cli.output.sink import Output
from netkit.cli.tls_options import ClientTls, ServerTls
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, LocalFailure, No, TimedOut

if TYPE_CHECKING:
    from netkit.watch.target import Target

WAIT, STREAMS = "Waiting", "Streams"
MAX_CONNS = 256


class Waiting(Group):
    until: Annotated[
        str | None,
        option(
            "--until",
            metavar="WHAT",
            help="End with 0 when: all-up, any-data, all-closed, N lines came, or a line matches the expression.",
            panel=WAIT,
        ),
    ] = None
    reconnect: Annotated[
        bool, option("--reconnect", help="Connect again, after 0.1 s, doubling to 5 s.", panel=WAIT)
    ] = False


class Streams(Group):
    """What is sent, how what comes is shown, and how much is taken."""

    stdin: Annotated[
        str,
        option(
            "--stdin",
            metavar="NAME|all|none",
            help="Send standard input there; `@name text` to one.",
            panel=STREAMS,
        ),
    ] = "none"
    hexadecimal: Annotated[bool, option("--hex", help="Dump data as hexadecimal.", panel=STREAMS)] = False
    raw: Annotated[bool, option("--raw", help="Print what comes alone, byte by byte.", panel=STREAMS)] = False
    max_lines: Annotated[
        int | None,
        option("--max-lines", metavar="N", min=1, help="Close an endpoint after so many lines from it.", panel=STREAMS),
    ] = None
    max_conns: Annotated[
        int, option("--max-conns", metavar="N", min=1, help="Accepted connections at once.", panel=STREAMS)
    ] = MAX_CONNS
    pcap: Annotated[
        Path | None, option("--pcap", metavar="FILE", help="Write what passed, for Wireshark.", panel=STREAMS)
    ] = None


@grouped
def watch(
    ctx: typer.Context,
    endpoints: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]ENDPOINT... [-- COMMAND]",
            help="HOST:PORT, udp://, tls://, unix:PATH, unix-dgram:PATH, fd:N, - for stdin, a file or FIFO as ./PATH.",
        ),
    ] = None,
    *,
    listen: Annotated[list[str], option("--listen", "-l", metavar="ENDPOINT", help="Listen there; repeatable.")] = NONE,
    waiting: Waiting,
    timeout: Annotated[
        float | None, duration("--timeout", help="Give up after this long, all told.", panel=TIME)
    ] = None,
    connect_timeout: Annotated[
        float, duration("--connect-timeout", help="For one try to connect.", panel=TIME, default="5s")
    ] = 5.0,
    streams: Streams,
    client_tls: ClientTls,
    server_tls: ServerTls,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Watch many endpoints at once, and wait for what they do.

    Connections, listeners, datagrams, unix and TLS sockets, files, FIFOs and standard input, each with its label: what
    comes is shown line by line, and open, half-close, close, reset, refused and timeout are told apart.

    Behind -- is a COMMAND: it takes netkit's place when the condition holds (all-up by default), and is not run
    otherwise. Waiting for all-up connects again until it succeeds, so give a --timeout.

    With --raw standard output has what came and nothing else, exactly (made harmless on a terminal). --max-lines counts
    the lines, and datagrams, of all that a listener accepts together.

    Exit: 0 the condition held, or all ended well; 1 all ended before it held; 3 refused or reset, 4 the time was over,
    6 TLS, 8 some well, some not.

    $ netkit watch db=127.0.0.1:5432 --timeout 30s -- ./serve
    $ netkit watch udp://127.0.0.1:514 -l 127.0.0.1:9000 --json
    """  # fmt: skip
    from netkit.cli.output.sockets.watch_live import watching
    from netkit.cli.output.sockets.watch_raw import raw as only_data
    from netkit.net.tls import client_context
    from netkit.watch.condition import parse as condition
    from netkit.watch.target import parse, unique
    from netkit.watch.watcher import Watcher

    raw, hexadecimal = streams.raw, streams.hexadecimal
    if raw + json + hexadecimal > 1:
        names = [name for name, on in (("--raw", raw), ("--json", json), ("--hex", hexadecimal)) if on]
        raise BadInput(f"{names[0]} and {names[1]} exclude each other")
    words, command = split(endpoints or [], ctx.meta.get(BEHIND))
    targets = unique([parse(word) for word in words] + [parse(word, listen=True) for word in listen])
    if not targets:
        raise BadInput("nothing to watch", hint="netkit watch 127.0.0.1:8080, or -l :9000; --help shows the forms")
    wanted = condition(waiting.until) if waiting.until else condition("all-up") if command else None
    until_up = wanted is not None and wanted.word == "all-up"
    refuse(
        targets,
        reconnecting=waiting.reconnect,
        accepting=streams.max_conns != MAX_CONNS,
        client_tls=bool(client_tls.changed),
        server_tls=bool(server_tls.changed),
    )
    served = server_tls.made([])
    out = Output("sockets.watch_hex" if hexadecimal else "sockets.watch", json=json, color=color, quiet=quiet)
    secured = any(uses_tls(target) for target in targets)
    security = client_tls.security()
    watcher = Watcher(
        targets,
        on_watch=only_data(out) if raw else out.show,
        until=wanted,
        stdin=streams.stdin,
        reconnect=waiting.reconnect or until_up,
        connect_timeout=connect_timeout,
        max_conns=streams.max_conns,
        max_lines=streams.max_lines,
        client_tls=client_context(cacert=security.cacert, insecure=security.insecure) if secured else None,
        server_name=security.server_name,
        server_tls=served[0] if served else None,
        pcap=streams.pcap,
        on_event=listener(trace),
    )
    with nullcontext() if raw else watching(watcher, out):  # a table would stand between the data
        code = watcher.run(timeout)
    if code is Exit.TIMEOUT and watcher.timed_out:
        missing = f": still waiting for {', '.join(watcher.missing())}" if watcher.missing() else ""
        what = str(wanted) if wanted else "the end of all"
        out.error(TimedOut(f"{what} did not come within {timeout:g} s{missing}"))
    elif code is Exit.NO and wanted:
        out.error(No(f"all have ended before {wanted}"))
    if command and code is Exit.OK:
        run(command)
    return code


def split(words: list[str], behind: list[str] | None) -> tuple[list[str], list[str]]:
    """Endpoints, and the command behind `--`: Typer hands over both in one list."""
    if behind is None:
        return words, []
    if not behind:
        raise BadInput("there is no command behind --")
    return words[: -len(behind)], behind


def refuse(targets: "list[Target]", *, reconnecting: bool, accepting: bool, client_tls: bool, server_tls: bool) -> None:
    """Raise BadInput for an option that no endpoint would take any notice of."""
    kinds = {target.kind for target in targets}
    if reconnecting and not kinds & {"connect", "datagram"}:
        raise BadInput("--reconnect is for what is connected to, and here is nothing of the kind")
    if accepting and "listen" not in kinds:
        raise BadInput("--max-conns is for listeners", hint="-l ENDPOINT listens")
    if client_tls and not any(uses_tls(target) for target in targets):
        raise BadInput("--cacert, --insecure and --server-name are for tls:// endpoints", hint="tls://HOST:PORT")
    if server_tls and not any(one.kind == "listen" and one.endpoint.scheme == "tls" for one in targets):
        raise BadInput(
            "--tls-cert, --tls-key and --tls-self-signed are for listeners of TLS", hint="-l tls://HOST:PORT"
        )


def uses_tls(target: "Target") -> bool:
    return target.kind == "connect" and target.endpoint.scheme == "tls"


def run(command: list[str]) -> None:
    """Become the command: its exit code is netkit's, its signals reach it, no process stands between."""
    import sys

    sys.stdout.flush()
    try:
        os.execvp(command[0], command)
    except FileNotFoundError as exc:
        raise LocalFailure(f"{command[0]}: command not found", kind="command_not_found") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise LocalFailure(f"{command[0]}: cannot run it: {reason}", kind="command_failed") from exc
