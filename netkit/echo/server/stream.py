"""One connection that is echoed: everything it sends comes back, also after it has closed its side (RFC 862).

Backpressure is the whole of the flow control: what the client does not take is kept, at most one read of it, and
nothing more is read until it is gone. So a client that only sends fills its own buffers, not ours.

`Echo` is the plain one. `CarefulEcho` does the same with TLS, faults on purpose, or a trace.
"""

import socket
import struct
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, cast

from netkit.echo.server.echoing import Echoing
from netkit.echo.server.event import Reason
from netkit.echo.server.faults import flipped
from netkit.events import Step
from netkit.net.loop import GONE, READ, WRITE
from netkit.net.reasons import reason_of, would_block

if TYPE_CHECKING:
    import ssl


RESET = struct.pack("ii", 1, 0)  # SO_LINGER on with no time: close(2) sends RST
DELAYED = 1024 * 1024  # bytes of one connection that wait for --delay; above it nothing is read
PIECES = 4096  # and the reads that they came in, each with its time: one byte of them costs some hundreds
RECORDS = 16  # TLS records echoed in one turn, so that others get theirs


class Echo:
    """received, sent: bytes so far. last: the loop's clock when something moved."""

    __slots__ = (
        "_blocked",
        "_ended",
        "_recv_into",
        "_send",
        "fd",
        "host",
        "id",
        "last",
        "listener",
        "opened",
        "peer",
        "received",
        "sent",
        "server",
        "socket",
    )

    def __init__(self, server: Echoing, sock: socket.socket, peer: str, host: str, listener: int, id: int) -> None:
        self.server = server
        self.socket = sock
        self.fd = sock.fileno()
        self.peer = peer
        self.host = host
        self.listener = listener
        self.id = id
        self.received = self.sent = 0
        self.last = self.opened = server.loop.now
        self._recv_into = sock.recv_into
        self._send = sock.send
        self._blocked: memoryview | None = None  # what the client does not take yet
        self._ended = False  # the client has closed its side
        server.loop.add(self.fd, self.ready)

    def ready(self, events: int) -> None:
        """Echo what came: one read, one write."""
        if self._blocked is not None:
            self._write(events)
            return
        server = self.server
        try:
            size = self._recv_into(server.buffer)
        except BlockingIOError:
            return
        except OSError as exc:
            self.lost(exc)
            return
        if not size:
            self._ended = True
            self.close("eof")
            return
        self.received += size
        self.last = server.loop.now
        try:
            sent = self._send(server.view[:size])
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self.lost(exc)
            return
        self.sent += sent
        if sent < size:
            self._blocked = memoryview(bytes(server.view[sent:size]))
            server.blocked(size - sent)
            server.loop.change(self.fd, WRITE)

    def _write(self, events: int) -> None:
        data = self._blocked
        assert data is not None
        try:
            sent = self._send(data)
        except BlockingIOError:
            if events & GONE:  # EPOLLHUP without room to write: the client has reset
                self.close("reset")
            return
        except OSError as exc:
            self.lost(exc)
            return
        self.sent += sent
        self.last = self.server.loop.now
        self.server.blocked(-sent)
        if sent < len(data):
            self._blocked = data[sent:]
        else:
            self._blocked = None
            self.server.loop.change(self.fd, READ)

    @property
    def waiting(self) -> int:
        """Bytes received and not sent yet."""
        return len(self._blocked) if self._blocked is not None else 0

    @property
    def state(self) -> str:
        """For the table: "open", "blocked" (the client does not read), "ended" (it has closed its side)."""
        return "ended" if self._ended else "blocked" if self._blocked is not None else "open"

    def lost(self, exc: OSError) -> None:
        gone = isinstance(exc, (ConnectionResetError, BrokenPipeError))
        self.close("reset" if gone else "error", "" if gone else reason_of(exc))

    def close(self, reason: Reason, detail: str = "") -> None:
        """End it; the kernel still delivers what was sent, unless the client is to see a reset."""
        server = self.server
        if self.fd < 0:
            return
        server.loop.remove(self.fd)
        self.fd = -1
        if self._blocked is not None:
            server.blocked(-len(self._blocked))
            self._blocked = None
        if reason == "reset_after":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()
        server.left(self, reason, detail)


