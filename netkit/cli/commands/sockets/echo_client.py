"""`netkit echo-client`."""

import os
import stat
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from netkit.cli.options import (
    TIME,
    Cacert,
    Color,
    ColorOption,
    Insecure,
    Json,
    Quiet,
    ServerName,
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
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, No

TRANSPORT, PROBES, STREAM, CHECKS = "Transport", "Probes", "A stream instead", "Checks"
ECHO_PORT = 45000
SIZE, WAIT = 64, 1.0  # bytes, seconds
SHOWN_INTERVAL = 0.01  # seconds; faster probes are not shown one by one


class Pattern(StrEnum):
    random = "random"
    seq = "seq"
    text = "text"


def echo_client(
    target: Annotated[
        str,
        typer.Argument(metavar="[TARGET]", help="HOST:PORT, udp://, tls://, unix:PATH or unix-dgram:PATH."),
    ] = f"127.0.0.1:{ECHO_PORT}",
    udp: Annotated[bool, option("--udp", help="Send datagrams.", panel=TRANSPORT)] = False,
    tls: Annotated[bool, option("--tls", help="Speak TLS.", panel=TRANSPORT)] = False,
    cacert: Cacert = None,
    insecure: Insecure = False,
    server_name: ServerName = None,
    count: Annotated[
        int | None,
        option(
            "--count", "-n", metavar="N", min=1, help="Probes.", panel=PROBES, default="10; no limit with --duration"
        ),
    ] = None,
    duration: Annotated[float | None, duration("--duration", help="Probe this long.", panel=PROBES)] = None,
    interval: Annotated[
        float | None,
        duration("--interval", "-i", help="Between the probes of a connection.", panel=PROBES, default="1s"),
    ] = None,
    rate: Annotated[
        float | None, rate("--rate", help="Probes of all connections together, as 100/s.", panel=PROBES)
    ] = None,
    flood: Annotated[bool, option("--flood", help="Send the next one when one is back.", panel=PROBES)] = False,
    size: Annotated[int, size("--size", help="Bytes of a probe.", panel=PROBES, default="64")] = SIZE,
    pattern: Annotated[Pattern, option("--pattern", help="What fills a probe.", panel=PROBES)] = Pattern.random,
    parallel: Annotated[
        int, option("--parallel", metavar="N", min=1, max=10_000, help="Connections.", panel=PROBES)
    ] = 1,
    stdin: Annotated[bool, option("--stdin", help="Send standard input, and compare.", panel=STREAM)] = False,
    file: Annotated[
        Path | None,
        option("--file", "-f", metavar="FILE", help="Send this file; - is standard input.", panel=STREAM),
    ] = None,
    show: Annotated[bool, option("--print", help="Print what came back.", panel=STREAM)] = False,
    wait: Annotated[
        float, duration("--wait", help="A probe is lost after this long.", panel=TIME, default="1s")
    ] = WAIT,
    timeout: Annotated[float | None, timeout("60s for a stream; what the probes take")] = None,
    max_loss: Annotated[
        float, share("--max-loss", help="More loss than this, as 1%, is exit 1.", panel=CHECKS, default="0%")
    ] = 0.0,
    max_rtt: Annotated[float | None, duration("--max-rtt", help="A slower probe is exit 1.", panel=CHECKS)] = None,
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
    from netkit.net.tls_client import Security

    schemes = ("udp", "tcp", "tls") if udp else ("tls", "tcp", "udp") if tls else ("tcp", "udp", "tls")
    if udp and tls:
        raise BadInput("--udp and --tls exclude each other")
    endpoint = parse_endpoint(target, port=ECHO_PORT, schemes=schemes)
    if (udp and endpoint.scheme != "udp") or (tls and endpoint.scheme != "tls"):
        raise BadInput(f"{target} is not what --{'udp' if udp else 'tls'} asks for")
    if endpoint.fd is not None:
        raise BadInput(f"{target}: a descriptor is no server", hint="netkit watch fd:N reads one")
    secure = None
    if endpoint.scheme == "tls":
        secure = Security(str(cacert) if cacert else None, insecure, server_name)
    elif cacert or insecure or server_name:
        raise BadInput("--cacert, --insecure and --server-name are for --tls")
    out = Output("sockets.echo_client", json=json, color=color, quiet=quiet)
    if stdin or file:
        if stdin and file:
            raise BadInput("--stdin and --file both say what to send: use one of them")
        probing = {
            "--count": count, "--duration": duration, "--interval": interval, "--rate": rate, "--flood": flood,
            "--size": size != SIZE, "--pattern": pattern is not Pattern.random, "--parallel": parallel != 1,
            "--wait": wait != WAIT, "--max-loss": max_loss, "--max-rtt": max_rtt,
        }  # fmt: skip
        if extra := [name for name, value in probing.items() if value]:
            raise BadInput(f"{extra[0]} is for probes, not for a stream")
        return stream(out, endpoint, secure, file, timeout, show, trace)
    if show:
        raise BadInput("--print is for a stream: --stdin or --file")
    if sum(map(bool, (interval, rate, flood))) > 1:
        raise BadInput("--interval, --rate and --flood exclude each other")
    return probes(
        out, endpoint, secure, trace,
        count=count or (None if duration else 10), duration=duration,
        interval=None if flood else parallel / rate if rate else interval or 1.0,
        size=size, pattern=pattern.value, parallel=parallel, wait=wait, timeout=timeout,
        max_loss=max_loss, max_rtt=max_rtt,
    )  # fmt: skip


def probes(out: Output, endpoint: object, secure: object, trace: str, **options: object) -> Exit:
    from netkit.echo.client.ping import ping
    from netkit.echo.client.result import Probe, Summary

    interval = options["interval"]
    shown = isinstance(interval, float) and interval >= SHOWN_INTERVAL and not out.quiet
    code = Exit.OK

    def show(result: Probe | Summary) -> None:
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

    found = ping(endpoint, tls=secure, on_event=listener(trace), **options)  # type: ignore[arg-type]
    try:
        for result in found:
            show(result)
    except KeyboardInterrupt as exc:
        show(found.throw(exc))  # it came here and not there; else there is nothing more, and it is raised again
        raise
    return code


def stream(
    out: Output, endpoint: object, secure: object, file: Path | None, timeout: float | None, show: bool, trace: str
) -> Exit:
    from netkit.echo.client.stream import echo

    source, opened = 0, None
    if file and str(file) != "-":
        try:
            opened = file.open("rb")
        except OSError as exc:
            raise BadInput(f"--file {file}: cannot read it: {exc.strerror}") from exc
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
                endpoint,  # type: ignore[arg-type]
                source,
                tls=secure,  # type: ignore[arg-type]
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
