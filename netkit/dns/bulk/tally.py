"""What a run came to: how many results of each outcome, what was sent for them, and how long they took."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from netkit.dns.result import EXIT
from netkit.errors import Exit
from netkit.net.histogram import Histogram

EXITS: Mapping[StrEnum, Exit] = dict(EXIT.items())


class Counts:
    """What was sent and heard. strays: replies to no question, late ones above all; rejected: those with a reason."""

    def __init__(self) -> None:
        self.queries = self.retries = self.timeouts = self.over_tcp = self.rejected = self.strays = 0


class Tally:
    """Results counted, by their Outcome or another word that is theirs. times: how long those took that a server
    decided, where somebody wants to know."""

    def __init__(self, *, timed: bool = False) -> None:
        self.outcomes: Counter[StrEnum] = Counter()
        self.lines = self.repeated = 0
        self.counts = Counts()
        self.times = Histogram() if timed else None

    @property
    def questions(self) -> int:
        return self.outcomes.total()

    def add(self, results: Sequence[Any], word: Callable[[Any], StrEnum]) -> None:
        """Count them by their words."""
        self.outcomes.update(map(word, results))

    def merge(self, other: "Tally") -> None:
        """Count what another process did as well."""
        self.outcomes.update(other.outcomes)
        self.lines += other.lines
        self.repeated += other.repeated
        for name, count in vars(other.counts).items():
            setattr(self.counts, name, getattr(self.counts, name) + count)
        if self.times and other.times:
            self.times.merge(other.times)
