"""`netkit chat bench`."""

from typing import Annotated

import typer

from netkit.cli.groups import Group, grouped
from netkit.cli.options import (
    TIME,
    TLS,
    Color,
    ColorOption,
    Json,
    Quiet,
    Trace,
    duration,
    option,
    rate,
    size,
)
from netkit.cli.output.sink import Output
from netkit.cli.tls_options import ClientTls
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, No

CHAT_PORT = 2626
LOAD, SERVER = "The load", "The server"
MIN_SIZE, MAX_SIZE = 32, 4096  # the number has to fit; the longest line that servers take


class Load(Group):
    clients: Annotated[int, option("--clients", metavar="N", min=2, max=100_000, help="Connections.", panel=LOAD)] = 100
    senders: Annotated[
        int | None,
        option(
            "--senders", metavar="N", min=1, help="How many of them speak, in turn.", panel=LOAD, default="all but one"
        ),
    ] = None
    pace: Annotated[
        float | None, rate("--rate", help="Lines of all together.", panel=LOAD, default="100/s; not with --lines")
    ] = None
    lines: Annotated[
        int | None,
        option("--lines", metavar="N", min=1, max=100_000, help="Keep so many under way instead.", panel=LOAD),
    ] = None
    octets: Annotated[int, size("--size", help="Bytes of a line.", panel=LOAD)] = 40


class Times(Group):
    measured: Annotated[float, duration("--duration", help="Measure this long.", panel=TIME, default="10s")] = 10.0
    warm_up: Annotated[float, duration("--warm-up", help="Before that.", panel=TIME, default="1s")] = 1.0
    wait: Annotated[float, duration("--wait", help="A line is lost after this long.", panel=TIME, default="5s")] = 5.0
    timeout: Annotated[float, duration("--timeout", help="Until all are in.", panel=TIME, default="30s")] = 30.0


@grouped
def bench(
    target: Annotated[
        str, typer.Argument(metavar="[HOST:PORT]", help="A chat server of lines; also tls://, unix:PATH.")
    ] = f"127.0.0.1:{CHAT_PORT}",
    *,
    load: Load,
    times: Times,
    tls: Annotated[bool, option("--tls", help="Speak TLS.", panel=TLS)] = False,
    client_tls: ClientTls,
    pid: Annotated[
        int | None, option("--pid", metavar="PID", min=1, help="Tell its CPU and memory (Linux).", panel=SERVER)
    ] = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Load a chat server, and check that everybody gets every line.

    Works with any that gives each line to all others: this one's, ncat --chat or --broker, the tutorial's. With --rate
    a line counts from when it was due, so a server that stalls cannot hide it; with --lines the next one is said when
    one has come to all, and it counts from then. One that limits what a client says (`chat serve --rate`) needs more
    --senders. Its own CPU is told: near 100 % of a core it is what was measured.

    Exit: 0 all was well, 1 lines were lost, doubled, changed or out of order, 3 no server, 4 not all came in, 5 it
    closed a connection before that, 6 TLS, 11 too few descriptors. Ctrl-C ends it, and shows what was measured.

    $ netkit chat bench 127.0.0.1:2626 --clients 1000 --rate 1000/s --pid 4711
    $ netkit chat bench --clients 1000 --lines 1
    $ netkit chat bench tls://chat.example.org --clients 20 --cacert ca.pem
    """
    from netkit.chat.bench.result import Plan
    from netkit.chat.bench.run import Bench
    from netkit.cli.output.chat.bench_live import watching
    from netkit.net.address import parse_endpoint
    from netkit.net.descriptors import demand

    if load.pace is not None and load.lines is not None:
        raise BadInput("--rate and --lines exclude each other")
    if not MIN_SIZE <= load.octets <= MAX_SIZE:
        raise BadInput(f"--size {load.octets}: a line has {MIN_SIZE} to {MAX_SIZE} bytes")
    if load.senders is not None and load.senders >= load.clients:
        raise BadInput(
            f"--senders {load.senders}: of {load.clients} clients one only listens",
            hint=f"--clients {load.senders + 1}",
        )
    endpoint = parse_endpoint(target, port=CHAT_PORT, schemes=("tls", "tcp") if tls else ("tcp", "tls"))
    if endpoint.fd is not None:
        raise BadInput(f"{target}: a descriptor is no server")
    secure = endpoint.scheme == "tls"
    if tls and not secure:
        raise BadInput(f"{target} is not what --tls asks for")
    if not secure and client_tls.changed:
        raise BadInput("--cacert, --insecure and --server-name are for --tls")
    demand(load.clients)
    plan = Plan(
        load.clients, load.senders or load.clients - 1, None if load.lines else load.pace or 100.0, load.lines or 1,
        load.octets, times.measured, times.warm_up, times.wait, times.timeout, pid, secure,
    )  # fmt: skip
    out = Output("chat.bench", json=json, color=color, quiet=quiet)
    run = Bench(endpoint, plan, security=client_tls.security() if secure else None, on_event=listener(trace))
    with watching(run, out):
        report = run.run()
    out.show(report)
    for name, number in report.faults.items():
        out.error(No(f"{report.target}: {number} {WORDS[name]}", hint=None))
    if report.failure is not None:
        out.error(report.failure)
    if report.interrupted:
        raise KeyboardInterrupt
    return report.exit


WORDS = {
    "lost": "deliveries were lost",
    "doubled": "lines came twice",
    "reordered": "lines came out of order",
    "changed": "lines came changed",
    "returned": "lines came back to their sender",
    "closed": "connections were closed by the server",
}
