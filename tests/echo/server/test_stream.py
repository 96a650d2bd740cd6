"""Streams: everything comes back, whatever the client does."""

import os
import select
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from netkit.echo.server.echo import EchoServer
from netkit.echo.server.echoing import BUFFER
from netkit.echo.server.faults import Faults
from netkit.net.ca import Authority
from netkit.net.tls_server import from_leaf
from tests.echo.server.conftest import Running, serving
from tests.loopback import LIMIT, read_all, reset


def send_and_end(client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("data", [b"", b"x", b"hello", bytes(range(256)) * 4096])
def test_a_stream_comes_back_after_the_half_close(echo: Running[EchoServer], host: str, data: bytes) -> None:
    with echo.connect(host) as client:
        thread = threading.Thread(target=send_and_end, args=(client, data))
        thread.start()
        assert read_all(client) == data
        thread.join()
    closed = echo.wait_for("close")
    assert (closed.received, closed.sent, closed.reason) == (len(data), len(data), "eof")


def send_until_full(echo: Running[EchoServer], client: socket.socket, piece: bytes) -> int:
    """Send until neither side takes more, and the server has had a few turns to move bytes: how many bytes."""
    sent = 0
    client.setblocking(False)
    moved: list[tuple[int, int]] = []
    while len(moved) < 4 or len(set(moved[-4:])) > 1:
        try:
            sent += client.send(piece[sent % len(piece) :])
        except BlockingIOError:
            counts = echo.counts()
            moved.append((counts.stream_received, counts.stream_sent))
        else:
            moved.clear()
    client.settimeout(LIMIT)
    return sent


def test_a_client_that_only_sends_fills_its_own_buffers(echo: Running[EchoServer]) -> None:
    piece = os.urandom(65536)
    with echo.connect() as client:
        sent = send_until_full(echo, client, piece)
        assert 0 < echo.server.pending <= BUFFER
        client.shutdown(socket.SHUT_WR)
        back = read_all(client)
        assert len(back) == sent
        assert back == (piece * (sent // len(piece) + 1))[:sent]
    assert echo.wait_for("close").reason == "eof"
    assert echo.server.pending == 0


def test_when_all_are_stuck_reads_become_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.echo.server.echoing.PENDING", 1000)
    with serving() as echo, echo.connect() as stuck, echo.connect() as other:
        send_until_full(echo, stuck, bytes(65536))
        assert len(echo.server.buffer) == 4096
        other.sendall(b"y" * 10_000)
        other.shutdown(socket.SHUT_WR)
        assert read_all(other) == b"y" * 10_000
        reset(stuck)
        assert {echo.wait_for("close").reason, echo.wait_for("close").reason} == {"eof", "reset"}
        assert len(echo.server.buffer) == BUFFER


def test_a_reset_is_told_and_the_server_goes_on(echo: Running[EchoServer]) -> None:
    client = echo.connect()
    client.sendall(b"x" * 100)
    assert client.recv(100, socket.MSG_WAITALL) == b"x" * 100
    reset(client)
    assert echo.wait_for("close").reason == "reset"
    with echo.connect() as again:
        again.sendall(b"y")
        assert again.recv(1) == b"y"


def test_a_reset_while_the_server_waits_to_write(echo: Running[EchoServer]) -> None:
    client = echo.connect()
    send_until_full(echo, client, bytes(65536))
    reset(client)
    assert echo.wait_for("close").reason == "reset"
    assert echo.server.pending == 0


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "echo.sock")
    with serving(unix=[path]) as echo, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(LIMIT)
        client.connect(path)
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"hello"
        closed = echo.wait_for("close")
        assert (closed.transport, closed.peer, closed.reason) == ("unix", "", "eof")
    assert not os.path.exists(path)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def contexts(authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    client = ssl.create_default_context(cadata=authority.pem.decode())
    return from_leaf(authority.issue(["localhost"])), client


def through(sock: ssl.SSLSocket, data: bytes) -> bytes:
    """Send all and read as much, both at once, in one thread: an SSLSocket is not for two (until 3.13)."""
    back, left = bytearray(), memoryview(data)
    sock.setblocking(False)
    while len(back) < len(data):
        with suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError):
            while left:
                left = left[sock.send(left) :]
        with suppress(ssl.SSLWantReadError):
            while piece := sock.recv(65536):
                back += piece
        if len(back) < len(data):
            select.select([sock], [sock] if left else [], [], LIMIT)
    sock.settimeout(LIMIT)
    return bytes(back)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 3_000_000])
def test_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext], version: ssl.TLSVersion, size: int) -> None:
    server, client = contexts
    client.maximum_version = client.minimum_version = version
    data = os.urandom(size)
    with serving(tls=server) as echo, client.wrap_socket(echo.connect(), server_hostname="localhost") as sock:
        assert sock.version() in ("TLSv1.2", "TLSv1.3")
        assert through(sock, data) == data
        sock.unwrap().close()  # sends close_notify and waits for the server's
        closed = echo.wait_for("close")
        assert (closed.transport, closed.received, closed.sent, closed.reason) == ("tls", size, size, "eof")


