"""Fetches a URL: hop after hop under one deadline, redirects decided, the body decoded and handed on in pieces.

`fetch` returns a `Response` also when the network, the peer or this machine fails, with every fact gathered until
then; it raises BadInput alone, before anything is sent, and what the caller's own `sink` raises.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from netkit.errors import AuthRefused, BadInput, LocalFailure, NetkitError, No, PeerError, Temporary
from netkit.events import OnEvent
from netkit.http.decode import Decoder, codings, supported
from netkit.http.redirect import decide, is_redirect, kept
from netkit.http.request import Credentials, Header, build, credentials, parse_header, wire
from netkit.http.result import Body, Response
from netkit.http.url import Url, parse_url
from netkit.net.curl import Engine
from netkit.net.deadline import Deadline
from netkit.net.download import Download
from netkit.net.hop import Head, Hop, HopResult, HttpVersion, OnBody, OnProgress, Warn

MAX_BODY = 10 * 1024 * 1024  # of a body kept in memory; what goes to a sink or a file has no limit
NO_BODY = {204, 304}


def fetch(
    url: str | Url,
    *,
    method: Literal["GET", "HEAD"] = "GET",
    headers: Iterable[Header | str] = (),
    query: Iterable[tuple[str, str | None]] = (),
    auth: tuple[str, str] | None = None,
    bearer: str | None = None,
    timeout: float = 30.0,
    connect_timeout: float | None = None,
    follow: bool = True,
    max_redirects: int = 10,
    allow_downgrade: bool = False,
    insecure: bool = False,
    cacert: str | None = None,
    http_version: HttpVersion = "auto",
    family: Literal[0, 4, 6] = 0,
    max_body: int = MAX_BODY,
    output: str | None = None,
    sink: Callable[[bytes], object] | None = None,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
) -> Response:
    """Fetch one URL.

    headers: `Header`s or "Name: value". timeout: seconds for all of it. output: a file for a 2xx body, whole or not
    there at all. sink: takes the decoded pieces of the final body, whatever its status; without either up to
    `max_body` bytes are kept in the response. on_progress: (bytes so far, bytes announced or 0) of each hop.
    Raises BadInput; every other failure is `Response.error`.
    """
    start = parse_url(url, query=query) if isinstance(url, str) else url
    if cacert is not None and not os.path.isfile(cacert):
        raise BadInput(f"{cacert}: no such file of CA certificates", kind="cacert")
    given = [parse_header(header) if isinstance(header, str) else header for header in headers]
    work = _Fetch(start, method, given, follow=follow, max_body=max_body, sink=None if output is not None else sink)
    try:
        work.credentials = credentials(start, auth, bearer)
        build(given, work.credentials)  # its limits, before anything is sent
        work.download = Download(output) if output is not None else None
    except BadInput:
        raise
    except NetkitError as exc:
        return work.response(exc)
    deadline = Deadline.after(timeout)

    def hop_to(target: Url) -> Hop:
        return Hop(
            url=target.wire,
            host=target.host,
            address=target.address,
            method=method,
            headers=wire(build(work.headers, work.credentials, identity=output is not None)),
            http_version=http_version,
            family=family,
            insecure=insecure,
            cacert=cacert,
            connect_timeout=connect_timeout,
        )

    chain = [start]
    try:
        with Engine() as engine:
            while True:
                result = engine.perform(
                    hop_to(chain[-1]),
                    deadline=deadline,
                    on_head=work.on_head,
                    on_progress=on_progress,
                    on_event=on_event,
                )
                work.hops.append(result)
                if result.error or result.head is None or not (follow and is_redirect(result.head)):
                    return work.finish()
                following = decide(result.head, chain, limit=max_redirects, allow_downgrade=allow_downgrade)
                work.warnings += following.warnings
                if not following.same_origin:
                    work.headers, work.credentials = list(kept(work.headers)), None
                chain.append(following.url)
                work.at = following.url
    except BadInput:
        raise
    except NetkitError as exc:
        return work.response(exc)
    finally:
        if work.download:
            work.download.close()


class _Fetch:
    """What is known so far of one fetch."""

    def __init__(
        self,
        url: Url,
        method: str,
        headers: list[Header],
        *,
        follow: bool,
        max_body: int,
        sink: Callable[[bytes], object] | None,
    ) -> None:
        self.url, self.method, self.headers = url, method, headers
        self.at = url  # of the hop that is being fetched
        self.follow, self.max_body, self.sink = follow, max_body, sink
        self.time = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.credentials: Credentials | None = None
        self.download: Download | None = None
        self.hops: list[HopResult] = []
        self.warnings: tuple[Warn, ...] = ()
        self.decoder: Decoder | None = None
        self.content: bytearray | None = None
        self.decoded = 0
        self.digest: Any = None
        if sink is None and method != "HEAD":  # a body that is only passed on needs no digest
            import hashlib  # 2 ms of CPU, before the clock of a phase runs

            self.new_digest = hashlib.sha256
        self.saved_to: str | None = None

    def on_head(self, head: Head) -> OnBody | None:
        if self.method == "HEAD" or head.status in NO_BODY or (self.follow and is_redirect(head)):
            return None
        if names := codings(head.all("content-encoding")):
            asked = any(header.name.lower() == "accept-encoding" for header in self.headers)
            if asked and not supported(names):
                self.warnings += (Warn("not_decoded", f"Content-Encoding {', '.join(names)[:80]} is left as it is"),)
            else:
                with self._named():
                    self.decoder = Decoder(names)
        give = self._target(head)
        if self.decoder is None:
            return give
        return self._decoded(self.decoder, give)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What the decoder has to say, with the URL in front."""
        try:
            yield
        except PeerError as exc:
            exc.message = f"{self.at}: {exc.message}"
            raise

    def _target(self, head: Head) -> OnBody:
        """Where the decoded pieces go."""
        if self.download and 200 <= head.status < 300:
            self.download.open()
            write = self.download.write
        elif self.sink:
            sink = self.sink

            def give(data: bytes) -> None:
                self.decoded += len(data)
                sink(data)

            return give
        else:
            content = self.content = bytearray()

            def write(data: bytes) -> None:
                content.extend(data[: max(0, self.max_body - len(content))])

        digest = self.digest = self.new_digest()

        def keep(data: bytes) -> None:
            self.decoded += len(data)
            digest.update(data)
            write(data)

        return keep

    def _decoded(self, decoder: Decoder, give: OnBody) -> OnBody:
        def take(data: bytes) -> None:
            with self._named():
                for piece in decoder.feed(data):
                    give(piece)

        return take

    def finish(self) -> Response:
        """The response after the last hop."""
        last = self.hops[-1]
        if last.error:
            return self.response(last.error)
        if self.decoder:
            try:
                with self._named():
                    self.warnings += tuple(self.decoder.finish())
            except PeerError as exc:
                return self.response(exc)
        asked = last.hop.http_version
        if last.head and asked in ("2", "3") and last.head.http_version != asked:
            self.warnings += (Warn("http_version", f"HTTP/{last.head.http_version} was spoken, not {asked} as asked"),)
        error = refusal(last, follow=self.follow)
        if error is None and self.download and self.method != "HEAD":
            if self.digest is None:  # 204 and 304 bring no body
                return self.response(No(f"{last.hop.url}: no body came to be saved", kind="no_body"))
            self.download.commit()
            self.saved_to = self.download.name
        return self.response(error)

    def response(self, error: NetkitError | None) -> Response:
        part = self.download.close() if self.download else None
        unchecked = [hop for hop in self.hops if hop.tls and hop.tls.verified is False and not hop.error]
        if unchecked:
            self.warnings += (Warn("not_verified", "the certificate was not checked (--insecure)"),)
        hop_warnings = tuple(warning for hop in self.hops for warning in hop.warnings)
        return Response(
            method=self.method,
            url=self.url,
            time=self.time,
            hops=tuple(self.hops),
            body=Body(
                content=bytes(self.content) if self.content is not None else None,
                decoded_bytes=self.decoded,
                wire_bytes=self.hops[-1].wire_bytes if self.hops else 0,
                sha256=self.digest.hexdigest() if self.digest else None,
                truncated=self.content is not None and self.decoded > len(self.content),
                saved_to=self.saved_to,
                part=part,
            ),
            warnings=hop_warnings + self.warnings,
            error=error,
        )


