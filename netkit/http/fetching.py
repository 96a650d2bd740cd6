"""One fetch as a generator of steps: hop after hop under one deadline, redirects decided, the body handed on decoded.

`Fetching.steps` yields a `Perform`, a `LookUp` or a `Pause` and takes back what came of it, so it knows no socket:
`http/client` drives one fetch, `http/many` as many as wanted at once. Its return value is the `Response`, also when
the network, the peer or this machine failed, with every fact gathered until then. An attempt goes from the first URL to
the last hop; where it fails and `http/retry` says so, another follows, and bodies are never strung together: what went
to a sink cannot be taken back, so then there is none, and what is in a file is gone on with (`http/save`).
"""

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeAlias

from netkit.errors import BadInput, NetkitError
from netkit.http.receiving import Live, Receiving
from netkit.http.redirect import decide, is_redirect
from netkit.http.refusal import refusal
from netkit.http.request import Request
from netkit.http.result import Response, timestamp
from netkit.http.sender import NOTHING, Sender
from netkit.http.url import Url
from netkit.net.deadline import Deadline
from netkit.net.hop import Found, Head, HopResult, LookUp, OnBody, OnProgress, Pause, Perform, Warn

if TYPE_CHECKING:
    from netkit.http.checking import Checking
    from netkit.http.retry import Again, GiveUp, Retry
    from netkit.http.save import Saving

NO_BODY = {204, 304}
Step: TypeAlias = Perform | Pause | LookUp
Outcome: TypeAlias = HopResult | Found | None
Steps: TypeAlias = Generator[Step, Outcome, Response]


