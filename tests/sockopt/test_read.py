"""What is read of a socket, and that looking takes nothing from its owner."""

import errno
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from netkit.errors import BadInput, Unreachable
from netkit.sockopt.read import Reading, Snapshot, get, show
from netkit.sockopt.target import NEW
from tests.loopback import LIMIT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")

SO_ERROR, TCP_SAVE_SYN, TCP_SAVED_SYN = 4, 27, 28


def one(target: str) -> Snapshot:
    (found,) = show(target)
    return found


def by_name(shown: Snapshot) -> dict[str, Reading]:
    return {reading.option.name: reading for reading in shown.readings}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        with socket.create_connection(server.getsockname()) as client, server.accept()[0] as accepted:
            yield client, accepted


@pytest.mark.parametrize("kind", NEW)
def test_a_fresh_socket_has_its_defaults(kind: str) -> None:
    shown = one(f"new:{kind}")
    readings = by_name(shown)
    assert shown.who.nature.text == kind
    assert [reading.option.name for reading in shown.readings if reading.changed] == []
    assert readings["SO_TYPE"].value == ("dgram" if kind.startswith("udp") else "stream")
    assert readings["SO_KEEPALIVE"].value is False
    assert {reading.option.level_name for reading in shown.readings} == {
        "tcp4": {"socket", "ip", "tcp"},
        "tcp6": {"socket", "ip", "ipv6", "tcp"},
        "udp4": {"socket", "ip", "udp"},
        "udp6": {"socket", "ip", "ipv6", "udp"},
        "unix": {"socket"},
    }[kind]
    assert len(readings) > (40 if kind == "unix" else 60)


def test_values_are_those_of_getsockopt(pair: tuple[socket.socket, socket.socket]) -> None:
    client, _ = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 70_000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
    client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
    shown = one(f"fd:{client.fileno()}")
    readings = by_name(shown)
    assert readings["SO_RCVBUF"].value == client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 140_000
    assert (readings["TCP_KEEPIDLE"].value, readings["TCP_KEEPIDLE"].default) == (30, 7200)
    assert readings["IP_TOS"].value == "ef"
    assert readings["SO_BUF_LOCK"].value == "rcv"
    assert {name for name, found in readings.items() if found.changed} >= {
        "SO_RCVBUF", "SO_KEEPALIVE", "TCP_KEEPIDLE", "IP_TOS", "SO_BUF_LOCK",
    }  # fmt: skip
    assert not readings["SO_COOKIE"].changed
    assert readings["SO_RCVBUF"].note == ""
    assert readings["TCP_MAXSEG"].note == "negotiated"
    host, port = client.getsockname()
    assert (shown.who.local, shown.who.state) == (f"{host}:{port}", "established")
    assert shown.who.inode == os.fstat(client.fileno()).st_ino
    assert shown.tcp_info is not None
    assert shown.queues.receive == shown.queues.send == 0
    assert shown.memory is not None
    assert shown.memory["rcvbuf"] == 140_000
    assert shown.partial == ""


def test_changed_only(pair: tuple[socket.socket, socket.socket]) -> None:
    whole = one(f"fd:{pair[0].fileno()}")
    fewer = whole.changed_only()
    assert all(reading.changed for reading in fewer.readings)
    assert len(fewer.readings) + fewer.left_out == len(whole.readings)


def test_queues_of_a_connection_and_of_a_listener(pair: tuple[socket.socket, socket.socket]) -> None:
    client, accepted = pair
    client.sendall(b"x" * 1000)
    accepted.recv(1, socket.MSG_PEEK)
    assert one(f"fd:{accepted.fileno()}").queues.receive == 1000
    with socket.create_server(("127.0.0.1", 0), backlog=7) as server, socket.create_connection(server.getsockname()):
        queues = one(f"fd:{server.fileno()}").queues
    assert (queues.accept, queues.backlog, queues.receive) == (1, 7, None)


def test_addresses_of_unix_sockets(tmp_path: "os.PathLike[str]") -> None:
    path = os.path.join(tmp_path, "a b")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        listening, connected = one(f"fd:{server.fileno()}").who, one(f"fd:{client.fileno()}").who
    assert (listening.local, listening.peer, listening.state) == (f"unix:{path}", None, "listen")
    assert (connected.local, connected.peer, connected.state) == (None, f"unix:{path}", "connected")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0netkit-test-{os.getpid()}")
        assert one(f"fd:{server.fileno()}").who.local == f"unix:@netkit-test-{os.getpid()}"


