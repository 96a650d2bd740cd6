"""Sockets opened for a server: real ports, both families, unix paths, and who is in the way."""

import errno
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.events import Step
from netkit.net.address import Endpoint, parse_endpoint
from netkit.net.listen import Listening, adopt, bind_failure, endpoint_of, listen, open_socket
from tests.ports import find_free_port

ANY = Endpoint("tcp", "127.0.0.1", 0)
HAS_IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()


def close(listening: list[Listening]) -> None:
    for each in listening:
        each.close()


def test_port_0_gets_a_real_port_that_accepts() -> None:
    opened = open_socket(ANY)
    try:
        assert opened.endpoint.port == opened.socket.getsockname()[1] != 0
        assert str(opened) == f"tcp 127.0.0.1:{opened.endpoint.port}"
        with socket.create_connection(("127.0.0.1", opened.endpoint.port)):
            pass
    finally:
        opened.close()


def test_sockets_are_not_inherited_and_do_not_block() -> None:
    opened = open_socket(ANY)
    try:
        assert not opened.socket.get_inheritable()
        assert opened.socket.gettimeout() == 0
        with pytest.raises(BlockingIOError):
            opened.socket.accept()
    finally:
        opened.close()


def test_several_addresses_and_both_protocols_share_one_free_port() -> None:
    hosts = ["127.0.0.1", "127.0.0.2"] + (["::1"] if HAS_IPV6 else [])
    opened = listen([Endpoint("tcp", host, 0) for host in hosts], transports=("tcp", "udp"))
    try:
        assert len(opened) == 2 * len(hosts)
        assert len({each.endpoint.port for each in opened}) == 1
        assert {each.transport for each in opened} == {"tcp", "udp"}
    finally:
        close(opened)


def test_a_taken_port_on_one_address_leaves_nothing_open() -> None:
    port = find_free_port()
    with socket.create_server(("127.0.0.2", port)):
        with pytest.raises(LocalFailure):
            listen([Endpoint("tcp", "127.0.0.1", port), Endpoint("tcp", "127.0.0.2", port)])
        with socket.create_server(("127.0.0.1", port)):
            pass  # what had been opened first was closed again


def test_v6_sockets_are_v6_only() -> None:
    if not HAS_IPV6:
        pytest.skip("this machine has no IPv6")
    opened = open_socket(Endpoint("tcp", "::", find_free_port()))
    try:
        assert opened.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
        with socket.create_server(("0.0.0.0", opened.endpoint.port)):
            pass
    finally:
        opened.close()


def test_tcp_reuses_addresses_and_udp_does_not() -> None:
    tcp, udp = listen([ANY], transports=("tcp", "udp"))
    try:
        assert tcp.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        assert udp.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0
    finally:
        close([tcp, udp])


def test_a_port_in_use_names_the_process_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalFailure) as failed:
            open_socket(Endpoint("tcp", "127.0.0.1", port))
    name = Path("/proc/self/comm").read_text().strip()
    assert failed.value.message == f"127.0.0.1:{port} is in use by {name} (pid {os.getpid()})"
    assert failed.value.hint == "--port 0 picks a free one"
    assert failed.value.kind == "address_in_use"


def test_a_udp_port_in_use_says_that_it_is_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(LocalFailure, match=rf"127\.0\.0\.1:{port}/udp is in use by .* \(pid {os.getpid()}\)"):
            open_socket(Endpoint("udp", "127.0.0.1", port), "udp")


def test_an_address_of_another_machine() -> None:
    with pytest.raises(LocalFailure, match=r"^192\.0\.2\.1 is not an address of this machine$"):
        open_socket(Endpoint("tcp", "192.0.2.1", 0))


def test_an_unavailable_default_may_be_left_out() -> None:
    opened = listen([ANY, Endpoint("tcp", "192.0.2.1", 0)], skip_unavailable=["192.0.2.1"])
    try:
        assert [each.endpoint.host for each in opened] == ["127.0.0.1"]
    finally:
        close(opened)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_privileged_port_says_what_it_needs(number: int) -> None:
    failure = bind_failure(Endpoint("tcp", "127.0.0.1", 80), "tcp", OSError(number, os.strerror(number)))
    assert failure.message == "127.0.0.1:80: not allowed to bind port 80"
    assert failure.hint
    assert "CAP_NET_BIND_SERVICE" in failure.hint


