"""Peers on loopback that do what a test says, in threads of it."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netkit.net.address import Endpoint
from tests.conftest import MS

LIMIT = 20_000 * MS


@contextmanager
def tcp(serve: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """A server that treats its first connection so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)

        def run() -> None:
            client, _ = listener.accept()
            with client:
                client.settimeout(LIMIT)
                serve(client)

        thread = threading.Thread(target=run)
        thread.start()
        yield Endpoint("tcp", "127.0.0.1", listener.getsockname()[1])
        thread.join(LIMIT)
        assert not thread.is_alive()


@contextmanager
def udp(serve: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(LIMIT)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield Endpoint("udp", "127.0.0.1", server.getsockname()[1])
        thread.join(LIMIT)
        assert not thread.is_alive()


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def reset(client: socket.socket) -> None:
    """Close it with RST in place of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
