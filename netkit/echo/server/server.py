"""A server on sockets that are open already: one loop, and everything that happens on them but what is said.

Whoever runs it calls `run`, or drives the `loop` from another one.
"""

import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict

from netkit.echo.server.count import Count
from netkit.echo.server.counters import Counters, Snapshot
from netkit.echo.server.event import Event, OnLog, Reason, event
from netkit.events import OnEvent, Step
from netkit.net.acceptor import Acceptor
from netkit.net.gate import Gate, Refusals
from netkit.net.listen import Listening
from netkit.net.loop import Loop
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    import ssl

MAX_CONNS = 256
IDLE_SECONDS = 300.0
DRAIN_SECONDS = 2.0
PUBLIC_RATE = 1000.0  # a second from one host, by default, when the server is not on loopback alone
SWEEPS = 4  # looks for idle connections in one idle time
SETTLED = 0.5  # a connection that has not moved for so long has nothing to finish when the server stops


class Client(Protocol):
    """What the server has to know of a connection."""

    id: int
    host: str
    peer: str
    listener: int
    received: int
    sent: int
    opened: float
    last: float

    @property
    def waiting(self) -> int: ...
    @property
    def state(self) -> str: ...
    def close(self, reason: Reason, detail: str = "") -> None: ...


class Datagrams(Protocol):
    """What the server has to know of a socket of datagrams."""

    socket: socket.socket

    def count_drops(self) -> None:
        """Add what the kernel dropped to the counters."""

    def close(self) -> None:
        """Hear nothing more."""


class Options(TypedDict, total=False):
    """The keywords of Server."""

    tls: "ssl.SSLContext | None"
    max_conns: int
    per_host: int | None
    idle: float
    rate: float | None
    count: int | Count | None
    duration: float | None
    on_log: OnLog | None
    on_event: OnEvent | None


