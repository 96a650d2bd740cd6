"""What the lab's servers report: one event for each socket they open, each question or request, each refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from netkit.events import OnEvent

EventName = Literal["listening", "ready", "query", "request", "refused", "failed", "limit", "stopping"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    service: the service's port, as "dns" or "https". address: our own, as a URL without a path. peer: HOST:PORT, ""
    if there is none. summary: for people. data: for programs; its keys depend on service and event.
    What a peer sent is in there as it came: whoever shows an event makes it harmless.
    """

    time: datetime
    service: str
    event: EventName
    address: str = ""
    peer: str = ""
    summary: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


OnLog = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Reports:
    """Where to report: on_log gets an Event for what happens, on_event each step at a socket."""

    on_log: OnLog | None
    on_event: OnEvent | None

    def log(
        self, service: str, event: EventName, *, address: str = "", peer: str = "", summary: str = "", **data: object
    ) -> None:
        if self.on_log:
            self.on_log(Event(datetime.now(UTC), service, event, address, peer, summary, data))
