"""Real programs as peers: free ports for them, and daemons that end with the test."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A port of 127.0.0.1 that is free for TCP and UDP now."""

    def find() -> int:
        for _ in range(50):
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", 0))
                port = int(tcp.getsockname()[1])
                try:
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
        raise AssertionError("no port is free for both TCP and UDP")

    return find


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a daemon in the foreground and wait until it accepts TCP on a port; ended after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, port: int) -> subprocess.Popen[bytes]:
        log = tmp_path / f"{Path(argv[0]).name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        running.append(process)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if process.poll() is not None:
                    pytest.fail(f"{argv[0]} ended with {process.returncode}:\n{log.read_text()}")
            else:
                return process

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait()
