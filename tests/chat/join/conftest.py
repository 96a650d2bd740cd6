"""A client in the test, on a loop that the test turns; and servers that do what a script says."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest

from netkit.chat.join.backoff import Backoff
from netkit.chat.join.client import Client, State
from netkit.chat.join.received import Received
from netkit.errors import NetkitError
from netkit.net.address import Endpoint
from netkit.net.loop import Loop
from tests.loopback import LIMIT


class Joined:
    """What a client tells, as it comes."""

    def __init__(self, target: Endpoint, **options: Any) -> None:
        self.lines: list[Received] = []
        self.states: list[State] = []
        self.errors: list[NetkitError | None] = []
        self.rooms = 0
        self.loop = Loop()
        self.client = Client(
            self.loop,
            target,
            on_lines=self.lines.extend,
            on_end=self.errors.append,
            on_state=self.states.append,
            on_room=self._room,
            backoff=Backoff(lambda: 1.0),
            **options,
        )
        self.client.start()

    def _room(self) -> None:
        self.rooms += 1

    @property
    def raw(self) -> list[bytes]:
        return [one.raw for one in self.lines]

    def until(self, holds: Callable[[], object]) -> None:
        """Turn the loop until it holds."""
        late = monotonic() + LIMIT
        while not holds():
            self.loop.turn(0.05)
            assert monotonic() < late, (self.states, self.lines, self.errors)

    def until_open(self) -> None:
        self.until(lambda: self.client.state.name == "open")

    def until_line(self, raw: bytes) -> None:
        self.until(lambda: raw in self.raw)

    def end(self) -> NetkitError | None:
        """How it ended."""
        self.until(lambda: self.errors)
        [error] = self.errors
        return error

    def close(self) -> None:
        self.client.close()
        self.loop.close()


Join = Callable[..., Joined]


@pytest.fixture
def join() -> Iterator[Join]:
    made: list[Joined] = []

    def start(target: Endpoint, **options: Any) -> Joined:
        made.append(joined := Joined(target, **options))
        return joined

    yield start
    for one in made:
        one.close()


@contextmanager
def scripted(*serves: Callable[[socket.socket], None]) -> Iterator[Endpoint]:
    """A server that treats its first connection so, its second so, and takes no more."""
    failures: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)

        def run() -> None:
            try:
                for serve in serves:
                    client, _ = listener.accept()
                    with client:
                        client.settimeout(LIMIT)
                        serve(client)
            except BaseException as exc:
                failures.append(exc)

        thread = threading.Thread(target=run)
        thread.start()
        yield Endpoint("tcp", "127.0.0.1", listener.getsockname()[1])
        thread.join(LIMIT)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def line(client: socket.socket) -> bytes:
    """The next line that a client says; what it got of one when it closes its side."""
    found = b""
    while not found.endswith(b"\n") and (data := client.recv(1)):
        found += data
    return found
