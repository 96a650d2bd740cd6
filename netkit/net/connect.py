"""Connects a TCP or unix stream socket, every address of a name raced as RFC 8305 says, under one deadline; or UDP.

Addresses are tried in the system's order (RFC 6724) with the families interleaved; the next attempt starts when the
last one fails, or after 250 ms (RFC 8305 section 5) while it is still open. The first to connect wins, the rest are
closed. What failed is kept with its reason, so that nobody has to guess which address was the slow one.

Synchronous, over one selector: clients that start, ask one thing and end would pay 20 ms of CPU for asyncio. Its values
are tuples for the same reason: a dataclass takes 0.4 ms to define.
"""

import errno
import os
import selectors
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from time import monotonic
from typing import NamedTuple

from netkit.errors import LocalFailure, NetkitError, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.address import Endpoint, text_of
from netkit.net.blocking import SocketAddress, addresses
from netkit.net.deadline import Deadline
from netkit.net.reasons import LOCAL, reason_of, told

ATTEMPT_DELAY = 0.25  # seconds, RFC 8305 section 8: Connection Attempt Delay


class FailedAddress(NamedTuple):
    """An address that was tried, and why it did not connect."""

    address: str
    reason: str


class Connection(NamedTuple):
    """A connected, non-blocking socket; address is the peer's, failed what was tried before it."""

    socket: socket.socket
    address: str
    failed: tuple[FailedAddress, ...] = ()


def connect(
    endpoint: Endpoint,
    *,
    deadline: Deadline,
    family: int = socket.AF_UNSPEC,
    attempt_delay: float = ATTEMPT_DELAY,
    prepare: Callable[[socket.socket], None] | None = None,
    on_event: OnEvent | None = None,
) -> Connection:
    """The first address of the endpoint that connects; `prepare` may set options on each socket before it does.

    Raises Unreachable when no address does (each reason in the message), TimedOut, LocalFailure when this machine
    refuses (descriptors, permission).
    """
    if endpoint.path:
        targets: Sequence[tuple[int, str | SocketAddress]] = [(socket.AF_UNIX, endpoint.path)]
    else:
        found = addresses(endpoint.host_and_zone, endpoint.port, deadline=deadline, family=family, on_event=on_event)
        targets = [(address[0], address) for address in interleave(found)]
    race = Race(endpoint, [(kind, _sockaddr(target)) for kind, target in targets], on_event, prepare)
    with race:
        return race.run(deadline, attempt_delay)


def connect_datagrams(
    endpoint: Endpoint,
    *,
    deadline: Deadline,
    buffer: int | None = None,
    prepare: Callable[[socket.socket], None] | None = None,
    on_event: OnEvent | None = None,
) -> Connection:
    """A non-blocking UDP socket connected to the first address of the endpoint that this machine has a route to; or a
    unix socket of datagrams, bound to a name of its own, since without one nobody could answer (Linux: unix(7),
    autobind).

    Connected, so that a refusal (ICMP) comes back as an error and others' datagrams do not; nothing is sent. buffer:
    bytes asked of both buffers. prepare may set options before that. Raises Unreachable, TimedOut, LocalFailure.
    """
    found: Sequence[tuple[int, str | tuple[object, ...]]] = [(socket.AF_UNIX, endpoint.path)]
    if not endpoint.path:
        found = addresses(endpoint.host_and_zone, endpoint.port, deadline=deadline, on_event=on_event)
    elif sys.platform != "linux":
        raise LocalFailure(
            f"{endpoint}: datagrams over unix sockets need a name for the answers, which Linux alone makes up",
            kind="missing_facility",
        )
    failed: list[FailedAddress] = []
    for family, address in found:
        text = text_of(address, "unix-dgram")
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as exc:
            raise LocalFailure(f"cannot reach {endpoint}: {reason_of(exc)}", kind="connect") from exc
        if on_event:
            on_event(Step("socket", detail=f"{socket.AddressFamily(family).name} SOCK_DGRAM"))
        try:
            if buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            if prepare:
                prepare(sock)
            sock.setblocking(False)
            if endpoint.path:
                sock.bind("")
            sock.connect(address)
        except OSError as exc:
            sock.close()
            failed.append(FailedAddress(text, reason_of(exc)))
            if on_event:
                on_event(Step("connect", text, "SOCK_DGRAM", result=reason_of(exc)))
            continue
        except BaseException:
            sock.close()
            raise
        if on_event:
            on_event(Step("connect", text, "SOCK_DGRAM"))
        return Connection(sock, text, tuple(failed))
    tried = ", ".join(f"{one.address} {one.reason}" for one in failed)
    kind = "refused" if "refused" in tried else "unreachable"
    raise Unreachable(f"cannot reach {endpoint}: {tried}", kind=kind)


