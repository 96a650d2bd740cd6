"""The body of an answer on its way to where it goes: undone from its codings, counted, bounded, hashed, watched.

It goes to a sink, to a file (`http/save`), or its beginning into the response. What is wrong with it is said with the
URL in front, as soon as it is seen; whether an answer has a body that is wanted at all is decided in `http/fetching`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from netkit.errors import NetkitError, No, PeerError
from netkit.http.codings import codings, supported
from netkit.http.request import Request
from netkit.http.result import Body
from netkit.http.url import Url
from netkit.net.hop import Head, HopResult, OnBody, Warn

if TYPE_CHECKING:
    from netkit.http.checking import Checking
    from netkit.http.checksum import Digests
    from netkit.http.decode import Decoder
    from netkit.http.save import Saving


Live: TypeAlias = Callable[[Head], Callable[[bytes], object] | None]


class Receiving:
    """The body of one attempt. `begin` with each answer that has one, then `finish` and `keep`.

    sink: takes the decoded pieces, where there is no file. live: gives a sink for the answer with this head, or None.
    algorithms: the digests that are wanted.
    """

    def __init__(
        self,
        request: Request,
        sink: Callable[[bytes], object] | None,
        live: Live | None,
        saving: "Saving | None",
        checking: "Checking | None",
        algorithms: frozenset[str],
    ) -> None:
        self.request, self.sink, self.live = request, sink, live
        self.saving, self.checking = saving, checking
        self.algorithms = algorithms
        self.at = request.url  # where the answer came from
        self.decoder: Decoder | None = None
        self.content: bytearray | None = None
        self.decoded = 0  # bytes, with those of a file that were here already
        self.digests: Digests | None = None
        self.saved_to: str | None = None
        self.warnings: list[Warn] = []

    def begin(self, head: Head, at: Url) -> OnBody | None:
        """What takes the pieces as they come; None where they are of no use. Raises PeerError, LocalFailure."""
        self.at, self.decoder = at, None
        if names := codings(head.all("content-encoding")):
            self._undo(names, head)
        give = self._target(head)
        if give is None:
            return None
        if self.checking:
            give = self.checking.watch(give)
        return self._decoded(self.decoder, give) if self.decoder else give

    def _undo(self, names: list[str], head: Head) -> None:
        asked = any(header.name.lower() == "accept-encoding" for header in self.request.headers)
        part = head.status == 206 and not self.saving  # what is encoded cannot be decoded from its middle
        if part or (asked and not supported(names)):
            self.warnings.append(Warn("not_decoded", f"Content-Encoding {', '.join(names)[:80]} is left as it is"))
            return
        from netkit.http.decode import Decoder  # not what every body needs

        with self._named():
            self.decoder = Decoder(names, free=self.request.max_body)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What is wrong with a body, with the URL in front."""
        try:
            yield
        except PeerError as exc:
            exc.message = f"{self.at}: {exc.message}"
            raise

    def _target(self, head: Head) -> OnBody | None:
        """Where the decoded pieces go."""
        write: Callable[[bytes], object]
        announced = None if self.decoder else head.get("content-length")
        size = int(announced) if announced and announced.isdecimal() else 0
        limit = self.request.max_size
        if limit is not None and size > limit:  # before a part is emptied for it
            raise self._too_big(size)
        if self.saving and self.saving.concerns(head):
            with self._named():
                taken = self.saving.take(head, self.at)
            if taken is None:
                return None
            write, size, self.decoded = taken, size + self.saving.base, self.saving.base
        elif given := self.sink or (self.live and self.live(head)):
            write = given
        else:
            content = self.content = bytearray()

            def write(data: bytes) -> None:
                content.extend(data[: max(0, self.request.max_body - len(content))])

        if limit is not None and size > limit:
            raise self._too_big(size)
        digests: Digests | None = None
        if self.algorithms and not (self.saving and self.saving.taken):  # `saving` has its own
            from netkit.http import checksum

            digests = self.digests = checksum.Digests(self.algorithms)

        def keep(data: bytes) -> None:
            self.decoded += len(data)
            if limit is not None and self.decoded > limit:
                raise self._too_big(self.decoded)
            if digests:
                digests.update(data)
            write(data)

        return keep

    @property
    def is_out(self) -> bool:
        """Whether some of it is where it cannot be taken back from."""
        return self.saving is None and self.content is None and self.decoded > 0

    def _too_big(self, size: int) -> PeerError:
        return PeerError(
            f"{self.at}: the body has {size} bytes or more, the limit is {self.request.max_size}",
            kind="too_big",
            hint="--max-size allows more",
        )

    def _decoded(self, decoder: "Decoder", give: OnBody) -> OnBody:
        def take(data: bytes) -> None:
            with self._named():
                for piece in decoder.feed(data):
                    give(piece)

        return take

    def finish(self) -> None:
        """The answer has ended. Raises PeerError where the body has not, LocalFailure."""
        with self._named():
            if self.decoder:
                self.warnings += self.decoder.finish()
            if self.saving and self.saving.taken:
                self.saving.check_end()
                if self.checking and self.saving.resumed_from is not None:
                    self.checking.look_back(self.saving.read())

    def keep(self, last: HopResult) -> NetkitError | None:
        """Give a file its name, and compare the checksum; what stands against it."""
        try:
            if self.saving:
                if not self.saving.taken:  # 204 and 304 bring no body, others none to be kept
                    return No(f"{last.hop.url}: no body of a 2xx reply came to be saved", kind="no_body")
                self.saved_to = self.saving.commit()
                self.decoded = self.saving.size
            elif self.request.checksum and self.digests:
                self.digests.check(self.request.checksum, last.hop.url)
        except NetkitError as exc:
            return exc
        return None

    def body(self, last: HopResult | None, part: str | None) -> Body:
        """What came of it. part: the file that is left of it."""
        saving, wanted = self.saving, self.request.checksum
        digests = saving.digests if saving and saving.taken else self.digests
        found = digests.hexdigest(wanted.algorithm) if digests and wanted else None
        return Body(
            content=bytes(self.content) if self.content is not None else None,
            decoded_bytes=self.decoded,
            wire_bytes=last.wire_bytes if last else 0,
            sha256=digests.hexdigest("sha256") if digests and self.request.digest else None,
            truncated=self.content is not None and self.decoded > len(self.content),
            saved_to=self.saved_to,
            part=part,
            resumed_from=saving.resumed_from if saving else None,
            checksum=f"{wanted.algorithm}:{found}" if wanted and found else None,
        )
