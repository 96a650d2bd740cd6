"""Datagrams that are echoed: in batches where the system has recvmmsg(2), else one by one.

One by one is also the way for whatever needs a look at each: faults on purpose, a trace, `--count`.
No SO_BROADCAST is ever set, so a broadcast source is refused by the kernel as well (EACCES).

Unix sockets of datagrams are served one by one too. Their clients are told apart by the names they are bound to; one
without a name cannot be answered, and a relative path would be looked for in our folder instead of theirs, so neither
is. They have no host, so no rate. Descriptors that come along (SCM_RIGHTS) are never taken. Left out: a share of the
send buffer for each client. The kernel charges what is not read to the socket that sent it, and does not say for whom,
so one that reads nothing has the answers to all dropped until it is gone; the path's permissions say who may come.
"""

import socket
import sys
from collections import Counter

from netkit.echo.server import mmsg, reflection
from netkit.echo.server.echoing import Echoing
from netkit.echo.server.faults import copies
from netkit.echo.server.server import Server
from netkit.events import Step
from netkit.net.address import answerable, text_of
from netkit.net.listen import Listening

BUFFER = 1024 * 1024  # asked of SO_RCVBUF and SO_SNDBUF: a burst has to fit between two turns
TURNS = 4  # batches of one socket in a row, so that other sockets get theirs
DELAYED = 64 * 1024 * 1024  # bytes that wait for --delay or --reorder; above it datagrams are dropped, and counted
COST = 1024  # bytes that each costs besides its own, or empty ones would have no limit
REORDER_SECONDS = 0.05  # a datagram held back goes out at the latest then
BLOCKED_SECONDS = 1.0  # how long a peer over the rate is not heard
SK_MEMINFO_DROPS, SO_MEMINFO = 8, 55  # linux/sock_diag.h, asm-generic/socket.h

Sender = tuple[str, int] | str | bytes  # of IP; a path; a name in the abstract namespace of Linux
Where = tuple[list[tuple[int, int, bytes]], Sender]  # control messages to send with, and the address