class Server:
    """What the echo and the hello server have in common: everything but what they say.

    listening: bound sockets; the server closes them when it takes no more. tls: streams speak it. max_conns, per_host:
    connections at once. idle: seconds. rate: a second and host; None: PUBLIC_RATE unless all is on loopback, 0: no
    limit. count: end after so many connections and datagrams, which other processes may count too. duration: seconds.
    on_log gets an Event for everything
    that happens, on_event each step at the socket.
    """

    def __init__(
        self,
        listening: Sequence[Listening],
        *,
        tls: "ssl.SSLContext | None" = None,
        max_conns: int = MAX_CONNS,
        per_host: int | None = None,
        idle: float = IDLE_SECONDS,
        rate: float | None = None,
        count: int | Count | None = None,
        duration: float | None = None,
        on_log: OnLog | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        if rate is None and not all(each.is_loopback for each in listening):
            rate = PUBLIC_RATE
        self.listening = listening
        self.tls = tls
        self.on_event = on_event
        self.loop = Loop()
        self.counters = Counters()
        self.gate = Gate(max_conns, per_host, rate or None)
        self.refusals = Refusals(self.loop, self.counters.refuse, self._refused)
        self.clients: dict[int, Client] = {}
        self._on_log = on_log
        self._idle = idle
        self._count = Count(count) if isinstance(count, int) else count
        self._numbers = 0
        self._draining = False
        self.linger = 0.0  # seconds that datagrams may still wait to be sent when all have come
        self._received = self._sent = 0  # of connections that are closed
        self.started = self.loop.now
        self._labels = [_transport(each, tls) for each in listening]
        self._acceptors: list[Acceptor] = []
        self._sources: list[Datagrams] = []
        self._open(listening)
        self._sweep()
        if duration is not None:
            self.loop.later(duration, self.drain)
        if self._count is not None and self._count.over_fd is not None:
            self.loop.add(self._count.over_fd, lambda events: self._enough())

    def _open(self, listening: Sequence[Listening]) -> None:
        ports = {each.endpoint.port for each in listening if each.transport == "udp" and not each.endpoint.path}
        for number, each in enumerate(listening):
            if each.transport == "udp":
                self._sources.append(self.source(each, ports))
            else:
                self._acceptors.append(self._acceptor(number, each))

    def _acceptor(self, number: int, listening: Listening) -> Acceptor:
        def on_client(client: socket.socket, peer: str, host: str) -> None:
            self._accepted(client, peer, host, number)

        return Acceptor(self.loop, listening, self._labels[number], self.gate, self.refusals, on_client)

    def connection(self, client: socket.socket, peer: str, host: str, number: int, id: int) -> Client:
        """Serve a client that came in, over TLS with its handshake still to do; number: of the socket it came to."""
        raise NotImplementedError

    def source(self, listening: Listening, own_ports: set[int]) -> Datagrams:
        """Serve the datagrams of a socket."""
        raise NotImplementedError

    def run(self) -> None:
        """Serve until `stop`, `drain`, the count or the duration end it; then report the end."""
        try:
            self.loop.run()
        finally:
            self.close()

    def _accepted(self, client: socket.socket, peer: str, host: str, number: int) -> None:
        if self.tls is not None:
            from netkit.net.tls_server import accepted  # ssl: loaded with the context

            try:
                client = accepted(self.tls, client)
            except OSError:
                self.gate.leave(host)
                self.refusals.add("tls", "tls", peer)
                return
        if not self.take():
            self.gate.leave(host)
            client.close()
            return
        self._numbers += 1
        self.counters.connections += 1
        self.counters.open += 1
        if self.on_event:
            self.on_event(Step("accept", peer, str(self.listening[number].endpoint)))
        entry = self.connection(client, peer, host, number, self._numbers)
        self.clients[entry.id] = entry
        if self._on_log:
            self._on_log(self._event("open", entry))
        self.served()

    def left(self, client: Client, reason: Reason, detail: str) -> None:
        """A connection is closed."""
        del self.clients[client.id]
        self.gate.leave(client.host)
        self.counters.open -= 1
        self._received += client.received
        self._sent += client.sent
        if self._on_log:
            closed = self._event("close", client)
            seconds = self.loop.now - client.opened
            self._on_log(
                closed._replace(
                    received=client.received, sent=client.sent, seconds=seconds, reason=reason, detail=detail
                )
            )
        if self._draining and not self.clients:
            self.loop.stop()

    def _event(self, name: str, client: Client) -> Event:
        number = client.listener
        return event(
            name,  # type: ignore[arg-type]
            transport=self._labels[number],
            address=str(self.listening[number].endpoint),
            peer=client.peer,
            id=client.id,
        )

    def take(self) -> bool:
        """Whether `count` allows one more connection or datagram."""
        return self._count is None or self._count.take()

    def served(self) -> bool:
        """Whether `count` is reached; then nothing more is taken, and what is open may finish."""
        if self._count is None or self._draining:
            return self._draining
        if self._count.over:
            self._enough()
            return True
        return False

    def _enough(self) -> None:
        if self._count is not None and self._count.over_fd is not None:
            self.loop.remove(self._count.over_fd)  # it stays readable
        if not self._draining:
            self._stop_taking()
            if not self.clients:
                self.loop.later(self.linger, self.loop.stop)

    def _sweep(self) -> None:
        """Close what has been idle, a few times in one idle time."""
        now = time.monotonic()
        for one in [one for one in self.clients.values() if now - one.last >= self._idle]:
            one.close("idle")
        self.loop.later(max(0.02, min(self._idle / SWEEPS, 5.0)), self._sweep)

    def drain(self) -> None:
        """Stop as SIGTERM asks: accept no more, let what moves finish, for DRAIN_SECONDS at most."""
        if self._draining:
            self.stop()
            return
        self._stop_taking()
        now = time.monotonic()
        for one in [one for one in self.clients.values() if not one.waiting and now - one.last > SETTLED]:
            one.close("shutdown")
        if not self.clients:
            self.loop.stop()
        else:
            self.log(event("draining", times=len(self.clients)))
            self.loop.later(DRAIN_SECONDS, self.stop)

    def _stop_taking(self) -> None:
        self._draining = True
        for acceptor in self._acceptors:
            acceptor.close()
        for source in self._sources:
            source.close()
        for each in self.listening:
            if each.transport == "tcp":
                each.close()  # so that who comes now is refused by the kernel, not left waiting

    def stop(self) -> None:
        """End now: what is open is closed."""
        for one in list(self.clients.values()):
            one.close("shutdown")
        self.loop.stop()

    def close(self) -> None:
        """Report the end, and let go of everything."""
        self._stop_taking()
        for one in list(self.clients.values()):
            one.close("shutdown")
        for each in self.listening:
            each.close()
        self.refusals.flush()
        self.log(event("end", snapshot=self.snapshot(), seconds=time.monotonic() - self.started))
        self.loop.close()

    def snapshot(self) -> Snapshot:
        """All counts as of now."""
        for source in self._sources:
            if source.socket.fileno() >= 0:
                source.count_drops()
        counters = self.counters
        counters.stream_received = self._received + sum(one.received for one in self.clients.values())
        counters.stream_sent = self._sent + sum(one.sent for one in self.clients.values())
        return counters.snapshot()

    def abandon(self) -> None:
        """Let go of the sockets without a word: another process serves on them."""
        for acceptor in self._acceptors:
            acceptor.close()
        self.loop.close()

    def announce(self) -> None:
        """Report every socket as listening."""
        for label, each in zip(self._labels, self.listening, strict=True):
            self.log(event("listening", transport=label, address=str(each.endpoint)))

    @property
    def counting(self) -> bool:
        """Whether each datagram has to be counted before the next is taken."""
        return self._count is not None

    @property
    def addresses(self) -> list[str]:
        """TRANSPORT ADDRESS of each socket, as the ready signals say it."""
        return [f"{label} {each.endpoint}" for label, each in zip(self._labels, self.listening, strict=True)]

    def log(self, entry: Event) -> None:
        if self._on_log:
            self._on_log(entry)

    def failed(self, address: str, exc: OSError) -> None:
        """A socket of ours failed; the server goes on with the others."""
        self.log(event("refused", address=address, reason="error", detail=reason_of(exc), times=1))

    def _refused(self, reason: str, transport: str, peer: str, number: int) -> None:
        self.log(event("refused", transport=transport, peer=peer, reason=reason, times=number))


def _transport(listening: Listening, tls: "ssl.SSLContext | None") -> str:
    if listening.transport == "udp":
        return "unix-dgram" if listening.endpoint.path else "udp"
    if tls is not None:
        return "tls"
    return "unix" if listening.endpoint.path else "tcp"
