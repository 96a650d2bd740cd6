"""What the chat server reports: who came, spoke and went, what was refused and why."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

EventName = Literal[
    "start", "listening", "join", "leave", "say", "drop", "limit", "refused", "kick", "bus", "node", "upgrade",
    "draining", "stop",
]  # fmt: skip


class Event(NamedTuple):
    """One thing that happened.

    id: the client's number. addr: where it came from; name: what it is called; room. line: what was broadcast, as
    plain clients got it. seq: its place in the order of all. reason: why, a word of REASONS; detail: more, for people.
    bytes, lines, seconds: as the event has them. times: how often, where many are reported in sum. by: the moderator
    who did it.
    """

    time: datetime
    event: EventName
    node: str = ""
    id: int | None = None
    addr: str = ""
    name: str = ""
    room: str = ""
    line: bytes | None = None
    seq: int | None = None
    reason: str = ""
    detail: str = ""
    bytes: int | None = None
    lines: int | None = None
    seconds: float | None = None
    times: int | None = None
    by: str = ""


REASONS = {
    "eof": "the client closed its side",
    "quit": "/quit",
    "reset": "the connection was reset",
    "error": "the connection failed",
    "slow": "it did not read what was said",
    "flood": "it sent more than the limits allow",
    "idle": "nothing came for --idle",
    "kicked": "put out by a moderator",
    "muted": "muted by a moderator",
    "banned": "banned by a moderator",
    "op": "is a moderator now",
    "password": "a wrong password, or none in time",
    "max_conns": "the server is full",
    "per_host": "too many from one address",
    "rate": "too many in a short time from one address",
    "denied": "--deny, or not in --allow",
    "descriptors": "this process may open no more",
    "proxy": "no PROXY header came from a proxy that is to send one",
    "tls": "the TLS handshake failed",
    "http": "a web browser spoke to the port of plain clients",
    "origin": "a page of another site",
    "host": "a name that is not this server's",
    "ping": "it does not answer any more",
    "replaced": "the same page came again",
    "protocol": "what came is not the protocol",
    "shutdown": "the server stopped",
    "upgrade": "the server was replaced",
    "connected": "the broker is there again",
    "lost": "the connection to the broker was lost",
    "held": "messages are held",
    "on": "messages go on",
    "unsent": "messages that the broker did not take",
    "hole": "batches are missing in the stream",
    "skipped": "lines were skipped",
    "anew": "the broker has begun anew",
    "foreign": "the stream has a message that is no node's",
    "came": "heard of",
    "left": "stopped",
    "gone": "not heard of any more",
    "back": "given up by the others, and there again",
    "log": "events that standard output did not take, for it was not read",
    "failed": "it was not replaced, and goes on",
}

OnLog = Callable[[Event], None]


def event(kind: EventName, /, **fields: object) -> Event:
    return Event(datetime.now(UTC), kind, **fields)  # type: ignore[arg-type]
