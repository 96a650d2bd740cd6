"""`netkit chat bench`: what it prints, and how it ends."""

import io
import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.chat.bench.result import Cost, Plan, Progress, Report
from netkit.cli.options import Color
from netkit.cli.output.chat.bench import document, plain
from netkit.cli.output.chat.bench_rich import progress, render
from netkit.cli.output.sink import make_console
from netkit.errors import Exit, PeerError
from netkit.net.histogram import Histogram
from tests.chat.bench.relay import Relay, faithful, relaying
from tests.chat.conftest import chatting
from tests.chat.test_server import tls
from tests.loopback import LIMIT
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
SHORT = ("--clients", "3", "--rate", "100", "--duration", "100ms", "--warm-up", "10ms")


def lose(to: int, of: int, number: int, line: bytes) -> bytes:
    return b"" if (to, number) == (0, 4) else faithful(to, of, number, line)


def test_a_run_in_a_pipe(netkit: Netkit) -> None:
    with relaying(Relay()) as endpoint:
        done = netkit("chat", "bench", str(endpoint), *SHORT)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{endpoint}: 3 clients, 2 of them speak, 100 lines/s of 40 bytes"
    assert lines[1].startswith("10 lines, 20 deliveries, ")
    assert lines[1].endswith(", none lost, doubled, changed or out of order")
    assert [line.partition(",")[0] for line in lines[2:5]] == [
        "until somebody had a line", "until each had it", "until all had it",
    ]  # fmt: skip
    assert lines[5].startswith("this load generator: ")


def test_over_tls(netkit: Netkit, tmp_path: Path) -> None:
    theirs, _ = tls(tmp_path)
    with chatting(tls=theirs) as chat:
        target = f"tls://localhost:{chat.port}"
        done = netkit("chat", "bench", target, *SHORT, "--cacert", str(tmp_path / "ca.pem"), "--trace")
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            0, f"localhost:{chat.port} over TLS: 3 clients, 2 of them speak, 100 lines/s of 40 bytes",
        )  # fmt: skip
        assert [line.split()[1] for line in done.stderr.splitlines()][-1] == "tls"
        refused = netkit("chat", "bench", target, *SHORT, "--json")
    assert refused.returncode == 6
    assert json.loads(refused.stdout)["error"]["kind"] == "cert_unknown_ca"
    assert document(a_report(plan=Plan(tls=True)))["tls"] is True


def test_lost_lines_are_1(netkit: Netkit) -> None:
    with relaying(Relay(lose)) as endpoint:
        done = netkit("chat", "bench", str(endpoint), *SHORT, "--wait", "500ms", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, f"netkit: {endpoint}: 1 deliveries were lost\n")
    assert (result["sent"], result["lost"], result["doubled"], result["server"]) == (10, 1, 0, None)


def test_ctrl_c_shows_what_was_measured() -> None:
    begun = threading.Event()

    def give(to: int, of: int, number: int, line: bytes) -> bytes:
        if number == 20:
            begun.set()
        return faithful(to, of, number, line)

    with relaying(Relay(give)) as endpoint:
        process = Process(
            "chat", "bench", str(endpoint), "--clients", "3", "--duration", "1h", "--warm-up", "10ms",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert begun.wait(LIMIT)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (130, "")
    assert out.splitlines()[1].endswith(", none lost, doubled, changed or out of order, interrupted")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--rate", "5", "--lines", "5"], "netkit: --rate and --lines exclude each other\n"),
        (["--size", "31"], "netkit: --size 31: a line has 32 to 4096 bytes\n"),
        (
            ["--clients", "5", "--senders", "5"],
            "netkit: --senders 5: of 5 clients one only listens\nhint: --clients 6\n",
        ),
        (["--insecure"], "netkit: --cacert, --insecure and --server-name are for --tls\n"),
        (["tcp://[::1]:1", "--tls"], "netkit: tcp://[::1]:1 is not what --tls asks for\n"),
        (["fd:3"], "netkit: fd:3: a descriptor is no server\n"),
    ],
)
def test_usage(netkit: Netkit, argv: list[str], message: str) -> None:
    done = netkit("chat", "bench", *argv)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def a_report(**more: Any) -> Report:
    histogram = Histogram()
    for number in range(1, 101):
        histogram.add_many(number / 1000, 10)
    times = histogram.times()
    values: dict[str, Any] = {
        "target": "127.0.0.1:7", "plan": Plan(clients=11, senders=10), "sent": 100, "deliveries": 1000, "seconds": 2.0,
        "first": times, "every": times, "last": times, "histogram": histogram, "lost": 0, "doubled": 0, "reordered": 0,
        "changed": 0, "returned": 0, "closed": 0, "echoes": False, "connect": 0.1, "own": 0.5, "server": None,
        "interrupted": False, "failure": None,
    }  # fmt: skip
    return Report(**{**values, **more})


