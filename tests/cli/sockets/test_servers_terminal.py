"""The servers and the echo client on a terminal: events, the live table, percentiles and bars; and hello-server."""

import socket
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.options import Color
from netkit.cli.output.sink import make_console
from netkit.cli.output.sockets.echo_client_rich import render as render_client
from netkit.cli.output.sockets.servers_rich import Traffic, render, size
from netkit.echo.client.result import Difference, Probe, Stream, Summary
from netkit.echo.server.counters import Snapshot, total
from netkit.echo.server.event import Event, event
from netkit.errors import Exit, No
from netkit.net.histogram import Histogram
from netkit.net.scrape import answer
from tests.conftest import MS
from tests.echo.server.conftest import serving
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
LIMIT = 30_000 * MS
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def text(renderable: Any) -> str:
    import io

    stream = io.StringIO()
    console = make_console(stream, Color.never)
    console.width = 100
    console.print(renderable)
    return stream.getvalue()


def test_events_are_lines_and_harmless() -> None:
    opened = Event(NOW, "open", "tcp", "127.0.0.1:1", "10.0.0.1:2\x1b[2J", 7)
    assert text(render(opened)).split(" ", 1)[1] == "open      tcp  10.0.0.1:2\\x1b[2J #7\n"
    ended = event("end", snapshot=Snapshot(connections=2, stream_received=10, stream_sent=9, refused={"rate": 3}))
    assert "2 connections; 10 bytes in, 9 out; 3 refused" in text(render(ended))
    refused = Event(NOW, "refused", "udp", peer="192.0.2.1", reason="rate", times=4)
    assert "udp  192.0.2.1 rate 4 times" in text(render(refused))


@pytest.mark.parametrize(("number", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB")])
def test_sizes(number: int, shown: str) -> None:
    assert size(number) == shown


def test_the_live_table_has_a_row_a_connection() -> None:
    with serving() as echo, echo.connect() as client:
        client.sendall(b"x" * 100)
        assert client.recv(100, socket.MSG_WAITALL) == b"x" * 100
        shown: list[str] = []
        done = threading.Event()

        def look() -> None:
            shown.append(text(Traffic(echo.server).table(0)))
            shown.append(text(Traffic(echo.server).table(5)))
            done.set()

        echo.server.loop.soon(look)
        assert done.wait(LIMIT)
        host, port = client.getsockname()
    assert "and 1 more" in shown[0]
    assert f"{host}:{port}" in shown[1]
    assert "100 B" in shown[1]
    assert "1 open of 1" in shown[1]


def test_counts_of_several_processes_are_summed() -> None:
    one = Snapshot(connections=1, stream_sent=5, refused={"rate": 1})
    two = Snapshot(connections=2, refused={"rate": 1, "idle": 2})
    assert total([one, two]) == Snapshot(connections=3, stream_sent=5, refused={"rate": 2, "idle": 2})


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /metrics HTTP/1.1", "200 OK"),
        (b"HEAD / HTTP/1.0", "200 OK"),
        (b"GET /metrics?x=1 HTTP/1.1", "200 OK"),
        (b"GET /x HTTP/1.1", "404 Not Found"),
        (b"POST /metrics HTTP/1.1", "405 Method Not Allowed"),
        (b"GET /metrics", "400 Bad Request"),
        (b"\xff\x00", "400 Bad Request"),
        (b"", "400 Bad Request"),
    ],
)
def test_answers_to_a_scrape(line: bytes, status: str) -> None:
    head, _, body = answer(line, lambda: "page\n").partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert (body == b"") == line.startswith(b"HEAD")


def test_scrapes_that_dribble_or_never_end_are_bounded() -> None:
    from netkit.net.address import Endpoint
    from netkit.net.listen import listen
    from netkit.net.scrape import MAX_REQUEST, Metrics

    with serving() as echo:
        [page] = listen([Endpoint("tcp", "127.0.0.1", 0)])
        made: list[Metrics] = []
        ready = threading.Event()

        def make() -> None:
            made.append(Metrics(echo.server.loop, page, lambda: "page\n"))
            ready.set()

        echo.server.loop.soon(make)
        assert ready.wait(LIMIT)
        address = ("127.0.0.1", page.endpoint.port)
        with socket.create_connection(address, timeout=LIMIT) as slow:
            for byte in b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n":
                slow.sendall(bytes([byte]))
            assert b"".join(iter(lambda: slow.recv(100), b"")).endswith(b"\r\n\r\npage\n")
        with socket.create_connection(address, timeout=LIMIT) as long:
            long.sendall(b"x" * (MAX_REQUEST + 1))
            assert long.recv(100).startswith(b"HTTP/1.1 400 ")
        with socket.create_connection(address, timeout=LIMIT) as silent:
            silent.shutdown(socket.SHUT_WR)
            assert silent.recv(100) == b""  # it asked nothing
        echo.server.loop.soon(made[0].close)
        echo.counts()
        page.close()


