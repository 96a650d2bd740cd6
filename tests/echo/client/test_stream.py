"""A stream that is sent whole and compared, against servers that break it in every way."""

import hashlib
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.echo.client.result import Stream
from netkit.echo.client.stream import echo
from netkit.errors import BadInput, Exit, Insecure, Unreachable
from netkit.net.address import Endpoint
from netkit.net.ca import Authority
from netkit.net.tls_client import Security
from netkit.net.tls_server import from_leaf
from tests.echo.server.conftest import serving
from tests.loopback import read_all, tcp


@pytest.fixture
def send(tmp_path: Path) -> Callable[..., Stream]:
    def run(target: Endpoint, data: bytes, **options: Any) -> Stream:
        path = tmp_path / "data"
        path.write_bytes(data)
        with path.open("rb") as file:
            return echo(target, file.fileno(), **{"timeout": 20.0, **options})

    return run


Send = Callable[..., Stream]


@pytest.mark.parametrize("size", [0, 1, 100_000, 30_000_000])
def test_all_comes_back(send: Send, size: int) -> None:
    data = os.urandom(size)
    got: list[bytes] = []
    progress: list[int] = []
    with serving() as server:
        target = Endpoint("tcp", "127.0.0.1", server.port)
        result = send(target, data, on_data=got.append, on_progress=progress.append)
    assert (result.exit, result.sent, result.received, result.failure) == (Exit.OK, size, size, None)
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    assert b"".join(got) == data
    assert progress == sorted(progress)
    assert progress[-1] == size


def test_from_a_pipe_that_is_slow() -> None:
    read, write = os.pipe()
    with serving() as server:
        back = threading.Event()

        def feed() -> None:
            os.write(write, b"first")
            back.wait(20)  # the second part is written when the first one is back
            os.write(write, b"second")
            os.close(write)

        thread = threading.Thread(target=feed)
        thread.start()
        result = echo(Endpoint("tcp", "127.0.0.1", server.port), read, timeout=20.0, on_data=lambda data: back.set())
        thread.join()
    os.close(read)
    assert (result.exit, result.received) == (Exit.OK, 11)


def test_a_server_that_answers_after_the_end(send: Send) -> None:
    """nc and socat give up on such a one, and say that all is well."""
    with tcp(lambda client: client.sendall(read_all(client))) as target:
        assert send(target, b"x" * 10_000).exit is Exit.OK


def test_a_flipped_byte_is_named(send: Send) -> None:
    def serve(client: socket.socket) -> None:
        data = bytearray(read_all(client))
        data[4097] ^= 0x20
        client.sendall(data)

    with tcp(serve) as target:
        result = send(target, b"A" * 10_000)
    assert result.difference == (4097, 0x41, 0x61)
    assert result.exit is Exit.NO
    assert result.failure is not None
    assert "offset 4097: 0x61 instead of 0x41" in result.failure.message


def test_a_server_that_stops_after_ten_bytes(send: Send) -> None:
    with tcp(lambda client: client.sendall(read_all(client)[:10])) as target:
        result = send(target, b"A" * 100)
    assert result.exit is Exit.NO
    assert result.failure is not None
    assert result.failure.message == f"{target} closed after 10 of 100 bytes"


def test_bytes_that_were_never_sent(send: Send) -> None:
    with tcp(lambda client: client.sendall(read_all(client) + b"!")) as target:
        result = send(target, b"A" * 100)
    assert (result.exit, result.difference) == (Exit.NO, (100, None, 0x21))


def test_never_an_answer_is_a_timeout(send: Send) -> None:
    over = threading.Event()
    with tcp(lambda client: [over.wait(20)].clear()) as target:
        result = send(target, b"A" * 100, timeout=0.5)
        over.set()
    assert result.exit is Exit.TIMEOUT
    assert result.failure is not None
    assert result.failure.message == f"{target}: nothing came back within 0.5 s"


@pytest.mark.parametrize(("echoed", "code"), [(0, Exit.UNREACHABLE), (10, Exit.NO)])
def test_a_reset_before_and_after_the_first_bytes(send: Send, echoed: int, code: Exit) -> None:
    heard = threading.Event()

    def serve(client: socket.socket) -> None:
        client.sendall(read_all(client)[:echoed])
        if echoed:
            heard.wait(20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with tcp(serve) as target:
        result = send(target, b"A" * 100, on_data=lambda data: heard.set())
    assert (result.exit, result.received) == (code, echoed)


def test_over_tls(send: Send, tmp_path: Path) -> None:
    authority = Authority()
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(authority.pem)
    data = os.urandom(3_000_000)
    with serving(tls=from_leaf(authority.issue(["localhost"]))) as server:
        target = Endpoint("tls", "127.0.0.1", server.port)
        security = Security(str(trusted), False, "localhost")
        assert send(target, data, tls=security).exit is Exit.OK
        assert send(target, data[:1000], tls=Security(insecure=True)).exit is Exit.OK
        with pytest.raises(Insecure, match="certificate"):
            send(target, data, tls=Security())
        with pytest.raises(Insecure, match=r"the certificate is not for other\.test"):
            send(target, data, tls=Security(str(trusted), False, "other.test"))


def test_a_unix_socket(send: Send, tmp_path: Path) -> None:
    path = str(tmp_path / "echo.sock")
    with serving(unix=[path]):
        result = send(Endpoint("tcp", path=path), b"hello")
    assert (result.exit, result.transport, result.tcp) == (Exit.OK, "unix", None)


def test_what_cannot_be(send: Send) -> None:
    with pytest.raises(BadInput, match="not datagrams"):
        send(Endpoint("udp", "127.0.0.1", 9), b"")
    with pytest.raises(Unreachable):
        send(Endpoint("tcp", "127.0.0.1", 1), b"x")
