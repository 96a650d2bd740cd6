"""The state of one exchange: libcurl's callbacks fill it in, and its result is read out, also of one that failed.

`net/curl` owns the handle and performs it; `net/curl_options` is what goes in, `net/curl_errors` what its error codes
mean. Here is what its callbacks and times say.
"""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from netkit.errors import AuthRefused, NetkitError, PeerError
from netkit.events import OnEvent
from netkit.net.curl_body import Pieces
from netkit.net.curl_head import check, field, no_http, status_line
from netkit.net.curl_options import alike, set_options, set_target
from netkit.net.curl_text import DATA_IN, HEADER_IN, HEADER_OUT, Listener
from netkit.net.deadline import Deadline
from netkit.net.hop import (
    PHASES,
    Failed,
    Head,
    Hop,
    HopResult,
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
MAX_TUNNELS = 10  # CONNECTs of one exchange: two a connection by Digest; a proxy could call every nonce too old
MAX_TRAILERS = 100  # header fields after the body
TRACED = (HEADER_IN, DATA_IN, 4, 5, 6)  # what is said for the trace alone; the last: DATA_OUT and TLS records
PAUSE = 0x10000001  # CURL_WRITEFUNC_PAUSE
RECEIVE = 512 * 1024  # bytes asked of the socket at once; libcurl's own 16 KiB cost twice the system time


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
        hold: Callable[[], bool] | None = None,
    ) -> None:
        self.pycurl, self.curl, self.hop, self.deadline = pycurl, curl, hop, deadline
        self.on_head, self.on_progress = on_head, on_progress
        self.hold = hold  # whether the body is to wait, asked at each piece; then libcurl keeps it, and reads no more
        self.held = False
        self._reused: bool | None = None
        self.listener = Listener(hop.address, on_event, show_secrets=hop.show_secrets)
        self.stopped: BaseException | None = None  # why a callback ended the transfer
        self.status_line: tuple[str, int, str] | None = None
        self.fields: list[tuple[str, str]] = []
        self.head: Head | None = None
        self.method = hop.method.encode("ascii") + b" "
        self.asked = False
        self.informational: list[Head] = []
        self.trailers: list[tuple[str, str]] = []
        self.warnings: list[Warn] = []
        self.pieces = Pieces()
        self.cookies: Lines = {}  # the handle's before the exchange
        self.began = self.heard = monotonic()  # the latter: when the peer last said anything

    @property
    def received(self) -> int:
        return self.pieces.received

    def announced(self) -> int:
        """Bytes of the body, by its head; -1 where it does not say."""
        return int(self.curl.getinfo(self.curl.CONTENT_LENGTH_DOWNLOAD_T))

    def so_far(self) -> str:
        """Of the body, for messages."""
        announced = self.announced()
        return f"{self.received} of {announced}" if announced >= 0 else str(self.received)

    def set_options(self, before: Hop | None = None) -> None:
        """before: the last hop of this handle, whose options stay where this one differs in its URL alone.

        Raises what `curl_options.set_options` raises.
        """
        curl = self.curl
        if before is not None and alike(before, self.hop):
            set_target(curl, self.hop, self.deadline)
        else:
            curl.reset()  # options only: connections and the DNS cache stay
            set_options(curl, self.hop, self.deadline)
            curl.setopt(curl.BUFFERSIZE, RECEIVE)
            if self.hop.jar is not None:  # before libcurl talks: it would tell standard error of each cookie
                self.cookies = self.hop.jar.hand_to(curl)
            curl.setopt(curl.VERBOSE, 1)
            # Without a progress callback Ctrl-C waits for the end of the transfer: 13.9 s measured, 0.01 s with it.
            curl.setopt(curl.NOPROGRESS, 0)
            if self.hop.method != "HEAD":  # which has no body: libcurl would say that nothing came
                curl.setopt(curl.HTTP09_ALLOWED, 1)  # what is no HTTP comes as a body without a head, and can be named
        curl.setopt(curl.DEBUGFUNCTION, self._said)
        curl.setopt(curl.HEADERFUNCTION, self._line)
        curl.setopt(curl.WRITEFUNCTION, self._body)
        curl.setopt(curl.XFERINFOFUNCTION, self._progress)

    # --- callbacks: each keeps its exceptions for `result`; -1 makes libcurl stop (a debug callback cannot)

    def stop(self, reason: BaseException) -> None:
        self.stopped = self.stopped or reason

    def interrupt(self, reason: BaseException) -> bool:
        """The same from a signal handler, which is to raise the reason where this is true: in the sink."""
        self.stop(reason)
        return self.pieces.giving

    def _said(self, kind: int, data: bytes) -> None:
        if self.stopped is not None or (kind in TRACED and self.listener.on_event is None):
            return
        try:
            if kind == HEADER_OUT and data.startswith(self.method):
                if self.asked and self.head is not None:
                    self._asked_again()
                self.asked = True  # told when it is sent, by when a quick answer may have been read (HTTP/2 and 3)
            self.listener(kind, data)
            if self.listener.tunnels > MAX_TUNNELS:
                raise AuthRefused(
                    f"{self.hop.url}: the proxy {self.hop.proxy} asks for its login again and again", kind="http_407"
                )
        except BaseException as exc:
            self.stop(exc)

    def _asked_again(self) -> None:
        """libcurl repeats the request: after HTTP_1_1_REQUIRED also amid a body, and then the answers would be one.

        Raises PeerError.
        """
        raise PeerError(
            f"{self.hop.url}: reset after {self.received} bytes of the body (HTTP_1_1_REQUIRED)",
            kind="truncated",
            hint="--http 1.1",
        )

    def _give(self) -> None:
        """What is left of the body."""
        if self.stopped is None:
            try:
                self.pieces.give()
            except BaseException as exc:
                self.stop(exc)

    def _body(self, data: bytes) -> int | None:
        if self.stopped is None:
            try:
                self.heard = monotonic()
                if self.head is None:
                    raise no_http(data, self.hop.url)
                if self.hold and self.hold():
                    self.held = True
                    return PAUSE
                if self.pieces.add(data):
                    return None
            except BaseException as exc:
                self.stop(exc)
        return -1

    def beat(self) -> bool:
        """To be called once a second where libcurl does not; False: the exchange is to be ended."""
        return self._progress(max(0, self.announced()), self.received) is None

    def _progress(self, total: int, now: int, *_: int) -> int | None:
        if self.stopped is None:
            try:
                if not self.pieces.waiting or self.pieces.give():
                    self._listen(total)
                    if self.on_progress and self.head is not None:
                        self.on_progress(now, total)
                    return None
            except BaseException as exc:
                self.stop(exc)
        return -1

    def _listen(self, total: int) -> None:
        """Raises TimedOut when the peer has been silent for too long."""
        if self.listener.request is None or self.held:
            self.heard = monotonic()
        elif monotonic() - self.heard > self.hop.route.stall_timeout:
            from netkit.net.curl_errors import stalled

            raise stalled(self, self.hop.route.stall_timeout, total)

    def _line(self, line: bytes) -> int | None:
        if self.stopped is None:
            try:
                self._header(line)
                return None
            except BaseException as exc:
                self.stop(exc)
        return -1

    def _header(self, line: bytes) -> None:
        self.heard = monotonic()
        if not line.endswith(b"\n"):  # the connection was closed within it; an empty one would end the headers
            return
        line = line.rstrip(b"\r\n")
        if self.head is not None:
            if line and len(self.trailers) < MAX_TRAILERS:
                self.trailers.append(field(line, self.hop.url, self.warnings))
        elif self.status_line is None:
            self.status_line = status_line(line, self.hop.url)
        elif line:
            self.fields.append(field(line, self.hop.url, self.warnings))
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
            self.warnings += check(head, self.hop.url)
            self.pieces.sink = self.on_head(head) if self.on_head else None

    # --- the outcome

    def result(self, code: int, words: str) -> HopResult:
        self._give()
        if self.stopped is not None and not isinstance(self.stopped, NetkitError):
            raise self.stopped
        phase = self._phase()
        if code == 28 and phase == "connect" and not self.curl.getinfo(self.curl.CONNECT_TIME_T):
            self.listener.failures += [Failed(remote, "no answer") for remote in self.listener.silent()]
        tls = self._tls(code, words)
        if isinstance(self.stopped, NetkitError):
            error: NetkitError | None = self.stopped
        elif self.head is not None and (code == 0 or self.pieces.enough):
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
            failed=self.listener.failed() if not self.reused() else (),
            reused=self.reused(),
            timings=self._timings(phase),
            tls=tls,
            wire_bytes=self.received,
            warnings=tuple(self.warnings) + self._noticed(),
            error=error,
        )

    def _noticed(self) -> tuple[Warn, ...]:
        """What libcurl said of it in passing."""
        told = [
            Warn("header_dropped", f"no header can be called {name[:60]!r}, or hold what it does: left out")
            for name in self.listener.dropped
        ]
        if self.listener.excess:
            told.append(Warn("excess_bytes", f"{self.listener.excess} bytes came behind the end of the response"))
        return tuple(told)

    def reused(self) -> bool:
        """Whether it went over a connection of before. For use when it is over."""
        if self._reused is None:
            self._reused = self.listener.request is not None and self.curl.getinfo(self.curl.NUM_CONNECTS) == 0
        return self._reused

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
        """The differences of libcurl's marks (microseconds since the start), up to the phase that was reached.

        What it waited for the connection of another exchange, to share it, is none of its phases.
        """
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
        skipped: set[Phase] = {"dns", "connect", "tls"} if self.reused() else set() if self.hop.is_tls else {"tls"}
        spans: dict[str, float] = {}
        begin = before = min(curl.getinfo(curl.QUEUE_TIME_T), total)
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
        return Timings(**spans, total=(total - begin) / 1000)

    def _tls(self, code: int, words: str) -> Tls | None:
        if not self.hop.is_tls:
            return None
        info, said = self.curl.getinfo_raw(self.curl.INFO_CERTINFO), self.listener
        pem = tuple(value.decode("ascii", "replace") for one in info for key, value in one if key == b"Cert")
        if not pem and said.tls_version is None and code:
            return None
        verified: bool | None = not self.hop.route.insecure and code != self.pycurl.E_PEER_FAILED_VERIFICATION
        if self.reused():
            verified = None if self.hop.route.insecure else True
        why = "not checked (--insecure)" if self.hop.route.insecure else None if verified else words
        return Tls(said.tls_version, said.cipher, said.group, said.alpn, verified, why, pem)
