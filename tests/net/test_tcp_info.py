"""`struct tcp_info`: a real one, every truncation of it, and its age."""

import socket
from collections.abc import Iterator

import pytest

from netkit.net import tcp_info
from netkit.net.tcp_info import FIELDS, decode


@pytest.fixture
def pair() -> Iterator[socket.socket]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        client.sendall(b"x" * 1000)
        assert accepted.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
        yield client


def test_a_real_connection(pair: socket.socket) -> None:
    info = tcp_info.read(pair)
    assert info is not None
    assert info.state == "established"
    assert info.retransmitted == 0
    assert info.values["snd_mss"] == pair.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    assert 0 < (info.min_rtt_us or 0) <= (info.rtt_us or 0) < 10_000_000
    if "bytes_sent" in info.values:  # Linux 4.19
        assert info.values["bytes_sent"] == 1000


def test_a_socket_that_is_not_tcp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert tcp_info.read(sock) is None


def test_offsets_are_those_of_the_header() -> None:
    """linux/tcp.h, checked with offsetof() on 6.18."""
    offsets = {field.name: field.offset for field in FIELDS}
    assert offsets["rtt"] == 68
    assert offsets["total_retrans"] == 100
    assert offsets["pacing_rate"] == 104
    assert offsets["min_rtt"] == 148
    assert offsets["delivery_rate"] == 160
    assert offsets["bytes_sent"] == 200
    assert offsets["rcv_wnd"] == 232
    assert offsets["total_rto_time"] == 244


def test_every_truncation_is_read_as_far_as_it_reaches(pair: socket.socket) -> None:
    whole = pair.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, tcp_info.SIZE)
    full = decode(whole).values
    for length in range(len(whole) + 1):
        values = decode(whole[:length]).values
        assert values == {name: full[name] for name in values}
        assert [f.name for f in FIELDS if f.name in values] == [f.name for f in FIELDS][: len(values)]
    assert decode(b"").state == "state 0"
    assert decode(bytes([1, 4, 2, 0, 0, 0b101, 0x72, 1]))[:6] == (
        "established", "loss", 2, 0, 0, ("timestamps", "wscale"),
    )  # fmt: skip
    assert decode(bytes([99, 9]))[:2] == ("state 99", "state 9")
