"""The search of one line of `resolve -i --search`: its candidates, what came of each, and what is found in the end."""

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

from netkit.dns.asking import LEADS_ON
from netkit.dns.bulk.task import Result, Settled, Task
from netkit.dns.name import parse_name, to_text
from netkit.dns.result import Outcome

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream


class Search:
    """The search of one line. names: the candidates; types, rdclass: what is asked of each."""

    def __init__(
        self, text: str, names: Sequence[str], types: Sequence[int], rdclass: bytes, route: "Sequence[Upstream]"
    ) -> None:
        self.text = text
        self.names = names
        self.types = types
        self.rdclass = rdclass
        self.route = route
        self.at = 0
        self.came: dict[int, Result] = {}
        self.found: list[Result] = []
        self.searched: list[str] = []
        self.places: dict[int, int] = {}
        self.spent = 0.0

    def tasks(self, idn: bool) -> Iterator["OfSearch"]:
        """The questions for the candidate whose turn it is."""
        wire = parse_name(self.names[self.at], idn=idn)
        for number in self.types:
            ending = number.to_bytes(2) + self.rdclass
            task = OfSearch(self.text, to_text(wire), wire + ending, number, self.route, False)
            task.search = self
            task.spent = self.spent
            yield task

    def take(self, one: Result) -> bool:
        """A result of the candidate whose turn it is; whether it has all of them now."""
        self.places.setdefault(one.task.type, one.task.place)
        self.came[one.task.type] = one
        return len(self.came) == len(self.types)

    def is_over(self) -> bool:
        """Whether the candidate that has all its results ends the search; if not, the next one has its turn."""
        these = [self.came[number] for number in self.types]
        negative = all(one.outcome in LEADS_ON for one in these)
        if not self.found or not negative or any(one.outcome is Outcome.NODATA for one in these):
            self.found = these
        self.searched.append(these[0].task.name)
        self.spent += max(one.elapsed_ms for one in these) / 1000
        self.came = {}
        self.at += 1
        return not negative or self.at == len(self.names)

    def results(self) -> Iterator[Result]:
        """What was found, in the places of the line."""
        for one in self.found:
            one.task.place = self.places[one.task.type]
            if len(self.searched) < 2:
                yield one
                continue
            resolution = one.resolution
            notes = (*resolution.notes, f"searched: {' '.join(self.searched)}")
            yield Settled(one.task, resolution._replace(notes=notes))


class OfSearch(Task):
    """A question for a candidate."""

    search: Search

    @property
    def identity(self) -> Hashable:
        """Lines are the same when all their candidates and types are."""
        return tuple(map(str.lower, self.search.names)), tuple(self.search.types), self.type, id(self.route)
