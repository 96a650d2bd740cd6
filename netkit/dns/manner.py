"""How servers are asked: all that stays the same from one question of a run to the next, handed down as one value."""

from typing import TYPE_CHECKING, NamedTuple

from netkit.dns.wire import USUAL, QueryOptions
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    from netkit.dns.link import Links

TRIES = 3
TRY_SECONDS = 2.0  # how long one try waits before the next is sent; its reply still counts later


class Manner(NamedTuple):
    """As resolv.conf(5) knows it, and what netkit adds.

    deadline: of all that is asked. tcp: not over UDP first (use-vc). tries: how often a silent server is asked
    (attempts), try_seconds: how long it is waited for each time (timeout). options: what a query says beside its name
    and type. rotate: each question begins with another of the servers, the first with any. links: connections that are
    open already, and stay so; without it those that are made are closed at the end. on_event: gets each step.
    """

    deadline: Deadline
    tcp: bool = False
    tries: int = TRIES
    try_seconds: float = TRY_SECONDS
    options: QueryOptions = USUAL
    rotate: bool = False
    links: "Links | None" = None
    on_event: OnEvent | None = None

    @property
    def within_deadline(self) -> "Manner":
        """The same with tries so short that all of them to one server have their time before the deadline."""
        return self._replace(try_seconds=min(self.try_seconds, self.deadline.seconds / self.tries))
