"""`netkit echo-client`."""

import os
import stat
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netkit.cli.groups import Group, grouped
from netkit.cli.options import (
    TIME,
    Color,
    ColorOption,
    Json,
    Quiet,
    Trace,
    duration,
    option,
    rate,
    share,
    size,
    timeout,
)
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import write_data
from netkit.cli.tls_options import ClientTls
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, LocalFailure, No

if TYPE_CHECKING:
    from collections.abc import Generator

    from netkit.echo.client.result import Probe, Summary
    from netkit.net.address import Endpoint
    from netkit.net.tls_client import Security

TRANSPORT, PROBES, STREAM, CHECKS = "Transport", "Probes", "A stream instead", "Checks"
ECHO_PORT = 45000
SIZE, WAIT = 64, 1.0  # bytes, seconds
SHOWN_INTERVAL = 0.01  # seconds; faster probes are not shown one by one


class Pattern(StrEnum):
    random = "random"
    seq = "seq"
    text = "text"


class Probing(Group):
    """How many probes, how often, and of what."""

    count: Annotated[
        int | None,
        option(
            "--count", "-n", metavar="N", min=1, help="Probes.", panel=PROBES, default="10; no limit with --duration"
        ),
    ] = None
    length: Annotated[float | None, duration("--duration", help="Probe this long.", panel=PROBES)] = None
    interval: Annotated[
        float | None,
        duration("--interval", "-i", help="Between the probes of a connection.", panel=PROBES, default="1s"),
    ] = None
    pace: Annotated[
        float | None, rate("--rate", help="Probes of all connections together, as 100/s.", panel=PROBES)
    ] = None
    flood: Annotated[bool, option("--flood", help="Send the next one when one is back.", panel=PROBES)] = False
    octets: Annotated[int, size("--size", help="Bytes of a probe.", panel=PROBES, default="64")] = SIZE
    pattern: Annotated[Pattern, option("--pattern", help="What fills a probe.", panel=PROBES)] = Pattern.random
    parallel: Annotated[
        int, option("--parallel", metavar="N", min=1, max=10_000, help="Connections.", panel=PROBES)
    ] = 1

    @property
    def between(self) -> float | None:
        """Seconds from a probe of a connection to its next; None: when one is back."""
        if self.flood:
            return None
        return self.parallel / self.pace if self.pace else self.interval or 1.0


class Streaming(Group):
    """A stream in their place."""

    stdin: Annotated[bool, option("--stdin", help="Send standard input, and compare.", panel=STREAM)] = False
    file: Annotated[
        Path | None,
        option("--file", "-f", metavar="FILE", help="Send this file; - is standard input.", panel=STREAM),
    ] = None
    show: Annotated[bool, option("--print", help="Print what came back.", panel=STREAM)] = False

    @property
    def wanted(self) -> bool:
        return bool(self.stdin or self.file)


class Checks(Group):
    max_loss: Annotated[
        float, share("--max-loss", help="More loss than this, as 1%, is exit 1.", panel=CHECKS, default="0%")
    ] = 0.0
    max_rtt: Annotated[float | None, duration("--max-rtt", help="A slower probe is exit 1.", panel=CHECKS)] = None


