"""A step of the tour: data, so that each is a test of the installation as well."""

from dataclasses import dataclass
from typing import NamedTuple


class Needs(NamedTuple):
    """A package that netkit does without, and the extra that brings it."""

    module: str
    extra: str


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the tour.

    words: the arguments; {dns}, {dns_tls}, {root}, {http}, {https}, {ca}, {anchor} and {root_anchor} stand for the
    lab's, {smtp_port} for a port alone, {folder} for one that is gone after the tour. Without what a word stands for
    the step is left out, and the tour says so. listing: the tutorial's, None when the tutorial has the
    function in a table alone. tutorial: its code in short, in today's Python. shows: what the output must have in it.
    exit: the code it must end with. needs: without it the step is left out, and the tour says so.
    stdin: the lines it reads there.
    """

    name: str
    title: str
    listing: int | None
    tutorial: str
    words: tuple[str, ...]
    shows: tuple[str, ...] = ()
    exit: int = 0
    needs: Needs | None = None
    stdin: str = ""
