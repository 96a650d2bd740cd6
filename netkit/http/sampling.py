"""The same URL again and again, one request after the other: what each phase took, as percentiles.

The connection is kept, as a browser keeps it, so lookups and handshakes have few samples; `fresh` makes a new one each
time. A request begins `interval` after the one before it began, or as soon as that one is over: it is a closed loop,
so a server that stalls is asked less often and its stall counts once. `echo-client` asks on time whatever comes back.
"""

from collections import Counter, deque
from collections.abc import Iterator
from time import monotonic, sleep
from typing import NamedTuple

from netkit.errors import Exit, NetkitError, combine
from netkit.events import OnEvent
from netkit.http.client import fetch
from netkit.http.request import Request
from netkit.http.result import Response
from netkit.net.curl import Engine
from netkit.net.histogram import Histogram, Times
from netkit.net.hop import PHASES

RECENT = 120  # totals kept for a sparkline: as many as a wide terminal has columns for


class Summary(NamedTuple):
    """All requests so far. answered: with a response, whatever its status; ok: those whose exit code is 0.

    phases: of the answered ones, by name, `total` behind them; redirects are added up. statuses, errors: how often
    each status and each kind of error came. recent: the last totals, seconds, None for one without an answer.
    """

    method: str
    url: str
    fresh: bool
    sent: int
    answered: int
    ok: int
    reused: int
    bytes: int
    seconds: float
    statuses: dict[int, int]
    errors: dict[str, int]
    phases: dict[str, Times]
    recent: tuple[float | None, ...]
    interrupted: bool
    exit: Exit
    error: NetkitError | None


class Sampling:
    """Iterate over its responses; `summary` has what they come to, at any time."""

    def __init__(
        self,
        request: Request,
        *,
        count: int,
        interval: float,
        fresh: bool = False,
        on_event: OnEvent | None = None,
    ) -> None:
        """count: requests. interval: seconds between their beginnings."""
        self.request, self.count, self.interval, self.fresh = request, count, interval, fresh
        self.on_event = on_event
        self.histograms = {name: Histogram() for name in (*PHASES, "total")}
        self.sent = self.answered = self.ok = self.reused = self.bytes = 0
        self.statuses: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.recent: deque[float | None] = deque(maxlen=RECENT)
        self.codes: set[Exit] = set()
        self.error: NetkitError | None = None
        self.started = self.ended = monotonic()

    def __iter__(self) -> Iterator[Response]:
        """Raises BadInput, before anything is sent, and KeyboardInterrupt."""
        due = self.started = monotonic()
        engine = None if self.fresh else Engine()
        try:
            for number in range(self.count):
                if number:
                    due = max(due + self.interval, monotonic())
                    sleep(max(0.0, due - monotonic()))
                response = fetch(self.request, sink=len, on_event=self.on_event, engine=engine)
                self._count(response)
                yield response
        finally:
            if engine:
                engine.close()

    def _count(self, response: Response) -> None:
        self.ended = monotonic()
        self.sent += 1
        self.ok += response.exit_code == Exit.OK
        self.codes.add(response.exit_code)
        self.bytes += sum(hop.wire_bytes for hop in response.hops)
        if response.error:
            self.errors[response.error.kind] += 1
            self.error = response.error
        if response.status is None:
            self.recent.append(None)
            return
        self.answered += 1
        self.statuses[response.status] += 1
        self.reused += response.hops[0].reused
        self.recent.append(response.total_ms / 1000)
        self.histograms["total"].add(response.total_ms / 1000)
        for phase in PHASES:
            spans = [span for hop in response.hops if (span := getattr(hop.timings, phase)) is not None]
            if spans:
                self.histograms[phase].add(sum(spans) / 1000)

    def summary(self, *, interrupted: bool = False) -> Summary:
        return Summary(
            method=self.request.method,
            url=str(self.request.url),
            fresh=self.fresh,
            sent=self.sent,
            answered=self.answered,
            ok=self.ok,
            reused=self.reused,
            bytes=self.bytes,
            seconds=self.ended - self.started,
            statuses=dict(sorted(self.statuses.items())),
            errors=dict(sorted(self.errors.items())),
            phases={name: histogram.times() for name, histogram in self.histograms.items()},
            recent=tuple(self.recent),
            interrupted=interrupted,
            exit=combine(self.codes),
            error=self.error,
        )
