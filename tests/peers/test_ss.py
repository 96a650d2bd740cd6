"""`sockopt show` beside ss(8) of iproute2, on the same sockets: memory, congestion control, TOS, queues, tcp_info."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Netkit = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ss is Linux's")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=9) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 70_000)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xB8)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
        client.sendall(b"x" * 5000)
        accepted.recv(1, socket.MSG_PEEK)
        yield server, client, accepted


def ss(program: Callable[[str], str], *words: str) -> str:
    done = subprocess.run(
        [program("ss"), "-H", "-n", "-O", "-tiem", "--tos", *words], capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return done.stdout


def shown(netkit: Netkit, sock: socket.socket) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(netkit("sockopt", "show", f"{os.getpid()}/{sock.fileno()}", "--json").stdout)
    found["values"] = {one["name"]: one["value"] for one in found["options"]}
    return found


def number(pattern: str, line: str) -> str:
    found = re.search(pattern, line)
    assert found, f"{pattern} is not in {line}"
    return found[1]


def test_a_connection(
    netkit: Netkit, program: Callable[[str], str], pair: tuple[socket.socket, socket.socket, socket.socket]
) -> None:
    _, client, _ = pair
    port = client.getsockname()[1]
    line = ss(program, "sport", "=", f":{port}")
    ours = shown(netkit, client)
    memory = ours["memory"]
    assert number(r"ino:(\d+)", line) == str(ours["inode"])
    assert number(r"skmem:\(([^)]*)\)", line) == (
        "r{rmem_alloc},rb{rcvbuf},t{wmem_alloc},tb{sndbuf},f{fwd_alloc},w{wmem_queued},o{optmem},bl{backlog},d{drops}"
    ).format(**memory)
    assert f"rb{ours['values']['SO_RCVBUF']}," in line
    assert " reno " in line
    assert ours["values"]["TCP_CONGESTION"] == "reno"
    assert number(r"tos:0x([0-9a-f]+)", line) == "b8"
    assert ours["values"]["IP_TOS"] == "ef"
    info = ours["tcp_info"]
    assert float(number(r"rtt:([\d.]+)/", line)) == pytest.approx(info["rtt"] / 1000, abs=0.002)
    assert number(r"cwnd:(\d+)", line) == str(info["snd_cwnd"])
    assert number(r"bytes_sent:(\d+)", line) == str(info["bytes_sent"]) == "5000"
    assert number(r"mss:(\d+)", line) == str(info["snd_mss"])


def test_queues(
    netkit: Netkit, program: Callable[[str], str], pair: tuple[socket.socket, socket.socket, socket.socket]
) -> None:
    server, _, accepted = pair
    port = server.getsockname()[1]
    receive, backlog = shown(netkit, accepted)["queues"], shown(netkit, server)["queues"]
    assert receive["receive_bytes"] == 5000
    for line in ss(program, "-a", "sport", "=", f":{port}").splitlines():
        state, first, second = line.split()[:3]
        if state == "LISTEN":
            assert (int(first), int(second)) == (backlog["accept"], backlog["backlog"]) == (0, 9)
        else:
            assert int(first) == receive["receive_bytes"]