def test_plain_text_on_a_tls_port_is_refused_with_the_reason(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with serving(tls=contexts[0]) as echo, echo.connect() as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        refused = echo.wait_for("refused")
        assert (refused.reason, refused.transport) == ("tls", "tls")
        closed = echo.wait_for("close")
        assert (closed.reason, closed.detail) == ("tls", "http request")


def test_the_limit_of_connections_is_told(echo: Running[EchoServer]) -> None:
    with serving(max_conns=1) as echo, echo.connect() as first:
        first.sendall(b"a")
        assert first.recv(1) == b"a"
        with echo.connect() as second:
            assert second.recv(1) == b""
        refused = echo.wait_for("refused")
        assert (refused.reason, refused.times, refused.peer[:10]) == ("max_conns", 1, "127.0.0.1:")
        assert echo.server.counters.refused == {"max_conns": 1}
        first.sendall(b"b")
        assert first.recv(1) == b"b"


def test_connections_of_one_host(tmp_path: Path) -> None:
    with serving(per_host=1) as echo, echo.connect() as first, echo.connect("::1") as other:
        for each in (first, other):
            each.sendall(b"a")
            assert each.recv(1) == b"a"
        with echo.connect() as second:
            assert second.recv(1) == b""
        assert echo.wait_for("refused").reason == "per_host"


def test_the_rate_of_connections(echo: Running[EchoServer]) -> None:
    with serving(rate=1.0) as echo, echo.connect() as first:
        first.sendall(b"a")
        assert first.recv(1) == b"a"
        with echo.connect() as second:
            assert second.recv(1) == b""
        assert echo.wait_for("refused").reason == "rate"


def test_an_idle_connection_is_closed() -> None:
    with serving(idle=0.05) as echo, echo.connect() as client:
        assert client.recv(1) == b""
        assert echo.wait_for("close").reason == "idle"


def use_up_descriptors() -> list[int]:
    held = []
    with suppress(OSError):  # EMFILE, in the end
        while True:
            held.append(os.dup(0))
    return held


def test_descriptors_that_run_out_are_told_and_survived() -> None:
    import resource

    with serving() as echo:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        clients = [echo.connect() for _ in range(3)]
        for _ in clients:
            echo.wait_for("open")
        waiting = socket.socket()
        waiting.settimeout(LIMIT)
        held: list[int] = []
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
            held = use_up_descriptors()
            waiting.connect(("127.0.0.1", echo.port))
            assert waiting.recv(1) == b""
            assert echo.wait_for("refused").reason == "descriptors"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for fd in held:
                os.close(fd)
            waiting.close()
        clients[0].sendall(b"still here")
        assert clients[0].recv(10, socket.MSG_WAITALL) == b"still here"
        for client in clients:
            client.close()


def test_corruption_flips_one_bit() -> None:
    data = bytes(1000)
    with serving(faults=Faults(corrupt=1.0), seed=1) as echo, echo.connect() as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        back = read_all(client)
        assert len(back) == 1000
        assert sum(byte.bit_count() for byte in back) == echo.server.counters.faults >= 1


def test_a_reset_on_purpose() -> None:
    with serving(faults=Faults(reset_after=10)) as echo, echo.connect() as client:
        client.sendall(b"0123456789abcdef")
        with pytest.raises(ConnectionResetError):
            read_all(client)
        closed = echo.wait_for("close")
        assert (closed.reason, closed.sent) == ("reset_after", 10)


def test_a_delayed_stream_is_whole_and_in_order() -> None:
    data = os.urandom(3_000_000)
    with serving(faults=Faults(delay=0.01)) as echo, echo.connect() as client:
        thread = threading.Thread(target=send_and_end, args=(client, data))
        thread.start()
        assert read_all(client) == data
        thread.join()
        assert echo.wait_for("close").reason == "eof"


def test_a_reset_while_a_delay_runs() -> None:
    with serving(faults=Faults(delay=1000.0)) as echo:
        client = echo.connect()
        client.sendall(b"x" * 100)
        while echo.counts().stream_received < 100:
            pass
        reset(client)
        assert echo.wait_for("close").reason == "reset"
        assert echo.server.pending == 0


def test_count_lets_the_last_one_finish() -> None:
    with serving(count=1) as echo:
        with echo.connect() as client:
            client.sendall(b"only")
            assert client.recv(4, socket.MSG_WAITALL) == b"only"
            with pytest.raises(ConnectionRefusedError):
                echo.connect()
        end = echo.wait_for("end")
        assert end.snapshot is not None
        assert end.snapshot.connections == 1


def test_drain_lets_what_moves_finish_and_closes_what_rests() -> None:
    with serving() as echo, echo.connect() as moving:
        moving.sendall(b"begin")
        assert moving.recv(5, socket.MSG_WAITALL) == b"begin"
        echo.server.loop.soon(echo.server.drain)
        echo.wait_for("draining")
        moving.sendall(b"end")
        moving.shutdown(socket.SHUT_WR)
        assert read_all(moving) == b"end"
        assert echo.wait_for("close").reason == "eof"
        assert echo.wait_for("end").snapshot is not None


def test_the_second_drain_stops_at_once() -> None:
    with serving() as echo, echo.connect() as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        echo.server.loop.soon(echo.server.drain)
        echo.server.loop.soon(echo.server.drain)
        assert echo.wait_for("close").reason == "shutdown"


def test_duration_ends_it() -> None:
    with serving(duration=0.01) as echo:
        assert echo.wait_for("end").snapshot is not None
