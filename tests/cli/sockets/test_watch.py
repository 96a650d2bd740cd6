"""`netkit watch` as a process: its forms, its command, its signals."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netkit.echo.server.echo import EchoServer
from tests.conftest import MS
from tests.echo.server.conftest import Running, serving
from tests.loopback import tcp
from tests.ports import find_free_port
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
LIMIT = 30_000 * MS
WRONG = '_ws.malformed or tcp.checksum.status == "Bad" or udp.checksum.status == "Bad" or ip.checksum.status == "Bad"'


@pytest.fixture
def server() -> Iterator[Running[EchoServer]]:
    with serving() as running:
        yield running


def test_lines_in_a_pipe(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit("watch", f"a=127.0.0.1:{server.port}", "--stdin", "all", stdin=None, input="hello\n")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
    assert lines[2:4] == ["a > hello", "a < hello"]
    assert lines[-1].startswith("a - close")


def test_json_has_every_key(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit(
        "watch", f"a=127.0.0.1:{server.port}", "--stdin", "a", "--json", stdin=None, input="hi \x00\n", encoding="utf-8"
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    keys = ["time", "event", "label", "peer", "direction", "data", "partial", "connect_ms", "detail"]
    assert all(list(one) == keys for one in events)
    assert [one["data"] for one in events if one["direction"] == "in"] == ["hi \x00\n"]


def test_hex(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit("watch", f"a=127.0.0.1:{server.port}", "--stdin", "a", "--hex", stdin=None, input="hi\n")
    assert "000000  6869 0a" in done.stdout


def test_raw_has_the_exact_bytes_alone(netkit: Netkit, server: Running[EchoServer]) -> None:
    data = bytes(range(256)) + b"\r\n\xff\xfe no end"
    words = [f"a=127.0.0.1:{server.port}", f"127.0.0.1:{find_free_port()}", "--stdin", "a", "--raw"]
    done: Any = netkit("watch", *words, stdin=None, text=False, input=data)
    assert (done.returncode, done.stdout) == (8, data)
    (line,) = done.stderr.decode().splitlines()
    assert re.fullmatch(r"netkit: (127\.0\.0\.1:\d+): refused \1 refused", line)


def test_the_command_takes_its_place(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit("watch", "-q", f"127.0.0.1:{server.port}", "--", "sh", "-c", "echo up; exit 7")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (7, "up")


def test_the_command_is_not_run_when_the_time_is_over(netkit: Netkit) -> None:
    port = find_free_port()
    done = netkit("watch", f"db=127.0.0.1:{port}", "--timeout", "300ms", "--", "echo", "up")
    assert done.returncode == 4
    assert done.stderr == "netkit: all-up did not come within 0.3 s: still waiting for db\n"
    assert "up" not in [line.split()[-1] for line in done.stdout.splitlines()]


def test_a_command_that_is_not_there(netkit: Netkit, server: Running[EchoServer]) -> None:
    done = netkit("watch", f"127.0.0.1:{server.port}", "--", "/nosuch/command")
    assert (done.returncode, done.stderr) == (11, "netkit: /nosuch/command: command not found\n")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ([], 2, "nothing to watch"),
        (["127.0.0.1"], 2, "'127.0.0.1' has no port"),
        (["127.0.0.1:70000"], 2, "port 70000 is outside 1 to 65535"),
        (["fd:99"], 2, "fd:99: descriptor 99 is not open"),
        (["/nosuch/file"], 11, "/nosuch/file: cannot read it: No such file or directory"),
        (["127.0.0.1:1", "--until", "("], 2, None),
        (["127.0.0.1:1", "--raw", "--hex"], 2, "--raw and --hex exclude each other"),
        (["127.0.0.1:1", "--stdin", "x"], 2, "--stdin x: no endpoint has that name"),
        (["127.0.0.1:1", "--pcap", "/nosuch/x"], 11, "--pcap /nosuch/x: No such file or directory"),
        (["-l", "tls://:0"], 2, "-l tls://:0: needs --tls-cert or --tls-self-signed"),
        (["127.0.0.1:1", "--"], 2, "there is no command behind --"),
    ],
)
def test_bad_input(netkit: Netkit, arguments: list[str], code: int, line: str | None) -> None:
    done = netkit("watch", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    if line:
        assert done.stderr.splitlines()[0] == f"netkit: {line}"


def test_json_and_a_dump_exclude_each_other(netkit: Netkit) -> None:
    done = netkit("watch", "127.0.0.1:1", "--json", "--hex")
    assert (done.returncode, json.loads(done.stdout)["error"]["message"]) == (2, "--json and --hex exclude each other")


def test_ctrl_c_ends_it_with_130() -> None:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = Process("watch", "-l", ":0", text=True, **pipes)
    assert process.stdout is not None
    assert "listening" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 130
    assert process.communicate()[1] == ""


def test_a_reader_that_goes_away_ends_it(server: Running[EchoServer]) -> None:
    command = f"yes | {sys.executable} -m netkit watch 127.0.0.1:{server.port} --stdin all --json | head -1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[1]}}"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode in (0, 141)
    assert json.loads(done.stdout)["event"] == "connecting"
    assert done.stderr == ""


def test_a_capture_that_tshark_reads(netkit: Netkit, server: Running[EchoServer], tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        if os.environ.get("NETKIT_PEERS") == "required":
            pytest.fail("tshark is not installed")
        pytest.skip("tshark is not installed")
    file = tmp_path / "x.pcap"
    words = [f"127.0.0.1:{server.port}", f"u=udp://127.0.0.1:{server.port}"]
    done = netkit("watch", *words, "--stdin", "all", "--until", "2", "--pcap", str(file), stdin=None, input="hello\n")
    assert done.returncode == 0
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    shown = subprocess.run(
        [tshark, "-r", str(file), *checks, "-T", "fields", "-e", "_ws.col.Protocol", "-e", "_ws.expert"],
        capture_output=True, text=True, timeout=LIMIT, check=True,
    ).stdout.splitlines()  # fmt: skip
    protocols = [line.split("\t")[0] for line in shown]
    assert protocols.count("TCP") >= 5
    assert protocols.count("UDP") + protocols.count("ECHO") >= 2
    bad = subprocess.run(
        [tshark, "-r", str(file), *checks, "-Y", WRONG],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert bad.stdout == ""


def test_on_a_terminal(terminal: Callable[..., Any], server: Running[EchoServer]) -> None:
    shown = terminal("watch", f"a=127.0.0.1:{server.port}", "--timeout", "600ms", columns=100)
    assert shown.returncode == 4
    assert any(line.endswith(f"a open 127.0.0.1:{server.port}") or " open " in line for line in shown.lines)
    assert "0 B in" in shown.text  # the table of states


def test_hex_on_a_terminal(terminal: Callable[..., Any]) -> None:
    with tcp(lambda client: client.sendall(b"\x1b[2Jhi\n")) as address:
        shown = terminal("watch", f"a={address}", "--hex", columns=100)
    assert shown.returncode == 0
    assert any("000000  1b5b 324a 6869 0a" in line for line in shown.lines)
    assert any(line.endswith("< 7 bytes") for line in shown.lines)


def test_raw_on_a_terminal_is_harmless_and_has_no_table(terminal: Callable[..., Any]) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"\x1b[2Jone\ntwo\n")
        client.recv(1)

    with tcp(serve) as address:
        shown = terminal("watch", str(address), "--raw", "--max-lines", "2", columns=100)
    assert (shown.returncode, shown.text) == (0, "\\x1b[2Jone\ntwo\n")


def test_text_on_a_terminal_is_harmless(terminal: Callable[..., Any]) -> None:
    with tcp(lambda client: client.sendall(b"\x1b[2Jred\xff\n")) as address:
        shown = terminal("watch", "-q", f"a={address}", columns=100)
    assert shown.returncode == 0
    assert shown.lines[0].endswith(r"a < \x1b[2Jred\xff")
