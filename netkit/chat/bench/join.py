"""Everybody comes in, and is in when it has heard what another said: a connection alone may still be in a queue.

A connection that overflows the server's queue is tried again after a second, two, four (tcp(7)), and listings have
queues of 5. So no more than MUTE clients may have got nothing yet; where nobody is greeted, the first says something.

A server may lose what it is sent while it is busy accepting, so it is said again every PROBE seconds. In the end the
first says something, which comes behind what the second has said: so it is known whether that came back to it.
"""

import errno
import os
import socket
from typing import TYPE_CHECKING

from netkit.chat.bench.client import Client
from netkit.errors import Insecure, LocalFailure, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.loop import WRITE
from netkit.net.reasons import EXHAUSTED, reason_of

if TYPE_CHECKING:
    from netkit.chat.bench.run import Bench
    from netkit.chat.bench.secured import Tls

MUTE = 5  # clients, with those that are being connected
GREETED = 0.02  # seconds in which a greeting comes, if any
PROBE = 0.25  # seconds


class Join:
    """done: of how many it is known."""

    def __init__(self, bench: "Bench", tls: "Tls | None", on_event: OnEvent | None) -> None:
        self._bench = bench
        self._tls = tls
        self._on_event = on_event
        self._number = 0  # of the next probe
        self._wanted = 0  # this one or a later one has to be heard
        self._of_second = range(0)  # those of the second client
        self._deaf: set[int] = set()
        self._mute: set[int] = set()
        self._under_way: dict[int, socket.socket] = {}
        self.done = 0

    def everybody(self) -> None:
        """Raises Unreachable, TimedOut, PeerError, Insecure, LocalFailure."""
        bench = self._bench
        deadline = Deadline.after(bench.plan.timeout)
        first = connect(bench.target, deadline=deadline, on_event=self._on_event).socket
        family, address = first.family, first.getpeername()
        self._under_way[first.fileno()] = first
        self._settled(first, 0)
        while not bench.clients:  # its handshake: what is wrong with that is told once
            self._turn(GREETED, deadline, "were connected", 0)
        while len(bench.clients) < bench.plan.clients:
            free = min(MUTE - len(self._mute), bench.plan.clients - len(bench.clients)) - len(self._under_way)
            for _ in range(free):
                self._another(family, address)
            reads = bench.reads
            self._turn(GREETED, deadline, "were connected", len(bench.clients))
            if free <= 0 and not self._under_way and reads == bench.reads:
                bench.clients[0].send(bench.probes.make(self._number))
                self._number += 1
                self._mute.discard(0)
        bench.stage = "joining"
        self._hear(1, deadline)
        self._hear(0, deadline)

    def heard(self, client: int, probes: list[int]) -> None:
        """It got something, and these in it."""
        self._mute.discard(client)
        if client == 1 and any(probe in self._of_second for probe in probes):
            self._bench.echoes = True
        if probes and max(probes) >= self._wanted:
            self._deaf.discard(client)
            self.done = self._bench.plan.clients - len(self._deaf)

    def _hear(self, speaker: int, deadline: Deadline) -> None:
        """Until all others have heard what it says."""
        bench = self._bench
        self._wanted = self._number
        self._deaf = set(range(len(bench.clients))) - {speaker}
        while self._deaf:
            bench.clients[speaker].send(bench.probes.make(self._number))
            self._number += 1
            if speaker == 1:
                self._of_second = range(self._wanted, self._number)
            again = Deadline.after(PROBE)
            while self._deaf and not again.passed:
                self._turn(
                    PROBE, deadline, f"had heard what client {speaker + 1} said", bench.plan.clients - len(self._deaf)
                )

    def _turn(self, pause: float, deadline: Deadline, what: str, number: int) -> None:
        bench = self._bench
        bench.turn(min(pause, deadline.left))
        if bench.failure is not None:
            raise bench.failure
        if deadline.passed:
            raise TimedOut(
                f"{bench.target}: {number} of {bench.plan.clients} clients {what} within {deadline.seconds:g} s",
                hint=None if number > 2 else "is it a chat that gives each line to all others?",
            )

    def _another(self, family: int, address: object) -> None:
        bench = self._bench
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as exc:
            raise LocalFailure(f"client {len(bench.clients) + 1}: {reason_of(exc)}", kind="descriptors") from exc
        sock.setblocking(False)
        code = sock.connect_ex(address)  # type: ignore[arg-type]
        self._under_way[sock.fileno()] = sock
        if code == errno.EINPROGRESS:
            bench.loop.add(sock.fileno(), lambda events: self._connected(sock), WRITE)
        else:
            self._settled(sock, code)

    def _connected(self, sock: socket.socket) -> None:
        self._bench.loop.remove(sock.fileno())
        self._settled(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _settled(self, sock: socket.socket, code: int) -> None:
        bench = self._bench
        del self._under_way[sock.fileno()]
        if code:
            sock.close()
            reason = reason_of(OSError(code, os.strerror(code)))
            what = f"client {len(bench.clients) + 1} of {bench.plan.clients} cannot connect to {bench.target}: {reason}"
            failure = LocalFailure if code in (*EXHAUSTED, errno.EADDRNOTAVAIL) else Unreachable
            bench.failure = bench.failure or failure(what, kind="connect")
        elif self._tls is None:
            self._in(sock)
        else:
            self._secure(sock, self._tls)

    def _secure(self, plain: socket.socket, tls: "Tls") -> None:
        """Shake hands, as far as what came allows it; then it is in."""
        bench = self._bench
        try:
            secured = tls.wrap(plain)
        except Insecure as exc:
            bench.failure = bench.failure or exc
            return
        fd, waited = secured.fileno(), 0
        self._under_way[fd] = secured

        def go_on(events: int) -> None:
            nonlocal waited
            try:
                wanted = tls.shake_hands(secured)
            except Insecure as exc:
                bench.failure = bench.failure or exc
                bench.loop.remove(fd)
                del self._under_way[fd]
                secured.close()
                return
            if not wanted:
                if self._on_event and not bench.clients:
                    self._on_event(Step("tls", tls.where, f"{secured.version()} {(secured.cipher() or ('',))[0]}"))
                bench.loop.remove(fd)
                del self._under_way[fd]
                self._in(secured)
            elif wanted != waited:
                waited = wanted
                bench.loop.change(fd, wanted)

        bench.loop.add(fd, go_on, WRITE)
        go_on(WRITE)

    def _in(self, sock: socket.socket) -> None:
        bench = self._bench
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._mute.add(len(bench.clients))
        bench.clients.append(Client(bench, len(bench.clients), sock))
        self.done = len(bench.clients)

    def close(self) -> None:
        for sock in self._under_way.values():
            self._bench.loop.remove(sock.fileno())
            sock.close()
