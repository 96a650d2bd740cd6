"""Sockets of datagrams, UDP and unix: each datagram is told whole, whatever is in it."""

import errno
import socket
from collections import deque
from contextlib import suppress

from netkit.errors import NetkitError
from netkit.net.address import answerable, text_of
from netkit.net.loop import GONE, READ, WRITE
from netkit.net.reasons import reason_of, would_block
from netkit.watch.event import Direction
from netkit.watch.opening import place_of
from netkit.watch.pcap import Address, Flow
from netkit.watch.source import Source, Watch
from netkit.watch.target import Target

DATAGRAM = 256 * 1024  # bytes of a datagram; over UDP it has 64 KiB at most, over a unix socket what the sender may
FLOWS = 1024  # peers of one capture; a flood of forged ones must not fill memory


class Datagrams(Source):
    """A socket of datagrams: connected to a peer, or bound (`-l udp://...`), then with a flow for each of its peers.

    sock: None for a unix socket to connect to, which may not be there yet: that is tried again as a stream is.
    """

    sends = True
    datagrams = True

    def __init__(self, watch: Watch, target: Target, sock: socket.socket | None, *, bound: bool) -> None:
        super().__init__(watch, target)
        self.socket = sock
        self._bound = bound
        self._last: tuple[str, int] | str | bytes | None = None
        self._flows: dict[str, Flow] = {}
        self._unsent: deque[bytes] = deque()

    def start(self) -> None:
        if self.socket is None:
            try:
                self.socket = self.watch.dialing.reach(self.target.endpoint)
            except NetkitError as exc:
                self._failed(exc.message)
                return
        self.loop.add(self.socket.fileno(), self._ready)
        self.state = "open"
        self.tell("listening" if self._bound else "open", detail=place_of(self.socket))
        self.watch.opened(self)

    def _failed(self, detail: str) -> None:
        """Nobody is there, or nobody any more."""
        if self.watch.reconnect:
            self.close()
            self.socket = None
            self._unsent.clear()
            self.watch.down(self)
            self.tell("refused", detail=detail)
            self.again()
        else:
            self.ended("refused", detail)

    @property
    def takes_input(self) -> bool:
        return self.state == "open" and not self._unsent

    def _ready(self, events: int) -> None:
        assert self.socket is not None
        if events & WRITE:
            self._send()
        if events & (READ | GONE) and self.state == "open":
            self._read()

    def _read(self) -> None:
        assert self.socket is not None
        try:
            data, _, flags, sender = self.socket.recvmsg(DATAGRAM, 0, socket.MSG_DONTWAIT)
        except OSError as exc:
            if not would_block(exc):
                self.ended("refused" if exc.errno == errno.ECONNREFUSED else "error", reason_of(exc))
            return
        self._last = sender or ""  # None is "nobody yet"
        self.peer = text_of(sender, "unix-dgram")
        self._passed(data, "in", f"cut after {DATAGRAM} bytes" if flags & socket.MSG_TRUNC else "")

    def _passed(self, data: bytes, direction: Direction, detail: str = "") -> None:
        """A datagram is told whole, whatever is in it."""
        if direction == "in":
            self.received += len(data)
        else:
            self.sent += len(data)
        self._capture(data, direction)
        self.tell("data", direction=direction, data=data, partial=not data.endswith(b"\n"), detail=detail)

    def _capture(self, data: bytes, direction: Direction) -> None:
        assert self.socket is not None
        capture = self.watch.capture
        if capture is None or self.socket.family == socket.AF_UNIX:
            return
        with suppress(OSError, ValueError, IndexError):
            flow = self._flows.get(self.peer)
            if flow is None:
                if len(self._flows) >= FLOWS:
                    return
                ours = self.socket.getsockname()
                theirs = self._last if isinstance(self._last, tuple) else self.socket.getpeername()
                flow = Flow(Address.of(*ours[:2]), Address.of(*theirs[:2]), stream=False)
                self._flows[self.peer] = flow
            capture.data(flow, data, ours=direction == "out")

    def give(self, data: bytes) -> None:
        if self.done or self.socket is None:
            return
        if self._bound:
            self._answer(data)
        else:
            self._unsent.append(data)
            if len(self._unsent) == 1:
                self._send()

    def _answer(self, data: bytes) -> None:
        """To whoever spoke last."""
        assert self.socket is not None
        try:
            if self._last is None or not answerable(self._last):
                self.tell("error", detail=f"{self._nobody()}, so there is nobody to answer")
                return
            self.socket.sendto(data, socket.MSG_DONTWAIT, self._last)
        except OSError as exc:
            self.tell("error", detail=reason_of(exc))
        else:
            self._passed(data, "out")

    def _send(self) -> None:
        """To the peer, as fast as it takes them: the queue of a unix socket is short (net.unix.max_dgram_qlen)."""
        assert self.socket is not None
        while self._unsent:
            data = self._unsent[0]
            try:
                self.socket.send(data, socket.MSG_DONTWAIT)
            except OSError as exc:
                if would_block(exc):
                    break
                self._unsent.popleft()
                if self.socket.family == socket.AF_UNIX and isinstance(exc, ConnectionError):
                    self._failed(reason_of(exc))
                    return
                self.tell("error", detail=reason_of(exc))
            else:
                self._unsent.popleft()
                self._passed(data, "out")
                if self.done:
                    return
        self.loop.change(self.socket.fileno(), READ | (WRITE if self._unsent else 0))
        if not self._unsent:
            self.watch.input.resume()

    def _nobody(self) -> str:
        return "nobody has sent a datagram yet" if self._last is None else "the last datagram came without a name"

    def close(self) -> None:
        if self.socket is not None and self.socket.fileno() >= 0:
            self.loop.remove(self.socket.fileno())
            self.socket.close()
