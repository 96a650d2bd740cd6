"""What a server for tests does on purpose in place of what it would: asked for at each stage of a session."""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Fault(NamedTuple):
    """wait: seconds before anything is said. drop: then hang up. reply: else say this, and do nothing of what was
    asked."""

    reply: str = ""
    wait: float = 0.0
    drop: bool = False


NONE = Fault()

# Called with the stage and its arguments, each time that a session comes to it.
Faults = Callable[[str, Sequence[str]], Fault]


def no_faults(stage: str, arguments: Sequence[str]) -> Fault:
    return NONE


class Gate:
    """Asks for the faults of a stage once, also when the session comes to it twice since it had to wait.

    wait: seconds until it may come again; whoever has waited sets it to 0.
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._due: list[Fault] = []
        self.wait = 0.0

    def meet(self, stage: str, met: Sequence[Sequence[str]]) -> list[Fault]:
        """The fault of each of the arguments; [] while the session is to wait."""
        due, self._due = self._due, []
        if not due:
            due = [self._faults(stage, arguments) for arguments in met]
            self.wait = max(fault.wait for fault in due)
            if self.wait:
                self._due = due
                return []
        return due
