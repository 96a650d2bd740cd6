"""Servers that change the file, cut it off and get ranges wrong, all by chance: no file is ever put together of two."""

import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.http.retry import Retry
from netkit.http.save import Save
from tests.http.test_save import drive, request

STEPS = 250


class Unsteady:
    """Versions of a file, each with its ETag; what one answer gets wrong is chosen anew each time."""

    def __init__(self, chosen: random.Random) -> None:
        self.chosen = chosen
        self.versions: list[bytes] = []
        self.change()

    def change(self) -> None:
        size = self.chosen.choice((1, 5_000, 5_000, self.chosen.randint(1, 9_000)))
        self.versions.append(self.chosen.randbytes(size))

    @property
    def tag(self) -> str:
        return f'"v{len(self.versions)}"'

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        chosen = self.chosen
        if chosen.random() < 0.2:
            self.change()
        if chosen.random() < 0.1:
            connection.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy")
            return
        content = self.versions[-1]
        sent = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        start, status = 0, "200 OK"
        fields = [f"ETag: {self.tag}"]
        ignores_condition = chosen.random() < 0.2
        if "Range" in sent and (sent.get("If-Range") == self.tag or ignores_condition) and chosen.random() < 0.9:
            asked = int(sent["Range"].removeprefix("bytes=").removesuffix("-"))
            if asked >= len(content):
                status, content = "416 No", b""
                fields.append(f"Content-Range: bytes */{len(self.versions[-1])}")
            else:
                start = chosen.choice((asked, asked, asked, asked, 0, min(asked + 1, len(content) - 1)))
                wrong = chosen.random() < 0.1
                status = "206 Partial"
                if chosen.random() < 0.95:
                    fields.append(f"Content-Range: bytes {start}-{len(content) - 1}/{len(content) + wrong}")
        body = content[start:]
        if chosen.random() < 0.8:
            fields.append(f"Content-Length: {len(body)}")
        else:
            fields.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        answer = "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode() + body
        connection.sendall(answer[: chosen.randint(0, len(answer))] if chosen.random() < 0.6 else answer)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("seed", [11, 12])
def test_no_file_is_ever_put_together_of_two(serve: Callable[..., Any], tmp_path: Path, seed: int, named: bool) -> None:
    chosen = random.Random(seed)
    server = serve(unsteady := Unsteady(chosen))
    target, part = tmp_path / "file", tmp_path / "file.part"
    whole = resumed = 0
    for step in range(STEPS):
        said = f"seed {seed}, step {step}"
        resume, retry = chosen.random() < 0.8, Retry(chosen.choice((0, 0, 3)), max_time=1e9)
        save = Save(str(target) if named else None, None if named else str(tmp_path), resume)
        response = drive(request(server, save=save, retry=retry)).response
        assert (response.error is None) is target.exists(), f"{said}: {response.error}"
        if response.error is None:
            assert response.body.saved_to == str(target), said
            assert target.read_bytes() in unsteady.versions, said
            target.unlink()
            whole += 1
            resumed += response.body.resumed_from is not None
        elif part.exists():
            assert any(one.startswith(part.read_bytes()) for one in unsteady.versions), said
        if response.error and response.error.kind == "resume":
            part.unlink()  # the user begins anew
    assert whole > STEPS / 10
    assert resumed > STEPS / 50
