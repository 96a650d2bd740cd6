"""`netkit echo-server`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from netkit.cli.commands.sockets.serving import FAULTS, LIMITS, Binding, Connections, Ending, Rate, Tls, event_log, warn
from netkit.cli.groups import Group, grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, duration, option, share, size
from netkit.cli.output.sink import Output
from netkit.cli.server_options import LISTEN, MetricsOption, Telling, page_at
from netkit.cli.trace import listener
from netkit.errors import Exit

if TYPE_CHECKING:
    from netkit.echo.server.echo import EchoServer
    from netkit.echo.server.event import OnLog
    from netkit.echo.server.faults import Faults
    from netkit.events import OnEvent
    from netkit.net.listen import Listening

FAULT = {"panel": FAULTS, "show_default": False}


class Limits(Connections):
    idle: Annotated[
        float, duration("--idle", help="Close what has not moved for so long.", panel=LIMITS, default="5m")
    ] = 300.0
    rate: Rate = None


class Failing(Group):
    delay: Annotated[float | None, duration("--delay", help="Wait before each echo.", panel=FAULTS)] = None
    drop: Annotated[float, share("--drop", help="Datagrams lost, as 5% or 0.05.", **FAULT)] = 0.0
    duplicate: Annotated[float, share("--duplicate", help="Datagrams sent twice.", **FAULT)] = 0.0
    reorder: Annotated[float, share("--reorder", help="Datagrams that let the next one pass.", **FAULT)] = 0.0
    corrupt: Annotated[
        float, share("--corrupt", help="Datagrams, and reads of a stream, with a flipped bit.", **FAULT)
    ] = 0.0
    reset_after: Annotated[
        int | None, size("--reset-after", help="Reset a stream when it got so much back.", panel=FAULTS)
    ] = None
    seed: Annotated[int | None, option("--seed", metavar="N", help="The same faults every time.", panel=FAULTS)] = None

    def faults(self) -> "Faults":
        from netkit.echo.server.faults import Faults

        shares = (self.drop, self.duplicate, self.reorder, self.corrupt)
        return Faults(self.delay or 0.0, *shares, self.reset_after)


@grouped
def echo_server(
    *,
    binding: Binding,
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
    metrics: MetricsOption = None,
    tls: Tls,
    limits: Limits,
    failing: Failing,
    ending: Ending,
    telling: Telling,
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
    from netkit.echo.server.workers import Workers
    from netkit.net.listen import listen
    from netkit.net.scrape import Metrics
    from netkit.net.serve import serve
    from netkit.net.sockets import close_all, open_sets

    where = binding.where()
    most = ending.most()
    ready = telling.ready()
    scrape = page_at(metrics)
    secure = tls.context(binding.bind)
    out = Output("sockets.servers", json=json, color=color, quiet=quiet)
    on_event = listener(trace)
    faults = failing.faults()

    def make(listening: "Sequence[Listening]", log: "OnLog | None", trace: "OnEvent | None") -> "EchoServer":
        from netkit.echo.server.echo import EchoServer

        return EchoServer(
            listening,
            tls=secure,
            max_conns=max(1, limits.max_conns // workers),
            per_host=limits.per_host,
            idle=limits.idle,
            rate=limits.rate,
            faults=faults,
            count=shared or most,
            duration=ending.length,
            seed=failing.seed,
            on_log=log,
            on_event=trace,
        )

    with ExitStack() as stack:
        log = event_log(out, stack)
        shared = SharedCount(most) if most and workers > 1 else None
        if shared:
            stack.callback(shared.close)
        sets = open_sets(workers, **where, on_event=on_event)
        for opened in sets:
            stack.callback(close_all, opened)
        pages = listen([scrape], on_event=on_event) if scrape else []
        stack.callback(close_all, pages)
        warn(out, sets[0], limits.rate)
        if workers == 1:
            server: EchoServer | Workers = make(sets[0], log.write if log else None, on_event)
        else:
            keep = shared.fds if shared else ()
            server = Workers(sets, make, log.write if log else None, on_event, keep, ending=bool(most or ending.length))
        if log:
            log.attach(server.loop)
        for page in pages:
            stack.callback(Metrics(server.loop, page, lambda: prometheus(server.snapshot())).close)
        stack.enter_context(watching(server, out))
        serve(server, ready=ready, also=[f"metrics {page.endpoint}" for page in pages])
    return Exit.OK
