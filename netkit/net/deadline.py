"""One deadline for a whole operation, from the first name looked up to the last byte (CONTRACT: time).

A `Deadline` is made once and handed down; nothing below it starts a clock of its own that could add up to more.
"""

from time import monotonic
from typing import NamedTuple, Self


class Deadline(NamedTuple):
    """A point on the monotonic clock, with the seconds the user asked for kept for messages."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(monotonic() + seconds, seconds)

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - monotonic())

    @property
    def passed(self) -> bool:
        return monotonic() >= self.at
