"""`netkit echo-server` as a process: its log, its signals, its sockets, what it refuses."""

import json
import os
import re
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

from tests.conftest import MS
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
NETKIT = [sys.executable, "-m", "netkit", "echo-server"]
LIMIT = 30_000 * MS


class Server:
    """A running server and its JSON events, read as they come."""

    def __init__(self, process: "subprocess.Popen[str]", ready: list[str]) -> None:
        self.process = process
        self.ready = ready

    def port(self, transport: str = "tcp") -> int:
        return int(next(line for line in self.ready if line.startswith(transport)).rpartition(":")[2])

    def wait_for(self, name: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            document: dict[str, Any] = json.loads(line)
            if document["event"] == name:
                return document
        raise AssertionError(f"no {name} event before the end")

    def end(self) -> tuple[int, dict[str, Any]]:
        end = self.wait_for("end")
        return self.process.wait(LIMIT), end

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port()), timeout=LIMIT)


@contextmanager
def serving(*arguments: str, **options: Any) -> Iterator[Server]:
    read, write = os.pipe()
    process = Process(
        *("echo-server", "--port", "0", "--json", "--ready-fd", str(write), *arguments),
        pass_fds=[write],
        text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )
    os.close(write)
    with os.fdopen(read) as ready:
        lines = ready.read().splitlines()
    try:
        yield Server(process, lines)
    finally:
        process.terminate()  # lets connections finish
        try:
            process.communicate(timeout=3000 * MS)
        except subprocess.TimeoutExpired:
            process.terminate()  # does not
            process.communicate(timeout=LIMIT)


KEYS = [
    "time",
    "event",
    "transport",
    "address",
    "peer",
    "id",
    "received_bytes",
    "sent_bytes",
    "duration_ms",
    "reason",
    "detail",
    "times",
    "stats",
]


def test_the_log_of_a_connection() -> None:
    with serving("--once") as server:
        first = server.wait_for("listening")
        assert list(first) == KEYS
        assert (first["transport"], first["address"]) == ("tcp", f"127.0.0.1:{server.port()}")
        with server.connect() as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100, socket.MSG_WAITALL) == b"hello"
        opened = server.wait_for("open")
        assert list(opened) == KEYS
        closed = server.wait_for("close")
        assert (closed["received_bytes"], closed["sent_bytes"], closed["reason"], closed["id"]) == (5, 5, "eof", 1)
        code, end = server.end()
        assert code == 0
        assert (end["stats"]["connections"], end["stats"]["stream_sent"], end["stats"]["refused"]) == (1, 5, {})


def test_tcp_and_udp_share_a_port_on_both_families() -> None:
    with serving() as server:
        port = server.port()
        assert server.ready[:2] == [f"tcp 127.0.0.1:{port}", f"udp 127.0.0.1:{port}"]
        assert server.ready[2:] in ([], [f"tcp [::1]:{port}", f"udp [::1]:{port}"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(LIMIT)
            client.sendto(b"", ("127.0.0.1", port))
            assert client.recv(10) == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_0(number: signal.Signals) -> None:
    with serving() as server:
        server.process.send_signal(number)
        code, end = server.end()
        assert (code, end["stats"]["open"]) == (0, 0)


def test_sigterm_lets_a_connection_finish() -> None:
    with serving() as server, server.connect() as client:
        client.sendall(b"begin")
        assert client.recv(5, socket.MSG_WAITALL) == b"begin"
        server.process.send_signal(signal.SIGTERM)
        assert server.wait_for("draining")["times"] == 1
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        client.sendall(b"end")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100, socket.MSG_WAITALL) == b"end"
        assert server.wait_for("close")["reason"] == "eof"
        assert server.end()[0] == 0


def test_metrics() -> None:
    with serving("--metrics", "0") as server, server.connect() as client:
        client.sendall(b"12345")
        assert client.recv(5, socket.MSG_WAITALL) == b"12345"
        host = next(line for line in server.ready if line.startswith("metrics ")).split()[1]
        with urllib.request.urlopen(f"http://{host}/metrics", timeout=LIMIT) as reply:
            assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            page = reply.read().decode()
        assert "netkit_echo_connections_open 1\n" in page
        assert "netkit_echo_stream_received_bytes_total 5\n" in page
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{host}/other", timeout=LIMIT)


def test_workers_share_the_port_and_sum_up() -> None:
    with serving("--workers", "3", "--metrics", "0") as server:
        for _ in range(20):
            with server.connect() as client:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100, socket.MSG_WAITALL) == b"hello"
        closed = [server.wait_for("close") for _ in range(20)]
        assert all(each["detail"].startswith("worker ") for each in closed)
        for number in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(LIMIT)
                client.connect(("127.0.0.1", server.port()))
                client.send(b"%d" % number)
                assert client.recv(10) == b"%d" % number
        assert server.wait_for("stats")["stats"]["refused"] == {}  # one a second where something has happened
        server.process.send_signal(signal.SIGTERM)
        code, end = server.end()
        assert code == 0
        assert (end["stats"]["connections"], end["stats"]["stream_sent"]) == (20, 100)
        assert end["stats"]["datagrams_sent"] == 10


