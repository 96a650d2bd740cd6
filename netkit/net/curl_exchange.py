"""The state of one exchange: libcurl's callbacks fill it in, and its result is read out, also of one that failed.

`net/curl` owns the handle and performs it; here is what goes into libcurl's options and what its callbacks, times and
error codes mean.
"""

import errno
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from netkit.errors import BadInput, LocalFailure, NetkitError, PeerError, TimedOut, Unreachable
from netkit.events import OnEvent
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

MAX_INFORMATIONAL = 100  # 1xx responses before the real one; a server could send them for ever
MAX_TRAILERS = 100  # header fields after the body
MAX_UNWANTED = 64 * 1024  # of a body nobody wants; more costs less as a new connection than to read it all

_STATUS_LINE = re.compile(rb"HTTP/([0-9](?:\.[0-9])?) ([0-9]{3})(?: (.*))?")
_LENGTH = re.compile(r"([0-9]{1,18})(?:\s*,\s*\1)*")
_QUICK_EXIT = 322  # CURLOPT_QUICK_EXIT, without a name in pycurl 7.49: do not wait for a resolver thread at the end
_LOCAL_ERRNO = {
    errno.EPERM,
    errno.EACCES,
    errno.ENFILE,
    errno.EMFILE,
    errno.ENOMEM,
    errno.ENOBUFS,
    errno.EAFNOSUPPORT,
}  # this machine's refusals, not the network's


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
        self.listener = Listener(hop.address, on_event)
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

    # --- options

    def set_options(self) -> None:
        curl, hop = self.curl, self.hop
        curl.reset()  # options only: connections and the DNS cache stay
        curl.setopt(curl.URL, hop.url.encode("ascii"))
        curl.setopt(curl.PROTOCOLS, curl.PROTO_HTTP | curl.PROTO_HTTPS)
        curl.setopt(curl.PATH_AS_IS, 1)
        curl.setopt(curl.PROXY, "")  # no http_proxy from the environment behind the caller's back
        curl.setopt(curl.NOSIGNAL, 1)
        curl.setopt(_QUICK_EXIT, 1)
        curl.setopt(curl.NOBODY if hop.method == "HEAD" else curl.HTTPGET, 1)
        curl.setopt(curl.HTTPHEADER, [_header_line(name, value) for name, value in hop.headers])
        curl.setopt(curl.HTTP_VERSION, self._version())
        curl.setopt(
            curl.IPRESOLVE, {0: curl.IPRESOLVE_WHATEVER, 4: curl.IPRESOLVE_V4, 6: curl.IPRESOLVE_V6}[hop.route.family]
        )
        if hop.resolved:
            host, _, port = hop.address.rpartition(":")
            curl.setopt(curl.RESOLVE, [f"{host}:{port}:" + ",".join(hop.resolved)])
        curl.setopt(curl.TIMEOUT_MS, max(1, int(self.deadline.left * 1000)))
        if hop.route.connect_timeout is not None:
            curl.setopt(curl.CONNECTTIMEOUT_MS, max(1, int(hop.route.connect_timeout * 1000)))
        curl.setopt(curl.VERBOSE, 1)
        curl.setopt(curl.DEBUGFUNCTION, self._guarded(self.listener))
        curl.setopt(curl.HEADERFUNCTION, self._guarded(self._header))
        curl.setopt(curl.WRITEFUNCTION, self._guarded(self._body))
        # Without a progress callback Ctrl-C waits for the end of the transfer: 13.9 s measured, 0.01 s with it.
        curl.setopt(curl.NOPROGRESS, 0)
        curl.setopt(curl.XFERINFOFUNCTION, self._guarded(self._progress))
        if hop.is_tls:
            self._set_tls()

    def _set_tls(self) -> None:
        curl, hop = self.curl, self.hop
        curl.setopt(curl.OPT_CERTINFO, 1)
        curl.setopt(curl.SSLVERSION, curl.SSLVERSION_TLSv1_2)
        if hop.route.insecure:
            curl.setopt(curl.SSL_VERIFYPEER, 0)
            curl.setopt(curl.SSL_VERIFYHOST, 0)
            return
        cafile = hop.route.cacert or os.environ.get("SSL_CERT_FILE")
        if cafile:
            if not os.access(cafile, os.R_OK) or os.path.isdir(cafile):
                raise BadInput(f"{cafile}: no such file of CA certificates, or it cannot be read", kind="cacert")
            curl.setopt(curl.CAINFO, cafile)
        elif sys.platform != "linux":  # on Linux pycurl finds the system's bundle when it is imported
            curl.setopt(curl.SSL_OPTIONS, curl.SSLOPT_NATIVE_CA)

    def _version(self) -> int:
        curl = self.curl
        cleartext_2 = curl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
        number: int = {
            "auto": curl.CURL_HTTP_VERSION_2TLS if self.hop.is_tls else curl.CURL_HTTP_VERSION_1_1,
            "1.0": curl.CURL_HTTP_VERSION_1_0,
            "1.1": curl.CURL_HTTP_VERSION_1_1,
            "2": curl.CURL_HTTP_VERSION_2TLS if self.hop.is_tls else cleartext_2,
            "3": curl.CURL_HTTP_VERSION_3,
        }[self.hop.route.http_version]
        return number

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
        if self.on_progress and self.head is not None:
            self.on_progress(now, total)

    def _header(self, line: bytes) -> None:
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
        if code == 28 and phase == "connect":
            self.listener.failures += [Failed(remote, "no answer") for remote in self.listener.silent()]
        tls = self._tls(code, words)
        if isinstance(self.stopped, NetkitError):
            error: NetkitError | None = self.stopped
        elif self.head is not None and (code == 0 or self.enough):
            error = None
        elif code == 0:  # libcurl takes the end of the connection for the end of the headers
            error = PeerError(f"{self.hop.url}: closed amid the headers", kind="truncated")
        else:
            error = self._error(code, words, phase, tls)
        ip = self.curl.getinfo(self.curl.PRIMARY_IP)
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

    def _error(self, code: int, words: str, phase: Phase, tls: Tls | None) -> NetkitError:
        """libcurl's code as one of ours. The words are libcurl's where they tell more than the code."""
        pycurl, hop = self.pycurl, self.hop
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return self._timed_out(phase)
        if code == pycurl.E_COULDNT_RESOLVE_HOST:
            return Unreachable(
                f"{hop.host}: no such host", kind="no_such_host", hint=f"netkit resolve {hop.host} shows more"
            )
        if code == pycurl.E_COULDNT_CONNECT:
            return self._not_connected(words)
        if code == pycurl.E_PEER_FAILED_VERIFICATION:
            from netkit.net.tls import explain

            number = self.curl.getinfo(self.curl.SSL_VERIFYRESULT)
            return explain(hop.host, reason=words, code=number, chain=tls.chain if tls else (), where=hop.address)
        if code == pycurl.E_SSL_CACERT_BADFILE:
            return BadInput(
                f"{hop.route.cacert or os.environ.get('SSL_CERT_FILE')}: holds no CA certificate", kind="cacert"
            )
        if phase == "tls":
            from netkit.net.tls import handshake

            return handshake(hop.address, words)
        if code in (pycurl.E_NOT_BUILT_IN, pycurl.E_UNSUPPORTED_PROTOCOL) and self.listener.request is None:
            return LocalFailure(f"this libcurl cannot do it: {words}", kind="missing")
        if code == pycurl.E_OUT_OF_MEMORY:
            return LocalFailure("out of memory", kind="memory")
        return self._broken(code, words)

    def _broken(self, code: int, words: str) -> NetkitError:
        """The connection came about and the exchange did not end well."""
        pycurl, hop = self.pycurl, self.hop
        if code == pycurl.E_GOT_NOTHING:
            return Unreachable(
                f"{hop.url}: empty reply: the connection was closed without an answer", kind="empty_reply"
            )
        lost = code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR) and re.search(r"failure|reset|closed", words)
        if lost and self.status_line is None and not self.informational:
            return Unreachable(f"{hop.url}: the connection was reset before an answer", kind="reset")
        if self.head is not None and (lost or code == pycurl.E_PARTIAL_FILE):
            announced = self.curl.getinfo(self.curl.CONTENT_LENGTH_DOWNLOAD_T)
            of = f" of {announced}" if announced >= 0 else ""
            how = "reset" if lost else "closed"
            return PeerError(f"{hop.url}: {how} after {self.received}{of} bytes of the body", kind="truncated")
        if lost:
            return PeerError(f"{hop.url}: the connection was reset amid the headers", kind="truncated")
        if code == pycurl.E_PARTIAL_FILE:
            return PeerError(f"{hop.url}: closed amid the headers", kind="truncated")
        reason = re.sub(r"\s+", " ", words).strip() or f"libcurl error {code}"
        if reason[1:2].islower():
            reason = reason[:1].lower() + reason[1:]
        return PeerError(f"{hop.url}: malformed response: {reason}", kind="malformed")

    def _not_connected(self, words: str) -> NetkitError:
        tried = ", ".join(f"{failure.remote} {failure.reason}" for failure in self.listener.failures)
        message = f"cannot connect to {self.hop.address}: {tried or words}"
        if self.curl.getinfo(self.curl.OS_ERRNO) in _LOCAL_ERRNO:
            return LocalFailure(message, kind="connect")
        return Unreachable(message, kind="refused" if "refused" in message else "unreachable")

    def _timed_out(self, phase: Phase) -> TimedOut:
        seconds = self.deadline.seconds
        if phase in ("dns", "connect", "tls") and self.hop.route.connect_timeout and self.deadline.left > 0.05:
            seconds = self.hop.route.connect_timeout
        announced = self.curl.getinfo(self.curl.CONTENT_LENGTH_DOWNLOAD_T)
        of = f" of {announced}" if announced >= 0 else ""
        where = {
            "dns": f"while looking up {self.hop.host}",
            "connect": "while connecting: " + ", ".join(f"{one.remote} {one.reason}" for one in self.listener.failures),
            "tls": "during the TLS handshake",
            "send": "while sending the request",
            "wait": "while the headers came in" if self.status_line else "waiting for the answer",
            "body": f"after {self.received}{of} bytes of the body",
        }[phase]
        return TimedOut(f"{self.hop.url}: no end within {seconds:g} s, {where}", kind=f"timeout_{phase}")


def _header_line(name: str, value: str | None) -> bytes:
    """As CURLOPT_HTTPHEADER takes it: `N: v`, `N;` for an empty value, `N:` to leave a default out."""
    if value is None:
        return f"{name}:".encode("latin-1")
    return (f"{name}: ".encode("latin-1") + value.encode("latin-1")) if value else f"{name};".encode("latin-1")


def _status_line(line: bytes, url: str) -> tuple[str, int, str]:
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise PeerError(f"{url}: malformed status line: {line[:80].decode('latin-1')!r}", kind="malformed")
    return found[1].decode(), int(found[2]), (found[3] or b"").decode("latin-1").strip()
