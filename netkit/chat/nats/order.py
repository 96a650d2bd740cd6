"""What of the stream was read already, and how much of it is missing: without a broker or a clock.

The stream's sequence tells how many batches are missing; how many lines that are, the next batch of each node tells,
since a node counts its own. Where a node says nothing more, each batch was a line at least.
"""

from collections import OrderedDict
from typing import Any

from netkit.chat.nats.batch import Batch

MAX_BOOTS = 1000  # nodes, each since a start, whose counters are remembered


class Order:
    def __init__(self) -> None:
        self._next: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()  # number and first that are due
        self._owed = 0  # batches of holes whose lines are not counted yet
        self._guessed = 0  # lines that were told for such

    def hole(self, batches: int) -> None:
        self._owed += batches

    def read(self, batch: Batch) -> int | None:
        """Lines that are missing before it; None where it was read already.

        A batch comes twice when its sender did not hear for so long that the broker has it that the broker no longer
        knows it.
        """
        key = (batch.node, batch.boot)
        due = self._next.pop(key, None)
        number, first = due or (batch.number, batch.first)
        self._next[key] = max(batch.number + 1, number), max(batch.first + len(batch.entries), first)
        if len(self._next) > MAX_BOOTS:
            self._next.popitem(last=False)
        if batch.number < number:
            return None
        self._owed = max(0, self._owed - (batch.number - number))
        missing = max(0, batch.first - first)
        told = min(missing, self._guessed)
        self._guessed -= told
        return missing - told

    def end(self) -> int:
        """All is read that there is: the lines, at least, of what is still owed."""
        owed, self._owed = self._owed, 0
        self._guessed += owed
        return owed

    def save(self) -> dict[str, Any]:
        """As plain values, for another process that reads on."""
        due = [[*key, *counts] for key, counts in self._next.items()]
        return {"due": due, "owed": self._owed, "guessed": self._guessed}

    def resume(self, state: dict[str, Any]) -> None:
        self._next = OrderedDict(((node, boot), (number, first)) for node, boot, number, first in state["due"])
        self._owed, self._guessed = state["owed"], state["guessed"]

    def anew(self) -> None:
        self._next.clear()
        self._owed = self._guessed = 0
