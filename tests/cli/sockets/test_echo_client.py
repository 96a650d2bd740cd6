"""`netkit echo-client` as a process: what it prints, how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netkit.echo.server.echo import EchoServer
from netkit.echo.server.faults import Faults
from tests.conftest import MS
from tests.echo.server.conftest import Running, serving
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[Running[EchoServer]]:
    with serving() as running:
        yield running


def test_probes_in_a_pipe(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit("echo-client", f"127.0.0.1:{server.port}", "-n", "2", "-i", "10ms")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [re.sub(r"\d+\.\d+", "T", line) for line in lines[:2]] == ["#0 64 bytes T ms", "#1 64 bytes T ms"]
    assert lines[2].startswith(f"tcp 127.0.0.1:{server.port}: 2 sent, 2 received, 0.0% lost, ")
    assert lines[3].startswith("rtt ms: min ")


def test_json_has_every_key(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit("echo-client", "--udp", f"127.0.0.1:{server.port}", "-n", "1", "--json")
    probe, summary = map(json.loads, done.stdout.splitlines())
    keys = ["type", "time", "number", "lane", "size", "outcome", "rtt_ms", "reordered", "difference"]
    assert list(probe) == keys
    assert (probe["type"], probe["number"], probe["outcome"], probe["difference"]) == ("probe", 0, "ok", None)
    assert (summary["type"], summary["transport"], summary["tcp"], summary["error"]) == ("summary", "udp", None, None)
    assert list(summary["rtt"]) == [
        "samples", "min_ms", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms", "jitter_ms",
    ]  # fmt: skip


def test_a_stream_from_stdin_and_from_a_file(netkit: Netkit, server: Running[EchoServer], tmp_path: Path) -> None:
    address = f"127.0.0.1:{server.port}"
    done = netkit("echo-client", address, "--stdin", "--json", stdin=None, input="hello")
    result = json.loads(done.stdout)
    assert (done.returncode, result["sent"], result["received"]) == (0, 5, 5)
    assert result["sha256"] == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    file = tmp_path / "data"
    file.write_text("some text\n")
    done = netkit("echo-client", address, "--file", str(file), "--print")
    assert (done.returncode, done.stdout, done.stderr) == (0, "some text\n", "")


def test_stdin_is_not_read_unasked(netkit: Netkit, server: Running[EchoServer]) -> None:
    read, write = os.pipe()
    os.write(write, b"not for you")
    assert netkit("echo-client", f"127.0.0.1:{server.port}", "-n", "1", "-q", stdin=read).returncode == 0
    assert os.read(read, 100) == b"not for you"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("words", [["-i", "1h"], ["-i", "10ms", "-n", "100000"]], ids=["waiting", "anywhere"])
def test_ctrl_c_shows_what_was_measured(server: Running[EchoServer], words: list[str]) -> None:
    argv = ["echo-client", f"127.0.0.1:{server.port}", *words]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with Process(*argv, **pipes) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("#0 64 bytes ")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60_000 * MS)
    lines = [line for line in stdout.splitlines() if not line.startswith("#")]
    assert (process.returncode, stderr) == (130, "")
    assert re.match(rf"tcp 127\.0\.0\.1:{server.port}: \d+ sent, \d+ received, 0\.0% lost, ", lines[0])
    assert lines[1].startswith("rtt ms: min ")


def test_a_long_stream_at_a_terminal_shows_its_progress(terminal: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(bytes(3 << 20))
    with serving(faults=Faults(delay=0.55)) as slow:  # which takes a MiB at once, so it lasts three times as long
        shown = terminal("echo-client", f"127.0.0.1:{slow.port}", "--file", str(file), columns=120)
    assert shown.returncode == 0
    assert "/3.1 MB" in shown.text  # the bar, while it came
    assert any(line.startswith("3145728 bytes sent, 3145728 equal") for line in shown.lines)


def test_nobody_there(netkit: Netkit) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        done = netkit("echo-client", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"netkit: cannot connect to 127.0.0.1:{port}: refused\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["127.0.0.1:70000"], "port 70000 is outside 1 to 65535"),
        (["--udp", "--tls"], "--udp and --tls exclude each other"),
        (["--rate", "10/s", "--flood"], "--interval, --rate and --flood exclude each other"),
        (["--stdin", "--flood"], "--flood is for probes, not for a stream"),
        (["--stdin", "--file", "x"], "--stdin and --file both say what to send: use one of them"),
        (["--insecure"], "--cacert, --insecure and --server-name are for --tls"),
        (["--udp", "tcp://127.0.0.1:1"], "tcp://127.0.0.1:1 is not what --udp asks for"),
        (["--size", "70000", "--udp"], "a datagram carries at most 65507 bytes, not 70000"),
        (["fd:3"], "fd:3: a descriptor is no server"),
        (["--print"], "--print is for a stream: --stdin or --file"),
    ],
)
def test_bad_input(netkit: Netkit, arguments: list[str], line: str) -> None:
    done = netkit("echo-client", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"netkit: {line}"


def test_a_file_that_is_not_there(netkit: Netkit) -> None:
    done = netkit("echo-client", "--file", "/nosuch")
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == "netkit: --file /nosuch: cannot read it: No such file or directory\n"