class Source:
    """What both ways have in common: the socket, its filter, the peers that are not heard for a while."""

    def __init__(self, server: Server, listening: Listening, own_ports: set[int]) -> None:
        self.server: Server = server
        self.socket = listening.socket
        self.address = str(listening)
        self.unix = bool(listening.endpoint.path)
        self.transport = "unix-dgram" if self.unix else "udp"
        self.v6 = self.socket.family == socket.AF_INET6
        self.wildcard = listening.endpoint.host in ("0.0.0.0", "::")
        self.own_ports = own_ports
        host = listening.endpoint.host
        self.loopback = self.unix or host.startswith("127.") or host == "::1"
        self._blocked: dict[bytes, float] = {}
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.socket.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        self.filtered = not self.unix and reflection.attach(
            self.socket, reflection.program(self.socket.family, own_ports)
        )
        self._drops = self.kernel_drops()
        server.loop.add(self.socket.fileno(), self.ready)

    def ready(self, events: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Hear nothing more; what still waits to be sent is lost, as datagrams may be."""
        if self.socket.fileno() >= 0:
            self.count_drops()
            self.server.loop.remove(self.socket.fileno())

    def count_drops(self) -> None:
        """Add what the kernel dropped since the last look: refused sources, and what found the buffer full."""
        now = self.kernel_drops()
        self.server.counters.kernel_dropped += now - self._drops
        self._drops = now

    def kernel_drops(self) -> int:
        try:
            words = memoryview(self.socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 64)).cast("I")
            return words[SK_MEMINFO_DROPS]
        except (OSError, IndexError):
            return 0

    def block(self, key: bytes, peer: str) -> None:
        """Do not hear this peer for a while: in the kernel where that can be, which ends loops between two echoes."""
        if len(self._blocked) < reflection.MOST_BLOCKED:
            self._blocked[key] = self.server.loop.now + BLOCKED_SECONDS
            self._filter()
            self.server.loop.later(BLOCKED_SECONDS, self._unblock)
        self.server.refusals.add("rate", "udp", peer)

    def _unblock(self) -> None:
        now = self.server.loop.now + 0.001
        self._blocked = {key: until for key, until in self._blocked.items() if until > now}
        if self.socket.fileno() >= 0:
            self._filter()

    def _filter(self) -> None:
        if self.filtered:
            reflection.attach(self.socket, reflection.program(self.socket.family, self.own_ports, list(self._blocked)))


class Batches(Source):
    """recvmmsg and sendmmsg; peers over the rate are found by counting whole batches."""

    def __init__(self, server: Echoing, listening: Listening, own_ports: set[int]) -> None:
        super().__init__(server, listening, own_ports)
        self._batch = mmsg.Batch(self.socket, wildcard=self.wildcard)
        self._rate = server.gate.rate
        self._window = 0.0  # when the counts began
        self._heard: Counter[int] = Counter()
        self._unheard: dict[int, float] = {}  # peers over the rate whose datagrams stand in the queue still: until when
        self._total = 0

    def ready(self, events: int) -> None:
        batch, counters = self._batch, self.server.counters
        for _ in range(TURNS):
            try:
                got = batch.receive()
            except OSError as exc:
                self.server.failed(self.address, exc)
                return
            if not got:
                return
            counters.datagrams_received += got
            counters.datagram_bytes += sum(batch.lengths[:got])
            if self._rate is not None:
                self._measure(got)
            counters.datagrams_sent += batch.send(got, self._unheard)
            if batch.errors:
                counters.send_errors += batch.errors
                batch.errors = 0
            if got < mmsg.BATCH:
                return

    def _measure(self, got: int) -> None:
        """Count the peers of a batch, and stop hearing those that had more than a second's worth within a second."""
        now = self.server.loop.now
        if now - self._window >= 1.0:
            self._window, self._total = now, 0
            self._heard.clear()
            self._unheard = {peer: until for peer, until in self._unheard.items() if until > now}
        self._heard.update(self._batch.peers[:got])
        self._total += got
        assert self._rate is not None
        most = max(self._rate, 1.0)
        if self._total > most:  # else nobody can be over it
            for peer in [peer for peer, number in self._heard.items() if number > most]:
                self._total -= self._heard.pop(peer)
                if peer not in self._unheard:
                    self._unheard[peer] = now + BLOCKED_SECONDS
                    key = peer.to_bytes(8 if self.v6 else 4, sys.byteorder)
                    self.block(key, _host(key))


class OneByOne(Source):
    """One datagram after the other; `answer` is what its kinds differ in."""

    def __init__(self, server: Server, listening: Listening, own_ports: set[int]) -> None:
        super().__init__(server, listening, own_ports)
        # A unix socket sends as much as its buffer holds (unix_dgram_sendmsg), a UDP socket 64 KiB.
        size = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) if self.unix else mmsg.SIZE
        self._buffer = memoryview(bytearray(size))
        self._ancillary = self.wildcard and hasattr(self.socket, "recvmsg") and mmsg.available()
        if self._ancillary:
            mmsg.answer_from_asked_address(self.socket)

    def answer(self, data: bytes, where: Where) -> None:
        raise NotImplementedError

    def ready(self, events: int) -> None:
        server = self.server
        for _ in range(mmsg.BATCH):
            control: list[tuple[int, int, bytes]] = []
            cut = 0
            try:
                if self._ancillary:
                    size, control, _, sender = self.socket.recvmsg_into([self._buffer], 128)
                elif self.unix:
                    size, _, cut, sender = self.socket.recvmsg_into([self._buffer])
                else:
                    size, sender = self.socket.recvfrom_into(self._buffer)
            except OSError as exc:
                if exc.errno not in mmsg.PASSING:
                    server.failed(self.address, exc)
                return
            if not server.take():
                return
            server.counters.datagrams_received += 1
            server.counters.datagram_bytes += size
            peer = text_of(sender, self.transport)
            data = bytes(self._buffer[:size])
            if server.on_event:
                server.on_event(Step("recv", peer, size=size, data=data))
            if self.unix and cut & socket.MSG_TRUNC:
                server.refusals.add("too_long", self.transport, peer)
            elif not (self._refused_name(sender, peer) if self.unix else self._refused(sender, peer)):
                self.answer(data, (control, sender))
            if server.served():
                return

    def _refused_name(self, sender: str | bytes | None, peer: str) -> bool:
        """Whether a unix socket of this name gets no answer."""
        if not sender:
            self.server.refusals.add("unnamed", self.transport, peer)
            return True
        if not answerable(sender) or sender == self.socket.getsockname():
            self.server.refusals.add("source", self.transport, peer)
            return True
        return False

    def _refused(self, sender: tuple[str, int], peer: str) -> bool:
        packed = socket.inet_pton(self.socket.family, sender[0].partition("%")[0])
        if reflection.refused(packed, sender[1], self.own_ports, loopback=self.loopback or self.wildcard):
            self.server.refusals.add("source", "udp", peer)
            return True
        key = packed[:8]
        if key in self._blocked:
            self.server.counters.refuse("rate")
            return True
        if not self.server.gate.passes(key, self.server.loop.now):
            self.block(key, peer)
            return True
        return False

    def send(self, data: bytes, where: Where) -> None:
        control, sender = where
        if self.socket.fileno() < 0:
            return
        try:
            if control:
                self.socket.sendmsg([data], control, 0, sender)
            else:
                self.socket.sendto(data, sender)
        except OSError:
            self.server.counters.send_errors += 1
            return
        self.server.counters.datagrams_sent += 1
        if self.server.on_event:
            self.server.on_event(Step("send", text_of(sender, self.transport), size=len(data), data=data))


