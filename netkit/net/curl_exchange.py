"""The state of one exchange: libcurl's callbacks fill it in, and its result is read out, also of one that failed.

`net/curl` owns the handle and performs it; `net/curl_options` is what goes in, `net/curl_errors` what its error codes
mean. Here is what its callbacks and times say.
"""

import re
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from netkit.errors import NetkitError, PeerError
from netkit.events import OnEvent
from netkit.net.curl_options import set_options
from netkit.net.curl_text import Listener
from netkit.net.deadline import Deadline
from netkit.net.hop import (
    PHASES,
    Failed,
    Head,
    Hop,
    HopResult,
    OnBody,
    OnHead,
    OnProgress,
    Phase,
    Remote,
    Timings,
    Tls,
    Warn,
)

if TYPE_CHECKING:
    from netkit.net.cookies import Lines

MAX_INFORMATIONAL = 100  # 1xx responses before the real one; a server could send them for ever
MAX_TRAILERS = 100  # header fields after the body
MAX_UNWANTED = 64 * 1024  # of a body nobody wants; more costs less as a new connection than to read it all

_STATUS_LINE = re.compile(rb"HTTP/([0-9](?:\.[0-9])?) ([0-9]{3})(?: (.*))?")
_LENGTH = re.compile(r"([0-9]{1,18})(?:\s*,\s*\1)*")


