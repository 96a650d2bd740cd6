"""One fetch as a generator of steps: hop after hop under one deadline, redirects decided, the body handed on decoded.

`Fetching.steps` yields a `Perform` or a `Pause` and takes back what came of it, so it knows no socket and no thread:
`http/client` drives one fetch, `http/many` as many as wanted at once. Its return value is the `Response`, also when
the network, the peer or this machine failed, with every fact gathered until then.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from netkit.errors import AuthRefused, BadInput, LocalFailure, NetkitError, No, PeerError, Temporary
from netkit.http.codings import codings, supported
from netkit.http.headers import Credentials, build, credentials, wire
from netkit.http.redirect import decide, is_redirect, kept
from netkit.http.request import Request
from netkit.http.result import Body, Response
from netkit.http.url import Url
from netkit.net.deadline import Deadline
from netkit.net.download import Download
from netkit.net.hop import Head, Hop, HopResult, OnBody, OnProgress, Pause, Perform, Warn

if TYPE_CHECKING:
    from netkit.http.checking import Checking
    from netkit.http.decode import Decoder

NO_BODY = {204, 304}
Steps: TypeAlias = "Generator[Perform | Pause, HopResult | None, Response]"


class Fetching:
    """One fetch and what is known of it so far.

    sink: takes the decoded pieces of the final body, whatever its status; without it, or a file to save to, up to
    `max_body` bytes are kept in the response. on_progress: (bytes so far, bytes announced or 0) of each hop.
    """

    def __init__(
        self,
        request: Request,
        *,
        sink: Callable[[bytes], object] | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Raises BadInput: what cannot be sent is found before anything is."""
        self.request = request
        self.on_progress = on_progress
        self.headers = list(request.headers)
        self.at = request.url  # of the hop that is being fetched
        self.sink = None if request.output is not None else sink
        self.time = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.credentials: Credentials | None = None
        self.download: Download | None = None
        self.hops: list[HopResult] = []
        self.warnings: tuple[Warn, ...] = ()
        self.decoder: Decoder | None = None
        self.content: bytearray | None = None
        self.decoded = 0
        self.digest: Any = None
        if self.sink is None and request.method != "HEAD":  # a body that is only passed on needs no digest
            import hashlib  # 2 ms of CPU, before the clock of a phase runs

            self.new_digest = hashlib.sha256
        self.saved_to: str | None = None
        self.checking: Checking | None = None
        if request.checks:
            from netkit.http import checking

            self.checking = checking.Checking(request.checks)
        self.refused: NetkitError | None = None
        try:
            self.credentials = credentials(request.url, request.auth, request.bearer)
            build(self.headers, self.credentials)  # its limits, before anything is sent
            self.download = Download(request.output) if request.output is not None else None
        except BadInput:
            raise
        except NetkitError as exc:
            self.refused = exc

    def steps(self) -> Steps:
        """Raises BadInput about the CA file and what the caller's own `sink` raises."""
        if self.refused:
            return self.response(self.refused)
        request = self.request
        deadline = Deadline.after(request.timeout)
        chain = [request.url]
        try:
            while True:
                result = yield Perform(self._hop(chain[-1]), deadline, self.on_head, self.on_progress)
                assert result is not None
                self.hops.append(result)
                if result.error or result.head is None or not (request.follow and is_redirect(result.head)):
                    return self.finish()
                following = decide(
                    result.head, chain, limit=request.max_redirects, allow_downgrade=request.allow_downgrade
                )
                self.warnings += following.warnings
                if not following.same_origin:
                    self.headers, self.credentials = list(kept(self.headers)), None
                chain.append(following.url)
                self.at = following.url
        except BadInput:
            raise
        except NetkitError as exc:
            return self.response(exc)
        finally:
            if self.download:
                self.download.close()

    def _hop(self, target: Url) -> Hop:
        return Hop(
            url=target.wire,
            host=target.host,
            address=target.address,
            method=self.request.method,
            headers=wire(build(self.headers, self.credentials, identity=self.download is not None)),
            route=self.request.route,
        )

    def on_head(self, head: Head) -> OnBody | None:
        if self.request.method == "HEAD" or head.status in NO_BODY or (self.request.follow and is_redirect(head)):
            return None
        if names := codings(head.all("content-encoding")):
            asked = any(header.name.lower() == "accept-encoding" for header in self.headers)
            if asked and not supported(names):
                self.warnings += (Warn("not_decoded", f"Content-Encoding {', '.join(names)[:80]} is left as it is"),)
            else:
                from netkit.http.decode import Decoder  # not what every body needs

                with self._named():
                    self.decoder = Decoder(names, free=self.request.max_body)
        give = self._target(head)
        if self.checking:
            give = self.checking.watch(give)
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
                content.extend(data[: max(0, self.request.max_body - len(content))])

        digest = self.digest = self.new_digest()

        def keep(data: bytes) -> None:
            self.decoded += len(data)
            digest.update(data)
            write(data)

        return keep

    def _decoded(self, decoder: "Decoder", give: OnBody) -> OnBody:
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
        asked = last.hop.route.http_version
        if last.head and asked in ("2", "3") and last.head.http_version != asked:
            self.warnings += (Warn("http_version", f"HTTP/{last.head.http_version} was spoken, not {asked} as asked"),)
        error = refusal(last, follow=self.request.follow)
        if not self.request.fail and last.head and last.head.status < 600:
            error = None
        if self.checking:
            error = self.checking.reply(last, error)
        if error is None and self.download and self.request.method != "HEAD":
            if self.digest is None or self.content is not None:  # 204 and 304 bring no body, others none to be kept
                error = No(f"{last.hop.url}: no body of a 2xx reply came to be saved", kind="no_body")
            else:
                self.download.commit()
                self.saved_to = self.download.name
        slow = self.checking.time(self.hops) if self.checking else None
        return self.response(error or slow)

    def response(self, error: NetkitError | None) -> Response:
        part = self.download.close() if self.download else None
        unchecked = [hop for hop in self.hops if hop.tls and hop.tls.verified is False and not hop.error]
        if unchecked:
            self.warnings += (Warn("not_verified", "the certificate was not checked (--insecure)"),)
        hop_warnings = tuple(warning for hop in self.hops for warning in hop.warnings)
        return Response(
            method=self.request.method,
            url=self.request.url,
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
            checks=self.checking.verdicts() if self.checking else (),
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
