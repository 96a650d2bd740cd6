"""Performs one HTTP exchange with libcurl: a request out, a response in, every fact about it kept.

The only module that imports pycurl. libcurl is held to the wire: it follows no redirect, decodes no content, reads no
netrc, environment or configuration, and speaks http and https alone; all policy is the caller's. An `Engine` keeps its
connections, so the hops of one fetch share them. Errors come back in `HopResult.error`, with the facts gathered so
far; what the caller's own callbacks raise (but `NetkitError`) is raised again as it was.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any

from netkit.errors import LocalFailure
from netkit.events import OnEvent
from netkit.net.curl_exchange import Exchange
from netkit.net.deadline import Deadline
from netkit.net.hop import Hop, HopResult, OnHead, OnProgress, Tls

LONGEST_WAIT = 0.2  # seconds: Ctrl-C that comes just before a wait is seen behind it
SHORT = 0.005  # seconds between looks at descriptors beyond what select(2) can wait for
HTTP3 = 1 << 25  # CURL_VERSION_HTTP3 of curl.h
MAX_SESSIONS = 1000  # TLS sessions remembered, with their certificates; far more than connections are kept


def load() -> Any:
    """The module pycurl. Raises LocalFailure."""
    try:
        import pycurl  # 6 ms of CPU: only commands that speak HTTP pay it
    except ImportError as exc:
        raise LocalFailure(
            f"HTTP needs pycurl, which cannot be loaded: {exc}",
            kind="missing",
            hint="pip install --force-reinstall pycurl; where no wheel fits, it needs libcurl's headers to build",
        ) from exc
    return pycurl


def require_http3() -> None:
    """Raises LocalFailure where libcurl has no HTTP/3, or there is none."""
    pycurl = load()
    if not pycurl.version_info()[4] & HTTP3:
        raise LocalFailure(
            f"this libcurl has no HTTP/3: {pycurl.version}",
            kind="missing",
            hint="the wheels of pycurl for Linux and macOS have it; --http 2 does without",
        )


class Engine:
    """One libcurl handle and its connections; use it as a context manager. Not for two threads at once.

    It is driven through the multi interface, whose waits end when a signal comes. curl_easy_perform() goes back to its
    own: while it connects, makes a TLS session or talks to a SOCKS proxy it calls nothing of ours, and Ctrl-C waited
    for the end of --connect-timeout.
    """

    def __init__(self) -> None:
        self.pycurl = load()
        self.curl: Any = self.pycurl.Curl()
        self.multi: Any = self.pycurl.CurlMulti()
        self.sessions = Sessions()
        self.before: Hop | None = None  # the last

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.curl.close()
        self.multi.close()

    def perform(
        self,
        hop: Hop,
        *,
        deadline: Deadline,
        on_head: OnHead | None = None,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> HopResult:
        """One exchange under the deadline.

        on_head: called with the response's head; returns what takes the body's pieces, undecoded, or None to discard
        it. Raises what the callbacks raise, KeyboardInterrupt, BadInput about the CA file; all else is in the result.
        """
        exchange = Exchange(self.pycurl, self.curl, hop, deadline, on_head, on_progress, on_event)
        for fresh in (0, 1):
            before, self.before = self.before, None
            exchange.set_options(before)
            self.before = hop
            self.curl.setopt(self.curl.FRESH_CONNECT, fresh)
            with interruptible(exchange.interrupt):
                code, words = self._transfer(exchange)
            if not died(exchange, code):
                break
            exchange = again(exchange)
        return self.sessions.completed(exchange.result(code, words))

    def _transfer(self, exchange: Exchange) -> tuple[int, str]:
        """libcurl's code, and its words."""
        self.multi.add_handle(self.curl)
        try:
            while exchange.stopped is None:
                self.multi.perform()
                _, ended, failed = self.multi.info_read()
                if failed:
                    return failed[0][1], failed[0][2]
                if ended:
                    return 0, ""
                self._wait()
        finally:
            self.multi.remove_handle(self.curl)
        return self.pycurl.E_ABORTED_BY_CALLBACK, ""

    def _wait(self) -> None:
        """Until libcurl has something to do; a signal ends it."""
        due = self.multi.timeout()  # milliseconds, -1 for none
        seconds = LONGEST_WAIT if due < 0 else min(LONGEST_WAIT, due / 1000)
        if self.multi.select(seconds) < 0 or seconds < SHORT:
            return
        if not any(map(len, self.multi.fdset())):  # then it did not wait
            sleep(min(SHORT, seconds))


def died(exchange: Exchange, code: int) -> bool:
    """Whether a kept connection was closed by the peer as it was used again, before a byte of an answer.

    GET and HEAD may be sent again then (RFC 9112 9.3.1). libcurl does so when the connection ends, not when it is
    reset; and it takes the next that is kept, five times, where a server closes each without saying so.
    """
    pycurl = exchange.pycurl
    return (
        code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_GOT_NOTHING)
        and exchange.reused()
        and exchange.stopped is None
        and exchange.status_line is None
        and not exchange.informational
    )


def again(exchange: Exchange) -> Exchange:
    """The same, before it began."""
    old, on_event = exchange, exchange.listener.on_event
    return Exchange(old.pycurl, old.curl, old.hop, old.deadline, old.on_head, old.on_progress, on_event, old.hold)


class Sessions:
    """The TLS sessions of the connections that are kept, by HOST:PORT: libcurl tells of one once, when it is made.

    A session that is resumed on another connection brings no certificates: they are those it began with.
    """

    def __init__(self) -> None:
        self.known: dict[str, Tls] = {}

    def completed(self, result: HopResult) -> HopResult:
        """The result of a connection that was used again has the facts of its session."""
        address = result.hop.address
        known, told = self.known.get(address), result.tls
        if told and told.version:
            if known and not told.pem and result.error is None:
                told = told._replace(pem=known.pem)
            self.known[address] = told
            if len(self.known) > MAX_SESSIONS:
                del self.known[next(iter(self.known))]
            return result._replace(tls=told)
        return result._replace(tls=known) if result.reused and known else result


@contextmanager
def interruptible(stop: Callable[[BaseException], bool]) -> Iterator[None]:
    """Ctrl-C stops the transfer: the handler calls `stop`, which sets a mark, and raises where that says so.

    The default handler would raise inside whichever callback runs, where pycurl prints the traceback and goes on.
    In other threads, or where a handler is set already, nothing is changed.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def handle(*_: object) -> None:
        reason = KeyboardInterrupt()
        if stop(reason):
            raise reason

    try:
        before = signal.signal(signal.SIGINT, handle)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def version() -> str:
    """The engine and the libraries in it, as pycurl says it."""
    with Engine() as engine:
        return str(engine.pycurl.version)
