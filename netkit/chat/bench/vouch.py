"""Who may add to the order when all who have everything of it have lines of their own under way.

One of them, A, has got a line X; a line `a` of its own, which it does not get, may come before X, and A cannot tell.
Another can: B, who has everything up to there as well, would get `a` first. So X is next where B got X too, or where X
is B's own and what B got is not A's. Where A got B's and B got A's, a third one decides; if there is none, nobody will
ever know, and either is right.

The one that only listens adds without asking, so this is for when that one is out of step, or gone: otherwise all would
wait for each other to the end, and what they took then would be in nobody's order.

A line that several wait with, while others have gone on without it, was lost to those or came to them elsewhere.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Waiting(Protocol):
    """A client that waits with a line."""

    number: int

    @property
    def behind(self) -> bool:
        """Whether others have more than it."""

    def front(self) -> tuple[bytes, int | None] | None:
        """The line, and who said it."""


Waiter = TypeVar("Waiter", bound=Waiting)


def certain(clients: Iterable[Waiter], alive: int) -> Waiter | None:
    """Whose next line is next for everybody. clients: that wait. alive: of all."""
    fronts = {
        client.number: (client, *front)
        for client in clients
        if not client.behind and (front := client.front()) is not None
    }
    counts = Counter(line for _, line, _ in fronts.values())
    for client, line, _ in fronts.values():
        if counts[line] > 1:
            return client
    for client, _, sender in fronts.values():
        if sender in fronts and (fronts[sender][2] != client.number or alive == 2):
            return client
    return None


def stray(clients: Iterable[Waiting]) -> bytes | None:
    """A line that several have got, and nobody who has more than they."""
    found = Counter(front[0] for client in clients if client.behind and (front := client.front()) is not None)
    return next((line for line, count in found.items() if count > 1), None)