def test_workers_share_unix_sockets_and_one_count(tmp_path: Path) -> None:
    """Exactly so many are served, however many workers take them at once; each traces under its own name."""
    stream, datagrams = str(tmp_path / "s"), str(tmp_path / "d")
    words = ["--workers", "3", "--unix", stream, "--unix", f"unix-dgram:{datagrams}", "--count", "30", "--trace"]
    with serving(*words) as server:
        assert server.ready == [f"unix unix:{stream}", f"unix-dgram unix-dgram:{datagrams}"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(LIMIT)
            client.bind("")
            client.connect(datagrams)
            for number in range(10):
                client.send(b"%d" % number)
                assert client.recv(10) == b"%d" % number
        clients = [socket.socket(socket.AF_UNIX) for _ in range(24)]
        echoed = 0
        for one in clients:
            one.settimeout(LIMIT)
            with suppress(ConnectionError):
                one.connect(stream)
                one.sendall(b"hello")
        for one in clients:
            with one, suppress(ConnectionError):
                one.shutdown(socket.SHUT_WR)
                echoed += one.recv(100) == b"hello"
        code, end = server.end()
        assert (code, echoed) == (0, 20)
        assert (end["stats"]["connections"], end["stats"]["datagrams_received"], end["stats"]["open"]) == (20, 10, 0)
        assert server.process.stderr is not None
        traced = server.process.stderr.read().splitlines()
        accepts = [line for line in traced if " accept " in line]
        assert len(accepts) == 20
        assert all(re.search(r" unix:\S+ \(worker \d+\)$", line) for line in accepts)
        assert not os.path.exists(stream)


def test_a_worker_that_dies_ends_the_whole() -> None:
    with serving("--workers", "2") as server:
        with server.connect() as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            pid = int(server.wait_for("open")["detail"].removeprefix("worker "))
        os.kill(pid, signal.SIGKILL)
        assert server.end()[0] == 11
        assert server.process.stderr is not None
        assert server.process.stderr.read() == f"netkit: worker {pid} ended unexpectedly (signal 9)\n"


def test_handed_over_sockets_are_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        moved = os.dup2(listener.fileno(), 63)  # a number that is not 3 itself, so that dup2 makes it inheritable
        code = (
            "import os, sys; os.dup2(63, 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
            "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        )
        arguments = [*NETKIT[1:], "--tcp", "--once", "--json"]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], pass_fds=[moved], stdout=subprocess.PIPE, text=True
        )
        os.close(moved)
        server = Server(process, [f"tcp 127.0.0.1:{port}"])
        assert server.wait_for("listening")["address"] == f"127.0.0.1:{port}"
        with server.connect() as client:
            client.sendall(b"hello")
            assert client.recv(5, socket.MSG_WAITALL) == b"hello"
        assert server.end()[0] == 0
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--port", "65536"], 2, "netkit: port 65536 is outside 0 to 65535"),
        (["--port", "abc"], 2, "netkit: port 'abc' is no service name of this system (services(5))"),
        (["--port=-1"], 2, "netkit: port '-1' is neither a number nor a service name"),
        (["--bind", "192.0.2.1"], 11, "netkit: 192.0.2.1 is not an address of this machine"),
        (["--bind", "fe80::1"], 11, "netkit: fe80::1 needs an interface"),
        (["--bind", "127.1"], 2, None),
        (["--once", "--count", "2"], 2, "netkit: --once is --count 1: use one of them"),
        (["--tls-key", "x"], 2, "netkit: --tls-key needs --tls-cert, the certificate it belongs to"),
        (["--tls-cert", "/nosuch"], 2, "netkit: /nosuch: cannot read it: No such file or directory"),
        (["--drop", "2"], 2, None),
        (["--metrics", "99999"], 2, "netkit: port 99999 is outside 0 to 65535"),
        (["--ready-fd", "99"], 2, "netkit: --ready-fd 99: no such descriptor is open"),
    ],
)
def test_bad_input_is_told_in_a_line(netkit: Netkit, arguments: list[str], code: int, line: str | None) -> None:
    done = netkit("echo-server", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    if line:
        assert done.stderr.splitlines()[0] == line
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize("only", ["--tcp", "--udp"])
def test_a_port_in_use_names_its_holder(netkit: Netkit, only: str) -> None:
    with serving(only) as server:
        done = netkit("echo-server", only, "--port", str(server.port(only[2:])))
        assert done.returncode == 11
        assert f"{server.port(only[2:])}" in done.stderr
        assert f"(pid {server.process.pid})" in done.stderr
        assert "--port 0" in done.stderr


def test_with_the_standard_streams_closed_no_socket_is_one_of_them(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command = " ".join([*NETKIT, "--port", "0", "--once", "--ready-file", str(ready), "<&-", ">&-", "2>&-"])
    process = subprocess.Popen(["sh", "-c", f"exec {command}"])
    while not ready.exists():
        assert process.poll() is None
    port = int(ready.read_text().splitlines()[0].rpartition(":")[2])
    links = {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in (0, 1, 2)}
    assert links == {"/dev/null"}
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    assert process.wait(LIMIT) == 0
    assert not ready.exists()


def test_tls_with_a_certificate_made_now(tmp_path: Path) -> None:
    import ssl

    certificate = tmp_path / "cert.pem"
    with serving("--tls-self-signed", "--tls-write-cert", str(certificate), "--tcp") as server:
        context = ssl.create_default_context(cafile=str(certificate))
        raw = socket.create_connection(("127.0.0.1", server.port("tls")), timeout=LIMIT)
        with context.wrap_socket(raw, server_hostname="localhost") as client:
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
        assert server.wait_for("open")["transport"] == "tls"


def test_a_reader_that_goes_away_ends_it() -> None:
    read, write = os.pipe()
    with serving(stdout=write) as server:
        os.close(write)
        os.close(read)
        with server.connect() as client:
            client.sendall(b"x")
            assert server.process.wait(LIMIT) == 141
            assert server.process.stderr is not None
            assert server.process.stderr.read() == ""


def test_a_trace_shows_the_socket_calls() -> None:
    with serving("--once", "--trace") as server:
        with server.connect() as client:
            client.sendall(b"hello")
            assert client.recv(5, socket.MSG_WAITALL) == b"hello"
        assert server.end()[0] == 0
        assert server.process.stderr is not None
        steps = [line.split()[1] for line in server.process.stderr.read().splitlines()]
        assert steps[-5:] == ["accept", "recv", "send", "recv", "close"]
        assert steps[:3] == ["socket", "bind", "listen"]
