"""Two sockets side by side."""

import socket
import sys

import pytest

from netkit.errors import BadInput
from netkit.sockopt.compare import diff
from tests.sockopt.conftest import Owner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")


def test_the_same() -> None:
    found = diff("new:tcp4", "new:tcp4")
    assert (found.rows, found.only_a, found.only_b, found.partial) == ((), (), (), "")
    assert found.compared > 60


def test_what_differs() -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\5\0\0\0")
        found = diff(f"fd:{sock.fileno()}", "new:tcp4")
    assert [(row.option.name, row.a, row.b) for row in found.rows] == [
        ("SO_LINGER", {"on": True, "seconds": 5}, {"on": False, "seconds": 0}),
        ("TCP_NODELAY", True, False),
    ]


def test_what_one_alone_has() -> None:
    found = diff("new:tcp4", "new:udp4")
    assert "TCP_NODELAY" in found.only_a
    assert "UDP_GRO" in found.only_b
    assert not {row.option.name for row in found.rows} & {*found.only_a, *found.only_b}


def test_a_target_must_be_one_socket(owner: Owner) -> None:
    with pytest.raises(BadInput, match=f":{owner.port} leads to 2 sockets: {owner.target('server')}"):
        diff(f":{owner.port}", "new:tcp4")
    found = diff(owner.target("accepted"), owner.target("client"))
    assert found.a.who.pid == found.b.who.pid == owner.pid
