"""Mail servers for any number of connections, sound ones and ones that are wrong in the way a test asks for."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.findings import Report
from netkit.mail.smtp.check.server import check_server
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import parse_target
from netkit.net.ca import Authority, Leaf
from netkit.net.deadline import Deadline
from netkit.net.tls_server import from_leaf

HOST = "mx.test"
OFFERS = ("PIPELINING", "8BITMIME", "SIZE 50000000", "STARTTLS")
SHORT = 0.2  # seconds of patience with a probe: on loopback an answer is there at once


@dataclass
class Behaviour:
    """replies: by the beginning of a line; None hangs up. ends: what ends a message, beside CRLF.CRLF."""

    greeting: bytes | None = b"220 mx.test ESMTP\r\n"
    offers: tuple[str, ...] = OFFERS
    under_tls: tuple[str, ...] | None = None
    replies: Mapping[str, bytes | None] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    implicit: bool = False
    keeps_buffer: bool = False  # over STARTTLS
    ends: tuple[bytes, ...] = ()
    refuses_bare: bool = False
    cr_ends_lines: bool = False
    cut: int = 0  # bytes after which a line is over


class Fake:
    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.port = int(self.address.rpartition(":")[2])
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            _Talk(client, self.behaviour, self.heard).run()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


class _Talk:
    def __init__(self, client: socket.socket, behaviour: Behaviour, heard: list[bytes]) -> None:
        self.socket = client
        self.how = behaviour
        self.heard = heard
        self.buffer = b""
        self.tls = False

    def run(self) -> None:
        how = self.how
        try:
            if how.implicit and how.context:
                self.secure()
            if how.greeting is None:
                return
            self.socket.sendall(how.greeting)
            while (line := self.line()) is not None:
                self.heard.append(line)
                answer = self.answer(line.decode("latin-1"))
                if answer is None:
                    return
                self.socket.sendall(answer)
                if line == b"STARTTLS" and answer.startswith(b"220") and how.context:
                    self.secure()
                elif line == b"DATA" and answer.startswith(b"354"):
                    if not self.data():
                        return
                elif line == b"QUIT":
                    return
        finally:
            self.socket.close()

    def secure(self) -> None:
        assert self.how.context
        self.socket = self.how.context.wrap_socket(self.socket, server_side=True)
        self.tls = True
        if not self.how.keeps_buffer:
            self.buffer = b""

    def receive(self) -> bool:
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def line(self) -> bytes | None:
        while True:
            if self.how.cr_ends_lines and 0 <= self.buffer.find(b"\r") < len(self.buffer) - 1:
                line, _, self.buffer = self.buffer.partition(b"\r")
                self.buffer = self.buffer.removeprefix(b"\n")
                return line
            if self.how.cut and len(self.buffer) > self.how.cut:
                line, self.buffer = self.buffer[: self.how.cut], self.buffer[self.how.cut :]
                return line
            line, newline, rest = self.buffer.partition(b"\r\n")
            if newline:
                self.buffer = rest
                return line
            if not self.receive():
                return None

    def answer(self, line: str) -> bytes | None:
        for begin, reply in self.how.replies.items():
            if line.startswith(begin):
                return reply
        if line.startswith("EHLO"):
            offers = self.how.offers
            if self.tls:
                plain = tuple(one for one in offers if one != "STARTTLS")
                offers = self.how.under_tls if self.how.under_tls is not None else plain
            lines = [HOST, *offers]
            return "".join(f"250{'-' if one is not lines[-1] else ' '}{one}\r\n" for one in lines).encode()
        verbs = ("HELO", "MAIL", "RCPT", "RSET", "NOOP")
        known = {"STARTTLS": b"220 go\r\n", "DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}
        ok = b"250 ok\r\n" if line.startswith(verbs) else b"500 what\r\n"
        return known.get(line, ok)

    def data(self) -> bool:
        """The message; whether the session goes on."""
        ends = (b"\r\n.\r\n", *self.how.ends)
        while True:
            if self.how.refuses_bare and b"\n.\n" in self.buffer:
                self.socket.sendall(b"521 bare LF\r\n")
                return False
            for end in ends:
                _, found, rest = self.buffer.partition(end)
                if found:
                    self.buffer = rest
                    self.socket.sendall(b"250 queued\r\n")
                    return True
            if not self.receive():
                return False


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("a test's CA")


@pytest.fixture(scope="session")
def cacert(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(authority.pem)
    return str(file)


@pytest.fixture(scope="session")
def leaf(authority: Authority) -> Leaf:
    return authority.issue([HOST])


@pytest.fixture(scope="session")
def context(leaf: Leaf) -> ssl.SSLContext:
    return from_leaf(leaf)


def only(leaf: Leaf, low: str, high: str) -> ssl.SSLContext:
    """A server that takes no other versions of TLS than from one to the other."""
    context = from_leaf(leaf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion[low]
        context.maximum_version = ssl.TLSVersion[high]
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.fixture
def fake() -> Iterator[Callable[[Behaviour], Fake]]:
    servers: list[Fake] = []

    def start(behaviour: Behaviour) -> Fake:
        servers.append(Fake(behaviour))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Check = Callable[..., Report]


@pytest.fixture
def check(fake: Callable[[Behaviour], Fake], cacert: str, context: ssl.SSLContext) -> Check:
    """check(Behaviour(...), rcpt=(...)): the report on such a server; it has TLS unless it says otherwise."""

    def run(behaviour: Behaviour, *, scheme: str = "smtp", seconds: float = 20.0, **asked: object) -> Report:
        if behaviour.context is None:
            behaviour.context = context
        server = fake(behaviour)
        wanted = Asked(**{"cacert": cacert, "patience": SHORT, "timeout": seconds, **asked})  # type: ignore[arg-type]
        target = parse_target(f"{scheme}://{server.address}", SCHEMES, wanted.tls)
        return check_server(Place(server.address, HOST, (target,)), wanted, Deadline.after(seconds))

    return run
