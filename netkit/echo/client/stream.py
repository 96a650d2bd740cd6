"""Sends a whole stream to an echo server, closes its own side, and compares what comes back while it is still sending.

Reading and writing go on at once, so no size deadlocks. What is sent and not back yet is kept for comparing, up to
UNANSWERED bytes; then sending waits. Over TLS the own side is closed when all is back: a close_notify in between would
need reading and closing at once, which the ssl module cannot promise.
"""

import hashlib
import os
import select
import socket
import stat
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from netkit.echo.client.dial import dial
from netkit.echo.client.ping import difference
from netkit.echo.client.result import Difference, Stream
from netkit.errors import BadInput, Exit, LocalFailure, NetkitError, No, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net import tcp_info
from netkit.net.address import Endpoint
from netkit.net.deadline import Deadline
from netkit.net.reasons import reason_of, would_block
from netkit.net.tls_client import Security

UNANSWERED = 64 * 1024 * 1024  # bytes sent and not back yet
READ = 256 * 1024

OnData = Callable[[bytes], None]


def echo(
    target: Endpoint,
    source: int,
    *,
    tls: Security | None = None,
    timeout: float = 60.0,
    on_data: OnData | None = None,
    on_progress: Callable[[int], None] | None = None,
    on_event: OnEvent | None = None,
) -> Stream:
    """Send what the descriptor `source` gives until its end, and compare what comes back.

    on_data gets what came back; on_progress the number of bytes that are back so far. Raises Unreachable and the like
    when there is no connection; what happens later is in the result.
    """
    if target.scheme == "udp":
        raise BadInput(
            "a stream needs TCP, TLS or a unix socket, not datagrams", hint="--count and --size send datagrams"
        )
    deadline = Deadline.after(timeout)
    sock = dial(target, tls=tls, deadline=deadline, on_event=on_event)
    with sock:
        return Exchange(target, sock, source, tls is not None, deadline, on_data, on_progress, on_event).run()