def a_summary(samples: int, **more: Any) -> Summary:
    histogram = Histogram()
    for number in range(samples):
        histogram.add(0.001 * (number + 1))
    values: dict[str, Any] = {
        "target": "127.0.0.1:7", "transport": "udp", "sent": 20, "received": samples, "lost": 20 - samples,
        "corrupt": 0, "duplicates": 0, "reordered": 0, "late": 0, "bytes": 64, "seconds": 1.0,
        "times": histogram.times(), "histogram": histogram, "open_loop": True, "tcp": None, "failure": None,
        "limits": (), "exit": Exit.OK,
    }  # fmt: skip
    return Summary(**{**values, **more})


def test_a_summary_has_percentiles_and_bars() -> None:
    shown = text(render_client(a_summary(20)))
    assert "udp 127.0.0.1:7: 20 sent, 20 received, 0.0% lost, 20/s in 1.000 s" in shown
    assert "round trip, ms (from when due)" in shown
    assert "█" in shown
    assert "≤ 20.000" in shown
    none = text(render_client(a_summary(0, limits=("20 of 20 lost, more than 0% allow",))))
    assert "20 sent, 0 received, 100.0% lost" in none
    assert "≤" not in none


def test_probes_and_streams() -> None:
    assert text(render_client(Probe(NOW, 3, 64, "corrupt", 0.0015, True, Difference(9, 1, 2)))) == (
        "#3 64 bytes corrupt 1.500 ms reordered offset 9: 0x02 instead of 0x01\n"
    )
    assert text(render_client(Probe(NOW, -1, 64, "duplicate"))) == "#? 64 bytes duplicate\n"
    good = Stream("127.0.0.1:7", "tcp", 10, 10, 0.5, "ab", None, None, None, Exit.OK)
    assert text(render_client(good)).startswith("all came back  tcp 127.0.0.1:7\n")
    bad = text(render_client(good._replace(failure=No("x"))))
    assert bad.startswith("not all came back")


def test_the_client_on_a_terminal(terminal: Callable[..., Any]) -> None:
    with serving() as echo:
        shown = terminal("echo-client", f"127.0.0.1:{echo.port}", "-n", "12", "-i", "10ms")
    assert shown.returncode == 0
    assert "12 sent, 12 received" in shown.text
    assert "kernel: rtt" in shown.text


def test_servers_on_a_terminal_show_events_above_a_live_table(terminal: Callable[..., Any]) -> None:
    shown = terminal("echo-server", "--port", "0", "--duration", "700ms", columns=100)
    assert shown.returncode == 0
    assert "listening" in shown.text
    assert "0 open of 0" in shown.text  # the table
    assert "nobody came" in shown.text


def test_hello_server_greets_and_ends(netkit: Netkit, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    argv = ["hello-server", "--port", "0", "--once", "--ready-file", str(ready)]
    process = Process(*argv, "--tcp", "--json", "hi {n}\\n", stdout=subprocess.PIPE, text=True)
    while not ready.exists():
        assert process.poll() is None
    port = int(ready.read_text().splitlines()[0].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.sendall(b"GET / HTTP/1.0\r\n")
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(100), b"")) == b"hi 1\n"
    out, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert "'GET / HTTP/1.0'" in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["{nosuch}"], "'{nosuch}': not a text with fields: 'nosuch'"),
        (["--port", "99999"], "port 99999 is outside 0 to 65535"),
        (["--tls-write-cert", "x"], "--tls-write-cert writes the certificate that --tls-self-signed makes"),
    ],
)
def test_hello_server_refuses_what_cannot_be(netkit: Netkit, arguments: list[str], line: str) -> None:
    done = netkit("hello-server", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"netkit: {line}"


def test_a_greeting_that_is_not_there(netkit: Netkit) -> None:
    done = netkit("hello-server", "--file", "/nosuch")
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == "netkit: /nosuch: cannot read it: No such file or directory\n"


def test_a_public_udp_server_is_worth_a_warning(netkit: Netkit) -> None:
    done = netkit("echo-server", "--bind", "0.0.0.0", "--port", "0", "--udp", "--duration", "10ms")
    assert done.returncode == 0
    assert "answers whoever can reach it" in done.stderr
    assert "at most 1000 datagrams a second" in done.stderr
    assert "netkit: udp 0.0.0.0:" in done.stderr
