"""connect() against real listeners: the race of RFC 8305, the reasons of what failed, the one deadline."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from netkit.errors import Exit, LocalFailure, TimedOut, Unreachable
from netkit.events import Step
from netkit.net.address import Endpoint, parse_endpoint
from netkit.net.blocking import SocketAddress
from netkit.net.connect import FailedAddress, Race, connect, interleave
from netkit.net.deadline import Deadline
from tests.ports import find_free_port

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that neither accepts nor refuses: a listener whose queue of one is full."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.2", 0))
        sock.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
            fillers.append(filler)
        yield sock.getsockname()
        for filler in fillers:
            filler.close()


def race(
    addresses: list[tuple[str, int]], *, seconds: float, attempt_delay: float
) -> tuple[str, tuple[FailedAddress, ...]]:
    waiting: list[tuple[int, str | tuple[object, ...]]] = [(socket.AF_INET, address) for address in addresses]
    contest = Race(Endpoint("tcp", "several.test", 1), waiting, None)
    with contest:
        won = contest.run(Deadline.after(seconds), attempt_delay)
    won.socket.close()
    return won.address, won.failed


def test_connects_and_traces(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    steps: list[Step] = []
    connection = connect(parse_endpoint(f"127.0.0.1:{port}"), deadline=Deadline.after(5000 * MS), on_event=steps.append)
    with closing(connection.socket):
        assert connection.address == f"127.0.0.1:{port}"
        assert connection.failed == ()
        assert connection.socket.getpeername() == ("127.0.0.1", port)
    assert [step.name for step in steps] == ["resolve", "socket", "connect"]


def test_refused_names_address_and_reason() -> None:
    port = find_free_port()
    with pytest.raises(Unreachable) as caught:
        connect(parse_endpoint(f"127.0.0.1:{port}"), deadline=Deadline.after(5000 * MS))
    assert caught.value.message == f"cannot connect to 127.0.0.1:{port}: refused"
    assert (caught.value.kind, caught.value.exit) == ("refused", Exit.UNREACHABLE)


def test_a_refused_address_does_not_wait_for_the_delay(listener: socket.socket) -> None:
    """With a delay longer than the deadline, only the refusal can start the second attempt."""
    port = find_free_port()
    address, failed = race([("127.0.0.1", port), listener.getsockname()], seconds=5000 * MS, attempt_delay=60_000 * MS)
    assert address == f"127.0.0.1:{listener.getsockname()[1]}"
    assert failed == (FailedAddress(f"127.0.0.1:{port}", "refused"),)


def test_a_silent_address_is_overtaken(listener: socket.socket, silent: tuple[str, int]) -> None:
    address, failed = race([silent, listener.getsockname()], seconds=5000 * MS, attempt_delay=20 * MS)
    assert address == f"127.0.0.1:{listener.getsockname()[1]}"
    assert failed == ()


def test_all_silent_is_a_timeout_that_names_them(silent: tuple[str, int]) -> None:
    with pytest.raises(TimedOut) as caught:
        race([silent], seconds=100 * MS, attempt_delay=20 * MS)
    assert f"{silent[0]}:{silent[1]} silent" in caught.value.message


def test_no_such_host() -> None:
    with pytest.raises(Unreachable) as caught:
        connect(Endpoint("tcp", "256.256.256.256.invalid", 80), deadline=Deadline.after(20_000 * MS))
    assert caught.value.kind == "no_such_host"


def test_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        connection = connect(Endpoint("tcp", path=str(path)), deadline=Deadline.after(5000 * MS))
        connection.socket.close()
        assert connection.address == f"unix:{path}"
    with pytest.raises(Unreachable, match="refused"):
        connect(Endpoint("tcp", path=str(path)), deadline=Deadline.after(5000 * MS))
    with pytest.raises(Unreachable, match="no such socket"):
        connect(Endpoint("tcp", path=str(tmp_path / "none")), deadline=Deadline.after(5000 * MS))


def test_out_of_descriptors_is_this_machines_failure(listener: socket.socket) -> None:
    """A process that may open no more descriptors says so, with the local exit code."""
    import resource

    endpoint = parse_endpoint(f"127.0.0.1:{listener.getsockname()[1]}")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 64
    waiting: list[tuple[int, str | tuple[object, ...]]] = [(socket.AF_INET, (endpoint.host, endpoint.port))]
    contest = Race(endpoint, waiting, None)
    with contest:
        spare = [os.open(os.devnull, os.O_RDONLY) for _ in range(used + 1)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(spare) + 1, before[1]))
        try:
            with pytest.raises(LocalFailure, match="Too many open files"):
                contest.run(Deadline.after(5000 * MS), 0.25)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for fd in spare:
                os.close(fd)


def test_families_take_turns() -> None:
    v6: list[SocketAddress] = [(socket.AF_INET6, (f"::{n}", 1, 0, 0)) for n in (1, 2, 3)]
    v4: list[SocketAddress] = [(socket.AF_INET, ("127.0.0.1", 1))]
    assert interleave([*v6, *v4]) == [v6[0], v4[0], v6[1], v6[2]]
    assert interleave([*v4, *v6]) == [v4[0], *v6]
    assert interleave([]) == []
