"""A server whose standard output is a pipe that nobody reads: its clients are served, and what is missing is told."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conftest import MS
from tests.loopback import read_all
from tests.warm import Process

LIMIT = 30_000 * MS
TOLD = "events are missing here: standard output was not read"
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@contextmanager
def serving(*command: str) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """The server on 127.0.0.1, and what it told through --ready-fd."""
    read, write = os.pipe()
    options = ["--port", "0", "--bind", "127.0.0.1", "--ready-fd", str(write)]
    process = Process(*command, *options, pass_fds=[write], **PIPES)
    os.close(write)
    with open(read) as ready:
        lines = ready.read().splitlines()
    try:
        yield process, lines
    finally:
        process.kill()
        process.communicate()


def events(process: "subprocess.Popen[str]", told: Callable[[str], int | None]) -> tuple[list[str], int]:
    """All lines but those that tell of missing ones, and how many are missing; the server is stopped at the first."""
    seen, missing = [], 0
    assert process.stdout is not None
    for line in process.stdout:
        number = told(line)
        if number is None:
            seen.append(line)
        else:
            missing += number
            process.terminate()
    assert process.wait(LIMIT) == 0
    return seen, missing


@pytest.mark.parametrize("command", [["echo-server"], ["echo-server", "--workers", "2"], ["hello-server"]])
def test_clients_are_served_and_what_is_missing_is_told(command: list[str]) -> None:
    clients = 9000  # two lines each: 1.3 MB
    with serving(*command, "--tcp") as (process, ready):
        port = int(ready[0].rpartition(":")[2])
        for _ in range(clients):
            with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
                client.sendall(b"Hello from")
                client.shutdown(socket.SHUT_WR)
                assert read_all(client).startswith(b"Hello from")

        def told(line: str) -> int | None:
            found = re.search(rf" limit (\d+) {TOLD}$", line)
            return int(found[1]) if found else None

        seen, missing = events(process, told)
        assert missing > 1000
        kinds = [line.split()[1] for line in seen]
        assert kinds.count("open") + kinds.count("close") + missing == 2 * clients
        assert (kinds[0], kinds[-1]) == ("listening", "end")


def test_the_counts_go_on_for_a_reader_of_json() -> None:
    clients = 4000  # two objects each: 2.3 MB
    with serving("echo-server", "--tcp", "--json") as (process, ready):
        port = int(ready[0].rpartition(":")[2])
        for _ in range(clients):
            with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"x"

        def told(line: str) -> int | None:
            event = json.loads(line)
            return event["times"] if (event["event"], event["reason"]) == ("limit", "log") else None

        seen, missing = events(process, told)
        assert missing > 1000
        end = json.loads(seen[-1])
        assert (end["event"], end["stats"]["connections"]) == ("end", clients)


@pytest.mark.parametrize("form", [["--json"], []])
def test_the_lab_answers_and_tells_what_is_missing(form: list[str]) -> None:
    requests, path = 2000, "/" + "x" * 1500
    asked = f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    with serving("lab", *form) as (process, ready):
        port = int(next(line for line in ready if line.startswith("http ")).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client, client.makefile("rb") as answers:
            for _ in range(requests):
                client.sendall(asked)
                assert answers.readline() == b"HTTP/1.1 404 Not Found\r\n"
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                answers.read(length)

        def told(line: str) -> int | None:
            if form:
                event = json.loads(line)
                return event["data"]["times"] if event["event"] == "limit" else None
            found = re.search(rf" lab limit (\d+) {TOLD}$", line)
            return int(found[1]) if found else None

        seen, missing = events(process, told)
        assert missing > 500
        assert sum(path in line for line in seen) + missing == requests
        assert "stopping" in seen[-1]


def test_a_reader_that_goes_away_while_events_wait_ends_it() -> None:
    with serving("lab", "--json") as (process, ready):
        port = int(next(line for line in ready if line.startswith("http ")).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client, client.makefile("rb") as answers:
            for _ in range(100):
                client.sendall(b"GET /" + b"x" * 1500 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
                answers.readline()
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.wait(LIMIT) == 141


def test_what_nobody_has_read_at_the_end_is_told() -> None:
    with serving("hello-server", "--tcp", "--json") as (process, ready):
        port = int(ready[0].rpartition(":")[2])
        for _ in range(300):
            with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
                read_all(client)
        process.terminate()
        assert process.wait(LIMIT) == 0
        assert process.stderr is not None
        told = r"netkit: standard output is not read: \d{5,} bytes of events are lost\n"
        assert re.fullmatch(told, process.stderr.read())
