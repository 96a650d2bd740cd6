"""Several blocking jobs at once, each in a thread; their results in the order of the jobs.

The threads are daemons, so that neither Ctrl-C nor the end of the process waits for them; each job has a deadline of
its own. `concurrent.futures` waits for all it has begun, whatever happens.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """Begins at once; `result` waits for its end, and raises what it raised."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._results: list[T] = []
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="netkit: check", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as exc:
            self._failures.append(exc)

    def result(self) -> T:
        self._thread.join()
        if self._failures:
            raise self._failures[0]
        return self._results[0]


def at_once(functions: Sequence[Callable[[], T]]) -> Iterator[T]:
    jobs = [Job(function) for function in functions]
    return (job.result() for job in jobs)
