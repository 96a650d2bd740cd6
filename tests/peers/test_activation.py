"""systemd-socket-activate as the parent that hands sockets over, the way systemd does it for a socket unit."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MS

Program = Callable[[str], str]
LIMIT = 30_000 * MS
ROOT = str(Path(__file__).resolve().parents[2])


@contextmanager
def activated(program: Program, options: list[str], *command: str) -> Iterator["subprocess.Popen[str]"]:
    """Listening by itself until the first client comes; then it becomes the command."""
    argv = [program("systemd-socket-activate"), *options, "-E", f"PYTHONPATH={ROOT}"]
    process = subprocess.Popen(
        [*argv, sys.executable, "-m", "netkit", *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        assert process.stderr.readline().startswith("Listening on ")
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    """Its exit code, and what it said without the time."""
    stdout, _ = process.communicate(timeout=LIMIT)
    return process.returncode, [line.split(" ", 1)[1] for line in stdout.splitlines()]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stream(program: Program, free_port: Callable[[], int], workers: str) -> None:
    address = f"127.0.0.1:{free_port()}"
    with activated(program, ["-l", address], "echo-server", "--once", "--workers", workers) as process:
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT) as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(10, socket.MSG_WAITALL) == b"hello"
        code, lines = ended(process)
    assert (code, lines[0]) == (0, f"listening tcp {address}")
    assert lines[-1] == "end 1 connections; 5 bytes in, 5 out"


def test_datagrams(program: Program, free_port: Callable[[], int]) -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        activated(program, ["-d", "-l", address], "echo-server", "--once") as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(LIMIT)
        client.sendto(b"hello", ("127.0.0.1", int(address.rpartition(":")[2])))
        assert client.recv(10) == b"hello"
        code, lines = ended(process)
    assert (code, lines) == (0, [f"listening udp {address}", "end 1 datagrams in, 1 out"])


@pytest.mark.parametrize("kind", ["unix", "unix-dgram"])
def test_unix_sockets(program: Program, tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "s")
    options = ["-d", "-l", path] if kind == "unix-dgram" else ["-l", path]
    with (
        activated(program, options, "hello-server", "hello {n}", "--once") as process,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "unix-dgram" else socket.SOCK_STREAM) as client,
    ):
        client.settimeout(LIMIT)
        client.bind("")
        client.connect(path)
        client.send(b"x")
        assert client.recv(100) == b"hello 1"
        client.close()
        code, lines = ended(process)
    assert (code, lines[0]) == (0, f"listening {kind} {kind}:{path}")
    assert os.path.exists(path)  # it is whose who made it


def test_a_socket_that_is_not_served(program: Program, free_port: Callable[[], int]) -> None:
    address = f"127.0.0.1:{free_port()}"
    with activated(program, ["-l", address], "echo-server", "--udp") as process:
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT):
            _, stderr = process.communicate(timeout=LIMIT)
    assert process.returncode == 2
    assert stderr.splitlines()[-1] == f"netkit: LISTEN_FDS: tcp {address} was handed over, and this serves udp alone"
