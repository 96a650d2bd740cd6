"""The same URL again and again: counts, phases, connections."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from netkit.errors import Exit
from netkit.http import Request, parse_url
from netkit.http.sampling import Sampling, Summary

Serve = Callable[..., Any]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def sampled(server: Any, *, count: int = 5, fresh: bool = False, **options: Any) -> Summary:
    sampling = Sampling(
        Request(parse_url(f"http://127.0.0.1:{server.port}/"), **options), count=count, interval=1e-6, fresh=fresh
    )
    assert [response.body.content for response in sampling] == [None] * count
    return sampling.summary()


@pytest.mark.parametrize(("fresh", "connections"), [(False, 1), (True, 5)])
def test_the_phases_of_each_request_are_counted(serve: Serve, fresh: bool, connections: int) -> None:
    server = serve(OK, keep_alive=True)
    found = sampled(server, fresh=fresh)
    assert (found.sent, found.answered, found.ok, found.bytes, found.reused) == (5, 5, 5, 25, 5 - connections)
    assert len(server.open) == connections
    samples = {name: times.samples for name, times in found.phases.items()}
    assert samples == {
        "dns": connections,
        "connect": connections,
        "tls": 0,
        "send": 5,
        "wait": 5,
        "body": 5,
        "total": 5,
    }
    assert (found.statuses, found.errors, found.exit, found.error) == ({200: 5}, {}, Exit.OK, None)
    assert len(found.recent) == 5
    total = found.phases["total"]
    assert None not in total[:-1]


def test_failures_are_counted_by_their_kind(serve: Serve) -> None:
    number = 0

    def answer(connection: socket.socket, head: bytes) -> None:
        nonlocal number
        number += 1
        if number % 2:
            connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    found = sampled(serve(answer))
    assert (found.sent, found.answered, found.ok) == (5, 3, 0)
    assert (found.statuses, found.errors) == ({503: 3}, {"empty_reply": 2, "http_503": 3})
    assert (found.exit, found.phases["total"].samples) == (Exit.PARTIAL, 3)
    assert [value is None for value in found.recent] == [False, True, False, True, False]


def test_nobody_there() -> None:
    sampling = Sampling(Request(parse_url("http://127.0.0.1:1/")), count=2, interval=1e-6)
    assert [response.exit_code for response in sampling] == [3, 3]
    found = sampling.summary(interrupted=True)
    assert (found.exit, found.answered, found.errors, found.interrupted) == (3, 0, {"refused": 2}, True)
    assert found.phases["total"].samples == 0


def test_redirects_are_added_up(serve: Serve) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(OK if head.startswith(b"GET /there") else moved)

    found = sampled(serve(answer, keep_alive=True), count=2)
    assert (found.statuses, found.phases["send"].samples, found.reused) == ({200: 2}, 2, 1)
