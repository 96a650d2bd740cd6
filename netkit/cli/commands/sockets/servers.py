"""`netkit echo-server` and `netkit hello-server`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netkit.cli.options import (
    TLS,
    Color,
    ColorOption,
    Json,
    Quiet,
    TlsCert,
    TlsKey,
    TlsSelfSigned,
    Trace,
    duration,
    option,
    rate,
    share,
    size,
)
from netkit.cli.output.sink import Form, Output
from netkit.cli.server_options import LISTEN, Bind, ReadyFd, ReadyFile, port
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, LocalFailure

if TYPE_CHECKING:
    import ssl
    from contextlib import ExitStack

    from netkit.cli.output.unread import UnreadLog
    from netkit.echo.server.echo import EchoServer
    from netkit.echo.server.event import OnLog
    from netkit.events import OnEvent
    from netkit.net.listen import Listening, Transport

LIMITS, FAULTS, END = "Limits", "Faults on purpose", "When it ends"
ECHO_PORT, HELLO_PORT = 45000, 45001
Tcp = Annotated[bool, option("--tcp", help="Serve streams alone.", panel=LISTEN)]
Udp = Annotated[bool, option("--udp", help="Serve datagrams alone.", panel=LISTEN)]
Unix = Annotated[
    list[str], option("--unix", metavar="PATH", help="A unix socket; unix-dgram:PATH for datagrams.", panel=LISTEN)
]
TlsWriteCert = Annotated[
    Path | None, option("--tls-write-cert", metavar="FILE", help="Put it there, for clients to trust.", panel=TLS)
]
MaxConns = Annotated[int, option("--max-conns", metavar="N", min=1, help="Connections at once.", panel=LIMITS)]
PerHost = Annotated[
    int | None, option("--per-host", metavar="N", min=1, help="Connections at once from a host.", panel=LIMITS)
]
Rate = Annotated[
    float | None,
    rate(
        "--rate",
        help="Datagrams, and connections, of one host.",
        panel=LIMITS,
        default="1000/s unless all is on loopback",
    ),
]
Once = Annotated[bool, option("--once", help="End after one connection or datagram.", panel=END)]
Count = Annotated[int | None, option("--count", metavar="N", min=1, help="End after so many.", panel=END)]
FAULT = {"panel": FAULTS, "show_default": False}
Duration = Annotated[float | None, duration("--duration", help="End after this long.", panel=END)]


def echo_server(
    tcp: Tcp = False,
    udp: Udp = False,
    bind: Bind = [],
    listen_port: Annotated[str, port(ECHO_PORT)] = str(ECHO_PORT),
    unix: Unix = [],
    workers: Annotated[
        int,
        option(
            "--workers",
            metavar="N",
            min=1,
            max=64,
            help="Processes on the port. --max-conns is shared out; --per-host and --rate hold for each by itself.",
            panel=LISTEN,
        ),
    ] = 1,
    metrics: Annotated[
        str | None,
        option("--metrics", metavar="[HOST:]PORT", help="Serve the counters to Prometheus.", panel=LISTEN),
    ] = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_self_signed: TlsSelfSigned = False,
    tls_write_cert: TlsWriteCert = None,
    max_conns: MaxConns = 256,
    per_host: PerHost = None,
    idle: Annotated[
        float, duration("--idle", help="Close what has not moved for so long.", panel=LIMITS, default="5m")
    ] = 300.0,
    rate: Rate = None,
    delay: Annotated[float | None, duration("--delay", help="Wait before each echo.", panel=FAULTS)] = None,
    drop: Annotated[float, share("--drop", help="Datagrams lost, as 5% or 0.05.", **FAULT)] = 0.0,
    duplicate: Annotated[float, share("--duplicate", help="Datagrams sent twice.", **FAULT)] = 0.0,
    reorder: Annotated[float, share("--reorder", help="Datagrams that let the next one pass.", **FAULT)] = 0.0,
    corrupt: Annotated[
        float, share("--corrupt", help="Datagrams, and reads of a stream, with a flipped bit.", **FAULT)
    ] = 0.0,
    reset_after: Annotated[
        int | None, size("--reset-after", help="Reset a stream when it got so much back.", panel=FAULTS)
    ] = None,
    seed: Annotated[int | None, option("--seed", metavar="N", help="The same faults every time.", panel=FAULTS)] = None,
    once: Once = False,
    count: Count = None,
    duration: Duration = None,
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

    $ netkit echo-server -p 7007 --udp --drop 5%
    $ netkit echo-server --tls-self-signed --tls-write-cert ca.pem
    """
    from contextlib import ExitStack

    from netkit.cli.output.sockets.servers_live import watching
    from netkit.echo.server.count import SharedCount
    from netkit.echo.server.counters import prometheus
    from netkit.echo.server.faults import Faults
    from netkit.echo.server.workers import Workers
    from netkit.net.address import parse_endpoint, parse_port
    from netkit.net.listen import listen
    from netkit.net.ready import Ready
    from netkit.net.scrape import Metrics
    from netkit.net.serve import serve
    from netkit.net.sockets import close_all, open_sets

    number = parse_port(listen_port, server=True)
    most = one(once, count)
    ready = Ready(fd=ready_fd, file=ready_file)
    scrape = None if metrics is None else parse_endpoint(metrics if ":" in metrics else f":{metrics}", server=True)
    transports = served(tcp, udp)
    secure = secured(tls_cert, tls_key, tls_self_signed, tls_write_cert, bind)
    out = Output("sockets.servers", json=json, color=color, quiet=quiet)
    on_event = listener(trace)
    faults = Faults(delay or 0.0, drop, duplicate, reorder, corrupt, reset_after)

    def make(listening: "Sequence[Listening]", log: "OnLog | None", trace: "OnEvent | None") -> "EchoServer":
        from netkit.echo.server.echo import EchoServer

        return EchoServer(
            listening,
            tls=secure,
            max_conns=max(1, max_conns // workers),
            per_host=per_host,
            idle=idle,
            rate=rate,
            faults=faults,
            count=shared or most,
            duration=duration,
            seed=seed,
            on_log=log,
            on_event=trace,
        )

    with ExitStack() as stack:
        log = event_log(out, stack)
        shared = SharedCount(most) if most and workers > 1 else None
        if shared:
            stack.callback(shared.close)
        sets = open_sets(workers, bind=bind, port=number, transports=transports, unix=unix, on_event=on_event)
        for opened in sets:
            stack.callback(close_all, opened)
        pages = listen([scrape], on_event=on_event) if scrape else []
        stack.callback(close_all, pages)
        warn(out, sets[0], rate)
        if workers == 1:
            server: EchoServer | Workers = make(sets[0], log.write if log else None, on_event)
        else:
            keep = shared.fds if shared else ()
            server = Workers(sets, make, log.write if log else None, on_event, keep, ending=bool(most or duration))
        if log:
            log.attach(server.loop)
        for page in pages:
            stack.callback(Metrics(server.loop, page, lambda: prometheus(server.snapshot())).close)
        stack.enter_context(watching(server, out))
        serve(server, ready=ready, also=[f"metrics {page.endpoint}" for page in pages])
    return Exit.OK


def event_log(out: Output, stack: "ExitStack") -> "UnreadLog | None":
    """What gets the events of a server; closed with the stack."""
    if out.quiet and out.form is not Form.JSON:
        return None
    from netkit.cli.output.unread import UnreadLog
    from netkit.echo.server.event import event

    log = UnreadLog(out.show, lambda number: event("limit", reason="log", times=number))
    stack.callback(log.close)
    return log


def served(tcp: bool, udp: bool) -> "Sequence[Transport]":
    """What --tcp and --udp leave of both."""
    return ("tcp",) if tcp and not udp else ("udp",) if udp and not tcp else ("tcp", "udp")


def one(once: bool, count: int | None) -> int | None:
    if once and count not in (None, 1):
        raise BadInput("--once is --count 1: use one of them")
    return 1 if once else count


def secured(
    certificate: Path | None, key: Path | None, self_signed: bool, write: Path | None, names: Sequence[str]
) -> "ssl.SSLContext | None":
    """The context of the --tls options, with a certificate made now written where clients find it."""
    if write and not self_signed:
        raise BadInput("--tls-write-cert writes the certificate that --tls-self-signed makes")
    from netkit.net.tls_server import from_options

    made = from_options(certificate, key, self_signed, names)
    if made is None:
        return None
    if write and made[1]:
        from netkit.net.whole_file import write_whole

        try:
            write_whole(write, made[1].certificate)
        except OSError as exc:
            raise LocalFailure(f"--tls-write-cert {write}: {exc.strerror}", kind="write") from exc
    return made[0]


def warn(out: Output, opened: "Sequence[Listening]", rate: float | None) -> None:
    """A UDP echo that the network reaches is worth a line."""
    from netkit.echo.server.server import PUBLIC_RATE, is_loopback

    public = [each for each in opened if each.transport == "udp" and not is_loopback(each)]
    if public:
        out.note(
            f"netkit: {public[0]} answers whoever can reach it, and sources can be forged",
            f"each host gets at most {rate or PUBLIC_RATE:g} datagrams a second (--rate); --tcp serves streams alone",
        )


def hello_server(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="The greeting; its fields are {peer} {peer_port} {time} {n} {host}.")
    ] = "Hello from {host}\\n",
    file: Annotated[Path | None, option("--file", "-f", metavar="FILE", help="Greet with this file.")] = None,
    tcp: Tcp = False,
    udp: Udp = False,
    bind: Bind = [],
    listen_port: Annotated[str, port(HELLO_PORT)] = str(HELLO_PORT),
    unix: Unix = [],
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_self_signed: TlsSelfSigned = False,
    tls_write_cert: TlsWriteCert = None,
    max_conns: MaxConns = 256,
    per_host: PerHost = None,
    rate: Rate = None,
    delay: Annotated[float | None, duration("--delay", help="Wait before greeting.", panel=FAULTS)] = None,
    partial: Annotated[int | None, size("--partial", help="Send so much of it alone.", panel=FAULTS)] = None,
    abort: Annotated[bool, option("--abort", help="Reset the connection after it.", panel=FAULTS)] = False,
    once: Once = False,
    count: Count = None,
    duration: Duration = None,
    ready_fd: ReadyFd = None,
    ready_file: ReadyFile = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Greet whoever comes over TCP or UDP, and hang up.

    The greeting always arrives, also when the client had sent something: the server closes its side alone, hears the
    client out for a second at most, and then closes. \\n and \\t in TEXT are a line end and a tab, {{ a brace. The log
    has the first line of what a client said. Exit: 0 when it was stopped, 11 when it cannot listen.

    $ netkit hello-server --tcp 'Hello {peer}, you are number {n}\\n'
    """
    from contextlib import ExitStack

    from netkit.cli.output.sockets.servers_live import watching
    from netkit.echo.server.hello import HelloServer, greeting, greeting_file
    from netkit.net.address import parse_port
    from netkit.net.ready import Ready
    from netkit.net.serve import serve
    from netkit.net.sockets import close_all, open_sockets

    number = parse_port(listen_port, server=True)
    say = greeting_file(file) if file else greeting(text.replace("\\n", "\n").replace("\\t", "\t"))
    ready = Ready(fd=ready_fd, file=ready_file)
    secure = secured(tls_cert, tls_key, tls_self_signed, tls_write_cert, bind)
    out = Output("sockets.servers", json=json, color=color, quiet=quiet)
    on_event = listener(trace)
    with ExitStack() as stack:
        log = event_log(out, stack)
        opened = open_sockets(bind=bind, port=number, transports=served(tcp, udp), unix=unix, on_event=on_event)
        stack.callback(close_all, opened)
        warn(out, opened, rate)
        server = HelloServer(
            opened,
            say,
            delay=delay or 0.0,
            partial=partial,
            abort=abort,
            tls=secure,
            max_conns=max_conns,
            per_host=per_host,
            rate=rate,
            count=one(once, count),
            duration=duration,
            on_log=log.write if log else None,
            on_event=on_event,
        )
        if log:
            log.attach(server.loop)
        stack.enter_context(watching(server, out))
        serve(server, ready=ready)
    return Exit.OK
