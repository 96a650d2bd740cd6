"""Real programs as peers: free ports for them, and daemons that end with the test."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.daemons import await_port
from tests.ports import find_free_port


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A port of 127.0.0.1 that is free for TCP and UDP now."""
    return find_free_port


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a daemon in the foreground and wait until it accepts TCP on a port; ended after the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, port: int) -> subprocess.Popen[bytes]:
        log = tmp_path / f"{Path(argv[0]).name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        running.append(process)
        await_port(process, port, log)
        return process

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait()
