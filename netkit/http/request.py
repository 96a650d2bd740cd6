"""What is to be fetched, and how: one frozen `Request`, made from a URL and the options of `netkit http get`."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from netkit.errors import BadInput
from netkit.http.headers import Header
from netkit.http.url import Url, parse_url
from netkit.net.hop import DIRECT, Route

if TYPE_CHECKING:
    from netkit.http.checks import Checks
    from netkit.http.checksum import Checksum
    from netkit.http.retry import Retry
    from netkit.http.save import Save

MAX_BODY = 10 * 1024 * 1024  # of a body kept in memory; what goes to a sink or a file has no limit


@dataclass(frozen=True, slots=True)
class Request:
    """One URL to fetch.

    auth: user and password for Basic. timeout: seconds for all of it. save: a file for a 2xx body, whole or not there
    at all. max_body: bytes kept of a body that goes to neither a file nor a sink. max_size: more bytes than that are an
    error. checksum: what the body must have. digest: whether the result tells the SHA-256 of what was kept or saved.
    fail: whether a redirect not followed, a 4xx or a 5xx is an error. checks: what else is to hold.
    """

    url: Url
    method: Literal["GET", "HEAD"] = "GET"
    headers: tuple[Header, ...] = ()
    auth: tuple[str, str] | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    follow: bool = True
    max_redirects: int = 10
    allow_downgrade: bool = False
    max_body: int = MAX_BODY
    fail: bool = True
    checks: "Checks | None" = None
    save: "Save | None" = None
    max_size: int | None = None
    checksum: "Checksum | None" = None
    digest: bool = True
    retry: "Retry | None" = None
    route: Route = DIRECT

    def __post_init__(self) -> None:
        """Raises BadInput."""
        cacert = self.route.cacert
        if cacert is not None and not os.path.isfile(cacert):
            raise BadInput(f"{cacert}: no such file of CA certificates", kind="cacert")

    @classmethod
    def to(cls, url: str) -> "Request":
        """The plain request for a URL as users write it. Raises BadInput."""
        return cls(parse_url(url))
