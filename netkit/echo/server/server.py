"""The echo server: sockets that are open already, one loop, and everything that happens on them.

`open_sockets` binds, `EchoServer` serves. Whoever runs it calls `run`, or drives the `loop` from another one.
"""

import socket
import time
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from netkit.echo.server.acceptor import Acceptor
from netkit.echo.server.counters import Counters, Snapshot
from netkit.echo.server.datagram import Batches, OneByOne, Source
from netkit.echo.server.event import Event, OnLog, Reason, event
from netkit.echo.server.faults import Faults
from netkit.echo.server.gate import Gate, Refusals
from netkit.echo.server.loop import Loop
from netkit.echo.server.stream import CarefulEcho, Echo
from netkit.events import OnEvent, Step
from netkit.net.listen import Listening
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    import ssl

MAX_CONNS = 256
IDLE_SECONDS = 300.0
DRAIN_SECONDS = 2.0
PUBLIC_RATE = 1000.0  # a second from one host, by default, when the server is not on loopback alone
BUFFER = 256 * 1024  # what one read takes at most: a bulk stream gains up to here, not beyond
SMALL = 4 * 1024  # the same when clients that do not read hold PENDING bytes between them
PENDING = 64 * 1024 * 1024
SWEEPS = 4  # looks for idle connections in one idle time
SETTLED = 0.5  # a connection that has not moved for so long has nothing to finish when the server stops


def is_loopback(listening: Listening) -> bool:
    endpoint = listening.endpoint
    return bool(endpoint.path) or endpoint.host.startswith("127.") or endpoint.host == "::1"