def text(renderable: Any) -> str:
    out = io.StringIO()
    console = make_console(out, Color.never)
    console.width = 120
    console.print(renderable)
    return out.getvalue()


def test_the_terminal_shows_percentiles_and_bars() -> None:
    shown = text(render(a_report(server=Cost(1.5, 20.0, 30.0))))
    assert "11 clients, 10 of them speak, 100 lines/s of 40 bytes" in shown
    assert "100 lines, 1000 deliveries, 500/s in 2.000 s, none lost, doubled, changed or out of order" in shown
    assert "until each had it" in shown
    assert "█" in shown
    assert "≤ 100.000" in shown
    assert "the server: 75% of a core, 1500.000 us a delivery, 30.0 MiB resident (20.0 when measuring began)" in shown
    assert "this load generator: 25% of a core" in shown


def test_nothing_came() -> None:
    none = Histogram()
    times = none.times()
    report = a_report(deliveries=0, seconds=0.0, first=times, every=times, last=times, histogram=none, lost=1000,
                      server=Cost(0.0, 1.0, 1.0), echoes=True)  # fmt: skip
    assert "≤" not in text(render(report))
    assert list(plain(report)) == [
        "127.0.0.1:7: 11 clients, 10 of them speak, 100 lines/s of 40 bytes, a line comes back to its sender",
        "100 lines, 0 deliveries, 0/s in 0.000 s, 1000 lost",
        "the server: 0% of a core, 0.000 us a delivery, 1.0 MiB resident (1.0 when measuring began)",
        "this load generator: 0% of a core",
    ]


def test_it_says_when_it_is_itself_what_was_measured() -> None:
    shown = list(plain(a_report(own=1.9)))
    assert shown[-1] == "this load generator: 95% of a core: it is what was measured, not the server"


def test_json_has_every_key() -> None:
    found = document(a_report(plan=Plan(rate=None, lines=64), server=Cost(1.5, 20.0, 30.0), failure=PeerError("x")))
    assert list(found) == [
        "type", "target", "tls", "clients", "senders", "rate", "lines", "size", "sent", "deliveries",
        "deliveries_per_s", "duration_ms", "first", "every", "last", "lost", "doubled", "reordered", "changed",
        "returned", "closed", "echoes", "connect_ms", "own_cpu_ms", "server", "interrupted", "error",
    ]  # fmt: skip
    assert (found["rate"], found["lines"], found["error"]["message"]) == (None, 64, "x")
    assert found["server"] == {"cpu_ms": 1500, "cpu_us_per_delivery": 1500, "idle_rss": 20 << 20, "rss": 30 << 20}
    assert list(found["every"]) == [
        "samples", "min_ms", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms",
    ]  # fmt: skip
    assert a_report().exit == Exit.OK
    assert a_report(doubled=1).exit == Exit.NO


def test_progress() -> None:
    assert text(progress(Progress("connecting", 3, 100, 0, 0))).split()[0] == "connecting"
    shown = text(progress(Progress("measuring", 2.4, 10.0, 1000, 99000)))
    assert "2 of 10 s" in shown
    assert "1,000 lines, 99,000 deliveries" in shown


def test_on_a_terminal(terminal: Callable[..., Any]) -> None:
    with relaying(Relay()) as endpoint:
        shown = terminal("chat", "bench", str(endpoint), *SHORT)
    assert shown.returncode == 0
    assert "10 lines, 20 deliveries" in shown.text