def interleave(found: Sequence[SocketAddress]) -> list[SocketAddress]:
    """The families in turn, beginning with the system's first choice (RFC 8305 section 4)."""
    if not found:
        return []
    first = [address for address in found if address[0] == found[0][0]]
    other = [address for address in found if address[0] != found[0][0]]
    return [address for pair in zip_longest(first, other) for address in pair if address is not None]


def _sockaddr(target: str | SocketAddress) -> str | tuple[object, ...]:
    return target if isinstance(target, str) else target[1]


class Race:
    """The attempts of one connect(): started one by one, the first winner kept, all others closed."""

    def __init__(
        self,
        endpoint: Endpoint,
        waiting: list[tuple[int, str | tuple[object, ...]]],
        on_event: OnEvent | None,
        prepare: Callable[[socket.socket], None] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.waiting = waiting
        self.prepare = prepare
        self.on_event = on_event
        self.failed: list[FailedAddress] = []
        self.local: OSError | None = None

    def __enter__(self) -> None:
        self._stack = ExitStack()
        self.selector = self._stack.enter_context(selectors.DefaultSelector())

    def __exit__(self, *exc: object) -> None:
        for key in list(self.selector.get_map().values()):
            self._drop(key.fileobj, "cancelled")  # type: ignore[arg-type]
        self._stack.close()

    def run(self, deadline: Deadline, attempt_delay: float) -> Connection:
        next_start = 0.0
        while True:
            open_attempts = len(self.selector.get_map())
            if not self.waiting and not open_attempts:
                raise self._failure()
            if deadline.passed:
                raise self._timed_out(deadline)
            if self.waiting and (not open_attempts or monotonic() >= next_start):
                next_start = monotonic() + attempt_delay
                if winner := self._start(*self.waiting.pop(0)):
                    return winner
                continue
            pause = deadline.left if not self.waiting else min(deadline.left, max(0.0, next_start - monotonic()))
            for key, _ in self.selector.select(pause):
                if winner := self._finish(key.fileobj):  # type: ignore[arg-type]
                    return winner

    def _start(self, family: int, sockaddr: str | tuple[object, ...]) -> Connection | None:
        address = text_of(sockaddr)
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as exc:
            self._failed(address, exc)
            return None
        if self.on_event:
            self.on_event(Step("socket", detail=f"{socket.AddressFamily(family).name} SOCK_STREAM"))
        try:
            if self.prepare:
                self.prepare(sock)
        except BaseException:
            sock.close()
            raise
        sock.setblocking(False)
        code = sock.connect_ex(sockaddr)
        if code == errno.EINPROGRESS:
            self.selector.register(sock, selectors.EVENT_WRITE, address)
            return None
        return self._settle(sock, address, code)

    def _finish(self, sock: socket.socket) -> Connection | None:
        address: str = self.selector.get_key(sock).data
        self.selector.unregister(sock)
        return self._settle(sock, address, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _settle(self, sock: socket.socket, address: str, code: int) -> Connection | None:
        if code:
            sock.close()
            self._failed(address, OSError(code, os.strerror(code)))
            return None
        if self.on_event:
            self.on_event(Step("connect", address))
        return Connection(sock, address, tuple(self.failed))

    def _failed(self, address: str, exc: OSError) -> None:
        reason = reason_of(exc)
        self.failed.append(FailedAddress(address, reason))
        if exc.errno in LOCAL:
            self.local = exc
        if self.on_event:
            self.on_event(Step("connect", address, result=reason))

    def _drop(self, sock: socket.socket, reason: str) -> None:
        address: str = self.selector.get_key(sock).data
        self.selector.unregister(sock)
        sock.close()
        if self.on_event:
            self.on_event(Step("close", address, result=reason))

    def _failure(self) -> NetkitError:
        tried = told(str(self.endpoint), self.failed)
        message = f"cannot connect to {self.endpoint}: {tried}"
        if self.local is not None and len(self.failed) == 1:
            return LocalFailure(message, kind="connect")
        return Unreachable(message, kind="refused" if "refused" in tried else "unreachable")

    def _timed_out(self, deadline: Deadline) -> TimedOut:
        silent = [str(key.data) for key in self.selector.get_map().values()]
        tried = [*self.failed, *((one, "silent") for one in silent)]
        why = f": {told(str(self.endpoint), tried)}" if tried else ""
        return TimedOut(f"cannot connect to {self.endpoint} within {deadline.seconds:g} s{why}")
