"""What happens on an endpoint, each thing told apart."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from netkit.errors import Exit
from netkit.events import StepName

EventName = Literal[
    "resolving",
    "connecting",
    "listening",
    "open",
    "data",
    "urgent",
    "half_close",  # the peer has ended its side; ours is still open
    "close",
    "reset",
    "refused",  # also: no such host, no route
    "timeout",
    "error",
    "retry",
]
Direction = Literal["in", "out", ""]


class Event(NamedTuple):
    """One thing that happened.

    label: the endpoint's; peer: HOST:PORT of an accepted or connected one. data: a line with its end, or with partial
    a piece of one. ms: how long connecting took. detail: why, for people.
    """

    time: datetime
    event: EventName
    label: str
    peer: str = ""
    direction: Direction = ""
    data: bytes | None = None
    partial: bool = False
    ms: float | None = None
    detail: str = ""


OnWatch = Callable[[Event], None]


def event(name: EventName, label: str, **fields: object) -> Event:
    return Event(datetime.now(UTC), name, label, **fields)  # type: ignore[arg-type]


# How an endpoint ended, as an exit code; and the step at the socket that an event is (`--trace`).
CODES: dict[str, Exit] = {
    "close": Exit.OK,
    "refused": Exit.UNREACHABLE,
    "reset": Exit.UNREACHABLE,
    "timeout": Exit.TIMEOUT,
    "error": Exit.LOCAL,
}

STEPS: dict[str, StepName] = {
    "resolving": "resolve",
    "connecting": "connect",
    "listening": "listen",
    "data": "recv",
    "urgent": "recv",
}
STEPS |= {"close": "close", "reset": "close"}
