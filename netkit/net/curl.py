"""Performs one HTTP exchange with libcurl: a request out, a response in, every fact about it kept.

The only module that imports pycurl. libcurl is held to the wire: it follows no redirect, decodes no content, reads no
netrc, environment or configuration, and speaks http and https alone; all policy is the caller's. An `Engine` keeps its
connections, so the hops of one fetch share them. Errors come back in `HopResult.error`, with the facts gathered so
far; what the caller's own callbacks raise (but `NetkitError`) is raised again as it was.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netkit.errors import LocalFailure
from netkit.events import OnEvent
from netkit.net.curl_exchange import Exchange
from netkit.net.deadline import Deadline
from netkit.net.hop import Hop, HopResult, OnHead, OnProgress, Tls


class Engine:
    """One libcurl handle and its connections; use it as a context manager. Not for two threads at once."""

    def __init__(self) -> None:
        try:
            import pycurl  # 6 ms of CPU: only commands that speak HTTP pay it
        except ImportError as exc:
            raise LocalFailure(
                f"HTTP needs pycurl, which cannot be loaded: {exc}",
                kind="missing",
                hint="pip install --force-reinstall pycurl; where no wheel fits, it needs libcurl's headers to build",
            ) from exc
        self.pycurl = pycurl
        self.curl: Any = pycurl.Curl()
        self.sessions: dict[str, Tls] = {}  # of the connections kept, by HOST:PORT

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.curl.close()

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
        exchange.set_options()
        with _interruptible(exchange):
            try:
                self.curl.perform()
                code, words = 0, ""
            except self.pycurl.error as exc:
                code, words = exc.args[0], exc.args[1] if len(exc.args) > 1 else ""
        result = exchange.result(code, words)
        if result.tls and result.tls.version:
            self.sessions[hop.address] = result.tls
        elif result.reused and hop.address in self.sessions:  # libcurl tells of a session once
            result = result._replace(tls=self.sessions[hop.address])
        return result


@contextmanager
def _interruptible(exchange: Exchange) -> Iterator[None]:
    """Ctrl-C stops the transfer: the handler sets a mark that libcurl's progress callback sees at once.

    The default handler would raise inside whichever callback runs, where pycurl prints the traceback and goes on.
    In other threads, or where a handler is set already, nothing is changed.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        before = signal.signal(signal.SIGINT, lambda *_: exchange.stop(KeyboardInterrupt()))
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