def refusal(hop: HopResult, *, follow: bool) -> NetkitError | None:
    """What a final status means: None for success, else the error with the contract's class.

    A status from 600 is invalid (RFC 9110 15) and so the peer's error; its body is kept like that of a 5xx.
    """
    head = hop.head
    if head is None:
        return LocalFailure(f"{hop.hop.url}: no response")
    status = head.status
    what = f"{hop.hop.url}: {status} {head.reason or _reason(status)}".rstrip()
    if status < 300 or status == 304:
        return None
    if status < 400:
        location = head.get("location")
        if location and not follow:
            return No(f"{what}, to {location[:200]}: not followed (--no-follow)", kind="redirect_not_followed")
        return No(f"{what}: a redirect without a target", kind="redirect_without_target")
    if status in (401, 407):
        asked = head.get("www-authenticate" if status == 401 else "proxy-authenticate")
        return AuthRefused(what, kind=f"http_{status}", hint=f"the server asks for: {asked[:200]}" if asked else None)
    if status == 429 or 500 <= status < 600:
        after = head.get("retry-after")
        return Temporary(what, kind=f"http_{status}", hint=f"Retry-After: {after[:80]}" if after else None)
    if status < 500:
        return No(what, kind=f"http_{status}")
    return PeerError(f"{what}: not a valid status (RFC 9110 section 15)", kind="bad_status")


def _reason(status: int) -> str:
    """The usual words for a status: HTTP/2 sends none."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
