"""The hello server: the greeting arrives, whatever the client sent before or does after."""

import socket
import ssl
from pathlib import Path

import pytest

from netkit.echo.server.hello import LINGER_BYTES, greeting, greeting_file
from netkit.errors import BadInput, LocalFailure
from netkit.net.ca import Authority
from netkit.net.tls_server import from_leaf
from tests.echo.server.conftest import greeting_with
from tests.loopback import LIMIT, read_all, reset


def test_it_always_arrives_when_the_client_sent_first() -> None:
    """100 of 100: a server that closes with unread bytes resets the connection, and the greeting may be lost."""
    with greeting_with("hello {n}\n") as server:
        for number in range(1, 101):
            with server.connect() as client:
                client.sendall(b"x" * 10_000)
                assert read_all(client) == b"hello %d\n" % number
                client.sendall(b"more")  # no EPIPE yet: the server still listens


def test_what_the_client_said_is_in_the_log() -> None:
    with greeting_with() as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"hello\n"
        closed = server.wait_for("close")
        assert (closed.reason, closed.received, closed.sent, closed.detail) == ("eof", 27, 6, "'GET / HTTP/1.0'")


def test_the_fields() -> None:
    with greeting_with("{peer}|{peer_port}|{n}|{host}|{{}}") as server, server.connect() as client:
        host, port = client.getsockname()
        assert read_all(client).decode() == f"{host}|{port}|1|{socket.gethostname()}|{{}}"


@pytest.mark.parametrize("text", ["{nosuch}", "{", "{0}", "{n.x}"])
def test_no_fields(text: str) -> None:
    with pytest.raises(BadInput, match="not a text with fields"):
        greeting(text)


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "greeting"
    file.write_bytes(b"{peer} \xff\x00")
    assert greeting_file(file)("h", 1, 1) == b"{peer} \xff\x00"
    with pytest.raises(LocalFailure, match="cannot read it: No such file"):
        greeting_file(tmp_path / "none")


def test_who_never_closes_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.echo.server.hello.LINGER_SECONDS", 0.05)
    with greeting_with() as server, server.connect() as client:
        assert read_all(client) == b"hello\n"
        assert server.wait_for("close").reason == "eof"


def test_who_never_reads_is_closed_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.echo.server.hello.TOTAL_SECONDS", 2.0)
    with greeting_with("x" * 8_000_000) as server:
        silent = [server.connect() for _ in range(5)]
        for _ in silent:
            server.wait_for("open")
        monkeypatch.setattr("netkit.echo.server.hello.TOTAL_SECONDS", LIMIT)  # who reads may be slow
        with server.connect() as client:
            assert len(read_all(client)) == 8_000_000
        assert {server.wait_for("close").reason for _ in range(6)} == {"eof", "idle"}
        for each in silent:
            each.close()


def test_who_talks_for_ever_is_closed() -> None:
    with greeting_with() as server, server.connect() as client:
        assert client.recv(6, socket.MSG_WAITALL) == b"hello\n"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.sendall(bytes(1000 * LINGER_BYTES))
        assert server.wait_for("close").received is not None


def test_abort_sends_a_reset() -> None:
    with greeting_with(delay=0.05, abort=True) as server, server.connect() as client:
        server.wait_for("open")
        with pytest.raises(ConnectionResetError):
            read_all(client)
        assert server.wait_for("close").reason == "reset_after"


def test_partial_and_delay() -> None:
    with greeting_with(partial=3, delay=0.01) as server, server.connect() as client:
        assert read_all(client) == b"hel"


def test_a_client_that_resets_during_the_delay() -> None:
    with greeting_with(delay=1000.0) as server:
        client = server.connect()
        server.wait_for("open")
        reset(client)
        assert server.wait_for("close").reason == "reset"


def test_datagrams() -> None:
    with greeting_with("hello {n}") as server, server.datagram() as client:
        client.send(b"?")
        assert client.recv(100) == b"hello 1"
        greeted = server.wait_for("greeted")
        assert (greeted.transport, greeted.sent, greeted.detail) == ("udp", 7, "'?'")


def test_tls() -> None:
    authority = Authority()
    context = ssl.create_default_context(cadata=authority.pem.decode())
    with (
        greeting_with(tls=from_leaf(authority.issue(["localhost"]))) as server,
        context.wrap_socket(server.connect(), server_hostname="localhost") as client,
    ):
        assert client.recv(100) == b"hello\n"
        assert client.recv(100) == b""


def test_count_greets_the_last_one() -> None:
    with greeting_with(count=1) as server:
        with server.connect() as client:
            assert read_all(client) == b"hello\n"
        assert server.wait_for("end").snapshot is not None
