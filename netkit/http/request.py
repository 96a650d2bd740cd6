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
    from netkit.http.overrides import Overrides
    from netkit.http.proxy import Proxies
    from netkit.http.retry import Retry
    from netkit.http.save import Save
    from netkit.net.cookies import CookieJar
    from netkit.net.route import Proxy

MAX_BODY = 10 * 1024 * 1024  # of a body kept in memory; what goes to a sink or a file has no limit


@dataclass(frozen=True, slots=True)
class Request:
    """One URL to fetch.

    auth: user and password, for Basic, or with `digest_auth` for Digest alone. cookie: as a Cookie header has it; jar:
    the cookies that go out besides, and take what comes; the caller saves it. timeout: seconds for all of it.
    trust_redirects: secrets go along to other origins. save: a file for a 2xx body, whole or not there at all.
    max_body: bytes kept of a body that goes to neither a file nor a sink. max_size: more bytes than that are an error.
    checksum: what the body must have. digest: whether the result tells the SHA-256 of what was kept or saved. fail:
    whether a redirect not followed, a 4xx or a 5xx is an error. checks: what else is to hold. dns_servers: to ask in
    place of the system, as `netkit resolve` takes them. show_secrets: neither the trace nor the request that is shown
    has them masked.
    """

    url: Url
    method: Literal["GET", "HEAD"] = "GET"
    headers: tuple[Header, ...] = ()
    auth: tuple[str, str] | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    digest_auth: bool = False
    cookie: str | None = field(default=None, repr=False)
    jar: "CookieJar | None" = None
    timeout: float = 30.0
    follow: bool = True
    max_redirects: int = 10
    allow_downgrade: bool = False
    trust_redirects: bool = False
    max_body: int = MAX_BODY
    fail: bool = True
    checks: "Checks | None" = None
    save: "Save | None" = None
    max_size: int | None = None
    checksum: "Checksum | None" = None
    digest: bool = True
    retry: "Retry | None" = None
    route: Route = DIRECT
    proxies: "Proxies | None" = None
    overrides: "Overrides | None" = None
    dns_servers: tuple[str, ...] = ()
    show_secrets: bool = False

    def __post_init__(self) -> None:
        """Raises BadInput."""
        route, identity = self.route, self.route.identity
        if route.cacert is not None and not os.path.isfile(route.cacert):
            raise BadInput(f"{route.cacert}: no such file of CA certificates", kind="cacert")
        for file in (identity.certificate, identity.key) if identity else ():
            if file is not None and not os.access(file, os.R_OK):
                raise BadInput(f"{file}: no such file, or it cannot be read", kind="cert")
        if self.digest_auth and self.bearer is not None:
            raise BadInput("a bearer token is none for Digest authentication")
        if route.unix_socket and ((self.overrides and self.overrides.detours) or self.dns_servers):
            raise BadInput("a unix socket is the way already: nothing is looked up, and no other host connected to")

    def proxy(self, url: Url) -> "Proxy | None":
        """The one that this URL goes through."""
        return self.proxies.chosen(url) if self.proxies and not self.route.unix_socket else None

    def detour(self, url: Url) -> tuple[str, int] | None:
        """(host, port) to connect to in place of the URL's."""
        return self.overrides.detour(url) if self.overrides else None

    def resolved(self, url: Url) -> tuple[str, ...]:
        """The addresses that the user gives whoever is connected to."""
        return self.overrides.resolved(*(self.detour(url) or (url.host, url.port))) if self.overrides else ()

    @classmethod
    def to(cls, url: str) -> "Request":
        """The plain request for a URL as users write it. Raises BadInput."""
        return cls(parse_url(url))
