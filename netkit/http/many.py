"""Fetches many URLs at once in one thread: drives the steps of each over libcurl handles that share connections.

What comes in is read as it is needed, and what comes out is handed on as it ends, so a list of any length takes the
memory of those under way. Every URL has its own deadline, which begins when it does, and its own outcome: what one
server does wrong is no other's concern. `http/results` puts the outcomes in order.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial

from netkit.errors import BadInput
from netkit.events import OnEvent
from netkit.http.fetching import Fetching, Steps
from netkit.http.request import Request
from netkit.http.result import Response
from netkit.net.curl import interruptible
from netkit.net.curl_multi import Multi
from netkit.net.descriptors import SPARE, allow_files
from netkit.net.hop import Found, HopResult, LookUp, OnProgress, Pause
from netkit.net.loop import Loop

FILES = 6  # descriptors that one URL may take: two addresses tried, a resolver's pair, its file, a body that waits

Sink = Callable[[bytes], object]


def at_once(wanted: int) -> int:
    """How many of so many this process may fetch at once: its limit of descriptors is raised as far as it goes."""
    may = allow_files(wanted * FILES + SPARE)
    return max(1, min(wanted, (may - SPARE) // FILES))


def fetch_many(
    requests: Iterable[Request | Response | None],
    *,
    parallel: int = 32,
    sink: Callable[[int], Sink] | None = None,
    hold: Callable[[], bool] = lambda: False,
    waits: Callable[[int], bool] | None = None,
    ready: int | None = None,
    on_progress: Callable[[int, Request], OnProgress] | None = None,
    on_event: OnEvent | None = None,
    on_pause: Callable[[Pause], object] | None = None,
) -> Generator[tuple[int, Response], None, None]:
    """Fetch them, so many at once; yields (number, response) as they end, numbered from 0 as they came.

    requests: a Response among them is passed on as it is (a line that is no URL); None: no more for now, until the
    descriptor `ready` is readable. sink: gives what takes the decoded pieces of a number's body, as in `fetch`. hold:
    begin no more for now, asked again after each result. waits: whether the body of a number stays with its server for
    now, asked at each piece and after each result; that time is none of its deadline. on_progress: gives what a
    number's progress is told to. on_pause: told of each before it begins.
    Raises what a sink raises, and KeyboardInterrupt within 0.2 s, also one thrown in, with a note for each download of
    which something is left: then nothing is under way any more.
    """
    many = _Many(iter(requests), parallel, sink, hold, waits, ready, on_progress, on_event, on_pause)
    try:
        yield from many.results()
    except KeyboardInterrupt as reason:
        many.note(reason)
        raise
    finally:
        many.close()


class _Many:
    def __init__(
        self,
        requests: Iterator[Request | Response | None],
        parallel: int,
        sink: Callable[[int], Sink] | None,
        hold: Callable[[], bool],
        waits: Callable[[int], bool] | None,
        ready: int | None,
        on_progress: Callable[[int, Request], OnProgress] | None,
        on_event: OnEvent | None,
        on_pause: Callable[[Pause], object] | None,
    ) -> None:
        self.requests, self.parallel, self.sink, self.hold, self.ready = requests, parallel, sink, hold, ready
        self.waits = waits
        self.on_progress, self.on_event, self.on_pause = on_progress, on_event, on_pause
        self.loop = Loop()
        self.multi = Multi(self.loop, parallel)
        self.under_way: dict[int, tuple[Fetching, Steps]] = {}
        self.ended: deque[tuple[int, Response]] = deque()
        self.number = 0
        self.more = True  # may still come from `requests`
        self.waiting = False  # for `ready`
        self.stopped: BaseException | None = None

    def close(self) -> None:
        for _, steps in self.under_way.values():
            steps.close()
        self.multi.close()
        self.loop.close()

    def results(self) -> Iterator[tuple[int, Response]]:
        while True:
            self._begin()
            if self.ended:
                while self.ended:
                    yield self.ended.popleft()
                continue
            if not self.under_way and not self.more:
                return
            self.multi.release()
            if self.ended:
                continue
            with interruptible(self._stop):
                while not self.ended and not self.stopped and not self._may_begin():
                    self.multi.turn()
            if self.stopped:
                raise self.stopped

    def note(self, reason: BaseException) -> None:
        """What is left of downloads, as a note of what ends them."""
        for fetching, steps in self.under_way.values():
            steps.close()
            if fetching.saving and fetching.part:
                reason.add_note(fetching.saving.kept(fetching.part))

    def _stop(self, reason: BaseException) -> bool:
        self.stopped = reason
        return self.multi.interrupt(reason)

    def _may_begin(self) -> bool:
        return self.more and not self.waiting and len(self.under_way) < self.parallel and not self.hold()

    def _begin(self) -> None:
        while self._may_begin() and len(self.ended) < self.parallel:
            try:
                request = next(self.requests)
            except StopIteration:
                self.more = False
                return
            if request is None:
                self._wait()
                return
            number, self.number = self.number, self.number + 1
            if isinstance(request, Response):
                self.ended.append((number, request))
            else:
                self._start(number, request)

    def _wait(self) -> None:
        """Until there is something to read."""
        ready = self.ready
        assert ready is not None

        def go_on(_: int) -> None:
            self.loop.remove(ready)
            self.waiting = False

        self.waiting = True
        self.loop.add(ready, go_on)

    def _start(self, number: int, request: Request) -> None:
        try:
            fetching = Fetching(
                request,
                sink=self.sink(number) if self.sink else None,
                on_progress=self.on_progress(number, request) if self.on_progress else None,
            )
        except BadInput as exc:
            self.ended.append((number, Response.unsent(request.method, request.url, exc)))
            return
        self.under_way[number] = fetching, fetching.steps()
        self._go_on(number, request, None)

    def _go_on(self, number: int, request: Request, result: HopResult | Found | None) -> None:
        """One step further: the next hop or a pause begins, or the response is there."""
        fetching, steps = self.under_way[number]
        try:
            step = steps.send(result)
            if isinstance(step, Pause):
                if self.on_pause and step.why:
                    self.on_pause(step)
                self.loop.later(step.seconds, lambda: self._go_on(number, request, None))
                return
            if isinstance(step, LookUp):
                self._look_up(number, request, step)
                return
            self.multi.start(
                step.hop,
                lambda result: self._go_on(number, request, result),
                deadline=step.deadline,
                on_head=step.on_head,
                on_progress=step.on_progress,
                on_event=self.on_event,
                hold=partial(self.waits, number) if self.waits else None,
                on_release=fetching.extend,
            )
        except StopIteration as stop:
            self._end(number, stop.value)
        except BadInput as exc:
            self._end(number, Response.unsent(request.method, request.url, exc))

    def _look_up(self, number: int, request: Request, step: LookUp) -> None:
        """In a thread of its own, which nobody waits for: it ends with the deadline."""
        from threading import Thread

        from netkit.http.lookup import look_up

        def work() -> None:
            try:
                found = look_up(step, self.on_event)
            except BadInput as exc:
                found = Found(error=exc)
            self.loop.soon(lambda: self._go_on(number, request, found))

        Thread(target=work, daemon=True).start()

    def _end(self, number: int, response: Response) -> None:
        self.under_way.pop(number)[1].close()
        self.ended.append((number, response))
