"""What netlink tells, beside what the sockets themselves say; and that it is all there is without rights."""

import json
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from netkit.net import tcp_info
from netkit.sockopt import diag
from netkit.sockopt.read import value_of
from netkit.sockopt.sockets import ESTABLISHED, LISTEN
from netkit.sockopt.table import BY_NAME
from tests.sockopt.conftest import Owner, Run, owning

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sock_diag is Linux's")


def inode(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def sight(sock: socket.socket) -> diag.Seen:
    seen = diag.by_inode(inode(sock))
    assert seen is not None
    return seen


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        server = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip("this machine has no ::1")
    with server, socket.create_connection(server.getsockname()[:2]) as client:
        yield server, client


def test_a_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 70_000)
    client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x20)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    seen = sight(client)
    assert seen.values["SO_RCVBUF"] == 140_000
    assert seen.values["TCP_CONGESTION"] == "reno"
    assert seen.values["IP_TOS"] == 0x20
    assert (seen.uid, seen.state) == (os.getuid(), ESTABLISHED)
    host, port = client.getsockname()[:2]
    assert (seen.local, seen.port) == (f"[{host}]:{port}" if ":" in host else f"{host}:{port}", port)
    assert seen.peer is not None
    assert seen.peer.endswith(f":{server.getsockname()[1]}")
    assert seen.tcp_info is not None
    assert tcp_info.decode(seen.tcp_info).values["snd_mss"] == client.getsockopt(6, socket.TCP_MAXSEG)
    for name, value in seen.values.items():
        option = BY_NAME[name]
        own, reason = value_of(client, option)
        assert reason or value == (option.names.get(own, own) if isinstance(own, str) else own), name


def test_a_listener_has_its_queue(pair: tuple[socket.socket, socket.socket]) -> None:
    server, _ = pair
    seen = sight(server)
    assert (seen.state, seen.peer, seen.queues and seen.queues[0]) == (LISTEN, None, 1)
    assert inode(server) in {one.inode for one in diag.internet(server.getsockname()[1])}


def test_udp_and_unix() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        seen = sight(udp)
        assert (seen.nature.text, seen.port) == ("udp4", udp.getsockname()[1])
        assert seen.values["SO_RCVBUF"] == udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"x" * 100)
        seen = sight(there)
        assert (seen.nature.text, seen.peer) == ("unix", f"inode:{inode(here)}")
        assert seen.values["SO_RCVBUF"] == there.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def test_no_such_inode() -> None:
    assert diag.by_inode(1) is None


def test_nobody_sees_a_part_of_roots_socket(owner: Owner, as_nobody: Run) -> None:
    done = as_nobody("sockopt", "show", f"tcp://:{owner.port}", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    listener, accepted = map(json.loads, done.stdout.splitlines())
    assert listener["partial"].startswith("needs CAP_SYS_PTRACE")
    assert (listener["pid"], listener["uid"], listener["state"]) == (None, 0, "listen")
    values = {one["name"]: one["value"] for one in accepted["options"]}
    assert values.keys() >= {"SO_RCVBUF", "SO_SNDBUF", "TCP_CONGESTION", "IP_TOS", "IP_TRANSPARENT"}
    assert "TCP_NODELAY" not in values
    assert accepted["tcp_info"]["state"] == "established"


def test_nobody_is_told_so(owner: Owner, as_nobody: Run) -> None:
    done = as_nobody("sockopt", "show", f"udp://:{owner.udp_port}")
    inode_number = os.stat(f"/proc/{owner.pid}/fd/{owner.fds['udp']}").st_ino
    assert done.returncode == 0
    assert f"inode:{inode_number}\tsocket\tSO_RCVBUF\t" in done.stdout
    assert done.stderr == (
        f"netkit: inode:{inode_number}: partial: needs CAP_SYS_PTRACE; this is what netlink tells of any socket\n"
    )
    by_inode = as_nobody("sockopt", "get", f"inode:{inode_number}", "--short", "rcvbuf")
    assert (by_inode.returncode, by_inode.stdout) == (0, f"{owner.ask('get', 'udp', 1, 8).split()[0]}\n")


def test_nobody_gets_no_more_than_that(owner: Owner, as_nobody: Run) -> None:
    done = as_nobody("sockopt", "get", f"tcp://:{owner.port}", "nodelay")
    assert done.returncode == 11
    assert "TCP_NODELAY: netlink does not tell it: needs CAP_SYS_PTRACE" in done.stderr


@pytest.mark.parametrize("form", ["tcp://:{port}", "{pid}", "{pid}/{fd}"])
def test_nobody_sets_nothing_on_roots_socket(owner: Owner, as_nobody: Run, form: str) -> None:
    target = form.format(port=owner.port, pid=owner.pid, fd=owner.fds["client"])
    done = as_nobody("sockopt", "set", target, "nodelay=on")
    assert (done.returncode, done.stdout) == (11, "")
    assert "needs CAP_SYS_PTRACE" in done.stderr
    assert owner.ask("get", "client", 6, 1).startswith("0 ")


def test_nobody_has_its_own_sockets(as_nobody: Run) -> None:
    with owning("drop", "open") as owner:
        done = as_nobody("sockopt", "set", owner.target("client"), "nodelay=on")
        assert (done.returncode, done.stderr) == (0, "")
        assert owner.ask("get", "client", 6, 1) == "1 True True"


def test_nobody_and_a_process_that_is_not_dumpable(as_nobody: Run) -> None:
    with owning("drop") as owner:
        done = as_nobody("sockopt", "show", owner.target("client"))
        assert done.returncode == 11
        assert "needs CAP_SYS_PTRACE" in done.stderr
        done = as_nobody("sockopt", "show", f":{owner.port}")
        assert (done.returncode, done.stdout != "") == (0, True)


def test_nobody_and_what_needs_a_capability(as_nobody: Run) -> None:
    words = ["mark=5", "priority=7", "debug=on", "sndbufforce=1M", "transparent=on", "prefer_busy_poll=on"]
    done = as_nobody("sockopt", "set", "new:tcp4", *words)
    assert done.returncode == 11
    assert done.stderr.count("not permitted: needs CAP_NET_ADMIN") == len(words)
    done = as_nobody("sockopt", "set", "new:tcp4", "priority=6", "keepalive=on")
    assert (done.returncode, done.stderr) == (0, "")


def test_nobody_watches_what_netlink_tells(owner: Owner, as_nobody: Run) -> None:
    words = ["--watch", "--count", "2", "--interval", "1ms", "--json"]
    done = as_nobody("sockopt", "show", f"tcp://:{owner.port}", *words)
    assert done.returncode == 0
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["sample"] for one in samples] == [1, 1, 2, 2]
    assert {one["partial"] is not None for one in samples} == {True}
