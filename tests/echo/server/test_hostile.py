"""Clients that mean harm: gone before they are accepted, a byte at a time, more than anybody may leave waiting."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from netkit.echo.server.datagram import COST
from netkit.echo.server.faults import Faults
from netkit.net.ca import Authority
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security, secure
from netkit.net.tls_server import from_leaf
from tests.echo.server.conftest import Running, greeting_with, serving
from tests.loopback import LIMIT, read_all, reset

FOR_EVER = 1000.0  # seconds


@pytest.mark.parametrize("first", [b"", b"x"], ids=["silent", "spoke"])
@pytest.mark.parametrize("serve", [serving, greeting_with])
def test_resets_before_the_accept_do_not_end_a_tls_server(
    serve: Callable[..., AbstractContextManager[Running[Any]]], first: bytes
) -> None:
    authority = Authority()
    with serve(tls=from_leaf(authority.issue(["localhost"]))) as server:
        gone = threading.Event()
        server.server.loop.soon(lambda: [gone.wait(LIMIT)].clear())  # nothing is accepted until all are gone
        for _ in range(5):
            client = server.connect()
            client.sendall(first)
            reset(client)
        gone.set()
        with secure(
            server.connect(), "localhost", where="it", security=Security(insecure=True), deadline=Deadline.after(LIMIT)
        ) as client:
            client.settimeout(LIMIT)
            client.sendall(b"hello\n")
            assert client.recv(6) == b"hello\n"
        assert server.counts().refused == {"tls": 5}


def test_a_byte_at_a_time_fills_no_memory_while_a_delay_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.echo.server.stream.PIECES", 10)
    with serving(faults=Faults(delay=FOR_EVER)) as echo, echo.connect() as client:
        for number in range(1, 11):
            client.sendall(b"x")
            while echo.counts().stream_received < number:
                pass
        client.sendall(b"x" * 100)
        assert [echo.counts().stream_received for _ in range(3)] == [10, 10, 10]


def test_empty_datagrams_fill_no_memory_while_a_delay_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.echo.server.datagram.DELAYED", 3 * COST)
    with serving(faults=Faults(delay=FOR_EVER)) as echo, echo.datagram() as client:
        for _ in range(5):
            client.send(b"")
        while echo.counts().datagrams_received < 5:
            pass
        assert echo.counts().send_errors == 2


def test_greetings_fill_no_memory_while_a_delay_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.echo.server.hello.DELAYED", 3)
    with greeting_with(delay=FOR_EVER) as server, server.datagram() as client:
        for _ in range(5):
            client.send(b"x")
        while server.counts().datagrams_received < 5:
            pass
        assert server.counts().send_errors == 2


@pytest.mark.parametrize("serve", [serving, greeting_with])
def test_garbage_in_place_of_a_handshake(serve: Callable[..., AbstractContextManager[Running[Any]]]) -> None:
    with serve(tls=from_leaf(Authority().issue(["localhost"]))) as server:
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 70_000, b"PROXY TCP4 1 2 3 4\r\n"):
            with server.connect() as client, suppress(ConnectionError):
                client.sendall(garbage)
                read_all(client)
            assert server.wait_for("close").reason in ("tls", "reset")
