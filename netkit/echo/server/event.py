"""What the echo and hello servers report: sockets opened, clients come and gone, what was refused and why."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from netkit.echo.server.counters import Snapshot

EventName = Literal["listening", "open", "close", "refused", "greeted", "stats", "limit", "draining", "end"]
Reason = Literal[
    "eof",  # the client ended its side and got everything
    "reset",  # by the client
    "idle",  # nothing moved for --idle
    "shutdown",  # the server stopped
    "reset_after",  # asked for by --reset-after
    "max_conns",
    "per_host",
    "rate",
    "source",  # a datagram from where only a forger or another echo server sends
    "unnamed",  # a datagram from a unix socket without a name: nobody to answer
    "too_long",  # a datagram that could not be sent back
    "descriptors",  # this process may not open more
    "tls",  # the handshake failed
    "log",  # events that whoever logs could not write, for they were not read
    "error",
]


class Event(NamedTuple):
    """One thing that happened.

    transport: "tcp", "tls", "udp", "unix", "unix-dgram". address: our own. peer: the client's, "" for an unnamed unix
    socket. id: the connection's number, from 1. received, sent: bytes of the connection. seconds: how long it was open.
    reason: why it was closed or refused; detail: more on it, for people. times: how often, for refusals are reported in
    sum. snapshot: all counters, with "stats" and "end".
    """

    time: datetime
    event: EventName
    transport: str = ""
    address: str = ""
    peer: str = ""
    id: int | None = None
    received: int | None = None
    sent: int | None = None
    seconds: float | None = None
    reason: Reason | None = None
    detail: str = ""
    times: int | None = None
    snapshot: Snapshot | None = None


OnLog = Callable[[Event], None]


def event(name: EventName, **fields: object) -> Event:
    return Event(datetime.now(UTC), name, **fields)  # type: ignore[arg-type]
