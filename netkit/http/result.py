"""What a fetch comes to: a frozen `Response`, also when it failed."""

from time import gmtime, strftime
from typing import TYPE_CHECKING, NamedTuple

from netkit.errors import Exit, NetkitError
from netkit.http.url import Url
from netkit.net.hop import Head, HopResult, Warn

if TYPE_CHECKING:
    from netkit.http.checks import Check
    from netkit.http.retry import Again


def timestamp() -> str:
    """Now, in RFC 3339."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())


class Body(NamedTuple):
    """The body as decoded.

    content: what was kept of it, None when it went to a sink or a file; truncated: there was more than was kept.
    sha256: of all decoded bytes of what was kept or saved, None when it went to a sink. saved_to: the file under its
    final name; part: the file beside it that an unfinished download left. resumed_from: bytes of the file that were
    there already, which decoded_bytes counts and wire_bytes does not; None for one begun anew. checksum: what the body
    came to, where one was asked for.
    """

    content: bytes | None = None
    decoded_bytes: int = 0
    wire_bytes: int = 0
    sha256: str | None = None
    truncated: bool = False
    saved_to: str | None = None
    part: str | None = None
    resumed_from: int | None = None
    checksum: str | None = None


class Response(NamedTuple):
    """One URL fetched: every hop with its facts, the body, and the error if it did not end well.

    A 4xx or 5xx answer is an error too (No, AuthRefused, Temporary), and its body is kept. time: RFC 3339, the start.
    checks: those of the request, with their verdicts.
    hops: of the last attempt; retries: the attempts before it.
    url: the text where it is no URL; then there are no hops, and the error is BadInput.
    """

    method: str
    url: Url | str
    time: str
    hops: tuple[HopResult, ...]
    body: Body
    warnings: tuple[Warn, ...] = ()
    error: NetkitError | None = None
    checks: "tuple[Check, ...]" = ()
    retries: "tuple[Again, ...]" = ()

    @property
    def exit_code(self) -> Exit:
        return self.error.exit if self.error else Exit.OK

    @property
    def head(self) -> Head | None:
        """Status and headers of the last hop."""
        return self.hops[-1].head if self.hops else None

    @property
    def status(self) -> int | None:
        return self.head.status if self.head else None

    @property
    def final_url(self) -> str:
        return self.hops[-1].hop.url if self.hops else str(self.url)

    @property
    def total_ms(self) -> float:
        return sum(hop.timings.total for hop in self.hops)

    @classmethod
    def unsent(cls, method: str, url: Url | str, error: NetkitError) -> "Response":
        """What a URL comes to for which nothing was sent."""
        return cls(method, url, timestamp(), (), Body(), (), error)

    def raise_for_error(self) -> "Response":
        """Itself when it ended well, else its error raised."""
        if self.error:
            raise self.error
        return self
