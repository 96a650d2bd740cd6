"""A new connection with options set before it is made."""

import os
import socket
import sys
from pathlib import Path

import pytest

from netkit.errors import BadInput, Exit, Unreachable
from netkit.events import Step
from netkit.net.address import join, parse_endpoint
from netkit.sockopt.attempt import attempt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")


def test_before_set_and_connected() -> None:
    steps: list[Step] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        tried = attempt(
            parse_endpoint(f"127.0.0.1:{port}"),
            ["maxseg=1000", "rcvbuf=70000", "nodelay=on", "linger=0"],
            timeout=10,
            on_event=steps.append,
        )
        accepted, peer = server.accept()
        with accepted:
            assert tried.local == "{}:{}".format(*peer)
    assert (tried.endpoint, tried.address, tried.exit) == (f"127.0.0.1:{port}", f"127.0.0.1:{port}", Exit.OK)
    values = [(one.option.name, one.before, one.effective, one.connected) for one in tried.changes]
    assert values[1:3] == [("SO_RCVBUF", 131072, 140_000, 140_000), ("TCP_NODELAY", False, True, True)]
    # The timestamps option takes 12 bytes of each segment, where net.ipv4.tcp_timestamps is on.
    assert values[0][2:] in (("TCP_MAXSEG", 536, 1000, 988)[2:], (1000, 1000))
    assert tried.tcp_info is not None
    assert tried.tcp_info.state == "established"
    assert [step.name for step in steps] == ["resolve", "socket", *["setsockopt"] * 4, "connect"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_udp_sends_nothing(host: str) -> None:
    steps: list[Step] = []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind((host, 0))
        server.setblocking(False)
        where = parse_endpoint(join(host, server.getsockname()[1]), schemes=("udp",))
        tried = attempt(where, ["rcvbuf=70000", "segment=1200", "mtu_discover=do"], timeout=10, on_event=steps.append)
        with pytest.raises(BlockingIOError):
            server.recv(1)
    assert (tried.endpoint, tried.address, tried.exit, tried.tcp_info) == (str(where), str(where), Exit.OK, None)
    assert tried.local.startswith(join(host, 0).removesuffix("0"))
    level = "IPV6" if ":" in host else "IP"
    assert [(one.option.name, one.effective, one.connected) for one in tried.changes] == [
        ("SO_RCVBUF", 140_000, 140_000),
        ("UDP_SEGMENT", 1200, 1200),
        (f"{level}_MTU_DISCOVER", "do", "do"),
    ]
    assert [step.name for step in steps] == ["resolve", "socket", *["setsockopt"] * 3, "connect"]


def test_udp_has_no_option_of_tcp() -> None:
    where = parse_endpoint("udp://127.0.0.1:9", schemes=("tcp", "udp"))
    tried = attempt(where, ["keepidle=30", "rcvbuf=70000"], timeout=10)
    assert tried.exit is Exit.PARTIAL
    assert str(tried.changes[0].error) == "TCP_KEEPIDLE=30: a udp4 socket has no such option"


def test_udp_without_a_way_there() -> None:
    where = parse_endpoint("udp://255.255.255.255:9", schemes=("tcp", "udp"))
    with pytest.raises(Unreachable, match=r"cannot reach 255\.255\.255\.255:9: 255\.255\.255\.255:9 "):
        attempt(where, ["rcvbuf=70000"], timeout=10)


def test_what_is_refused_does_not_stop_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = parse_endpoint(f"127.0.0.1:{server.getsockname()[1]}")
        tried = attempt(where, ["congestion=nosuch"], timeout=10)
    assert tried.exit is Exit.NO
    assert tried.changes[0].error is not None


def test_a_unix_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "s"))
        server.listen()
        tried = attempt(parse_endpoint(f"unix:{tmp_path / 's'}"), ["passcred=on"], timeout=10)
    assert (tried.exit, tried.tcp_info) == (Exit.OK, None)


def test_nobody_there_and_bad_names() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = parse_endpoint(f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Unreachable, match="refused"):
            attempt(where, ["nodelay=on"], timeout=10)
        with pytest.raises(BadInput, match="is no socket option"):
            attempt(where, ["nodelai=on"], timeout=10)
        with pytest.raises(BadInput, match="may mean"):  # told at the socket: it must not stay open
            attempt(where, ["timestamp=on"], timeout=10)
