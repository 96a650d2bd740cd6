"""Connected streams, and the connecting that leads to one."""

import errno
import os
import socket
from collections import deque
from contextlib import suppress
from time import monotonic

from netkit.errors import NetkitError
from netkit.net.address import join, sockaddr
from netkit.net.loop import GONE, READ, URGENT, WRITE, Timer
from netkit.net.reasons import reason_of, would_block
from netkit.watch.dialing import Found
from netkit.watch.event import EventName
from netkit.watch.pcap import Address, Flow
from netkit.watch.source import FIRST_RETRY, Source, Watch
from netkit.watch.target import Target

MAX_UNSENT = 1024 * 1024  # bytes of one endpoint that wait to be sent; above it standard input is not read
HAPPY_EYEBALLS = 0.25  # seconds, RFC 8305


class Stream(Source):
    """A connected stream socket, plain or TLS: one that was accepted, or what a Connect became (its `parent`).

    An inherited one may be blocking, and stays so: its owner shares the flag. So each call says MSG_DONTWAIT.
    """

    sends = True

    def __init__(
        self, watch: Watch, target: Target, sock: socket.socket, *, peer: str, accepted: bool, ms: float | None
    ) -> None:
        super().__init__(watch, target, peer=peer)
        self.socket = sock
        self.fd = sock.fileno()
        self.accepted = accepted
        self._ms = ms
        self._unsent: deque[memoryview] = deque()
        self._waiting = 0
        self._input_ended = watch.input.ended_for(target.label)
        self._tls = hasattr(sock, "do_handshake")
        self._handshake = self._tls
        self._flags = 0 if self._tls else socket.MSG_DONTWAIT

    def start(self) -> None:
        self.loop.add(self.fd, self._ready, READ | URGENT)
        if self._handshake:
            limit = self.watch.dialing.timeout
            self._patience = self.loop.later(limit, lambda: self.ended("timeout", f"no TLS session within {limit:g} s"))
            self._ready(READ)
        else:
            self._open()

    def _open(self) -> None:
        self.state = "open"
        if not self.target.endpoint.path and self.socket.family != socket.AF_UNIX:
            with suppress(OSError, ValueError):
                self.flow = Flow(
                    Address.of(*self.socket.getsockname()[:2]),
                    Address.of(*self.socket.getpeername()[:2]),
                    stream=True,
                    accepted=self.accepted,
                )
                if self.watch.capture:
                    self.watch.capture.open(self.flow)
        self.tell("open", ms=self._ms, detail=self._security())
        self.watch.opened(self)

    def _security(self) -> str:
        return f"{self.socket.version()} {self.socket.cipher()[0]}" if self._tls else ""  # type: ignore[attr-defined]

    @property
    def takes_input(self) -> bool:
        return self.state in ("open", "half-closed") and self._waiting < MAX_UNSENT

    def give(self, data: bytes) -> None:
        if not self.done and not self._input_ended:
            self._unsent.append(memoryview(data))
            self._waiting += len(data)
            if self.state != "waiting":
                self._write()

    def end_input(self) -> None:
        self._input_ended = True
        if self.state in ("open", "half-closed") and not self._unsent:
            self._half_close()

    def _ready(self, events: int) -> None:
        if self._handshake:
            self._shake_hands()
            return
        if events & URGENT and not self._tls:
            self._read_urgent()
        if events & GONE and self.state == "half-closed":
            # It has ended both sides and ours is open: on TCP that is a reset, on a unix socket a plain close.
            self.ended("close" if self.socket.family == socket.AF_UNIX and not self._unsent else "reset")
            return
        if events & WRITE and not self.done:
            self._write()
        if events & (READ | GONE) and not self.done:
            self._read(events)

    def _shake_hands(self) -> None:
        import ssl

        try:
            self.socket.do_handshake()  # type: ignore[attr-defined]
        except ssl.SSLWantReadError:
            self.loop.change(self.fd, READ)
        except ssl.SSLWantWriteError:
            self.loop.change(self.fd, WRITE)
        except OSError as exc:
            reason = getattr(exc, "verify_message", "") or getattr(exc, "reason", None) or exc.strerror or str(exc)
            self.watch.insecure = True
            self.ended("error", f"no TLS session: {str(reason).lower().replace('_', ' ')}")
        else:
            self._handshake = False
            self._patience.cancel()
            self.loop.change(self.fd, READ | URGENT)
            self._open()
            if not self.done:
                self._read(READ)

    def _read_urgent(self) -> None:
        with suppress(OSError):
            data = self.socket.recv(1, socket.MSG_OOB)
            if data:
                self.tell("urgent", direction="in", data=data)

    def _read(self, events: int) -> None:
        try:
            data = self.socket.recv(self.slice, self._flags)
        except OSError as exc:
            if not would_block(exc):
                self.lost(exc)
            elif events & GONE and not self._tls:
                self.ended("reset")
            return
        if data:
            self.came(data)
            if self._tls and not self.done and self.socket.pending():  # type: ignore[attr-defined]
                self.loop.later(0, lambda: self._read(READ) if not self.done else None)
            return
        if self.state == "half-closed":
            return
        self.state = "half-closed"
        if self.flow is not None and self.watch.capture:
            self.watch.capture.end(self.flow, ours=False)
        self.tell("half_close")
        if self._input_ended and not self._unsent:
            self.ended("close")
        elif not self.done:
            self.loop.change(self.fd, WRITE if self._unsent else 0)

    def _write(self) -> None:
        try:
            while self._unsent:
                data = self._unsent[0]
                done = self.socket.send(data, self._flags)
                self._waiting -= done
                self.came(bytes(data[:done]), "out")
                if done < len(data):
                    self._unsent[0] = data[done:]
                else:
                    self._unsent.popleft()
        except OSError as exc:
            if not would_block(exc):
                self.lost(exc)
                return
        if self.done:
            return
        reading = READ | URGENT if self.state == "open" else 0
        self.loop.change(self.fd, reading | (WRITE if self._unsent else 0))
        self.watch.input.resume()
        if not self._unsent and self._input_ended:
            self._half_close()

    def _half_close(self) -> None:
        if self.state == "half-closed":
            self.ended("close")
            return
        with suppress(OSError):
            if not self._tls:
                self.socket.shutdown(socket.SHUT_WR)
        if self.flow is not None and self.watch.capture:
            self.watch.capture.end(self.flow, ours=True)

    def lost(self, exc: OSError) -> None:
        gone = isinstance(exc, (ConnectionResetError, BrokenPipeError))
        self.ended("reset" if gone else "error", "" if gone else reason_of(exc))

    def close(self) -> None:
        if self.fd >= 0:
            self.loop.remove(self.fd)
            self.fd = -1
            self.socket.close()


