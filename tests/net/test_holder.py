"""Who holds a port or a path, read from /proc."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netkit.net.holder import Holder, find_holder, find_unix_holder

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="/proc/net is Linux's")


def test_a_tcp_listener_of_this_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = find_holder("tcp", "127.0.0.1", server.getsockname()[1])
    assert found is not None
    assert (found.pid, found.uid) == (os.getpid(), os.getuid())


def test_another_process_is_named() -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        port = int(other.stdout.readline())
        found = find_holder("tcp", "127.0.0.1", port)
        other.communicate("\n")
    assert found is not None
    assert found.pid == other.pid
    assert str(found).endswith(f"(pid {other.pid})")


def test_a_wildcard_holds_every_address() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        assert find_holder("tcp", "127.0.0.1", port)
        assert not find_holder("udp", "127.0.0.1", port)


def test_another_address_is_not_in_the_way() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        assert find_holder("tcp", "127.0.0.1", port) is None
        assert find_holder("tcp", "0.0.0.0", port)


def test_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert find_holder("tcp", "127.0.0.1", client.getsockname()[1]) is None


def test_a_dual_stack_listener_holds_v4_too() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no dual stack")
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        assert find_holder("tcp", "127.0.0.1", server.getsockname()[1])


def test_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        found = find_holder("udp", "127.0.0.1", server.getsockname()[1])
    assert found is not None
    assert found.pid == os.getpid()


def test_a_unix_path_with_a_space(tmp_path: Path) -> None:
    path = str(tmp_path / "a b")
    assert find_unix_holder(path) is None
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        found = find_unix_holder(path)
    assert found is not None
    assert found.pid == os.getpid()


def test_a_process_that_may_not_be_seen_is_told_by_its_owner() -> None:
    assert str(Holder(None, None, 0)) == "a process of user root"
    assert str(Holder(None, None, 4_000_000_000)) == "a process of user 4000000000"
    assert str(Holder(None, None, None)) == "a process of another user"
