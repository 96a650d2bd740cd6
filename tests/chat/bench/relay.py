"""A chat server of lines that treats them as a test says."""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netkit.net.address import Endpoint
from tests.loopback import LIMIT

# Who it is for, by when it came; who said it; the how manieth line of the run that is; the line as it would be sent.
Give = Callable[[int, int, int, bytes], bytes]


def faithful(to: int, of: int, number: int, line: bytes) -> bytes:
    return b"" if to == of else line


class Relay(threading.Thread):
    """piece: bytes that are sent at once. greeting: to who comes. hang_up: at this line, on the last who came."""

    def __init__(
        self, give: Give = faithful, *, piece: int = 1 << 20, greeting: bytes = b"hello\n", hang_up: int | None = None
    ) -> None:
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint = Endpoint("tcp", "127.0.0.1", self.listener.getsockname()[1])
        self.give, self.piece, self.greeting, self.hang_up = give, piece, greeting, hang_up
        self.clients: list[socket.socket] = []
        self.lines = 0  # of runs
        self.selector = selectors.DefaultSelector()
        self.stop, self.stopped = socket.socketpair()

    def run(self) -> None:
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.stopped, selectors.EVENT_READ)
        rests: dict[socket.socket, bytes] = {}
        while True:
            for key, _ in self.selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self.stopped:
                    return
                if sock is self.listener:
                    client, _ = self.listener.accept()
                    client.settimeout(LIMIT)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.selector.register(client, selectors.EVENT_READ)
                    self.clients.append(client)
                    if self.greeting:
                        client.sendall(self.greeting)
                    continue
                try:
                    data = sock.recv(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    self.selector.unregister(sock)
                    continue
                *lines, rests[sock] = (rests.get(sock, b"") + data).split(b"\n")
                for line in lines:
                    self.relay(self.clients.index(sock), line)

    def relay(self, of: int, line: bytes) -> None:
        number = self.lines if b"?" not in line else -1  # a probe
        self.lines += number >= 0
        if self.hang_up is not None and number == self.hang_up:
            self.clients[-1].shutdown(socket.SHUT_RDWR)
        for to, client in enumerate(self.clients):
            data = (self.give if number >= 0 else faithful)(to, of, number, b"[client %d] %b\r\n" % (of, line))
            for begin in range(0, len(data), self.piece):
                try:
                    client.sendall(data[begin : begin + self.piece])
                except OSError:
                    break


@contextmanager
def relaying(relay: Relay) -> Iterator[Endpoint]:
    relay.start()
    yield relay.endpoint
    relay.stop.send(b".")
    relay.join(LIMIT)
    assert not relay.is_alive()
    for sock in (relay.stop, relay.stopped, relay.listener, *relay.clients):
        sock.close()
    relay.selector.close()