class Exchange:
    """The state of one perform(): libcurl's callbacks fill it, `result` reads it out."""

    def __init__(
        self,
        pycurl: Any,
        curl: Any,
        hop: Hop,
        deadline: Deadline,
        on_head: OnHead | None,
        on_progress: OnProgress | None,
        on_event: OnEvent | None,
    ) -> None:
        self.pycurl, self.curl, self.hop, self.deadline = pycurl, curl, hop, deadline
        self.on_head, self.on_progress = on_head, on_progress
        self.listener = Listener(hop.address, on_event, show_secrets=hop.show_secrets)
        self.stopped: BaseException | None = None  # why a callback ended the transfer
        self.enough = False
        self.status_line: tuple[str, int, str] | None = None
        self.fields: list[tuple[str, str]] = []
        self.head: Head | None = None
        self.informational: list[Head] = []
        self.trailers: list[tuple[str, str]] = []
        self.warnings: list[Warn] = []
        self.sink: OnBody | None = None
        self.received = 0
        self.cookies: Lines = {}  # the handle's before the exchange
        self.heard = monotonic()  # when the peer last said anything

    def set_options(self) -> None:
        """Raises what `curl_options.set_options` raises."""
        curl = self.curl
        curl.reset()  # options only: connections and the DNS cache stay
        set_options(curl, self.hop, self.deadline)
        if self.hop.jar is not None:
            self.cookies = self.hop.jar.hand_to(curl)
        curl.setopt(curl.VERBOSE, 1)
        curl.setopt(curl.DEBUGFUNCTION, self._guarded(self.listener))
        curl.setopt(curl.HEADERFUNCTION, self._guarded(self._header))
        curl.setopt(curl.WRITEFUNCTION, self._guarded(self._body))
        # Without a progress callback Ctrl-C waits for the end of the transfer: 13.9 s measured, 0.01 s with it.
        curl.setopt(curl.NOPROGRESS, 0)
        curl.setopt(curl.XFERINFOFUNCTION, self._guarded(self._progress))

    # --- callbacks

    def stop(self, reason: BaseException) -> None:
        self.stopped = self.stopped or reason

    def _guarded(self, callback: Callable[..., int | None]) -> Callable[..., int | None]:
        """The callback with its exceptions kept for `result`; -1 makes libcurl stop (a debug callback cannot)."""

        def call(*args: Any) -> int | None:
            if self.stopped is None:
                try:
                    return callback(*args)
                except BaseException as exc:
                    self.stop(exc)
            return -1

        return call

    def _progress(self, total: int, now: int, *_: int) -> None:
        if self.listener.request is None:
            self.heard = monotonic()
        elif monotonic() - self.heard > self.hop.route.stall_timeout:
            from netkit.net.curl_errors import stalled

            raise stalled(self, self.hop.route.stall_timeout, total)
        if self.on_progress and self.head is not None:
            self.on_progress(now, total)

    def _header(self, line: bytes) -> None:
        self.heard = monotonic()
        if not line.endswith(b"\n"):  # the connection was closed within it; an empty one would end the headers
            return
        line = line.rstrip(b"\r\n")
        if self.head is not None:
            if line and len(self.trailers) < MAX_TRAILERS:
                self.trailers.append(self._field(line))
        elif self.status_line is None:
            self.status_line = _status_line(line, self.hop.url)
        elif line:
            self.fields.append(self._field(line))
        else:
            version, status, reason = self.status_line
            head = Head(status, reason, version, tuple(self.fields))
            if 100 <= status < 200 and status != 101:  # 101 is the last response in HTTP
                self.informational.append(head)
                if len(self.informational) > MAX_INFORMATIONAL:
                    raise PeerError(
                        f"{self.hop.url}: more than {MAX_INFORMATIONAL} informational (1xx) responses",
                        kind="too_many_1xx",
                    )
                self.status_line, self.fields = None, []
                return
            if status == 101:
                raise PeerError(f"{self.hop.url}: 101 changes to a protocol that nobody asked for", kind="malformed")
            self.head = head
            self._check(head)
            self.sink = self.on_head(head) if self.on_head else None

    def _field(self, line: bytes) -> tuple[str, str]:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise PeerError(f"{self.hop.url}: a header line without a colon: {name[:60]!r}", kind="malformed")
        if name != name.strip() or not name:
            self.warnings.append(Warn("header_space", f"space round the name of the header {name.strip()[:60]!r}"))
        return name.strip(), value.strip(" \t")

    def _check(self, head: Head) -> None:
        lengths = head.all("content-length")
        for length in lengths:
            if not _LENGTH.fullmatch(length):
                raise PeerError(f"{self.hop.url}: Content-Length {length[:40]!r} is not a size", kind="malformed")
        if lengths and head.get("transfer-encoding"):
            self.warnings.append(
                Warn("length_and_chunked", "both Content-Length and Transfer-Encoding; the latter holds")
            )

    def _body(self, data: bytes) -> int | None:
        self.heard = monotonic()
        self.received += len(data)
        keep_on = self.received <= MAX_UNWANTED if self.sink is None else self.sink(data) is not False
        if keep_on:
            return None
        self.enough = True
        return -1

    # --- the outcome

    def result(self, code: int, words: str) -> HopResult:
        if self.stopped is not None and not isinstance(self.stopped, NetkitError):
            raise self.stopped
        phase = self._phase()
        if code == 28 and phase == "connect" and not self.curl.getinfo(self.curl.CONNECT_TIME_T):
            self.listener.failures += [Failed(remote, "no answer") for remote in self.listener.silent()]
        tls = self._tls(code, words)
        if isinstance(self.stopped, NetkitError):
            error: NetkitError | None = self.stopped
        elif self.head is not None and (code == 0 or self.enough):
            error = None
        elif code == 0:  # libcurl takes the end of the connection for the end of the headers
            error = PeerError(f"{self.hop.url}: closed amid the headers", kind="truncated")
        else:
            from netkit.net.curl_errors import error_of  # 1 ms of CPU for those alone who need it

            error = error_of(self, code, words, phase, tls)
        if self.hop.jar is not None:
            self.hop.jar.take_from(self.curl, self.cookies)
        ip = "" if self.hop.route.unix_socket else self.curl.getinfo(self.curl.PRIMARY_IP)
        return HopResult(
            hop=self.hop,
            head=self.head,
            request=self.listener.request,
            trailers=tuple(self.trailers),
            informational=tuple(self.informational),
            remote=Remote(ip, self.curl.getinfo(self.curl.PRIMARY_PORT)) if ip else None,
            failed=self.listener.failed() if not self._reused() else (),
            reused=self._reused(),
            timings=self._timings(phase),
            tls=tls,
            wire_bytes=self.received,
            warnings=tuple(self.warnings) + self._excess(),
            error=error,
        )

    def _excess(self) -> tuple[Warn, ...]:
        if not self.listener.excess:
            return ()
        return (Warn("excess_bytes", f"{self.listener.excess} bytes came behind the end of the response"),)

    def _reused(self) -> bool:
        return self.listener.request is not None and self.curl.getinfo(self.curl.NUM_CONNECTS) == 0

    def _phase(self) -> Phase:
        """How far the exchange came."""
        curl = self.curl
        if self.head is not None:
            return "body"
        if self.listener.request is not None:
            return "wait"
        if curl.getinfo(curl.CONNECT_TIME_T):
            if self.hop.needs_tunnel and not self.listener.tunnelled:
                return "connect"
            return "tls" if self.hop.is_tls and not curl.getinfo(curl.APPCONNECT_TIME_T) else "send"
        return "connect" if self.listener.tried else "dns"

    def _timings(self, reached: Phase) -> Timings:
        """The differences of libcurl's marks (microseconds since the start), up to the phase that was reached."""
        curl = self.curl
        total = curl.getinfo(curl.TOTAL_TIME_T)
        ends: dict[Phase, int] = {
            "dns": curl.getinfo(curl.NAMELOOKUP_TIME_T),
            "connect": curl.getinfo(curl.CONNECT_TIME_T),
            "tls": curl.getinfo(curl.APPCONNECT_TIME_T),
            "send": curl.getinfo(curl.POSTTRANSFER_TIME_T),
            "wait": curl.getinfo(curl.STARTTRANSFER_TIME_T),
            "body": total,
        }
        skipped: set[Phase] = {"dns", "connect", "tls"} if self._reused() else set() if self.hop.is_tls else {"tls"}
        spans: dict[str, float] = {}
        before = 0
        for phase in PHASES:
            if phase in skipped:
                continue
            end = total if phase == reached else min(max(ends[phase], before), total)
            spans[phase] = (end - before) / 1000
            before = end
            if phase == reached:
                break
        if "dns" in spans:  # it may have been done before, by another
            spans["dns"] += self.hop.lookup_ms
            total += int(self.hop.lookup_ms * 1000)
        return Timings(**spans, total=total / 1000)

    def _tls(self, code: int, words: str) -> Tls | None:
        if not self.hop.is_tls:
            return None
        info, said = self.curl.getinfo_raw(self.curl.INFO_CERTINFO), self.listener
        pem = tuple(value.decode("ascii", "replace") for one in info for key, value in one if key == b"Cert")
        if not pem and said.tls_version is None and code:
            return None
        verified: bool | None = not self.hop.route.insecure and code != self.pycurl.E_PEER_FAILED_VERIFICATION
        if self._reused():
            verified = None if self.hop.route.insecure else True
        why = "not checked (--insecure)" if self.hop.route.insecure else None if verified else words
        return Tls(said.tls_version, said.cipher, said.group, said.alpn, verified, why, pem)


def _status_line(line: bytes, url: str) -> tuple[str, int, str]:
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise PeerError(f"{url}: malformed status line: {line[:80].decode('latin-1')!r}", kind="malformed")
    return found[1].decode(), int(found[2]), (found[3] or b"").decode("latin-1").strip()
