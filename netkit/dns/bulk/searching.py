"""`resolve -i --search`: a short name is asked for under one name of the search list after the other.

The types of a line go together, as in `dns.asking`: a name that has none of them leads on to the next, anything else
ends the search, and the types have their results of the same name. All candidates have one deadline, behind which
nothing is asked again.
"""

from collections.abc import Iterator, Sequence

from netkit.dns.bulk.engine import HELD, Engine, interrupted
from netkit.dns.bulk.order import InOrder
from netkit.dns.bulk.search import OfSearch, Search
from netkit.dns.bulk.task import Result, Settled


class Searching:
    """Follows the searches of a run."""

    def __init__(self, engine: Engine, *, ordered: bool, idn: bool) -> None:
        self.engine = engine
        self.idn = idn
        self.order: InOrder[Result] | None = InOrder() if ordered else None
        self.begun: dict[Search, None] = {}  # candidates that have some of their results

    def results(self, batches: Iterator[list[Result]]) -> Iterator[list[Result]]:
        for came in batches:
            ready: list[Result] = []
            further: list[OfSearch] = []
            for one in came:
                task = one.task
                if not isinstance(task, OfSearch):
                    ready.append(one)
                elif not task.search.take(one):
                    self.begun[task.search] = None
                else:
                    self.begun.pop(task.search, None)
                    if task.search.is_over():
                        ready += task.search.results()
                    elif self.engine.stopped:
                        ready += self._interrupted(task.search)
                    else:
                        further += task.search.tasks(self.idn)
            self._ask(further)
            yield self._in_order(ready)
        yield self._in_order([one for search in self.begun for one in self._cut_short(search)])

    def _interrupted(self, search: Search) -> Iterator[Result]:
        for task in search.tasks(self.idn):
            task.place = search.places[task.type]
            yield Settled(task, interrupted(task))

    def _cut_short(self, search: Search) -> Iterator[Result]:
        """The results of a line whose other types were not read when the run was stopped."""
        for one in search.came.values():
            one.task.place = search.places[one.task.type]
            yield Settled(one.task, interrupted(one.task))

    def _ask(self, tasks: Sequence[OfSearch]) -> None:
        """Their results stand where those of the first candidate would."""
        self.engine.add(tasks)
        for task in tasks:
            if self.order:
                self.order.add(task.place, None)

    def _in_order(self, ready: list[Result]) -> list[Result]:
        if self.order is None:
            return ready
        for one in ready:
            self.order.add(one.task.place, one)
        ready = self.order.ready()
        self.engine.full = len(self.order.held) >= HELD
        return ready
