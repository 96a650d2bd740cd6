"""Unix sockets of datagrams: each back as it was, to those who have a name that leads to them."""

import array
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from netkit.echo.server.echo import EchoServer
from netkit.errors import BadInput
from netkit.events import Step
from netkit.net.sockets import open_sockets
from tests.echo.server.conftest import Running, greeting_with, serving
from tests.loopback import LIMIT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of their own are Linux's")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "echo.sock")


@pytest.fixture
def echo(path: str) -> Iterator[Running[EchoServer]]:
    with serving(unix=[f"unix-dgram:{path}"]) as running:
        yield running


@pytest.fixture
def client(echo: Running[EchoServer]) -> Iterator[Callable[..., socket.socket]]:
    made: list[socket.socket] = []

    def connected(name: str | bytes | None = "") -> socket.socket:
        """name: "" for one of its own, None for none."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.append(sock)
        sock.settimeout(LIMIT)
        if name is not None:
            sock.bind(name)
        sock.connect(echo.path)
        return sock

    yield connected
    for sock in made:
        sock.close()


Client = Callable[..., socket.socket]


def test_every_size(client: Client) -> None:
    sock = client()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    most = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - 32  # unix_dgram_sendmsg, net/unix/af_unix.c
    for size in [0, 1, 8193, 65507, 65537, most]:
        data = os.urandom(size)
        sock.send(data)
        assert sock.recv(1 << 22) == data


def test_what_it_is_called(echo: Running[EchoServer], path: str) -> None:
    assert echo.server.addresses == [f"unix-dgram unix-dgram:{path}"]
    assert Path(path).is_socket()


def test_a_name_in_the_file_system_is_answered(client: Client, tmp_path: Path) -> None:
    sock = client(str(tmp_path / "client"))
    sock.send(b"x")
    assert sock.recv(10) == b"x"


def test_nobody_to_answer(echo: Running[EchoServer], client: Client) -> None:
    client(None).send(b"x")
    refused = echo.wait_for("refused")
    assert (refused.reason, refused.transport, refused.peer) == ("unnamed", "unix-dgram", "")


def test_a_relative_path_leads_nowhere(
    echo: Running[EchoServer], client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client("relative").send(b"x")
    refused = echo.wait_for("refused")
    assert (refused.reason, refused.peer) == ("source", "unix-dgram:relative")
    assert echo.counts().datagrams_sent == 0


def test_descriptors_that_come_along_are_not_taken(echo: Running[EchoServer], client: Client) -> None:
    before = set(os.listdir("/proc/self/fd"))
    sock = client()
    for _ in range(3):
        sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 50))])
        assert sock.recv(10) == b"x"
    assert len(set(os.listdir("/proc/self/fd"))) == len(before) + 1  # the client's own socket


def test_one_that_does_not_read_ends_with_its_own_socket(echo: Running[EchoServer], client: Client) -> None:
    """What it does not read is charged to the server's socket (sock_alloc_send_pskb), until it is gone."""
    deaf, hears = client(), client()
    deaf.setblocking(False)
    while not echo.counts().send_errors:
        with suppress(BlockingIOError):
            deaf.send(b"x" * 60_000)
    deaf.close()
    hears.send(b"y")
    assert hears.recv(10) == b"y"


def test_the_trace_and_the_count(path: str) -> None:
    steps: list[Step] = []
    name = f"netkit test {os.getpid()}"
    with (
        serving(unix=[path], transports=["udp"], count=1, on_event=steps.append) as echo,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(LIMIT)
        sock.bind(f"\0{name}")
        sock.sendto(b"x", path)
        assert sock.recv(10) == b"x"
        echo.wait_for("end")
    told = [(step.name, step.address, step.size) for step in steps]
    assert told == [("recv", f"unix-dgram:@{name}", 1), ("send", f"unix-dgram:@{name}", 1)]
    assert not Path(path).exists()


def test_a_greeting(path: str) -> None:
    with (
        greeting_with("hello {peer}{peer_port}", unix=[path], transports=["udp"]),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(LIMIT)
        sock.bind("")
        sock.sendto(b"x", path)
        assert sock.recv(100) == b"hello 0"


def test_datagrams_where_streams_alone_are_served(path: str) -> None:
    with pytest.raises(BadInput, match="this serves streams alone"):
        open_sockets(bind=[f"unix-dgram:{path}"], transports=["tcp"])
