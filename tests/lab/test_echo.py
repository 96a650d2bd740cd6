"""The lab's echo and hello servers: a loop of their own, driven by the lab's."""

import socket

from netkit.lab import Event, running
from tests.conftest import MS

LIMIT = 20_000 * MS


def at(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def test_streams_and_datagrams_come_back() -> None:
    events: list[Event] = []
    with running(bind=["127.0.0.1"], on_log=events.append) as lab:
        echo = at(lab.environment["NETKIT_LAB_ECHO"])
        with socket.create_connection(echo, timeout=LIMIT) as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100, socket.MSG_WAITALL) == b"hello"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(LIMIT)
            client.sendto(b"", echo)
            assert client.recv(100) == b""
        with socket.create_connection(at(lab.environment["NETKIT_LAB_HELLO"]), timeout=LIMIT) as client:
            client.sendall(b"first")
            greeting = b"".join(iter(lambda: client.recv(100), b""))
    assert greeting == f"Hello 127.0.0.1, this is the lab on {socket.gethostname()}\n".encode()
    logged = {(event.service, event.summary) for event in events if event.event == "request"}
    assert ("echo", "tcp 5 bytes eof") in logged


def test_what_is_open_when_the_lab_stops_is_closed() -> None:
    with running(bind=["127.0.0.1"]) as lab:
        client = socket.create_connection(at(lab.environment["NETKIT_LAB_ECHO"]), timeout=LIMIT)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    with client:
        assert client.recv(1) == b""
