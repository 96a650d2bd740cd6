"""Datagrams: each back as it was, to those who may be answered, by the batch and one by one."""

import os
import socket
import struct
import sys
from collections.abc import Iterator

import pytest

from netkit.echo.server import mmsg, reflection
from netkit.echo.server.echo import EchoServer
from netkit.echo.server.faults import Faults
from netkit.events import Step
from tests.echo.server.conftest import Running, serving
from tests.loopback import LIMIT

SIZES = [0, 1, 2, 64, 1472, 1473, 8192, 8193, 65506, 65507]
ROOT = os.geteuid() == 0


@pytest.fixture(params=["batches", "one by one"])
def echo(request: pytest.FixtureRequest) -> Iterator[Running[EchoServer]]:
    steps: list[Step] = []
    if request.param == "batches" and not mmsg.available():
        pytest.skip("this system has no recvmmsg")
    with serving(on_event=None if request.param == "batches" else steps.append) as running:
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_size(echo: Running[EchoServer], host: str) -> None:
    with echo.datagram(host) as client:
        for size in SIZES:
            data = os.urandom(size)
            client.send(data)
            assert client.recv(70000) == data
    assert echo.counts().datagrams_received == len(SIZES)


def test_unequal_sizes_and_many_peers_at_once(echo: Running[EchoServer]) -> None:
    clients = [echo.datagram() for _ in range(20)]
    sent = [[os.urandom((number * 37 + turn * 911) % 2000) for turn in range(8)] for number in range(20)]
    for first in (0, 4):  # 80 datagrams fit into the server's buffer, also when it has no turn meanwhile; 160 may not
        for turn in range(first, first + 4):
            for client, data in zip(clients, sent, strict=True):
                client.send(data[turn])
        for client, data in zip(clients, sent, strict=True):
            assert [client.recv(70000) for _ in range(4)] == data[first : first + 4]
    for client in clients:
        client.close()


@pytest.mark.parametrize(("wildcard", "asked"), [("0.0.0.0", "127.0.0.2"), ("::", "::1")])
@pytest.mark.parametrize("batches", [True, False])
def test_a_wildcard_answers_from_the_asked_address(wildcard: str, asked: str, batches: bool) -> None:
    steps: list[Step] = []
    with (
        serving(bind=[wildcard], rate=0.0, on_event=None if batches else steps.append) as echo,
        echo.datagram(asked) as client,  # a connected socket hears that address alone
    ):
        for number in range(10):
            client.send(b"%d" % number)
            assert client.recv(100) == b"%d" % number


