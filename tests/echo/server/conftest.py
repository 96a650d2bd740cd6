"""An echo server in a thread of the test, on free ports of loopback."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Queue
from typing import Any, Generic, TypeVar

import pytest

from netkit.echo.server.counters import Snapshot
from netkit.echo.server.echo import EchoServer
from netkit.echo.server.event import Event
from netkit.echo.server.hello import HelloServer, greeting
from netkit.echo.server.server import Server
from netkit.net.sockets import close_all, open_sockets
from tests.loopback import LIMIT

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
def run(server: S, events: "Queue[Event]") -> Iterator[Running[S]]:
    """The server in a thread, until the block ends."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Running(server, events)
    finally:
        server.loop.soon(server.stop)
        thread.join(LIMIT)
        close_all(server.listening)
        assert not thread.is_alive()


@contextmanager
def serving(
    *, bind: Sequence[str] = (), transports: Sequence[Any] = ("tcp", "udp"), unix: Sequence[str] = (), **options: Any
) -> Iterator[Running[EchoServer]]:
    events: Queue[Event] = Queue()
    opened = open_sockets(bind=bind, transports=transports, unix=unix)
    with run(EchoServer(opened, on_log=events.put, **options), events) as running:
        yield running


@contextmanager
def greeting_with(
    text: str = "hello\n", *, transports: Sequence[Any] = ("tcp", "udp"), unix: Sequence[str] = (), **options: Any
) -> Iterator[Running[HelloServer]]:
    events: Queue[Event] = Queue()
    opened = open_sockets(transports=transports, unix=unix)
    with run(HelloServer(opened, greeting(text), on_log=events.put, **options), events) as running:
        yield running


@pytest.fixture
def echo() -> Iterator[Running[EchoServer]]:
    with serving() as running:
        yield running