class EchoOneByOne(OneByOne):
    """Echoes, with faults on purpose."""

    def __init__(self, server: Echoing, listening: Listening, own_ports: set[int]) -> None:
        super().__init__(server, listening, own_ports)
        self._faults, self._random = server.faults, server.random
        self._held: tuple[bytes, Where] | None = None  # kept back by --reorder
        self._waiting = 0

    def answer(self, data: bytes, where: Where) -> None:
        faults, random = self._faults, self._random
        if not faults.on_datagrams:
            self.send(data, where)
            return
        pieces = list(copies(data, faults, random))
        self.server.counters.faults += pieces != [data]
        for piece in pieces:
            if self._waiting + len(piece) + COST > DELAYED:
                self.server.counters.send_errors += 1
            elif faults.reorder and self._held is None and random.random() < faults.reorder:
                self._hold(piece, where)
            else:
                self._after(faults.delay, piece, where)
                self._release()

    def _after(self, seconds: float, data: bytes, where: Where) -> None:
        if not seconds:
            self.send(data, where)
            return
        self._waiting += len(data) + COST

        def send() -> None:
            self._waiting -= len(data) + COST
            self.send(data, where)

        self.server.loop.later(seconds, send)

    def _hold(self, data: bytes, where: Where) -> None:
        self.server.counters.faults += 1
        self._held = held = (data, where)
        self.server.loop.later(REORDER_SECONDS, lambda: self._release() if self._held is held else None)

    def _release(self) -> None:
        if self._held is not None:
            data, where = self._held
            self._held = None
            self._after(self._faults.delay, data, where)


def _host(key: bytes) -> str:
    """A peer as the limits know it: a v4 address, or the /64 of a v6 address."""
    if len(key) == 4:
        return socket.inet_ntop(socket.AF_INET, key)
    return socket.inet_ntop(socket.AF_INET6, key + bytes(8)) + "/64"
