"""A download killed at any moment and started again, two hundred times: the file is whole or it is not there."""

import os
import random
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.conftest import MS
from tests.warm import Process

KILLS = 200
SIZE = 300_000
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


class Files:
    """Serves a version of a file, with ETag and ranges, and kills who fetches it."""

    def __init__(self, seed: int, part: Path) -> None:
        self.part = part
        self.chosen = random.Random(seed)
        self.victim: Process | None = None
        self.started = threading.Event()
        self.deadly = True
        self.ranges = 0
        self.change()

    def change(self) -> None:
        self.content = self.chosen.randbytes(SIZE)
        self.tag = f'"{self.chosen.getrandbits(64):x}"'

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        fields = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n")[1:])
        }
        start = 0
        if fields.get("if-range") == self.tag and "range" in fields:
            start = int(fields["range"].removeprefix("bytes=").removesuffix("-"))
            self.ranges += 1
        if start >= SIZE:
            connection.sendall(
                f"HTTP/1.1 416 No\r\nContent-Range: bytes */{SIZE}\r\nContent-Length: 0\r\n\r\n".encode()
            )
            self.kill()
            return
        status = f"206 Part\r\nContent-Range: bytes {start}-{SIZE - 1}/{SIZE}" if start else "200 OK"
        answer = f"HTTP/1.1 {status}\r\nETag: {self.tag}\r\nContent-Length: {SIZE - start}\r\n\r\n".encode()
        answer += self.content[start:]
        if not self.deadly:
            connection.sendall(answer)
            return
        # What is sent ends anywhere, often at the end; the kill comes at once, or when that much is in the part.
        end = self.chosen.choice((self.chosen.randint(0, len(answer)), self.chosen.randint(0, 200), len(answer)))
        waits = self.chosen.random() < 0.6
        with suppress(OSError):
            connection.sendall(answer[:end])
        wanted = start + end - (len(answer) - (SIZE - start))
        limit = monotonic() + 60_000 * MS
        while waits and wanted > start and self.here() < wanted and monotonic() < limit:
            pass
        named = end == len(answer) and self.chosen.random() < 0.7  # at last it has its name; or it is killed before
        while named and not self.part.with_name("file").exists() and monotonic() < limit:
            pass
        self.kill()

    def here(self) -> int:
        """Bytes of the file that are there, whatever its name is."""
        for path in (self.part, self.part.with_name("file")):
            with suppress(FileNotFoundError):
                return path.stat().st_size
        return 0

    def kill(self) -> None:
        if self.deadly:
            self.started.wait(60_000 * MS)
            assert self.victim is not None
            os.kill(self.victim.pid, signal.SIGKILL)


@pytest.mark.parametrize(("changes", "seed"), [(False, 1), (True, 2)])
def test_killed_at_any_moment_and_started_again(
    serve: Callable[..., Any], tmp_path: Path, changes: bool, seed: int
) -> None:
    target = tmp_path / "file"
    files = Files(seed, tmp_path / "file.part")
    server = serve(files)
    versions = {files.content}
    whole = 0
    for number in range(KILLS // 2):
        if changes and number % 7 == 6:
            files.change()
            versions.add(files.content)
        files.started.clear()
        files.victim = Process("http", "get", "-c", "-o", str(target), f"http://127.0.0.1:{server.port}/file")
        files.started.set()
        files.victim.wait(60_000 * MS)
        if target.exists():
            assert target.read_bytes() in versions, f"seed {seed}, kill {number}"
            target.unlink()
            whole += 1
    files.deadly = False
    last = Process("http", "get", "-c", "-o", str(target), f"http://127.0.0.1:{server.port}/file")
    assert last.wait(60_000 * MS) == 0
    assert target.read_bytes() == files.content, f"seed {seed}"
    assert os.listdir(tmp_path) == ["file"]
    assert files.ranges > KILLS / 10, f"seed {seed}: hardly a part was gone on with"
    assert whole > KILLS / 50, f"seed {seed}: hardly one was killed at the end"
