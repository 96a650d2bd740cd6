"""`netkit echo-server`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netkit.cli.options import (
    Color,
    ColorOption,
    Json,
    Quiet,
    Trace,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)
from netkit.cli.output.sink import Form, Output
from netkit.cli.server_options import LISTEN, Bind, ReadyFd, ReadyFile, port
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, LocalFailure

if TYPE_CHECKING:
    from netkit.echo.server.event import OnLog
    from netkit.echo.server.server import EchoServer
    from netkit.net.listen import Listening, Transport

TLS, LIMITS, FAULTS, END = "TLS", "Limits", "Faults on purpose", "When it ends"
ECHO_PORT = 45000
SHARE = {"parser": parse_share, "metavar": "SHARE", "rich_help_panel": FAULTS, "show_default": False}


def echo_server(
    tcp: Annotated[bool, typer.Option("--tcp", help="Serve streams alone.", rich_help_panel=LISTEN)] = False,
    udp: Annotated[bool, typer.Option("--udp", help="Serve datagrams alone.", rich_help_panel=LISTEN)] = False,
    bind: Bind = [],
    listen_port: Annotated[str, port(ECHO_PORT)] = str(ECHO_PORT),
    unix: Annotated[
        list[str], typer.Option("--unix", metavar="PATH", help="Listen on a unix socket.", rich_help_panel=LISTEN)
    ] = [],
    workers: Annotated[
        int,
        typer.Option("--workers", metavar="N", min=1, max=64, help="Processes on the port.", rich_help_panel=LISTEN),
    ] = 1,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", metavar="[HOST:]PORT", help="Serve the counters to Prometheus.", rich_help_panel=LISTEN
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option("--tls-cert", metavar="FILE", help="Speak TLS with this chain (PEM).", rich_help_panel=TLS),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key (PEM).", rich_help_panel=TLS)
    ] = None,
    tls_self_signed: Annotated[
        bool,
        typer.Option("--tls-self-signed", help="Speak TLS with a certificate made now.", rich_help_panel=TLS),
    ] = False,
    tls_write_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-write-cert", metavar="FILE", help="Put it there, for clients to trust.", rich_help_panel=TLS
        ),
    ] = None,
    max_conns: Annotated[
        int, typer.Option("--max-conns", metavar="N", min=1, help="Connections at once.", rich_help_panel=LIMITS)
    ] = 256,
    per_host: Annotated[
        int | None,
        typer.Option("--per-host", metavar="N", min=1, help="Connections at once from a host.", rich_help_panel=LIMITS),
    ] = None,
    idle: Annotated[
        float,
        typer.Option(
            "--idle",
            parser=parse_duration,
            metavar="DURATION",
            help="Close what has not moved for so long.",
            show_default="5m",
            rich_help_panel=LIMITS,
        ),
    ] = 300.0,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            parser=parse_rate,
            metavar="RATE",
            help="Datagrams, and connections, of one host.",
            show_default="1000/s unless all is on loopback",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    delay: Annotated[
        float | None,
        typer.Option(
            "--delay", parser=parse_duration, metavar="DURATION", help="Wait before each echo.", rich_help_panel=FAULTS
        ),
    ] = None,
    drop: Annotated[float, typer.Option("--drop", help="Datagrams lost, as 5% or 0.05.", **SHARE)] = 0.0,
    duplicate: Annotated[float, typer.Option("--duplicate", help="Datagrams sent twice.", **SHARE)] = 0.0,
    reorder: Annotated[float, typer.Option("--reorder", help="Datagrams that let the next one pass.", **SHARE)] = 0.0,
    corrupt: Annotated[
        float,
        typer.Option("--corrupt", help="Datagrams, and reads of a stream, with a flipped bit.", **SHARE),
    ] = 0.0,
    reset_after: Annotated[
        int | None,
        typer.Option(
            "--reset-after",
            parser=parse_size,
            metavar="SIZE",
            help="Reset a stream when it got so much back.",
            rich_help_panel=FAULTS,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="The same faults every time.", rich_help_panel=FAULTS)
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End after one connection or datagram.", rich_help_panel=END)
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="End after so many.", rich_help_panel=END)
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration", parser=parse_duration, metavar="DURATION", help="End after this long.", rich_help_panel=END
        ),
    ] = None,
    ready_fd: ReadyFd = None,
    ready_file: ReadyFile = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Echo what clients send, over TCP, UDP, TLS or unix sockets.

    TCP and UDP share one port. A stream comes back whole, also after the client has closed its side; a datagram of 0 to
    65507 bytes as it was, from the address that was asked. Datagrams from ports that only a forger or another echo
    server has are refused, in the kernel where Linux is.

    SIGTERM and Ctrl-C let what moves finish, for 2 seconds at most; the second time at once. Exit: 0 when it was
    stopped, 11 when it cannot listen.
    """
    from contextlib import ExitStack

    from netkit.cli.output.servers_live import watching
    from netkit.echo.server.counters import prometheus
    from netkit.echo.server.faults import Faults
    from netkit.echo.server.metrics import Metrics
    from netkit.echo.server.run import serve
    from netkit.echo.server.sockets import close_all, open_sockets, tls_context
    from netkit.echo.server.workers import Workers
    from netkit.net.address import parse_endpoint, parse_port
    from netkit.net.listen import listen
    from netkit.net.ready import Ready
    from netkit.net.whole_file import write_whole

    number = parse_port(listen_port, server=True)
    if once and count not in (None, 1):
        raise BadInput("--once is --count 1: use one of them")
    if workers > 1 and (once or count or unix or trace):
        raise BadInput("--workers goes with neither --count, --once, --unix nor --trace")
    if tls_write_cert and not tls_self_signed:
        raise BadInput("--tls-write-cert writes the certificate that --tls-self-signed makes")
    ready = Ready(fd=ready_fd, file=ready_file)
    scrape = None if metrics is None else parse_endpoint(metrics if ":" in metrics else f":{metrics}", server=True)
    transports: Sequence[Transport] = ("tcp",) if tcp and not udp else ("udp",) if udp and not tcp else ("tcp", "udp")
    secure = tls_context(tls_cert, tls_key, tls_self_signed, bind)
    out = Output("servers", json=json, color=color, quiet=quiet)
    on_event = listener(trace)
    on_log = None if quiet and out.form is not Form.JSON else out.show
    faults = Faults(delay or 0.0, drop, duplicate, reorder, corrupt, reset_after)

    def make(listening: "Sequence[Listening]", log: "OnLog | None") -> "EchoServer":
        from netkit.echo.server.server import EchoServer

        return EchoServer(
            listening,
            tls=secure[0] if secure else None,
            max_conns=max(1, max_conns // workers),
            per_host=per_host,
            idle=idle,
            rate=rate,
            faults=faults,
            count=1 if once else count,
            duration=duration,
            seed=seed,
            on_log=log,
            on_event=on_event,
        )

    if secure and secure[1] and tls_write_cert:
        try:
            write_whole(tls_write_cert, secure[1].certificate)
        except OSError as exc:
            raise LocalFailure(f"--tls-write-cert {tls_write_cert}: {exc.strerror}", kind="write") from exc
    with ExitStack() as stack:

        def opening(port: int) -> "list[Listening]":
            opened = open_sockets(
                bind=bind, port=port, transports=transports, unix=unix, reuse_port=workers > 1, on_event=on_event
            )
            stack.callback(close_all, opened)
            return opened

        sets = [opening(number)]
        sets += [opening(sets[0][0].endpoint.port) for _ in range(workers - 1)]
        pages = listen([scrape], on_event=on_event) if scrape else []
        stack.callback(close_all, pages)
        warn(out, sets[0], rate)
        server = make(sets[0], on_log) if workers == 1 else Workers(sets, make, on_log)
        for page in pages:
            stack.callback(Metrics(server.loop, page, lambda: prometheus(server.snapshot())).close)
        stack.enter_context(watching(server, out))
        serve(server, ready=ready, also=[f"metrics {page.endpoint}" for page in pages])
    return Exit.OK


def warn(out: Output, opened: "Sequence[Listening]", rate: float | None) -> None:
    """A UDP echo that the network reaches is worth a line."""
    from netkit.echo.server.server import PUBLIC_RATE, is_loopback

    public = [each for each in opened if each.transport == "udp" and not is_loopback(each)]
    if public:
        out.note(
            f"netkit: {public[0]} answers whoever can reach it, and sources can be forged",
            f"each host gets at most {rate or PUBLIC_RATE:g} datagrams a second (--rate); --tcp serves streams alone",
        )
