"""What several processes share: one count, and the sockets that each cannot have for itself."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netkit.echo.server.count import Count, SharedCount
from netkit.errors import LocalFailure
from netkit.net.sockets import close_all, open_sets
from tests.echo.server.conftest import serving
from tests.loopback import LIMIT


@pytest.fixture
def shared() -> Iterator[SharedCount]:
    if sys.platform != "linux":
        pytest.skip("eventfd is Linux's")
    count = SharedCount(1000)
    yield count
    count.close()


def test_a_count_ends_at_the_last() -> None:
    count = Count(2)
    assert [(count.take(), count.over) for _ in range(3)] == [(True, False), (True, True), (False, True)]


def test_several_take_exactly_so_many(shared: SharedCount) -> None:
    taken = [0, 0, 0]

    def take(number: int) -> None:
        while shared.take():
            taken[number] += 1

    threads = [threading.Thread(target=take, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert (sum(taken), shared.over) == (1000, True)


def test_another_process_took_the_last(shared: SharedCount) -> None:
    """It ends although nobody came to it, and whoever is connected may finish."""
    with serving(count=shared) as echo, echo.connect() as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        while shared.take():
            pass
        client.settimeout(LIMIT)
        client.sendall(b"y")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b"y"
        assert echo.wait_for("end").snapshot is not None


def test_without_eventfd_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "eventfd", raising=False)
    with pytest.raises(LocalFailure, match="Linux alone has: --workers goes without --count"):
        SharedCount(1)


def test_a_socket_each_and_those_that_are_one_for_all(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        words = ["127.0.0.1", f"fd:{os.dup(given.fileno())}"]
        sets = open_sets(3, bind=words, unix=[str(tmp_path / "s")])
        try:
            assert [[str(each) for each in opened] for opened in sets] == [[str(each) for each in sets[0]]] * 3
            tcp, udp, inherited, unix = zip(*sets, strict=True)
            assert len({each.socket.fileno() for each in (*tcp, *udp)}) == 6
            assert len({each.socket.fileno() for each in (*inherited, *unix)}) == 2
        finally:
            for opened in sets:
                close_all(opened)