class EchoServer:
    """listening: bound sockets; the server closes them when it takes no more. tls: streams speak it, unix sockets too.

    max_conns, per_host, idle (seconds), rate (a second and host; None: PUBLIC_RATE unless all is on loopback, 0: no
    limit), faults: see there. count: end after so many connections and datagrams. duration: seconds.
    seed: of the faults' randomness. on_log gets an Event for everything that happens, on_event each step at the socket.
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
        faults: Faults = Faults(),  # noqa: B008 - immutable
        count: int | None = None,
        duration: float | None = None,
        seed: int | None = None,
        on_log: OnLog | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        if rate is None and not all(map(is_loopback, listening)):
            rate = PUBLIC_RATE
        self.listening = listening
        self.tls = tls
        self.faults = faults
        self.random = Random(seed)
        self.on_event = on_event
        self.loop = Loop()
        self.counters = Counters()
        self.gate = Gate(max_conns, per_host, rate or None)
        self.refusals = Refusals(self.loop, self.counters, self._refused)
        self.clients: dict[int, Echo] = {}
        self.pending = 0  # bytes received and not sent yet, of all streams
        self._on_log = on_log
        self._idle = idle
        self._count = count
        self._numbers = 0
        self._draining = False
        self._large = memoryview(bytearray(BUFFER))
        self.view = self.buffer = self._large
        self._received = self._sent = 0  # of connections that are closed
        self.started = self.loop.now
        self._labels = [_transport(each, tls) for each in listening]
        self._acceptors: list[Acceptor] = []
        self._sources: list[Source] = []
        self._open(listening)
        self._sweep()
        if duration is not None:
            self.loop.later(duration, self.drain)

    def _open(self, listening: Sequence[Listening]) -> None:
        ports = {each.endpoint.port for each in listening if each.transport == "udp"}
        careful = self.on_event is not None or self.faults.on_datagrams or self._count is not None
        from netkit.echo.server import mmsg

        for number, each in enumerate(listening):
            if each.transport == "udp":
                kind = OneByOne if careful or not mmsg.available() or each.endpoint.path else Batches
                self._sources.append(kind(self, each, ports))
            else:
                self._acceptors.append(self._acceptor(number, each))

    def _acceptor(self, number: int, listening: Listening) -> Acceptor:
        def on_client(client: socket.socket, peer: str, host: str) -> None:
            self._accepted(client, peer, host, number)

        return Acceptor(self.loop, listening, self._labels[number], self.gate, self.refusals, on_client)

    def run(self) -> None:
        """Serve until `stop`, `drain`, the count or the duration end it; then report the end."""
        try:
            self.loop.run()
        finally:
            self.close()

    def _accepted(self, client: socket.socket, peer: str, host: str, number: int) -> None:
        self._numbers += 1
        self.counters.connections += 1
        self.counters.open += 1
        if self.on_event:
            self.on_event(Step("accept", peer, str(self.listening[number].endpoint)))
        if self.tls is not None or self.faults.on_streams or self.on_event:
            echo: Echo = CarefulEcho(self, client, peer, host, number, self._numbers, self.tls)
        else:
            echo = Echo(self, client, peer, host, number, self._numbers)
        self.clients[echo.id] = echo
        if self._on_log:
            self._on_log(self._event("open", echo))
        self.served()

    def left(self, echo: Echo, reason: Reason, detail: str) -> None:
        """A connection is closed."""
        del self.clients[echo.id]
        self.gate.leave(echo.host)
        self.counters.open -= 1
        self._received += echo.received
        self._sent += echo.sent
        if self._on_log:
            closed = self._event("close", echo)
            seconds = self.loop.now - echo.opened
            self._on_log(
                closed._replace(received=echo.received, sent=echo.sent, seconds=seconds, reason=reason, detail=detail)
            )
        if self._draining and not self.clients:
            self.loop.stop()

    def _event(self, name: str, echo: Echo) -> Event:
        number = echo.listener
        return event(
            name,  # type: ignore[arg-type]
            transport=self._labels[number],
            address=str(self.listening[number].endpoint),
            peer=echo.peer,
            id=echo.id,
        )

    def blocked(self, change: int) -> None:
        """Account for bytes that wait for a client to read; when all together are too many, reads become small."""
        self.pending += change
        full = self.pending > PENDING
        if full != (self.buffer is not self._large):
            self.buffer = self._large[:SMALL] if full else self._large

    def served(self) -> bool:
        """Whether `count` is reached; then nothing more is taken, and what is open may finish."""
        if self._count is None or self._draining:
            return self._draining
        if self.counters.connections + self.counters.datagrams_received >= self._count:
            self._stop_taking()
            if not self.clients:
                self.loop.later(self.faults.delay + 0.001 if self.faults.delay else 0, self.loop.stop)
            return True
        return False

    def _sweep(self) -> None:
        """Close what has been idle, a few times in one idle time."""
        now = time.monotonic()
        for echo in [echo for echo in self.clients.values() if now - echo.last >= self._idle]:
            echo.close("idle")
        self.loop.later(max(0.02, min(self._idle / SWEEPS, 5.0)), self._sweep)

    def drain(self) -> None:
        """Stop as SIGTERM asks: accept no more, let what moves finish, for DRAIN_SECONDS at most."""
        if self._draining:
            self.stop()
            return
        self._stop_taking()
        now = time.monotonic()
        for echo in [echo for echo in self.clients.values() if not echo.waiting and now - echo.last > SETTLED]:
            echo.close("shutdown")
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
        for echo in list(self.clients.values()):
            echo.close("shutdown")
        self.loop.stop()

    def close(self) -> None:
        """Report the end, and let go of everything."""
        self._stop_taking()
        for echo in list(self.clients.values()):
            echo.close("shutdown")
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
        counters.stream_received = self._received + sum(echo.received for echo in self.clients.values())
        counters.stream_sent = self._sent + sum(echo.sent for echo in self.clients.values())
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
    def addresses(self) -> list[str]:
        """TRANSPORT ADDRESS of each socket, as the ready signals say it."""
        return [f"{label} {each.endpoint}" for label, each in zip(self._labels, self.listening, strict=True)]

    def log(self, entry: Event) -> None:
        if self._on_log:
            self._on_log(entry)

    def failed(self, address: str, exc: OSError) -> None:
        """A socket of ours failed; the server goes on with the others."""
        self.log(event("refused", address=address, reason="error", detail=reason_of(exc), times=1))

    def _refused(self, reason: Reason, transport: str, peer: str, number: int) -> None:
        self.log(event("refused", transport=transport, peer=peer, reason=reason, times=number))


def _transport(listening: Listening, tls: "ssl.SSLContext | None") -> str:
    if listening.transport == "udp":
        return "udp"
    if tls is not None:
        return "tls"
    return "unix" if listening.endpoint.path else "tcp"