def test_a_link_local_address_without_interface() -> None:
    failure = bind_failure(Endpoint("tcp", "fe80::1", 80), "tcp", OSError(errno.EINVAL, "Invalid argument"))
    assert (failure.message, failure.hint) == ("fe80::1 needs an interface", "fe80::1%eth0")


def test_an_interface_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="no interface 'nosuch0'"):
        open_socket(Endpoint("tcp", "fe80::1", 0, "nosuch0"))


def test_the_steps_are_traced() -> None:
    steps: list[Step] = []
    opened = open_socket(ANY, on_event=steps.append)
    opened.close()
    assert [(step.name, step.address) for step in steps] == [
        ("socket", ""),
        ("bind", str(opened.endpoint)),
        ("listen", str(opened.endpoint)),
    ]


def test_a_unix_socket_is_made_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    opened = open_socket(parse_endpoint(f"unix:{path}"))
    assert stat.S_ISSOCK(path.stat().st_mode)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    opened.close()
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    opened = open_socket(Endpoint("tcp", path=str(path)))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    opened.close()


@pytest.mark.parametrize("listens", [True, False])
def test_a_live_unix_socket_is_never_removed(tmp_path: Path, listens: bool) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        if listens:
            live.listen(1)
        inode = path.stat().st_ino
        with pytest.raises(LocalFailure, match="is in use by"):
            open_socket(Endpoint("tcp", path=str(path)))
        assert path.stat().st_ino == inode


def test_a_live_unix_socket_with_a_full_backlog_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as live, socket.socket(socket.AF_UNIX) as first:
        live.bind(str(path))
        live.listen(0)
        first.connect(str(path))
        with pytest.raises(LocalFailure, match="is in use"):
            open_socket(Endpoint("tcp", path=str(path)))
        assert path.exists()


def test_a_file_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(LocalFailure, match="exists and is no socket"):
        open_socket(Endpoint("tcp", path=str(path)))
    assert path.read_text() == "precious"


def test_closing_leaves_a_path_that_somebody_else_has_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    opened = open_socket(Endpoint("tcp", path=str(path)))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        opened.close()
        assert path.exists()


def test_servers_that_start_at_once_over_a_stale_socket_leave_one_alive(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    gate, results = threading.Barrier(8), list[Listening | LocalFailure]()

    def start() -> None:
        gate.wait()
        try:
            results.append(open_socket(Endpoint("tcp", path=str(path))))
        except LocalFailure as exc:
            results.append(exc)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alive = [each for each in results if isinstance(each, Listening)]
    assert len(alive) == 1
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    alive[0].close()


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="No such file or directory"):
        open_socket(Endpoint("tcp", path=str(tmp_path / "nosuch" / "s")))


def test_an_inherited_descriptor_is_made_to_listen() -> None:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    taken = open_socket(Endpoint("tcp", fd=bound.detach()))
    try:
        assert taken.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        assert taken.endpoint.host == "127.0.0.1"
    finally:
        taken.close()


def test_a_descriptor_that_is_no_socket(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w") as file, pytest.raises(LocalFailure, match="is no socket"):
        adopt(file.fileno())
    with pytest.raises(LocalFailure, match="is no socket"):
        adopt(10_000)


def test_a_connected_descriptor_cannot_serve_and_stays_open() -> None:
    left, right = socket.socketpair()
    with left, right:
        with pytest.raises(LocalFailure, match="cannot serve"):
            adopt(left.fileno())
        left.send(b"still open")
        assert right.recv(20) == b"still open"


def test_the_endpoint_of_a_unix_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        assert endpoint_of(bound).path == str(tmp_path / "s")


def test_a_name_listens_on_its_addresses() -> None:
    opened = listen([Endpoint("tcp", "localhost", 0)])
    try:
        assert {each.endpoint.host for each in opened} <= {"127.0.0.1", "::1"}
        assert len({each.endpoint.port for each in opened}) == 1
    finally:
        close(opened)
