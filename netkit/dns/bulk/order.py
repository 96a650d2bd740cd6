"""Results in the order of the input, whenever they come."""

from typing import Generic, TypeVar

One = TypeVar("One")


class InOrder(Generic[One]):
    """held: results that came before an earlier one's; None stands for a place that has none."""

    def __init__(self) -> None:
        self.held: dict[int, One | None] = {}
        self.next = 0

    def add(self, place: int, one: One | None) -> None:
        self.held[place] = one

    def ready(self) -> list[One]:
        """Those that are next."""
        found = []
        while self.next in self.held:
            if (one := self.held.pop(self.next)) is not None:
                found.append(one)
            self.next += 1
        return found