@pytest.mark.skipif(not ROOT, reason="a port below 1024 needs root")
def test_a_privileged_source_is_not_answered(echo: Running[EchoServer]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as low, echo.datagram() as client:
        low.bind(("127.0.0.1", 919))
        low.setblocking(False)
        low.sendto(b"chargen?", ("127.0.0.1", echo.port))
        client.send(b"behind it")
        assert client.recv(100) == b"behind it"
        with pytest.raises(BlockingIOError):
            low.recv(100)
        counts = echo.counts()
        assert counts.kernel_dropped + counts.refused.get("source", 0) == 1


def udp_packet(source: str, source_port: int, target_port: int, data: bytes) -> bytes:
    """IPv4 and UDP headers (RFC 791, 768); the kernel fills in length and checksum of a raw IP header."""
    udp = struct.pack("!HHHH", source_port, target_port, 8 + len(data), 0) + data
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1")
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp


FORGED = [("127.0.0.1", None), ("127.0.0.1", 0), ("127.0.0.1", 7), ("127.0.0.1", 2049), ("255.255.255.255", 5000)]
FORGED += [("224.0.0.1", 5000), ("0.0.0.1", 5000)]


@pytest.mark.skipif(not ROOT or not sys.platform.startswith("linux"), reason="a raw socket needs root")
@pytest.mark.parametrize(("source", "port"), FORGED)
def test_a_forged_source_starts_no_loop(echo: Running[EchoServer], source: str, port: int | None) -> None:
    """None: the server's own address and port, which would answer itself for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw, echo.datagram() as client:
        packet = udp_packet(source, echo.port if port is None else port, echo.port, b"loop")
        raw.sendto(packet, ("127.0.0.1", 0))
        client.send(b"honest")
        assert client.recv(100) == b"honest"
        counts = echo.counts()
        assert counts.datagrams_sent == 1


def test_two_echoes_end_their_loop() -> None:
    """What ports cannot tell apart, the rate does: two servers that were made to answer each other fall silent."""
    with serving(rate=50.0, transports=["udp"]) as one, serving(rate=50.0, transports=["udp"]) as two:
        opened = one.server.listening[0].socket
        opened.sendto(b"for ever?", ("127.0.0.1", two.port))
        first = two.wait_for("refused")
        assert (first.reason, first.transport, first.peer) == ("rate", "udp", "127.0.0.1")


def test_a_peer_over_the_rate_is_not_heard_for_a_while(echo: Running[EchoServer]) -> None:
    with serving(rate=5.0, transports=["udp"]) as limited, limited.datagram() as client:
        client.setblocking(False)
        for number in range(200):
            client.send(b"%d" % number)
        refused = limited.wait_for("refused")
        assert (refused.reason, refused.peer[:9]) == ("rate", "127.0.0.1")
        counts = limited.counts()
        assert counts.datagrams_sent < 200


def test_drop_all() -> None:
    with serving(faults=Faults(drop=1.0), transports=["udp"], count=3) as echo, echo.datagram() as client:
        for _ in range(3):
            client.send(b"x")
        end = echo.wait_for("end").snapshot
        assert end is not None
        assert (end.datagrams_received, end.datagrams_sent, end.faults) == (3, 0, 3)


def test_duplicate_all() -> None:
    with serving(faults=Faults(duplicate=1.0), transports=["udp"]) as echo, echo.datagram() as client:
        client.send(b"twice")
        assert [client.recv(100), client.recv(100)] == [b"twice", b"twice"]


def test_reorder_lets_the_next_one_pass() -> None:
    with serving(faults=Faults(reorder=0.5), seed=4, transports=["udp"]) as echo, echo.datagram() as client:
        sent = [b"%d" % number for number in range(20)]
        for data in sent:
            client.send(data)
        back = [client.recv(100) for _ in sent]
        assert sorted(back) == sorted(sent)
        assert back != sent


def test_corrupt_and_delay() -> None:
    with serving(faults=Faults(corrupt=1.0, delay=0.01), transports=["udp"]) as echo, echo.datagram() as client:
        client.send(bytes(100))
        back = client.recv(1000)
        assert (len(back), sum(byte.bit_count() for byte in back)) == (100, 1)
        client.send(b"")
        assert client.recv(100) == b""


def test_count_of_datagrams_is_exact() -> None:
    with serving(count=2, transports=["udp"]) as echo, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(LIMIT)
        for number in range(5):  # not connected, so that what comes too late is no error
            client.sendto(b"%d" % number, ("127.0.0.1", echo.port))
        assert [client.recv(9), client.recv(9)] == [b"0", b"1"]
        end = echo.wait_for("end").snapshot
        assert end is not None
        assert end.datagrams_sent == 2


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_filter_is_a_program_the_kernel_takes_however_many_are_blocked(family: socket.AddressFamily) -> None:
    length = 4 if family == socket.AF_INET else 8
    blocked = [os.urandom(length) for _ in range(reflection.MOST_BLOCKED)]
    code = reflection.program(family, {45000, 45001}, blocked)
    assert len(code) <= 4096
    assert all(true < 256 and false < 256 for _, true, false, _ in code)
    if sys.platform.startswith("linux"):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            assert reflection.attach(sock, code)


@pytest.mark.parametrize(
    ("source", "port", "loopback", "refused"),
    [
        ("192.0.2.1", 5000, False, False),
        ("192.0.2.1", 0, False, True),
        ("192.0.2.1", 1023, False, True),
        ("192.0.2.1", 1024, False, False),
        ("192.0.2.1", 2049, False, True),
        ("192.0.2.1", 45000, False, True),
        ("0.1.2.3", 5000, False, True),
        ("224.0.0.1", 5000, False, True),
        ("255.255.255.255", 5000, False, True),
        ("127.0.0.1", 5000, False, True),
        ("127.0.0.1", 5000, True, False),
        ("ff02::1", 5000, False, True),
        ("2001:db8::1", 5000, False, False),
    ],
)
def test_the_same_rule_in_python(source: str, port: int, loopback: bool, refused: bool) -> None:
    packed = socket.inet_pton(socket.AF_INET6 if ":" in source else socket.AF_INET, source)
    assert reflection.refused(packed, port, {45000}, loopback=loopback) is refused
