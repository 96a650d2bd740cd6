"""`netkit chat serve` as a process: its lines, its JSON, its signals, what it refuses."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from netkit.chat.event import Event, event
from netkit.cli.options import Color
from netkit.cli.output.chat.serve import document, plain
from netkit.cli.output.chat.serve_rich import render
from netkit.cli.output.log_file import LogFile
from netkit.cli.output.sink import make_console
from tests.chat.conftest import GREETING, Client
from tests.conftest import MS
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
LIMIT = 30_000 * MS
KEYS = ["time", "event", "node", "id", "address", "name", "room", "kind", "line", "seq", "reason", "detail", "bytes",
        "lines", "duration_ms", "times", "by"]  # fmt: skip


class Server:
    """A running server, and what it prints."""

    def __init__(self, process: "subprocess.Popen[str]", ready: list[str]) -> None:
        self.process = process
        self.ready = ready
        self.clients: list[Client] = []
        self.port = int(next(line for line in ready if line.startswith(("tcp", "tls"))).rpartition(":")[2])

    def join(self) -> Client:
        client = self.connect()
        client.expect(GREETING)
        return client

    def connect(self) -> Client:
        self.clients.append(Client(socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)))
        return self.clients[-1]

    def line(self) -> str:
        assert self.process.stdout is not None
        return str(self.process.stdout.readline())

    def wait_for(self, name: str) -> dict[str, Any]:
        while line := self.line():
            found: dict[str, Any] = json.loads(line)
            assert list(found) == KEYS
            if found["event"] == name:
                return found
        raise AssertionError(f"no {name} event before the end")


@contextmanager
def serving(*arguments: str, **options: Any) -> Iterator[Server]:
    read, write = os.pipe()
    process = Process(
        *("chat", "serve", "--port", "0", "--ready-fd", str(write), *arguments),
        pass_fds=[write],
        text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )
    os.close(write)
    with os.fdopen(read) as ready:
        lines = ready.read().splitlines()
    server = Server(process, lines)
    try:
        yield server
    finally:
        for client in server.clients:
            client.close()
        for _ in range(2):  # the second does not wait for clients
            if process.poll() is None:
                process.terminate()
        process.communicate(timeout=LIMIT)


def test_it_prints_what_the_tutorials_does() -> None:
    with serving("--bind", "127.0.0.1") as server:
        assert server.line() == f"ChatServer started on port {server.port}\n"
        one = server.join()
        assert server.line() == f"Client joined {one.name}\n"
        two = server.join()
        assert server.line() == f"Client joined {two.name}\n"
        two.send(b"Hello, is anyone there?\r\n\x1b[2J\n")
        assert server.line() == f"[{two.name}] Hello, is anyone there?\n"
        assert server.line() == f"[{two.name}] \\x1b[2J\n"
        one.close()
        assert server.line() == f"Client left {one.name}\n"


OPEN = "lets in whoever can reach it, and what is said can be read on the way"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--bind", "0.0.0.0"), True),
        (("--bind", "::1", "--bind", "0.0.0.0"), True),
        (("--bind", "127.0.0.1"), False),
        (("--bind", "0.0.0.0", "--tls-self-signed"), False),
        (("--bind", "0.0.0.0", "--allow", "127.0.0.0/8"), False),
        (("--bind", "0.0.0.0", "--password-file", "secret"), False),
        (("--bind", "0.0.0.0", "-q"), False),
    ],
)
def test_an_open_chat_is_worth_a_warning(
    netkit: Netkit, arguments: tuple[str, ...], told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("sesame\n")
    monkeypatch.chdir(tmp_path)
    done = netkit("chat", "serve", "--port", "0", "--duration", "10ms", *arguments)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert [line.partition(" lets")[0][:20] for line in lines if OPEN in line] == ["netkit: tcp 0.0.0.0:"] * told
    assert len(lines) == 2 * told


def test_json_drain_and_end() -> None:
    with serving("--json", "--bind", "127.0.0.1") as server:
        assert server.wait_for("listening")["address"] == f"127.0.0.1:{server.port}"
        one = server.join()
        joined = server.wait_for("join")
        assert (joined["id"], joined["address"], joined["name"], joined["room"]) == (1, one.name, one.name, "lobby")
        one.send("grün \x1b\n".encode())
        said = server.wait_for("say")
        while said["kind"] != "say":
            said = server.wait_for("say")
        assert (said["line"], said["seq"], said["reason"]) == (f"[{one.name}] grün \\x1b\n", 2, None)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait_for("draining")["times"] == 1
        one.expect_end("* the server stops\r\n")
        left = server.wait_for("leave")
        assert (left["reason"], left["bytes"]) == ("shutdown", 8)
        assert server.wait_for("stop")["duration_ms"] > 0
        assert server.process.wait(LIMIT) == 0


def test_a_second_signal_does_not_wait_for_who_does_not_read() -> None:
    with serving("--quiet", "--bind", "127.0.0.1", "--rate", "off") as server:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect(("127.0.0.1", server.port))
        one = server.join()
        one.send((b"x" * 4000 + b"\n") * 200 + b"/ping\n")
        one.expect("* pong\r\n")
        server.process.send_signal(signal.SIGINT)
        one.expect("* the server stops\r\n")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(LIMIT) == 0
        slow.close()


def test_ready_file_and_metrics(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with serving("--ready-file", str(ready), "--metrics", "0", "--bind", "127.0.0.1") as server:
        assert ready.read_text().splitlines() == server.ready
        assert server.ready[0] == f"tcp 127.0.0.1:{server.port}"
        host = server.ready[1].removeprefix("metrics ")
        server.join()
        with urllib.request.urlopen(f"http://{host}/metrics", timeout=LIMIT) as reply:
            page = reply.read().decode()
        assert "netkit_chat_clients 1\n" in page
    assert not ready.exists()


def test_few_descriptors_are_told_and_cost_no_time() -> None:
    """Row 16."""
    code = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); runpy.run_module('netkit', run_name='__main__')"  # fmt: skip  # noqa: E501
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code, "chat", "serve", "--port", "0", "--bind", "127.0.0.1", "--json", "--ready-fd",
         str(write)],
        pass_fds=[write], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as ready:
        server = Server(process, ready.read().splitlines())
    try:
        clients = [server.connect() for _ in range(80)]
        words = [client.line() for client in clients]
        full = [word for word in words if word == b"* server full\r\n"]
        assert 16 < len(full) < 60
        assert set(words) == {GREETING, b"* server full\r\n"}
        refused = server.wait_for("refused")
        assert (refused["reason"], refused["detail"]) == ("descriptors", "this process may open no more")
        turns = Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]
        clients[0].send(b"/ping\n")
        while clients[0].line() != b"* pong\r\n":
            pass
        later = Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]
        assert sum(map(int, later)) - sum(map(int, turns)) <= 2  # hundredths of a second
        for client in clients:
            client.close()
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT)


def test_ten_megabytes_without_a_line_end_cost_no_memory() -> None:
    """Row 5."""
    with serving("-q", "--bind", "127.0.0.1") as server:

        def resident() -> int:
            """Bytes."""
            return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

        one, two, three = server.join(), server.join(), server.join()
        two.expect(f"Client joined {three.name}\r\n")
        before = resident()
        one.socket.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while sent < 10 << 20:
                sent += one.socket.send(b"x" * 65536)
        assert 64 * 1024 < sent < 10 << 20  # the rate has closed the tap
        three.send(b"meanwhile\n")
        while two.line() != f"[{three.name}] meanwhile\n".encode():
            pass
        assert resident() - before < 1 << 20


def test_it_raises_its_own_limit_of_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving("--bind", "127.0.0.1", "--max-clients", "2000") as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        found = re.search(r"Max open files\s+(\d+)", limits)
        assert found is not None
        assert int(found[1]) >= min(hard, max(soft, 2000))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--notices", "some"], "--notices some: it is one of all, digest, off"),
        (["--slow", "wait"], "--slow wait: it is one of drop, skip"),
        (["--rate", "x"], "x"),
        (["--allow", "nonsense"], "--allow nonsense"),
        (["--metrics", "a:b"], "'b' is no service name"),
        (["--password-file", "/dev/null"], "--password-file /dev/null: the password is empty"),
        (["--tls-key", "/nonexistent"], "--tls-key"),
        (["--max-line", "x"], "--max-line"),
        (["--max-line", "0"], "--max-line 0: from 16 to 1048576 bytes"),
        (["--max-line", "2M"], "--max-line 2097152: from 16 to 1048576 bytes"),
        (["--sendq", "1K"], "--sendq 1024: from 4096 to 1073741824 bytes"),
        (["--idle", "0"], "--idle"),
        (["--port", "99999"], "99999"),
    ],
)
def test_bad_options(netkit: Netkit, arguments: list[str], told: str) -> None:
    done = netkit("chat", "serve", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use(netkit: Netkit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = netkit("chat", "serve", "--bind", "127.0.0.1", "--port", str(port))
    assert done.returncode == 11
    assert f"127.0.0.1:{port} is in use" in done.stderr


def shown(entry: Event) -> str:
    import io

    stream = io.StringIO()
    console = make_console(stream, Color.never)
    console.width = 100
    if (line := render(entry)) is not None:
        console.print(line)
    return stream.getvalue()


def test_hostile_names_and_lines_are_harmless_on_a_terminal() -> None:
    said = event("say", id=1, name="x\x1b[2J", line=b"[x\x1b[2J] [red]hi[/red] \xe9\x9b\x07\n", reason="say")
    assert shown(said).split(" ", 1)[1] == "[x\\x1b[2J] [red]hi[/red] \\xe9\\x9b\\x07\n"
    refused = event("refused", addr="unix:\x1b[31m", reason="banned", times=3)
    assert shown(refused).split(" ", 1)[1] == "* refused unix:\\x1b[31m banned by a moderator (3 times)\n"
    assert shown(event("join", name="x")) == ""
    assert shown(event("say", name="", line="Client joined \u202ex\r\n".encode(), reason="join")).split(" ", 1)[1] == (
        "Client joined \\u202ex\n"
    )


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (event("kick", name="joe", reason="kicked", detail="too loud", by="root1"),
         "* kick joe put out by a moderator: too loud (by root1)"),
        (event("kick", name="joe", reason="kicked", by="ann"), "* kick joe put out by a moderator (by ann)"),
        (event("kick", name="joe", reason="muted", seconds=60.0, by="ann"),
         "* kick joe muted by a moderator (by ann, for 60 s)"),
        (event("kick", reason="banned", detail="192.0.2.1", seconds=2.5, by="ann"),
         "* kick banned by a moderator: 192.0.2.1 (by ann, for 2.5 s)"),
        (event("limit", name="ann", reason="op"), "* limit ann is a moderator now"),
        (event("limit", name="ann", reason="password", detail="/op"),
         "* limit ann a wrong password, or none in time: /op"),
        (event("bus", reason="lost", detail="unexpected EOF"),
         "* bus the connection to the broker was lost: unexpected EOF"),
        (event("bus", reason="skipped", lines=7), "* bus lines were skipped (7 lines)"),
        (event("bus", reason="held", lines=1), "* bus messages are held (1 line)"),
        (event("refused", addr="x", reason="max_conns", detail="the server is full", times=2),
         "* refused x the server is full (2 times)"),
    ],
)  # fmt: skip
def test_what_the_server_does_is_said_whole(said: Event, line: str) -> None:
    assert list(plain(said)) == [line]


def test_pipes_and_json_are_exact() -> None:
    said = event("say", name="x", line=b"[x] \xe9\n", reason="say", seq=7)
    assert list(plain(said)) == ["[x] \\xe9"]
    assert document(said)["line"] == {"base64": "W3hdIOkK"}
    assert list(plain(event("join", name="x"))) == []
    assert list(plain(event("listening", addr="0.0.0.0:5"))) == ["ChatServer started on port 5 of 0.0.0.0"]
    assert list(plain(event("listening", addr="unix:/x"))) == ["ChatServer started on unix:/x"]


def test_the_log_is_json_lines_whatever_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text('{"before": true}\n')
    with serving("-q", "--log", str(file), "--bind", "127.0.0.1", "--accept-rate", "off") as server:
        one = server.join()
        one.send(b"\x1b[2J \xc3\xa9 \xe9\n/quit\n")
        one.expect_end("* goodbye\r\n")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0] == {"before": True}
    assert all(list(line) == KEYS for line in lines[1:])
    assert " ".join(line["event"] for line in lines[1:]) == ("listening join say say say leave draining stop")
    assert lines[4]["line"] == f"[{one.name}] \\x1b[2J é \\xe9\n"
    assert b"\x1b" not in file.read_bytes()


def test_a_log_that_cannot_be_written(netkit: Netkit, capsys: pytest.CaptureFixture[str]) -> None:
    done = netkit("chat", "serve", "--log", "/nonexistent/log")
    assert done.returncode == 11
    assert "--log /nonexistent/log: cannot write it" in done.stderr
    log = LogFile(Path("/dev/full"), document)
    log.write(event("stop"))
    log.write(event("stop"))
    log.close()
    assert capsys.readouterr().err.count("\n") == 1


def test_proxies_are_networks(netkit: Netkit) -> None:
    done = netkit("chat", "serve", "--proxy-protocol", "10.0.0.0/33")
    assert done.returncode == 2
    assert "--proxy-protocol 10.0.0.0/33" in done.stderr


def talk(server: Server, lines: range) -> None:
    """One says them, and another hears them all."""
    one, two = server.clients
    said = [b"%05d %b\n" % (number, b"x" * 500) for number in lines]
    for begin in range(0, len(said), 100):
        some = said[begin : begin + 100]
        one.send(b"".join(some))
        two.expect(b"".join(b"[%b] %b" % (one.name.encode(), line) for line in some))


@pytest.mark.parametrize("form", [["--json"], []])
def test_an_event_log_that_nobody_reads_stalls_nobody_and_says_what_is_missing(form: list[str]) -> None:
    with serving("--rate", "off", *form) as server:
        server.join(), server.join()
        server.clients[0].expect(f"Client joined {server.clients[1].name}\r\n")
        talk(server, range(4000))  # 2 MB and more of events
        numbers: list[int] = []
        missing = 0
        while not numbers or numbers[-1] < 4002:
            line = server.line()
            if form:
                found = json.loads(line)
                missing += found["times"] if found["reason"] == "log" else 0
                text = found["line"] or "" if found["event"] == "say" else ""
            else:
                told = re.fullmatch(r"\* limit events that .* it was not read(?: \((\d+) times\))?\n", line)
                missing += int(told[1] or 1) if told else 0
                text = line if line.startswith("[") else ""
            numbers += [int(number) for number in re.findall(r"\] (\d{5}) x{500}", text)]
            if missing and numbers[-1] < 4000:
                talk(server, range(4000, 4003))
        assert missing > 1000
        assert numbers == [*range(4000 - missing), 4000, 4001, 4002]
        server.process.terminate()
        assert server.process.wait(LIMIT) == 0


def test_what_nobody_has_read_at_the_end_is_told() -> None:
    with serving("--rate", "off", "--json") as server:
        server.join(), server.join()
        server.clients[0].expect(f"Client joined {server.clients[1].name}\r\n")
        talk(server, range(1000))
        server.process.terminate()
        assert server.process.wait(LIMIT) == 0
        assert server.process.stderr is not None
        told = r"netkit: standard output is not read: \d{5,} bytes of events are lost\n"
        assert re.fullmatch(told, server.process.stderr.read())