class Connect(Source):
    """An endpoint to connect to: its addresses by happy eyeballs, again after a failure if that is asked for."""

    def __init__(self, watch: Watch, target: Target) -> None:
        super().__init__(watch, target)
        self.stream: Stream | None = None
        self._attempts: dict[int, tuple[socket.socket, str]] = {}
        self._left: Found = []
        self._failures: list[str] = []
        self._timers: list[Timer] = []
        self._began = 0.0
        self._round = 0

    def start(self) -> None:
        self._began = monotonic()
        self._round += 1
        self._failures = []
        self._timers = [self.loop.later(self.watch.dialing.timeout, self._timed_out)]
        endpoint = self.target.endpoint
        if endpoint.path:
            self._found([(socket.AF_UNIX, endpoint.path, f"unix:{endpoint.path}")])
        elif endpoint.is_ip:
            family, address = sockaddr(endpoint)
            self._found([(family, address, join(endpoint.host_and_zone, endpoint.port))])
        else:
            self.tell("resolving", detail=endpoint.host)
            self.watch.dialing.resolve(endpoint, self._round, self._resolved)

    def _resolved(self, round_: int, found: Found | NetkitError) -> None:
        if round_ != self._round or self.done or self.state == "open":
            return
        if isinstance(found, NetkitError):
            self._failed("refused", found.message)
        else:
            self._found(found)

    def _found(self, found: Found) -> None:
        self._left = found
        self._next()

    def _next(self) -> None:
        """Try the next address; another one if this says nothing for a while."""
        if not self._left or self.state == "open":
            return
        family, sockaddr, text = self._left.pop(0)
        self.tell("connecting", detail=text)
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as exc:
            self._refused(text, exc)
            return
        sock.setblocking(False)
        code = sock.connect_ex(sockaddr)  # type: ignore[arg-type]
        if code in (0, errno.EINPROGRESS):
            fd = sock.fileno()
            self._attempts[fd] = (sock, text)
            self.loop.add(fd, lambda events: self._answered(fd), WRITE)
            if self._left:
                self._timers.append(self.loop.later(HAPPY_EYEBALLS, self._next))
        else:
            sock.close()
            self._refused(text, OSError(code, os.strerror(code)))

    def _answered(self, fd: int) -> None:
        sock, text = self._attempts.pop(fd)
        self.loop.remove(fd)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            sock.close()
            self._refused(text, OSError(code, os.strerror(code)))
            return
        self._stop_trying()
        self.state = "open"
        self._retry = FIRST_RETRY
        self.peer = text
        try:
            wrapped = self.watch.dialing.secured(self.target.endpoint, sock)
        except OSError as exc:
            sock.close()
            self.state = "waiting"
            self._failed("error", reason_of(exc))
            return
        ms = (monotonic() - self._began) * 1000
        self.stream = Stream(self.watch, self.target, wrapped, peer=text, accepted=False, ms=ms)
        self.stream.parent = self
        self.stream.start()

    def _refused(self, text: str, exc: OSError) -> None:
        self._failures.append(f"{text} {reason_of(exc)}")
        if self._left:
            self._next()
        elif not self._attempts:
            name: EventName = "reset" if exc.errno == errno.ECONNRESET else "refused"
            self._failed(name, ", ".join(self._failures))

    def _timed_out(self) -> None:
        if self.state != "open" and not self.done:
            self._failed("timeout", f"no connection within {self.watch.dialing.timeout:g} s")

    def _failed(self, name: EventName, detail: str) -> None:
        self._stop_trying()
        if self.watch.reconnect:
            self.tell(name, detail=detail)
            self.again()
        else:
            self.ended(name, detail)

    def _stop_trying(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers, self._left = [], []
        for fd, (sock, _) in self._attempts.items():
            self.loop.remove(fd)
            sock.close()
        self._attempts = {}

    def enough(self, detail: str) -> None:
        if self.stream is not None and not self.stream.done:
            self.stream.enough(detail)
        else:
            super().enough(detail)

    def close(self) -> None:
        self._stop_trying()
        if self.stream is not None:
            self.stream.close()
