"""A DNS server in a thread that answers as a test scripts it, also wrongly; replies are built with dnspython.

`serve(script)` starts one on a free port of 127.0.0.1, UDP and TCP. The script is called for each query with its
octets, the transport and its number from 0; it gives the octets of the replies, one datagram or message each. On TCP,
`Octets` go out as they stand, without a length; an empty list on TCP leaves the connection open, `CLOSE` ends it.
"""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from netkit.events import Step
from netkit.net.deadline import Deadline
from tests.ports import find_free_port

Script = Callable[[bytes, str, int], Sequence[bytes]]


class Ending(Deadline):
    """A deadline that passes when `end` is called, however long that takes: for what is told at the end alone."""

    over = False

    def end(self) -> None:
        self.over = True

    def behind(self, replies: int) -> Callable[[Step], None]:
        """An on_event that ends it when so many replies have been looked at."""
        came: list[Step] = []

        def on_event(step: Step) -> None:
            if step.name == "recv":
                came.append(step)
                if len(came) == replies:
                    self.end()

        return on_event

    @property
    def left(self) -> float:
        return 0.0 if self.passed else super().left

    @property
    def passed(self) -> bool:
        return self.over or super().passed


class Octets(bytes):
    """What goes to a TCP connection without a length in front."""


CLOSE = Octets()


@dataclass
class Scripted:
    """A running server: queries as they came, (transport, octets)."""

    script: Script
    over_tcp: bool = True
    port: int = 0
    queries: list[tuple[str, bytes]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.udp, self.tcp = sockets()
        self.port = self.udp.getsockname()[1]
        if not self.over_tcp:
            self.tcp.close()
        self.wake, self.waker = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def transports(self) -> list[str]:
        return [transport for transport, _ in self.queries]

    @property
    def questions(self) -> list[str]:
        """The names asked for, without the final dot."""
        return [str(dns.message.from_wire(wire).question[0].name)[:-1] for _, wire in self.queries]

    def replies(self, wire: bytes, transport: str) -> Sequence[bytes]:
        with self.lock:
            number = len(self.queries)
            self.queries.append((transport, wire))
        try:
            return self.script(wire, transport, number)
        except BaseException as exc:
            self.failures.append(exc)
            return ()

    def run(self) -> None:
        received: dict[socket.socket, bytes] = {}
        with selectors.DefaultSelector() as selector:
            for one in (self.udp, self.wake, *([self.tcp] if self.over_tcp else [])):
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    if sock is self.wake:
                        for peer in received:
                            peer.close()
                        return
                    if sock is self.udp:
                        wire, sender = self.udp.recvfrom(65535)
                        for reply in self.replies(wire, "udp"):
                            self.udp.sendto(reply, sender)
                    elif sock is self.tcp:
                        accepted, _ = self.tcp.accept()
                        received[accepted] = b""
                        selector.register(accepted, selectors.EVENT_READ)
                    elif not self.converse(sock, received):
                        selector.unregister(sock)
                        del received[sock]
                        sock.close()

    def converse(self, peer: socket.socket, received: dict[socket.socket, bytes]) -> bool:
        """Answer what came over a connection; whether it stays open."""
        try:
            chunk = peer.recv(65535)
            received[peer] += chunk
            while len(data := received[peer]) >= 2 and len(data) >= (size := 2 + int.from_bytes(data[:2])):
                received[peer] = data[size:]
                for reply in self.replies(data[2:size], "tcp"):
                    if reply is CLOSE:
                        return False
                    peer.sendall(reply if isinstance(reply, Octets) else len(reply).to_bytes(2) + reply)
        except OSError:
            return False
        return bool(chunk)

    def close(self) -> None:
        self.waker.send(b"x")
        self.thread.join()
        for sock in (self.udp, self.tcp, self.wake, self.waker):
            sock.close()
        if self.failures:
            raise self.failures[0]


def sockets() -> tuple[socket.socket, socket.socket]:
    """UDP and listening TCP on the same free port."""
    for _ in range(50):
        udp = socket.socket(type=socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket()
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen(100)
        return udp, tcp
    raise AssertionError("no port is free for both TCP and UDP")


@pytest.fixture
def serve() -> Iterator[Callable[..., Scripted]]:
    running: list[Scripted] = []

    def start(script: Script, *, tcp: bool = True) -> Scripted:
        running.append(Scripted(script, tcp))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def refusing() -> str:
    """HOST:PORT where nothing listens, for UDP or TCP."""
    return f"127.0.0.1:{find_free_port()}"


def reply_to(
    query: bytes,
    *answer: str,
    authority: Sequence[str] = (),
    rcode: str = "NOERROR",
    flags: str = "QR RD RA",
    question: str | None = None,
    options: Sequence[tuple[int, bytes]] | None = None,
) -> bytes:
    """A reply to the query; records in master-file form: "www.test. 60 IN A 192.0.2.1", "@" for the name asked.

    options: EDNS options as (code, data); None is a reply without EDNS.
    """
    asked = dns.message.from_wire(query)
    message = dns.message.Message(id=asked.id)
    message.flags = dns.flags.from_text(flags)
    if options is not None:
        message.use_edns(0, options=[dns.edns.GenericOption(dns.edns.OptionType(code), data) for code, data in options])
    message.set_rcode(dns.rcode.from_text(rcode))
    message.question = asked.question
    if question is not None:
        name, rdtype = question.split()
        message.question = [dns.rrset.from_text(name, 0, "IN", rdtype)]
    owner = str(asked.question[0].name)
    for section, lines in ((message.answer, answer), (message.authority, authority)):
        for line in lines:
            name, ttl, rdclass, rdtype, data = line.split(maxsplit=4)
            section.append(dns.rrset.from_text(owner if name == "@" else name, int(ttl), rdclass, rdtype, data))
    return message.to_wire(max_size=65535)


def asked_for(query: bytes) -> tuple[str, str]:
    """(name without the final dot, type) of a query."""
    question = dns.message.from_wire(query).question[0]
    return str(question.name)[:-1], dns.rdatatype.to_text(question.rdtype)


SOA = "test. 60 IN SOA ns.test. admin.test. 1 2 3 4 60"