@grouped
def echo_client(
    target: Annotated[
        str,
        typer.Argument(metavar="[TARGET]", help="HOST:PORT, udp://, tls://, unix:PATH or unix-dgram:PATH."),
    ] = f"127.0.0.1:{ECHO_PORT}",
    *,
    udp: Annotated[bool, option("--udp", help="Send datagrams.", panel=TRANSPORT)] = False,
    tls: Annotated[bool, option("--tls", help="Speak TLS.", panel=TRANSPORT)] = False,
    client_tls: ClientTls,
    probing: Probing,
    streaming: Streaming,
    wait: Annotated[
        float, duration("--wait", help="A probe is lost after this long.", panel=TIME, default="1s")
    ] = WAIT,
    timeout: Annotated[float | None, timeout("60s for a stream; what the probes take")] = None,
    checks: Checks,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Send to an echo server, and compare every byte.

    Probes like ping's, or with --stdin or --file a whole stream: it is sent, its side closed, and compared while it
    comes back. Works with any echo server (RFC 862). A probe's time counts from when it was due, so a server that
    stalls cannot hide it; with --flood from when it was sent.

    Exit: 0 all came back, 1 loss, changed bytes, too slow or closed early, 3 no server, 4 no answer, 6 TLS.

    $ netkit echo-client 192.0.2.7:7 -n 100 -i 100ms --max-loss 1%
    $ netkit echo-client udp://127.0.0.1:45000 --flood --duration 10s
    """  # fmt: skip
    from netkit.net.address import parse_endpoint

    schemes = ("udp", "tcp", "tls") if udp else ("tls", "tcp", "udp") if tls else ("tcp", "udp", "tls")
    if udp and tls:
        raise BadInput("--udp and --tls exclude each other")
    endpoint = parse_endpoint(target, port=ECHO_PORT, schemes=schemes)
    if (udp and endpoint.scheme != "udp") or (tls and endpoint.scheme != "tls"):
        raise BadInput(f"{target} is not what --{'udp' if udp else 'tls'} asks for")
    if endpoint.fd is not None:
        raise BadInput(f"{target}: a descriptor is no server", hint="netkit watch fd:N reads one")
    secure = client_tls.security() if endpoint.scheme == "tls" else None
    if secure is None and client_tls.changed:
        raise BadInput("--cacert, --insecure and --server-name are for --tls")
    out = Output("sockets.echo_client", json=json, color=color, quiet=quiet)
    if streaming.wanted:
        if streaming.stdin and streaming.file:
            raise BadInput("--stdin and --file both say what to send: use one of them")
        given = [*probing.changed, *["wait"] * (wait != WAIT), *checks.changed]
        if given:
            name = {"length": "duration", "pace": "rate", "octets": "size"}.get(given[0], given[0]).replace("_", "-")
            raise BadInput(f"--{name} is for probes, not for a stream")
        return stream(out, endpoint, secure, streaming, timeout, trace)
    if streaming.show:
        raise BadInput("--print is for a stream: --stdin or --file")
    if sum(map(bool, (probing.interval, probing.pace, probing.flood))) > 1:
        raise BadInput("--interval, --rate and --flood exclude each other")
    from netkit.echo.client.ping import ping

    found = ping(
        endpoint,
        count=probing.count or (None if probing.length else 10),
        duration=probing.length,
        interval=probing.between,
        size=probing.octets,
        pattern=probing.pattern.value,
        parallel=probing.parallel,
        wait=wait,
        timeout=timeout,
        max_loss=checks.max_loss,
        max_rtt=checks.max_rtt,
        tls=secure,
        on_event=listener(trace),
    )
    return probes(out, found, shown=(probing.between or 0) >= SHOWN_INTERVAL and not out.quiet)


def probes(out: Output, found: "Generator[Probe | Summary]", *, shown: bool) -> Exit:
    from netkit.echo.client.result import Probe

    code = Exit.OK

    def show(result: "Probe | Summary") -> None:
        nonlocal code
        if isinstance(result, Probe):
            if shown or (result.outcome != "ok" and not out.quiet):
                out.show(result)
            return
        out.show(result)
        code = result.exit
        if result.failure:
            out.error(result.failure)
        for limit in result.limits:
            out.error(No(f"{result.target}: {limit}"))

    try:
        for result in found:
            show(result)
    except KeyboardInterrupt as exc:
        show(found.throw(exc))  # it came here and not there; else there is nothing more, and it is raised again
        raise
    return code


def stream(
    out: Output,
    endpoint: "Endpoint",
    secure: "Security | None",
    streaming: Streaming,
    timeout: float | None,
    trace: str,
) -> Exit:
    from netkit.echo.client.stream import echo

    file, show = streaming.file, streaming.show
    source, opened = 0, None
    if file and str(file) != "-":
        try:
            opened = file.open("rb")
        except OSError as exc:
            raise LocalFailure(f"--file {file}: cannot read it: {exc.strerror}", kind="read") from exc
        source = opened.fileno()
    on_data: Callable[[bytes], None] | None = None
    if show:
        if out.form is Form.JSON:
            raise BadInput("--print and --json both want standard output")
        on_data = write_data
    try:
        with Meter(out) as meter:
            total = left_in(source)
            result = echo(
                endpoint,
                source,
                tls=secure,
                timeout=timeout or 60.0,
                on_data=on_data,
                on_progress=(lambda received: meter.update(received, total)) if meter.wanted and not show else None,
                on_event=listener(trace),
            )
    finally:
        if opened:
            opened.close()
    if not show:
        out.show(result)
    if result.failure:
        out.error(result.failure)
    return result.exit


def left_in(source: int) -> int:
    """Bytes from here to the end of a regular file; 0 of what has no end yet."""
    try:
        found = os.fstat(source)
        return max(0, found.st_size - os.lseek(source, 0, os.SEEK_CUR)) if stat.S_ISREG(found.st_mode) else 0
    except OSError:
        return 0
