"""A socket watched: sample after sample, until it is gone."""

import sys

import pytest

from netkit.errors import Unreachable
from netkit.sockopt.sample import watch
from tests.sockopt.conftest import Owner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sockets of other processes are found on Linux alone")


def test_samples(owner: Owner) -> None:
    samples = watch(owner.target("accepted"), interval=0.001, count=3)
    first = next(samples)
    assert (first.number, first.queues.receive) == (1, 0)
    assert owner.ask("send", "client", 1000) == "sent"
    owner.ask("get", "accepted", 1, 8)
    second = next(samples)
    assert (second.number, second.queues.receive) == (2, 1000)
    assert second.tcp_info is not None
    assert second.tcp_info.values["bytes_received"] == 1000
    assert second.at >= first.at
    assert [sample.number for sample in samples] == [3]


def test_it_ends_when_the_socket_is_gone(owner: Owner) -> None:
    samples = watch(owner.target("udp"), interval=0.001)
    next(samples)
    owner.ask("close", "udp")
    assert list(samples) == []


def test_it_goes_on_with_the_others(owner: Owner) -> None:
    samples = watch(f":{owner.port}", interval=0.001, count=2)
    assert next(samples).who.fd == owner.fds["server"]
    assert next(samples).who.fd == owner.fds["accepted"]
    owner.ask("close", "accepted")
    assert [sample.who.fd for sample in samples] == [owner.fds["server"]]


def test_it_ends_with_the_process(owner: Owner) -> None:
    samples = watch(str(owner.pid), interval=0.001)
    assert {next(samples).who.pid for _ in range(6)} == {owner.pid}
    owner.process.kill()
    owner.process.wait()
    list(samples)  # ends


def test_nothing_to_watch(owner: Owner) -> None:
    with pytest.raises(Unreachable, match="has no descriptor 999"):
        next(watch(f"{owner.pid}/999", interval=1))
