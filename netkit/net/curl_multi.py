"""Performs many HTTP exchanges at once in one thread: libcurl's multi interface, on the project's event loop.

Handles are used again, connections are shared by all, and streams of HTTP/2 share one connection: those that may come
to speak it wait until the first to an origin knows whether it does (CURLOPT_PIPEWAIT). libcurl says which descriptors
and which time it waits for, the loop waits: curl_multi_perform() would look at every transfer each time, and left
HTTP/2 streams waiting for a second.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

from netkit.events import OnEvent
from netkit.net.curl import Sessions, again, died, load
from netkit.net.curl_exchange import Exchange
from netkit.net.deadline import Deadline
from netkit.net.hop import Hop, HopResult, OnHead, OnProgress
from netkit.net.loop import GONE, READ, WRITE, Loop

BEAT = 1.0  # seconds: so often an exchange is asked whether its peer has been silent for too long

OnResult = Callable[[HopResult], None]


class _Held(NamedTuple):
    """A body that waits since then; stopped: so does its clock."""

    since: float
    on_release: Callable[[float], object]
    stopped: bool = False


class Multi:
    """Exchanges under way; `turn` until their results have come. Use it as a context manager."""

    def __init__(self, loop: Loop, most: int, *, at_once: int = 0) -> None:
        """most: connections that are kept. at_once: how many to one host there may be at once, 0 for any number."""
        pycurl = self.pycurl = load()
        self.loop = loop
        self.running: dict[Any, tuple[Exchange, OnResult]] = {}
        self.free: list[Any] = []
        self.before: dict[Any, Hop] = {}  # the last of each handle
        self.holding: dict[Any, _Held] = {}
        self.sessions = Sessions()
        self.due: float | None = None  # when libcurl wants to be called, by the monotonic clock
        self.beaten = monotonic()
        self.watched: set[int] = set()
        self.multi: Any = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._wait)
        self.multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self.multi.setopt(pycurl.M_MAXCONNECTS, most)
        self.multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, at_once)

    def __enter__(self) -> "Multi":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way, without results."""
        for curl in self.running:
            self.multi.remove_handle(curl)
        for curl in (*self.running, *self.free):
            curl.close()
        self.running.clear()
        self.multi.close()

    def start(
        self,
        hop: Hop,
        on_result: OnResult,
        *,
        deadline: Deadline,
        on_head: OnHead | None = None,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
        hold: Callable[[], bool] | None = None,
        on_release: Callable[[float], object] = lambda _: None,
    ) -> None:
        """Begin one exchange; `turn` calls on_result with what came of it. Raises BadInput about the CA file.

        hold: whether the body is to wait, asked at each piece of it and by `release`. The time of that is not the
        peer's, so the deadline stands still; on_release is told how long it was.
        """
        curl = self.free.pop() if self.free else self.pycurl.Curl()

        def waits() -> bool:
            if hold is None or not hold():
                return False
            self.holding[curl] = _Held(monotonic(), on_release)
            return True

        given = waits if hold else None
        self._start(Exchange(self.pycurl, curl, hop, deadline, on_head, on_progress, on_event, given), on_result)

    def _start(self, exchange: Exchange, on_result: OnResult, *, fresh: bool = False) -> None:
        """fresh: on a connection of its own."""
        curl, hop = exchange.curl, exchange.hop
        try:
            exchange.set_options(self.before.pop(curl, None))
        except BaseException:
            self.free.append(curl)
            raise
        self.before[curl] = hop
        curl.setopt(curl.FRESH_CONNECT, fresh)
        may_share = hop.route.http_version in ("2", "3") or (hop.is_tls and hop.route.http_version == "auto")
        curl.setopt(curl.PIPEWAIT, may_share and not fresh)
        self.running[curl] = exchange, on_result
        self.multi.add_handle(curl)

    def release(self) -> None:
        """Let those go on that need not wait any more."""
        for curl, held in list(self.holding.items()):
            exchange, _ = self.running[curl]
            if exchange.hold and exchange.hold():
                self.holding[curl] = held  # since then
                continue
            seconds = monotonic() - held.since
            exchange.held = False
            exchange.deadline = exchange.deadline._replace(at=exchange.deadline.at + seconds)
            held.on_release(seconds)
            del self.holding[curl]
            curl.setopt(curl.TIMEOUT_MS, int((monotonic() - exchange.began + exchange.deadline.left) * 1000) + 1)
            try:
                curl.pause(self.pycurl.PAUSE_CONT)
            except self.pycurl.error as exc:  # from our callback, to which it may give at once what it kept
                self._ended(curl, exc.args[0], "")

    def _stop_clocks(self) -> None:
        """Of those that were made to wait just now."""
        for curl, held in self.holding.items():
            if not held.stopped:
                curl.setopt(curl.TIMEOUT_MS, 0)
                self.holding[curl] = held._replace(stopped=True)

    def interrupt(self, reason: BaseException) -> bool:
        """End all that is under way, from a signal handler, which is to raise the reason where this is true."""
        self.loop.wake()
        raising = [exchange.interrupt(reason) for exchange, _ in self.running.values()]  # all of them
        return any(raising)

    def turn(self, seconds: float | None = None) -> None:
        """Wait once, at most so long, then hand out the results there are.

        Raises what on_result raises and what the callbacks of an exchange raised, but NetkitError.
        """
        if self.running:
            seconds = BEAT if seconds is None else min(BEAT, seconds)
        if self.due is not None:
            left = max(0.0, self.due - monotonic())
            seconds = left if seconds is None else min(left, seconds)
        self.loop.turn(seconds)
        if self.holding:
            self._stop_clocks()
        if self.due is not None and self.due <= monotonic():
            self.due = None
            self.multi.socket_action(self.pycurl.SOCKET_TIMEOUT, 0)
        if self.beaten + BEAT <= monotonic():
            self.beaten = monotonic()
            # What HTTP/2 found wrong as it sent is told when it is asked again, which no socket and no time asks for.
            for fd in tuple(self.watched):
                self.multi.socket_action(fd, 0)
            for curl, (exchange, _) in list(self.running.items()):
                if not exchange.beat():
                    self._ended(curl, self.pycurl.E_ABORTED_BY_CALLBACK, "")
        more = True
        while more:
            more, ended, failed = self.multi.info_read()
            for curl in ended:
                self._ended(curl, 0, "")
            for curl, code, words in failed:
                self._ended(curl, code, words)

    def _ended(self, curl: Any, code: int, words: str) -> None:
        exchange, on_result = self.running.pop(curl)
        self.holding.pop(curl, None)
        self.multi.remove_handle(curl)
        if died(exchange, code):
            self._start(again(exchange), on_result, fresh=True)
            return
        try:
            result = self.sessions.completed(exchange.result(code, words))
        finally:
            self.free.append(curl)
        on_result(result)

    # --- what libcurl asks for

    def _watch(self, what: int, fd: int, *_: object) -> None:
        if what == self.pycurl.POLL_REMOVE:
            self.watched.discard(fd)
            self.loop.remove(fd)
            return
        events = (READ if what & self.pycurl.POLL_IN else 0) | (WRITE if what & self.pycurl.POLL_OUT else 0)
        if fd in self.watched:
            self.loop.change(fd, events)
        else:
            self.watched.add(fd)
            self.loop.add(fd, lambda ready: self._ready(fd, ready), events)

    def _ready(self, fd: int, events: int) -> None:
        pycurl = self.pycurl
        said = (pycurl.CSELECT_IN if events & READ else 0) | (pycurl.CSELECT_OUT if events & WRITE else 0)
        self.multi.socket_action(fd, said | (pycurl.CSELECT_ERR if events & GONE else 0))

    def _wait(self, milliseconds: int) -> None:
        self.due = None if milliseconds < 0 else monotonic() + milliseconds / 1000
