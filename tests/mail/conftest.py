"""A server that says what its script says, an answer to each line that a client sends."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

Script = Sequence[bytes | None]  # an answer to each line of the client; None: hang up


class Scripted:
    """Answers line n of the client with piece n of the script, the greeting first; `heard` is what came."""

    def __init__(self, script: Script) -> None:
        self.script = list(script)
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        with client, client.makefile("rb") as lines:
            try:
                for number, answer in enumerate(self.script):
                    if answer is None:
                        client.shutdown(socket.SHUT_WR)  # closing with a line unread would reset the connection
                        lines.read()
                        return
                    if number:
                        line = lines.readline()
                        if not line:
                            return
                        self.heard.append(line)
                    client.sendall(answer)
                self.heard += lines.readlines()
            except OSError:
                return

    def close(self) -> None:
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
            self.listener.close()
        self.thread.join(10)


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], Scripted]]:
    servers: list[Scripted] = []

    def start(script: Script) -> Scripted:
        servers.append(Scripted(script))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
