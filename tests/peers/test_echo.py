"""Our echo and hello servers and clients with ncat, nc and socat on the other side."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netkit.echo.client.ping import ping
from netkit.echo.client.result import Summary
from netkit.echo.client.stream import echo
from netkit.errors import Exit
from netkit.net.address import Endpoint
from tests.conftest import MS
from tests.echo.server.conftest import greeting_with, serving
from tests.ports import find_free_port

Program = Callable[[str], str]
LIMIT = 30_000 * MS


@pytest.mark.parametrize(
    "words",
    [["nc", "-N", "127.0.0.1", "PORT"], ["ncat", "127.0.0.1", "PORT"], ["socat", "-t5", "-", "TCP:127.0.0.1:PORT"]],
)
def test_their_clients_get_all_back(program: Program, words: list[str]) -> None:
    data = os.urandom(1_000_000)
    with serving() as server:
        argv = [program(words[0]), *(word.replace("PORT", str(server.port)) for word in words[1:])]
        done = subprocess.run(argv, input=data, capture_output=True, timeout=LIMIT, check=False)
        assert (done.returncode, done.stdout == data) == (0, True)
        assert server.wait_for("close").reason == "eof"


def test_sockperf_floods_us(program: Program) -> None:
    """Every datagram of its load test is echoed. Its other modes ignore what does not bear its server's mark."""
    with serving() as server:
        argv = [program("sockperf"), "throughput", "-i", "127.0.0.1", "-p", str(server.port), "-t", "1", "--mps", "500"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT, check=False)
        assert done.returncode == 0
        found = re.search(r"Total of (\d+) messages sent", done.stdout)
        assert found
        counts = server.counts()
        assert counts.datagrams_received >= int(found[1]) > 0
        assert counts.datagrams_sent == counts.datagrams_received


@pytest.mark.parametrize(
    "words",
    [
        ["socat", "TCP-LISTEN:PORT,bind=127.0.0.1,reuseaddr", "PIPE"],
        ["ncat", "-l", "-e", "/bin/cat", "127.0.0.1", "PORT"],
    ],
)
def test_their_servers_are_probed(program: Program, words: list[str]) -> None:
    port = find_free_port()
    server = subprocess.Popen([program(words[0]), *(word.replace("PORT", str(port)) for word in words[1:])])
    try:
        wait_for_listener(port, server)
        *_, summary = ping(Endpoint("tcp", "127.0.0.1", port), count=5, interval=None, size=1000, wait=LIMIT)
        assert isinstance(summary, Summary)
        assert (summary.received, summary.corrupt, summary.exit) == (5, 0, Exit.OK)
    finally:
        server.kill()
        server.wait()


def test_a_stream_through_socat(program: Program, tmp_path: Path) -> None:
    port = find_free_port()
    # Pieces of PIPE_BUF: a larger one may block socat, which alone empties the pipe that it fills.
    words = ["-t5", "-b4096", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr", "PIPE"]
    server = subprocess.Popen([program("socat"), *words])
    data = tmp_path / "data"
    data.write_bytes(os.urandom(3_000_000))
    try:
        wait_for_listener(port, server)
        with data.open("rb") as file:
            result = echo(Endpoint("tcp", "127.0.0.1", port), file.fileno(), timeout=LIMIT)
        assert (result.exit, result.received) == (Exit.OK, 3_000_000)
    finally:
        server.kill()
        server.wait()


def test_a_telnet_session(program: Program) -> None:
    with serving() as server:
        session = subprocess.Popen(
            [program("telnet"), "127.0.0.1", str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert session.stdin is not None
        assert session.stdout is not None
        for line in (b"hello\n", b"a second line \xc3\xa9\n"):
            session.stdin.write(line)
            session.stdin.flush()
            while (came := session.stdout.readline()) != line:
                assert came.startswith((b"Trying", b"Connected", b"Escape"))
        session.communicate(timeout=LIMIT)
        assert server.wait_for("close").reason == "eof"


def test_telnet_is_greeted(program: Program) -> None:
    with greeting_with("Hello {peer}\n") as server:
        argv = [program("telnet"), "127.0.0.1", str(server.port)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as session:
            assert session.stdout is not None
            assert session.stderr is not None
            lines = session.stdout.read().splitlines()
            assert session.stderr.read() == b"Connection closed by foreign host.\n"
    assert lines[-1] == b"Hello 127.0.0.1"


def wait_for_listener(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Until /proc/net/tcp has the listener: connecting would take the one connection that it serves."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    while wanted not in Path("/proc/net/tcp").read_text():
        assert server.poll() is None