class Fetching:
    """One fetch and what is known of it so far.

    sink: takes the decoded pieces of the final body, whatever its status; without it, or a file to save to, up to
    `max_body` bytes are kept in the response. live: gives such a sink for the answer with this head, or None.
    on_progress: (bytes so far, bytes announced or 0) of each hop; what was in the file already counts as well. part:
    the file that an unfinished download left, when the steps are over.
    """

    def __init__(
        self,
        request: Request,
        *,
        sink: Callable[[bytes], object] | None = None,
        live: Live | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Raises BadInput: what cannot be sent is found before anything is."""
        self.request = request
        self.on_progress, self.live = on_progress, live
        self.sink = None if request.save is not None else sink
        self.time = timestamp()
        self.deadline = Deadline.after(request.timeout)  # from the first step on
        self.found: dict[str, Found] = {}  # by host, of those looked up
        self.saving: Saving | None = None
        self.part: str | None = None
        self.retry = _retry(request)
        self.retries: tuple[Again, ...] = ()
        self.hops: list[HopResult] = []
        self.refused: NetkitError | None = None
        told = {"sha256"} if request.digest and self.sink is None and request.method != "HEAD" else set()
        self.algorithms = frozenset(told | ({request.checksum.algorithm} if request.checksum else set()))
        if self.algorithms:
            import netkit.http.checksum  # noqa: F401  (2 ms of CPU, before the clock of a phase runs)
        try:
            self.sender = Sender(request)  # what is wrong with it is found before anything is sent
            if request.save is not None:
                from netkit.http import save

                ranged = any(header.name.lower() == "range" for header in request.headers)
                self.saving = save.Saving(
                    request.save, request.url, checksum=request.checksum, digests=self.algorithms, ranged=ranged
                )
        except BadInput:
            raise
        except NetkitError as exc:
            self.refused = exc
        self._begin()

    def _begin(self) -> None:
        """As before the first request of an attempt."""
        if self.refused is None and self.hops:
            self.sender = Sender(self.request)
        self.at = self.request.url  # of the hop that is being fetched
        self.hops = []
        self.warnings: tuple[Warn, ...] = ()
        self.checking: Checking | None = None
        if self.request.checks:
            from netkit.http import checking

            self.checking = checking.Checking(self.request.checks)
        self.receiving = Receiving(self.request, self.sink, self.live, self.saving, self.checking, self.algorithms)
        self.postponed = False  # the answer says "later", and so is nothing but the reason for another attempt
        self.chance = 0.0  # how much shorter the pause behind this attempt is
        if self.retry:
            from random import random

            self.chance = random()

    def extend(self, seconds: float) -> None:
        """The deadline, by a time that was not the server's."""
        self.deadline = self.deadline._replace(at=self.deadline.at + seconds)

    def steps(self) -> Steps:
        """Raises BadInput about a file that is named, and what the caller's own `sink` raises."""
        error = self.refused
        self.began, self.deadline = time.monotonic(), Deadline.after(self.request.timeout)
        try:
            if error is None:
                error = yield from self._attempts()
        finally:
            if self.saving:
                self.part = self.saving.close()
        return self.response(error)

    def _attempts(self) -> Generator[Step, Outcome, NetkitError | None]:
        while True:
            try:
                error = yield from self._attempt()
            except BadInput:
                raise
            except NetkitError as exc:
                error = exc
            if error is None or self.retry is None:
                return error
            head = self.hops[-1].head if self.hops else None
            pause = self._next(error, head)
            if not isinstance(pause, float):
                if self.retries:
                    error.message += f", after {len(self.retries) + 1} attempts"
                error.hint = pause.why or error.hint
                return error
            from netkit.http.retry import Again

            held = self.saving.size if self.saving else None
            self.retries += (Again(error, head.status if head else None, pause, held),)
            yield Pause(pause, f"{error.message}: again in {pause:.1f} s")
            self._begin()
            if self.saving:
                self.saving.renew()

    def _next(self, error: NetkitError | None, head: Head | None) -> "float | GiveUp":
        """Seconds until the next attempt, or why there is none. error: None while the answer is being read."""
        from netkit.http.retry import GiveUp, decide

        if self.retry is None:
            return GiveUp()
        pause = decide(
            self.retry,
            error,
            head,
            made=len(self.retries) + 1,
            elapsed=time.monotonic() - self.began,
            left=self.deadline.left,
            chance=self.chance,
            now=time.time(),
        )
        if isinstance(pause, float) and (self.receiving.is_out or (self.saving and self.saving.begun)):
            return GiveUp(
                f"{self.receiving.decoded} bytes of it are out already: -o FILE would have gone on behind them"
            )
        return pause

    def _attempt(self) -> Generator[Step, Outcome, NetkitError | None]:
        """From the first URL to the last hop, and how it ended."""
        request = self.request
        chain = [request.url]
        while True:
            if self.saving:
                yield from self.saving.prepare()
            on_progress = self._progress if self.on_progress else None
            found = yield from self._looked_up(chain[-1])
            more = self.saving.headers() if self.saving else ()
            hop = self.sender.hop(chain[-1], found, more, identity=self.saving is not None)
            result = yield Perform(hop, self.deadline, self.on_head, on_progress)
            assert isinstance(result, HopResult)
            self.hops.append(result)
            if self.saving and self.saving.again:  # and how the rest of that answer went does not matter
                self.saving.again = self.saving.taken = False
                continue
            if result.head and not result.error and self.sender.challenged(result.head):
                self.sender.take(result.head)
                continue
            if result.error or result.head is None or not (request.follow and is_redirect(result.head)):
                return self.finish()
            following = decide(result.head, chain, limit=request.max_redirects, allow_downgrade=request.allow_downgrade)
            self.warnings += following.warnings
            if not following.same_origin:
                self.warnings += self.sender.leave(following.url)
            chain.append(following.url)
            self.at = following.url

    def _progress(self, done: int, total: int) -> None:
        assert self.on_progress is not None
        base = self.saving.base if self.saving else 0
        self.on_progress(base + done, total and base + total)

    def _looked_up(self, url: Url) -> Generator[Step, Outcome, Found]:
        """Where the host is, if that is to be asked of the user's servers. Raises what came of it."""
        wanted = self.sender.lookup(url, self.deadline)
        if wanted is None:
            return NOTHING
        if wanted.host in self.found:
            return self.found[wanted.host]
        found = yield wanted
        assert isinstance(found, Found)
        if found.error:
            raise found.error
        self.found[wanted.host] = found._replace(ms=0.0)  # for the next hop there
        return found

    def on_head(self, head: Head) -> OnBody | None:
        later = self.retry is not None and head.status in self.retry.on
        self.postponed = later and isinstance(self._next(None, head), float)
        bodiless = self.request.method == "HEAD" or head.status in NO_BODY
        if self.postponed or bodiless or (self.request.follow and is_redirect(head)):
            return None
        if self.sender.challenged(head):
            return None
        return self.receiving.begin(head, self.at)

    def finish(self) -> NetkitError | None:
        """What is wrong after the last hop; None when all of it is well, and a file has its name."""
        last = self.hops[-1]
        whole = self.saving is not None and self.saving.whole
        if last.error and not whole:
            return last.error
        self.receiving.finish()
        asked = last.hop.route.http_version
        if last.head and asked in ("2", "3") and last.head.http_version != asked:
            self.warnings += (Warn("http_version", f"HTTP/{last.head.http_version} was spoken, not {asked} as asked"),)
        error = None if whole else refusal(last, follow=self.request.follow)
        if self.postponed:
            return error
        if not self.request.fail and last.head and last.head.status < 600:
            error = None
        if self.checking:
            error = self.checking.reply(last, error)
        if error is None and self.request.method != "HEAD":
            error = self.receiving.keep(last)
        slow = self.checking.time(self.hops) if self.checking else None
        return error or slow

    def response(self, error: NetkitError | None) -> Response:
        unchecked = [hop for hop in self.hops if hop.tls and hop.tls.verified is False and not hop.error]
        if unchecked:
            self.warnings += (Warn("not_verified", "the certificate was not checked (--insecure)"),)
        hop_warnings = tuple(warning for hop in self.hops for warning in hop.warnings)
        if self.saving:
            self.warnings += tuple(self.saving.warnings)
            if error and self.part:
                self.saving.explain(error, self.part)
        return Response(
            method=self.request.method,
            url=self.request.url,
            time=self.time,
            hops=tuple(self.hops),
            body=self.receiving.body(self.hops[-1] if self.hops else None, self.part),
            warnings=hop_warnings + self.warnings + tuple(self.receiving.warnings),
            error=error,
            checks=self.checking.verdicts() if self.checking else (),
            retries=self.retries,
        )


def _retry(request: Request) -> "Retry | None":
    """How it is tried again: not on a status that is expected."""
    retry, checks = request.retry, request.checks
    if retry is None or checks is None:
        return retry
    return retry._replace(on=frozenset(status for status in retry.on if not checks.accepts(status)))
