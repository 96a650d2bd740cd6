"""A chat server in a thread of the test, and clients that know what they are due."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Queue
from typing import Any, TypeVar

import pytest

from netkit.chat.event import Event
from netkit.chat.hub import Hub
from netkit.chat.limits import Limits
from netkit.chat.server import ChatServer
from netkit.net.loop import Loop
from netkit.net.sockets import close_all, open_sockets
from tests.loopback import LIMIT

T = TypeVar("T")
GREETING = b"You're connected to the Python chatserver\r\n"


class Client:
    """A connection: `expect` takes exactly what it names."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.socket.settimeout(LIMIT)
        address = sock.getsockname()
        host = address[0] if isinstance(address, tuple) else ""
        self.name = (f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}") if host else ""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        found = bytearray()
        while len(found) < size and (data := self.socket.recv(size - len(found))):
            found += data
        return bytes(found)

    def expect(self, data: bytes | str) -> None:
        wanted = data.encode() if isinstance(data, str) else data
        assert self.read(len(wanted)) == wanted

    def expect_end(self, data: bytes | str = b"") -> None:
        """That, and then the end."""
        self.expect(data)
        assert self.socket.recv(1000) == b""

    def line(self) -> bytes:
        found = b""
        while not found.endswith(b"\n") and (data := self.socket.recv(1)):
            found += data
        return found

    def answer(self, command: str) -> list[str]:
        """What the server says to a command; a ping behind it shows the end."""
        self.send(command.encode() + b"\n/ping done\n")
        lines: list[str] = []
        while (line := self.line()) != b"* pong done\r\n":
            assert line, lines
            lines.append(line.decode().rstrip("\r\n"))
        return lines

    def close(self) -> None:
        self.socket.close()


class Chat:
    """A server that runs, its events as they come."""

    def __init__(self, server: ChatServer, events: "Queue[Event]") -> None:
        self.server = server
        self.hub = server.hub
        self.events = events
        self.seen: list[Event] = []
        self.clients: list[Client] = []
        endpoint = server.listening[0].endpoint
        self.host, self.port, self.path = endpoint.host, endpoint.port, endpoint.path

    def connect(self, *, receive: int = 0) -> Client:
        """Somebody who has not read anything yet. receive: bytes of its kernel's buffer."""
        if self.path:
            sock = socket.socket(socket.AF_UNIX)
        else:
            sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        if receive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.connect(self.path or (self.host, self.port))
        self.clients.append(client := Client(sock))
        return client

    def join(self, *others: Client, receive: int = 0) -> Client:
        """Somebody who is in, as the others were told."""
        client = self.connect(receive=receive)
        client.expect(GREETING)
        for other in others:
            other.expect(f"Client joined {client.name}\r\n")
        return client

    def in_loop(self, call: Callable[[], T]) -> T:
        """What it returns when the server's loop calls it."""
        taken: Queue[T] = Queue()
        self.server.loop.soon(lambda: taken.put(call()))
        return taken.get(timeout=LIMIT)

    def wait_for(self, name: str, reason: str | None = None) -> Event:
        """The next event of this name, and reason."""
        while True:
            entry = self.events.get(timeout=LIMIT)
            self.seen.append(entry)
            if entry.event == name and reason in (None, entry.reason):
                return entry


@contextmanager
def chatting(
    limits: Limits = Limits(rate=None),  # noqa: B008 - immutable
    *,
    bind: Sequence[str] = ("127.0.0.1",),
    unix: Sequence[str] = (),
    tutorial: bool = False,
    moderate: Callable[[str], bool] | None = None,
    **options: Any,
) -> Iterator[Chat]:
    events: Queue[Event] = Queue()
    opened = open_sockets(bind=() if unix else bind, transports=("tcp",), unix=unix)
    hub = Hub(Loop(), limits=limits, tutorial=tutorial, moderate=moderate, on_log=events.put)
    server = ChatServer(opened, hub, on_log=events.put, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    chat = Chat(server, events)
    try:
        yield chat
    finally:
        for client in chat.clients:
            client.close()
        server.loop.soon(server.stop)
        thread.join(LIMIT)
        close_all(opened)
        assert not thread.is_alive()


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chatting() as running:
        yield running