class Exchange:
    def __init__(
        self,
        target: Endpoint,
        sock: socket.socket,
        source: int,
        tls: bool,
        deadline: Deadline,
        on_data: OnData | None,
        on_progress: Callable[[int], None] | None,
        on_event: OnEvent | None,
    ) -> None:
        self.target, self.socket, self.source, self.tls, self.deadline = target, sock, source, tls, deadline
        self.on_data, self.on_progress, self.on_event = on_data, on_progress, on_event
        self.always = not pollable(source)
        self.expected: deque[bytes] = deque()  # sent or to be sent, and not back
        self.at = 0  # how much of the first of them is back
        self.unanswered = 0
        self.unsent: deque[memoryview] = deque()
        self.waiting = 0  # bytes in unsent
        self.ended = False  # the source
        self.half_closed = False
        self.finished = False
        self.sent = self.received = 0
        self.digest = hashlib.sha256()
        self.difference: Difference | None = None
        self.failure: NetkitError | None = None

    def run(self) -> Stream:
        start = monotonic()
        poll = select.poll()
        while not self.done():
            if self.deadline.passed:
                self.failure = TimedOut(f"{self.target}: {self.missing()} within {self.deadline.seconds:g} s")
                break
            reading = not self.ended and self.waiting < READ and self.unanswered < UNANSWERED
            poll.register(self.socket, select.POLLIN | (select.POLLOUT if self.unsent else 0))
            if not self.always:
                self.watch_source(poll, reading)
            ready = dict(poll.poll(0 if reading and self.always else self.deadline.left * 1000 + 1))
            if reading and (self.always or ready.get(self.source)):
                self.read_source(poll)
            self.write()
            if ready.get(self.socket.fileno()) or self.tls:
                self.read()
            if self.on_progress:
                self.on_progress(self.received)
        seconds = monotonic() - start
        info = None if self.target.path else tcp_info.read(self.socket)
        transport = "tls" if self.tls else "unix" if self.target.path else "tcp"
        return Stream(
            str(self.target), transport, self.sent, self.received, seconds, self.digest.hexdigest(), self.difference,
            info, self.failure, self.failure.exit if self.failure else Exit.OK,
        )  # fmt: skip

    def watch_source(self, poll: "select.poll", reading: bool) -> None:
        """Not with no events asked for: a pipe whose writer has gone reports that for ever."""
        if reading:
            poll.register(self.source, select.POLLIN)
        else:
            with suppress(KeyError):
                poll.unregister(self.source)

    def done(self) -> bool:
        """Over TLS it is all being back; the socket's close says goodbye."""
        all_back = self.tls and self.ended and not self.unsent and not self.unanswered
        return self.failure is not None or self.finished or all_back

    def missing(self) -> str:
        if not self.received:
            return "nothing came back"
        return f"only {self.received} of {self.sent} bytes came back"

    def read_source(self, poll: "select.poll") -> None:
        try:
            data = os.read(self.source, READ)
        except BlockingIOError:
            return
        except OSError as exc:
            self.failure = LocalFailure(f"cannot read the input: {exc.strerror}", kind="read")
            return
        if not data:
            self.ended = True
            return
        self.expected.append(data)
        self.unsent.append(memoryview(data))
        self.waiting += len(data)
        self.unanswered += len(data)

    def write(self) -> None:
        try:
            while self.unsent:
                data = self.unsent[0]
                done = self.socket.send(data)
                self.sent += done
                self.waiting -= done
                self.step("send", size=done, data=bytes(data[:done]))
                if done < len(data):
                    self.unsent[0] = data[done:]
                else:
                    self.unsent.popleft()
            if self.ended and not self.half_closed and not self.tls:
                self.socket.shutdown(socket.SHUT_WR)
                self.half_closed = True
                self.step("shutdown", "SHUT_WR")
        except OSError as exc:
            if not would_block(exc):
                self.broke_off(exc)

    def read(self) -> None:
        while self.failure is None:
            try:
                data = self.socket.recv(READ)
            except OSError as exc:
                if not would_block(exc):
                    self.broke_off(exc)
                return
            self.step("recv", size=len(data), data=data)
            if not data:
                self.closed()
                return
            self.compare(data)

    def compare(self, data: bytes) -> None:
        self.digest.update(data)
        if self.on_data:
            self.on_data(data)
        view = memoryview(data)
        while view:
            if not self.expected:
                self.differ(Difference(self.received, None, view[0]))
                return
            first = self.expected[0]
            size = min(len(view), len(first) - self.at)
            if view[:size] != memoryview(first)[self.at : self.at + size]:
                found = difference(first[self.at : self.at + size], bytes(view[:size]))
                assert found is not None
                self.differ(found._replace(offset=self.received + found.offset))
                return
            self.at += size
            self.received += size
            self.unanswered -= size
            view = view[size:]
            if self.at == len(first):
                self.expected.popleft()
                self.at = 0

    def differ(self, found: Difference) -> None:
        self.difference = found
        self.failure = No(f"{self.target}: the echo differs at {found}", kind="mismatch")

    def closed(self) -> None:
        """The server has ended its side."""
        if self.ended and not self.unsent and not self.unanswered:
            self.finished = True
        else:
            self.failure = No(
                f"{self.target} closed after {self.received} of {self.sent + self.waiting} bytes", kind="closed_early"
            )

    def broke_off(self, exc: OSError) -> None:
        reason = reason_of(exc)
        if self.received:
            self.failure = No(f"{self.target}: {reason} after {self.received} bytes", kind="reset")
        else:
            self.failure = Unreachable(f"{self.target}: {reason} before an answer", kind="reset")

    def step(self, name: str, detail: str = "", *, size: int | None = None, data: bytes | None = None) -> None:
        if self.on_event:
            self.on_event(Step(name, str(self.target), detail, size, data=data))  # type: ignore[arg-type]


def pollable(fd: int) -> bool:
    """Whether poll(2) says anything of it: a regular file is always ready. Raises BadInput for a closed one."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError as exc:
        raise BadInput(f"cannot read the input: {exc.strerror}") from exc
    return not stat.S_ISREG(mode)