def test_the_pending_error_stays(pair: tuple[socket.socket, socket.socket]) -> None:
    with socket.socket() as refused:
        refused.setblocking(False)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            assert refused.connect_ex(free.getsockname()) in (errno.EINPROGRESS, errno.ECONNREFUSED)
            ended = select.poll()
            ended.register(refused, select.POLLOUT)
            assert ended.poll(LIMIT * 1000)
        one(f"fd:{refused.fileno()}")
        assert refused.getsockopt(socket.SOL_SOCKET, SO_ERROR) == errno.ECONNREFUSED


def test_the_saved_syn_stays(pair: tuple[socket.socket, socket.socket]) -> None:
    _, accepted = pair
    one(f"fd:{accepted.fileno()}")
    assert len(accepted.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 512)) >= 40


def test_no_descriptor_is_left_open(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = socket.socketpair()
    with closing(here), closing(there):
        before = sorted(os.listdir("/proc/self/fd"))
        for sock in (here, *pair):
            one(f"fd:{sock.fileno()}")
        assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_default_timeout_does_not_reach_the_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    client, _ = pair
    socket.setdefaulttimeout(5)
    try:
        one(f"fd:{client.fileno()}")
        assert socket.getdefaulttimeout() == 5
    finally:
        socket.setdefaulttimeout(None)
    assert os.get_blocking(client.fileno())


def test_get_takes_names_and_numbers(pair: tuple[socket.socket, socket.socket]) -> None:
    client, _ = pair
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    (found,) = get(f"fd:{client.fileno()}", ["NoDelay", "6:1:4", "tcp:1:1", "tcp_info", "peername"])
    values = [reading.value for reading in found.readings]
    assert values[:3] == [True, 1, "01"]
    assert values[3]["state"] == "established"
    assert values[4] == "{}:{}".format(*client.getpeername())


@pytest.mark.parametrize(
    ("names", "reason"),
    [(["nodelay"], "a udp4 socket has no such option"), (["ip_mtu"], "not connected")],
)
def test_get_says_why_there_is_no_value(names: list[str], reason: str) -> None:
    (found,) = get("new:udp4", names)
    assert [(reading.value, reading.reason) for reading in found.readings] == [(None, reason)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("so_error", "SO_ERROR is never read: reading it clears the error its owner waits for"),
        ("1:4:4", "1:4:4 is never read"),
        ("6:28:512", "6:28:512 is never read"),
        ("saved_syn", "TCP_SAVED_SYN is never read"),
        ("peerpidfd", "SO_PEERPIDFD is never read"),
        ("zerocopy_receive", "TCP_ZEROCOPY_RECEIVE is never read"),
        ("attach_filter", "SO_ATTACH_FILTER is never read"),
        ("sndbufforce", "SO_SNDBUFFORCE can be set, not read"),
    ],
)
def test_what_is_never_read(name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        list(get("new:tcp4", [name]))


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("new:tcp5", BadInput, "a new socket is one of tcp4"),
        ("x", BadInput, "names no socket"),
        ("", BadInput, "names no socket"),
        ("1/2/3", BadInput, "names no socket"),
        ("0", BadInput, "is no process id"),
        ("99999999999", BadInput, "names no socket"),
        ("inode:x", BadInput, "names no socket"),
        (":65536", BadInput, "port 65536 is outside"),
        (":nosuchservice", BadInput, "no service name"),
        ("fd:999999", Unreachable, "descriptor 999999 is not open"),
    ],
)
def test_targets_that_are_none(target: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        list(show(target))


def test_a_descriptor_that_is_no_socket() -> None:
    with open(os.devnull) as null, pytest.raises(BadInput, match="is not a socket"):
        list(show(f"fd:{null.fileno()}"))


def test_reading_needs_no_more_than_the_kernel_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old kernel that knows nothing beyond 2.6's options: the rest is left out."""
    real: Callable[..., bytes] = socket.socket.getsockopt

    class Old(socket.socket):
        def getsockopt(self, level: int, number: int, size: int = 0) -> bytes:  # type: ignore[override]
            if level == socket.SOL_SOCKET and number > 40:
                raise OSError(errno.ENOPROTOOPT, "")
            return real(self, level, number, size)

    monkeypatch.setattr(socket, "socket", Old)
    names = by_name(one("new:tcp4"))
    assert "SO_KEEPALIVE" in names
    assert "SO_COOKIE" not in names