class CarefulEcho(Echo):
    """The same for TLS, faults and traces: what is to be sent stands in a queue, each piece with the time it is due."""

    __slots__ = ("_handshake", "_queue", "_queued", "_rest", "_timer", "_tls", "_waits")

    def __init__(self, server: Echoing, sock: socket.socket, peer: str, host: str, listener: int, id: int) -> None:
        self._queue: deque[tuple[float, memoryview]] = deque()
        self._queued = 0
        self._rest = server.faults.reset_after  # bytes until the reset
        self._timer = False
        self._waits = READ
        self._tls = cast("ssl.SSLSocket", sock) if server.tls is not None else None
        self._handshake = self._tls is not None
        super().__init__(server, sock, peer, host, listener, id)

    @property
    def waiting(self) -> int:
        return self._queued

    @property
    def state(self) -> str:
        return "handshake" if self._handshake else "ended" if self._ended else "delayed" if self._queued else "open"

    def ready(self, events: int) -> None:
        if self._handshake and not self._shake_hands():
            return
        if events & GONE and not self._waits & READ:  # HUP without our own FIN is a reset
            self.close("reset")
            return
        if events & WRITE or not self._waits & READ or self._queued:
            self._flush()
        if self.fd >= 0 and self._waits & READ:
            self._read()
        if self.fd >= 0:
            self._settle()

    def _shake_hands(self) -> bool:
        import ssl

        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._wait(READ)
            return False
        except ssl.SSLWantWriteError:
            self._wait(WRITE)
            return False
        except OSError as exc:  # SSLError is one
            reason = getattr(exc, "reason", None) or exc.strerror or str(exc)
            self.server.refusals.add("tls", "tls", self.peer)
            self.close("tls", str(reason).lower().replace("_", " "))
            return False
        self._handshake = False
        self._step("tls", f"{self._tls.version()} {(self._tls.cipher() or ('',))[0]}")
        return True

    def _read(self) -> None:
        for _ in range(RECORDS):
            try:
                size = self._recv_into(self.server.buffer)
            except OSError as exc:
                if not would_block(exc):
                    self.lost(exc)
                return
            self.last = self.server.loop.now
            if not size:
                self._ended = True
                self._step("recv", "end of stream", size=0)
                return
            self.received += size
            data = bytes(self.server.view[:size])
            self._step("recv", size=size, data=data)
            self._queue_up(data)
            self._flush()
            if self.fd < 0 or self._queued or self._tls is None or not self._tls.pending():
                return
        self.server.loop.later(0, lambda: self.ready(READ) if self.fd >= 0 else None)  # epoll knows of no TLS buffer

    def _queue_up(self, data: bytes) -> None:
        faults, random = self.server.faults, self.server.random
        if faults.corrupt and random.random() < faults.corrupt:
            data = flipped(data, random)
            self.server.counters.faults += 1
        self._queue.append((monotonic() + faults.delay, memoryview(data)))
        self._queued += len(data)
        self.server.blocked(len(data))

    def _flush(self) -> None:
        """Send what is due, until the client takes no more."""
        while self._queue:
            due, data = self._queue[0]
            left = due - monotonic()
            if left > 0:
                self._alarm(left)
                return
            if self._rest is not None and len(data) > self._rest:
                data = data[: self._rest]
            try:
                sent = self._send(data) if data else 0
            except OSError as exc:
                if not would_block(exc):
                    self.lost(exc)
                return
            self.sent += sent
            self.last = self.server.loop.now
            self._queued -= sent
            self.server.blocked(-sent)
            self._step("send", size=sent, data=bytes(data[:sent]))
            if self._rest is not None:
                self._rest -= sent
                if self._rest <= 0:
                    self.server.counters.faults += 1
                    self._step("close", "SO_LINGER 1, 0: a reset")
                    self.close("reset_after")
                    return
            whole = self._queue.popleft()[1]
            if sent < len(whole):
                self._queue.appendleft((due, whole[sent:]))
                return

    def _alarm(self, seconds: float) -> None:
        if not self._timer:
            self._timer = True
            self.server.loop.later(seconds, self._rung)

    def _rung(self) -> None:
        self._timer = False
        if self.fd >= 0:
            self._flush()
        if self.fd >= 0:
            self._settle()

    def _settle(self) -> None:
        """Close when all is done, else wait for what comes next."""
        if self._ended and not self._queue:
            if self._tls is not None:
                with suppress(OSError, ValueError):
                    self._tls.unwrap()  # our close_notify; its answer is not waited for
            self._step("close")
            self.close("eof")
            return
        due = bool(self._queue) and self._queue[0][0] <= monotonic()
        room = self._queued < self._room and len(self._queue) < PIECES
        self._wait((WRITE if due else 0) | (READ if not self._ended and room else 0))

    @property
    def _room(self) -> int:
        return DELAYED if self.server.faults.delay else 1

    def _wait(self, events: int) -> None:
        if events != self._waits and self.fd >= 0:
            self._waits = events
            self.server.loop.change(self.fd, events)

    def _step(self, name: str, detail: str = "", *, size: int | None = None, data: bytes | None = None) -> None:
        if on_event := self.server.on_event:
            on_event(Step(name, self.peer, detail, size, data=data))  # type: ignore[arg-type]

    def close(self, reason: Reason, detail: str = "") -> None:
        if self.fd >= 0 and self._queued:
            self.server.blocked(-self._queued)
            self._queued = 0
        super().close(reason, detail)
