"""A body that may have no end is shown at a terminal while it comes: events, and lines of JSON."""

import fcntl
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.conftest import MS
from tests.warm import Process

Serve = Callable[..., Any]
Run = Callable[..., Any]
EVENTS = b"text/event-stream"


def head(kind: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Type: " + kind + b"\r\nConnection: close\r\n\r\n"


def url(server: Any, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def read_all(terminal: int) -> Iterator[bytes]:
    with suppress(OSError):  # EIO: the last process has closed it
        while data := os.read(terminal, 65536):
            yield data
    os.close(terminal)


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        (EVENTS, [b"data: one\r\n\r", b"\ndata: t", b"wo\n\n", b"data: three\n"]),
        (b"application/x-ndjson", [b'{"one": 1}\n{"tw', b'o": 2}\n', b'{"three": 3}\n']),
    ],
)
def test_each_line_is_shown_before_the_next_one_comes(serve: Serve, kind: bytes, pieces: list[bytes]) -> None:
    shown = {word: threading.Event() for word in (b"one", b"two", b"three")}

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head(kind))
        sent = b""
        for piece in pieces:
            connection.sendall(piece)
            sent += piece
            for word in shown:
                if word in sent.rpartition(b"\n")[0]:
                    assert shown[word].wait(60_000 * MS)

    server = serve(answer)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    process = Process("http", "get", url(server), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    for data in read_all(ours):
        seen += data
        for word, event in shown.items():
            if word in seen:
                event.set()
    assert process.wait(60_000 * MS) == 0
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", seen).decode()
    assert plain.index("Content-Type: ") < plain.index("one") < plain.index("three") < plain.index("total")


def test_what_is_shown_of_it(serve: Serve, terminal: Run) -> None:
    server = serve(head(EVENTS) + b"data: \x1b[45m caf\xc3\xa9 \xff\r\rid: 7\n\nlast")
    assert terminal("http", "get", "-q", url(server)).lines == [r"data: \x1b[45m café \xff", "", "id: 7", "", "last"]
    lines = terminal("http", "get", url(server)).lines
    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[3:9] == ["", r"data: \x1b[45m café \xff", "", "id: 7", "", "last"]
    assert re.fullmatch(r"total +[0-9]+ B +[0-9.]+ ms", lines[-1])
    lines = terminal("http", "get", "--show", "body", "--max-body", "10", url(server)).lines
    assert lines == [r"data: \x1b[45", "… 32 B in all, --max-body shows more"]


def test_what_is_known_behind_it_alone(serve: Serve, terminal: Run) -> None:
    def answer(connection: socket.socket, asked: bytes) -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        connection.sendall(moved if asked.startswith(b"GET / ") else head(EVENTS) + b"data: 1\n")

    server = serve(answer)
    lines = terminal("http", "get", url(server)).lines
    assert lines[3:6] == ["", "data: 1", ""]
    assert re.fullmatch(re.escape(f"302 {url(server)} → /b") + "  [0-9.]+ ms", lines[6])
    assert len([line for line in lines if line.startswith("HTTP/1.1")]) == 1
    lines = terminal("http", "get", "-v", url(server)).lines
    assert lines[0] == "data: 1"
    assert [line.split("   ")[0] for line in lines if line.startswith(("GET ", "HTTP/"))] == [
        *(f"GET {url(server)}", "HTTP/1.1 302 Found", f"GET {url(server, '/b')}", "HTTP/1.1 200 OK"),
    ]


def test_what_a_terminal_needs_is_loaded_before_anything_is_measured(serve: Serve) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-X", "importtime", "-m", "netkit", "http", "get", "--trace", url(server)]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b"".join(read_all(ours))
    assert process.wait() == 0
    before, sent, _ = seen.partition(b"GET / HTTP/1.1")
    assert sent
    assert b"rich.console" in before


def test_a_long_line_is_not_waited_for(serve: Serve, terminal: Run) -> None:
    long = b"data: " + b"x" * 200_000
    done = terminal("http", "get", "-q", url(serve(head(EVENTS) + long + b"\nend\n")))
    assert done.text == long.decode() + "\nend\n"


def test_one_that_broke_off_is_not_begun_again(serve: Serve, terminal: Run) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Type: " + EVENTS + b"\r\nContent-Length: 99\r\n\r\ndata: 1\n")
    done = terminal("http", "get", "-q", "--retry", "3", url(server))
    assert (done.returncode, len(server.requests)) == (5, 1)
    assert done.lines[0] == "data: 1"
    assert "closed after 8 of 99 bytes of the body" in done.text


def test_other_answers_are_kept_until_they_are_whole(serve: Serve, terminal: Run, netkit: Run) -> None:
    lines = terminal("http", "get", url(serve(head(EVENTS, b"503 Busy") + b"data: 1\n"))).lines
    assert lines[0].startswith("HTTP/1.1 503 Busy   127.0.0.1:")
    done = netkit("http", "get", url(serve(head(EVENTS) + b"data: \x1b[45m\r\n")), text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"data: \x1b[45m\r\n", b"")
