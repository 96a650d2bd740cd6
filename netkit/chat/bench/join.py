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
from netkit.chat.bench.tally import Tally
from netkit.errors import Insecure, LocalFailure, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.loop import WRITE
from netkit.net.reasons import EXHAUSTED, reason_of

if TYPE_CHECKING:
    from netkit.chat.bench.secured import Tls

MUTE = 5  # clients, with those that are being connected
GREETED = 0.02  # seconds in which a greeting comes, if any
PROBE = 0.25  # seconds


class Join:
    """done: of how many it is known."""

    def __init__(self, tally: Tally, clients: list[Client], tls: "Tls | None", on_event: OnEvent | None) -> None:
        self._tally, self._clients = tally, clients
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
        tally = self._tally
        deadline = Deadline.after(tally.plan.timeout)
        first = connect(tally.target, deadline=deadline, on_event=self._on_event).socket
        family, address = first.family, first.getpeername()
        self._under_way[first.fileno()] = first
        self._settled(first, 0)
        while not self._clients:  # its handshake: what is wrong with that is told once
            self._turn(GREETED, deadline, "were connected", 0)
        while len(self._clients) < tally.plan.clients:
            free = min(MUTE - len(self._mute), tally.plan.clients - len(self._clients)) - len(self._under_way)
            for _ in range(free):
                self._another(family, address)
            reads = tally.reads
            self._turn(GREETED, deadline, "were connected", len(self._clients))
            if free <= 0 and not self._under_way and reads == tally.reads:
                self._clients[0].send(tally.probes.make(self._number))
                self._number += 1
                self._mute.discard(0)
        tally.stage = "joining"
        self._hear(1, deadline)
        self._hear(0, deadline)

    def heard(self, client: int, probes: list[int]) -> None:
        """It got something, and these in it."""
        self._mute.discard(client)
        if client == 1 and any(probe in self._of_second for probe in probes):
            self._tally.echoes = True
        if probes and max(probes) >= self._wanted:
            self._deaf.discard(client)
            self.done = self._tally.plan.clients - len(self._deaf)

    def _hear(self, speaker: int, deadline: Deadline) -> None:
        """Until all others have heard what it says."""
        tally = self._tally
        self._wanted = self._number
        self._deaf = set(range(len(self._clients))) - {speaker}
        while self._deaf:
            self._clients[speaker].send(tally.probes.make(self._number))
            self._number += 1
            if speaker == 1:
                self._of_second = range(self._wanted, self._number)
            again = Deadline.after(PROBE)
            while self._deaf and not again.passed:
                self._turn(
                    PROBE, deadline, f"had heard what client {speaker + 1} said", tally.plan.clients - len(self._deaf)
                )

    def _turn(self, pause: float, deadline: Deadline, what: str, number: int) -> None:
        tally = self._tally
        tally.turn(min(pause, deadline.left))
        if tally.failure is not None:
            raise tally.failure
        if deadline.passed:
            raise TimedOut(
                f"{tally.target}: {number} of {tally.plan.clients} clients {what} within {deadline.seconds:g} s",
                hint=None if number > 2 else "is it a chat that gives each line to all others?",
            )

    def _another(self, family: int, address: object) -> None:
        tally = self._tally
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as exc:
            raise LocalFailure(f"client {len(self._clients) + 1}: {reason_of(exc)}", kind="descriptors") from exc
        sock.setblocking(False)
        code = sock.connect_ex(address)  # type: ignore[arg-type]
        self._under_way[sock.fileno()] = sock
        if code == errno.EINPROGRESS:
            tally.loop.add(sock.fileno(), lambda events: self._connected(sock), WRITE)
        else:
            self._settled(sock, code)

    def _connected(self, sock: socket.socket) -> None:
        self._tally.loop.remove(sock.fileno())
        self._settled(sock, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _settled(self, sock: socket.socket, code: int) -> None:
        tally = self._tally
        del self._under_way[sock.fileno()]
        if code:
            sock.close()
            reason = reason_of(OSError(code, os.strerror(code)))
            what = f"client {len(self._clients) + 1} of {tally.plan.clients} cannot connect to {tally.target}: {reason}"
            failure = LocalFailure if code in (*EXHAUSTED, errno.EADDRNOTAVAIL) else Unreachable
            tally.failure = tally.failure or failure(what, kind="connect")
        elif self._tls is None:
            self._in(sock)
        else:
            self._secure(sock, self._tls)

    def _secure(self, plain: socket.socket, tls: "Tls") -> None:
        """Shake hands, as far as what came allows it; then it is in."""
        tally = self._tally
        try:
            secured = tls.wrap(plain)
        except Insecure as exc:
            tally.failure = tally.failure or exc
            return
        fd, waited = secured.fileno(), 0
        self._under_way[fd] = secured

        def go_on(events: int) -> None:
            nonlocal waited
            try:
                wanted = tls.shake_hands(secured)
            except Insecure as exc:
                tally.failure = tally.failure or exc
                tally.loop.remove(fd)
                del self._under_way[fd]
                secured.close()
                return
            if not wanted:
                if self._on_event and not self._clients:
                    self._on_event(Step("tls", tls.where, f"{secured.version()} {(secured.cipher() or ('',))[0]}"))
                tally.loop.remove(fd)
                del self._under_way[fd]
                self._in(secured)
            elif wanted != waited:
                waited = wanted
                tally.loop.change(fd, wanted)

        tally.loop.add(fd, go_on, WRITE)
        go_on(WRITE)

    def _in(self, sock: socket.socket) -> None:
        tally = self._tally
        if sock.family != getattr(socket, "AF_UNIX", None):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._mute.add(len(self._clients))
        self._clients.append(Client(tally, len(self._clients), sock))
        self.done = len(self._clients)

    def close(self) -> None:
        for sock in self._under_way.values():
            self._tally.loop.remove(sock.fileno())
            sock.close()
