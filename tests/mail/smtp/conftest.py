"""An SMTP server that takes everything but what it is told to refuse, and writes down what it heard."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import pytest

from netkit.mail.smtp import deliver

EHLO = b"250-there\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"
Answer = bytes | None | Callable[[bytes], bytes | None]  # None: hang up


class Talker:
    """answers: to "banner", a verb, "dot", or "line" (within a message, which takes no answer by itself)."""

    def __init__(self, answers: Mapping[str, Answer], sessions: int) -> None:
        self.answers = answers
        self.commands: list[bytes] = []
        self.messages: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._run, args=(sessions,), daemon=True)
        self.thread.start()

    def _run(self, sessions: int) -> None:
        for _ in range(sessions):
            try:
                client, _peer = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with client, client.makefile("rb") as lines:
                try:
                    self._talk(client, lines)
                except (OSError, ConnectionError):
                    continue

    def _say(self, client: socket.socket, key: str, line: bytes, otherwise: bytes) -> bytes:
        answer = self.answers.get(key, otherwise)
        if callable(answer):
            answer = answer(line)
        if answer is None:
            raise ConnectionError
        client.sendall(answer)
        return answer

    def _talk(self, client: socket.socket, lines: BinaryIO) -> None:
        self._say(client, "banner", b"", b"220 there\r\n")
        for line in lines:
            self.commands.append(line)
            verb = line.split()[0].decode().upper()
            if verb == "BDAT":
                self.messages.append(lines.read(int(line.split()[1])))
            otherwise = {"EHLO": EHLO, "LHLO": EHLO, "DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}
            answer = self._say(client, verb, line, otherwise.get(verb, b"250 2.0.0 ok\r\n"))
            if verb == "DATA" and answer.startswith(b"354"):
                message = b""
                while (part := lines.readline()) != b".\r\n":
                    if not part:
                        return
                    message += part
                    if "line" in self.answers:
                        self._say(client, "line", part, b"")
                self.messages.append(message)
                self._say(client, "dot", message, b"250 2.0.0 queued as Q1\r\n")
            if verb == "QUIT":
                return

    def close(self) -> None:
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
            self.listener.close()
        self.thread.join(10)


@pytest.fixture
def talker() -> Iterator[Callable[..., Talker]]:
    servers: list[Talker] = []

    def start(answers: Mapping[str, Answer] | None = None, sessions: int = 1) -> Talker:
        servers.append(Talker(answers or {}, sessions))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before another try."""
    monkeypatch.setattr(deliver, "PAUSE", 0.001)
