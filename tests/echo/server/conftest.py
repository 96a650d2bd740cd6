"""An echo server in a thread of the test, on free ports of loopback."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Queue
from typing import Any, Generic, TypeVar

import pytest

from netkit.echo.server.counters import Snapshot
from netkit.echo.server.event import Event
from netkit.echo.server.server import EchoServer, Server
from netkit.echo.server.sockets import close_all, open_sockets
from tests.conftest import MS

LIMIT = 20_000 * MS


S = TypeVar("S", bound=Server)


class Running(Generic[S]):
    """A server that runs: its port, and its events as they come."""

    def __init__(self, server: S, events: "Queue[Event]") -> None:
        self.server = server
        self._events = events
        self.seen: list[Event] = []
        self.port = server.listening[0].endpoint.port
        self.path = server.listening[0].endpoint.path

    def wait_for(self, name: str) -> Event:
        """The next event of this name; those before it are kept in `seen`."""
        while True:
            entry = self._events.get(timeout=LIMIT)
            self.seen.append(entry)
            if entry.event == name:
                return entry

    def counts(self) -> Snapshot:
        """The counts, taken between two turns of the loop."""
        taken: Queue[Snapshot] = Queue()
        self.server.loop.soon(lambda: taken.put(self.server.snapshot()))
        return taken.get(timeout=LIMIT)

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((host, self.port), timeout=LIMIT)

    def datagram(self, host: str = "127.0.0.1") -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect((host, self.port))
        return sock


@contextmanager
def serving(
    *, bind: Sequence[str] = (), transports: Sequence[Any] = ("tcp", "udp"), unix: Sequence[str] = (), **options: Any
) -> Iterator[Running[EchoServer]]:
    events: Queue[Event] = Queue()
    opened = open_sockets(bind=bind, transports=transports, unix=unix)
    server = EchoServer(opened, on_log=events.put, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Running(server, events)
    finally:
        server.loop.soon(server.stop)
        thread.join(LIMIT)
        close_all(opened)
        assert not thread.is_alive()


@pytest.fixture
def echo() -> Iterator[Running[EchoServer]]:
    with serving() as running:
        yield running


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
