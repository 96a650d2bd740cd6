"""Probes against servers that answer well, late, twice, in another order, changed, or not at all."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from netkit.echo.client.payload import HEADER, PATTERNS, Payloads, first_difference
from netkit.echo.client.ping import ping
from netkit.echo.client.result import Difference, Probe, Summary
from netkit.errors import BadInput, Exit, Unreachable
from netkit.events import Step
from netkit.net.address import Endpoint
from tests.echo.server.conftest import serving
from tests.loopback import tcp, udp
from tests.ports import find_free_port


def run(target: Endpoint, **options: Any) -> tuple[list[Probe], Summary]:
    *probes, summary = ping(target, **{"interval": None, "count": 5, **options})
    assert isinstance(summary, Summary)
    assert all(isinstance(probe, Probe) for probe in probes)
    return probes, summary  # type: ignore[return-value]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [1, 15, 16, 64, 65507])
@pytest.mark.parametrize("scheme", ["tcp", "udp"])
@pytest.mark.parametrize("interval", [None, 0.001])
def test_our_own_server(scheme: str, size: int, pattern: str, interval: float | None) -> None:
    with serving() as server:
        target = Endpoint(scheme, "127.0.0.1", server.port)
        probes, summary = run(target, size=size, pattern=pattern, interval=interval)
    assert [probe.outcome for probe in probes] == ["ok"] * 5
    assert sorted(probe.number for probe in probes) == [0, 1, 2, 3, 4]
    assert (summary.sent, summary.received, summary.lost, summary.corrupt, summary.bytes) == (5, 5, 0, 0, 5 * size)
    assert (summary.exit, summary.limits, summary.failure, summary.times.samples) == (Exit.OK, (), None, 5)
    assert summary.transport == scheme
    assert (summary.tcp is not None) == (scheme == "tcp")


def test_empty_datagrams() -> None:
    with serving() as server:
        probes, summary = run(Endpoint("udp", "127.0.0.1", server.port), size=0)
    assert [probe.outcome for probe in probes] == ["ok"] * 5
    assert summary.exit is Exit.OK


@pytest.mark.parametrize("interval", [None, 0.001])
def test_unix_datagrams(tmp_path: Path, interval: float | None) -> None:
    target = Endpoint("udp", path=str(tmp_path / "echo.sock"))
    with serving(unix=[str(target)]):
        probes, summary = run(target, size=1000, parallel=3, count=9, interval=interval)
    assert [probe.outcome for probe in probes] == ["ok"] * 9
    assert (summary.transport, summary.target, summary.exit) == ("unix-dgram", str(target), Exit.OK)
    with pytest.raises(Unreachable, match="no such socket"):
        run(target)


def test_a_stream_is_no_datagram_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "echo.sock")
    for unix, scheme in ((path, "udp"), (f"unix-dgram:{path}", "tcp")):
        with serving(unix=[unix]), pytest.raises(Unreachable, match="another type of socket"):
            run(Endpoint(scheme, path=path))


def test_many_connections() -> None:
    with serving() as server:
        probes, summary = run(Endpoint("tcp", "127.0.0.1", server.port), parallel=20, count=100)
    assert (summary.received, summary.lost) == (100, 0)
    assert {probe.lane for probe in probes} == set(range(20))


def test_the_trace_has_every_step() -> None:
    steps: list[Step] = []
    with serving() as server:
        run(Endpoint("tcp", "127.0.0.1", server.port), count=1, on_event=steps.append)
    assert [step.name for step in steps] == ["resolve", "socket", "connect", "send", "recv"]


@pytest.mark.parametrize("at", [0, 15, 16, 63])
def test_a_changed_byte_is_found(at: int) -> None:
    def flip(client: socket.socket) -> None:
        data = bytearray(client.recv(64, socket.MSG_WAITALL))
        data[at] ^= 1
        client.sendall(data)

    with tcp(flip) as target:
        [probe], summary = run(target, count=1)
    assert probe.outcome == "corrupt"
    assert probe.difference is not None
    assert probe.difference.offset == at
    assert probe.difference.got == (probe.difference.expected or 0) ^ 1
    assert (summary.corrupt, summary.exit, summary.limits) == (1, Exit.NO, ("1 came back changed",))


def test_a_server_that_closes_early_loses_what_is_under_way() -> None:
    with tcp(lambda client: client.sendall(client.recv(64)[:10])) as target:
        [probe], summary = run(target)
    assert (probe.outcome, summary.sent, summary.lost) == ("lost", 1, 1)
    assert summary.failure is not None
    assert summary.failure.kind == "closed"
    assert summary.exit is Exit.UNREACHABLE


def test_a_server_that_sends_without_end_does_not_extend_the_time() -> None:
    def serve(client: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client.sendall(bytes(1 << 20))

    with tcp(serve) as target:
        _, summary = run(target, count=5, interval=0.01, timeout=0.3, wait=10.0)
    assert summary.exit is Exit.NO or summary.exit is Exit.TIMEOUT
    assert "bytes came that were never sent" in " ".join(summary.limits)


def test_a_silent_server_is_a_timeout() -> None:
    with udp(lambda server: [server.recv(100) for _ in range(3)].clear()) as target:
        probes, summary = run(target, count=3, wait=0.05)
    assert [probe.outcome for probe in probes] == ["lost"] * 3
    assert (summary.exit, summary.loss) == (Exit.TIMEOUT, 1.0)


def test_a_stream_that_stalls_is_lost_and_given_up() -> None:
    with tcp(lambda client: [client.recv(100_000), client.recv(1)].clear()) as target:
        [probe], summary = run(target, wait=0.05)
    assert (probe.outcome, summary.exit) == ("lost", Exit.TIMEOUT)


def three(answer: Callable[[socket.socket, list[tuple[bytes, Any]]], None]) -> Callable[[socket.socket], None]:
    def serve(server: socket.socket) -> None:
        answer(server, [server.recvfrom(2000) for _ in range(3)])

    return serve


def test_duplicates_and_another_order_are_no_loss() -> None:
    def answer(server: socket.socket, asked: list[tuple[bytes, Any]]) -> None:
        for data, peer in [asked[1], asked[1], asked[0], asked[2]]:
            server.sendto(data, peer)

    with udp(three(answer)) as target:
        probes, summary = run(target, count=3, interval=0.001, wait=5.0)
    assert (summary.received, summary.lost, summary.duplicates, summary.reordered) == (3, 0, 1, 1)
    assert summary.exit is Exit.OK
    assert [(probe.number, probe.outcome, probe.reordered) for probe in probes] == [
        (1, "ok", False),
        (1, "duplicate", False),
        (0, "ok", True),
        (2, "ok", False),
    ]


def test_loss_within_the_limit_is_fine() -> None:
    def answer(server: socket.socket, asked: list[tuple[bytes, Any]]) -> None:
        for data, peer in asked[1:]:
            server.sendto(data, peer)

    for limit, code in ((0.5, Exit.OK), (0.1, Exit.NO)):
        with udp(three(answer)) as target:
            _, summary = run(target, count=3, interval=0.001, wait=1.0, max_loss=limit)
        assert (summary.lost, summary.exit) == (1, code)
    assert summary.limits == ("1 of 3 lost, more than 10% allow",)


def test_a_datagram_of_another_size_is_corrupt() -> None:
    def answer(server: socket.socket, asked: list[tuple[bytes, Any]]) -> None:
        for (data, peer), cut in zip(asked, (20, 64, 64), strict=True):
            server.sendto(data[:cut], peer)

    with udp(three(answer)) as target:
        probes, summary = run(target, count=3, interval=0.001, wait=5.0)
    assert [probe.outcome for probe in probes] == ["corrupt", "ok", "ok"]
    assert probes[0].difference is not None
    assert (probes[0].difference.offset, probes[0].difference.got) == (20, None)
    assert summary.exit is Exit.NO


def test_an_interrupt_has_a_summary_and_goes_on() -> None:
    with serving() as server:
        found = ping(Endpoint("tcp", "127.0.0.1", server.port), interval=0.001, count=1000, size=100)
        probes = [next(found), next(found)]
        summary = found.throw(KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            next(found)
    assert all(isinstance(probe, Probe) for probe in probes)
    assert isinstance(summary, Summary)
    assert (summary.received, summary.bytes, summary.lost, summary.times.samples) == (2, 200, 0, 2)
    assert (summary.exit, summary.limits, summary.failure) == (Exit.OK, (), None)


def test_a_slow_probe_breaks_max_rtt() -> None:
    with serving() as server:
        _, summary = run(Endpoint("tcp", "127.0.0.1", server.port), max_rtt=1e-9)
    assert summary.exit is Exit.NO
    assert summary.limits[0].startswith("the slowest took ")


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_nobody_there_is_refused_at_once(scheme: str) -> None:
    target = Endpoint(scheme, "127.0.0.1", find_free_port())
    if scheme == "tcp":
        with pytest.raises(Unreachable, match="refused"):
            run(target)
    else:
        _, summary = run(target)
        assert summary.exit is Exit.UNREACHABLE
        assert summary.failure is not None
        assert "refused" in summary.failure.message


def test_a_reset_is_told() -> None:
    def serve(client: socket.socket) -> None:
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with tcp(serve) as target:
        _, summary = run(target)
    assert summary.failure is not None
    assert "reset" in summary.failure.message
    assert summary.exit is Exit.UNREACHABLE


def test_what_no_probe_can_be() -> None:
    with pytest.raises(BadInput, match="at most 65507"):
        run(Endpoint("udp", "127.0.0.1", 9), size=65508)
    with pytest.raises(BadInput, match="no bytes"):
        run(Endpoint("tcp", "127.0.0.1", 9), size=0)


@pytest.mark.parametrize("size", range(40))
def test_payloads(size: int) -> None:
    for pattern in PATTERNS:
        payloads = Payloads(size, pattern)
        for number in (0, 1, 255):
            data = payloads.make(number)
            assert len(data) == size
            assert payloads.number_of(data) == (number if size >= HEADER.size else None)
            assert Payloads(size, pattern).number_of(data) is None  # of another run


def test_the_first_difference() -> None:
    data = bytes(range(200))
    for at in range(200):
        assert first_difference(data, data[:at] + b"\xff" + data[at + 1 :]) == (at if at != 255 else None)
        assert first_difference(data, data[:at]) == at
        assert first_difference(data[:at], data) == at
    assert first_difference(data, data) is None
    assert str(Difference(4097, 0x41, 0x61)) == "offset 4097: 0x61 instead of 0x41"
