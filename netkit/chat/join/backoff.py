"""How long to wait before the next try: 1 s, doubling to 30 s, and a little by chance, or all come back at once."""

from collections.abc import Callable
from random import random

FIRST, MOST = 1.0, 30.0  # seconds
STEADY = 30.0  # seconds that a connection has to last until the next wait is FIRST again
SPREAD = 0.25  # of the wait


class Backoff:
    def __init__(self, chance: Callable[[], float] = random) -> None:
        self._next = FIRST
        self._chance = chance

    def wait(self) -> float:
        """Seconds until the next try."""
        pause, self._next = self._next, min(MOST, self._next * 2)
        return pause * (1 - SPREAD * self._chance())

    def lasted(self, seconds: float) -> None:
        """A connection held for so long."""
        if seconds >= STEADY:
            self._next = FIRST
