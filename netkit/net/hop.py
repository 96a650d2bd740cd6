"""The values of one HTTP exchange: `Hop` goes in, `HopResult` comes out; `net/curl` performs it.

A hop is one request and its one response, without redirects, retries or decoding. Header values are Latin-1 text
(every byte keeps its number), in wire order, with their case and their duplicates.

The small values are named tuples: a frozen dataclass costs 0.5 ms of CPU to make, a named tuple 0.06, and a whole
`http get` in a pipe has 15 ms for everything of its own.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from netkit.errors import NetkitError
from netkit.net.deadline import Deadline
from netkit.net.route import DIRECT as DIRECT
from netkit.net.route import Proxy
from netkit.net.route import Route as Route

if TYPE_CHECKING:
    from netkit.net.cookies import CookieJar
    from netkit.net.tls import Certificate

Headers: TypeAlias = tuple[tuple[str, str], ...]
Phase: TypeAlias = Literal["dns", "connect", "tls", "send", "wait", "body"]
PHASES: tuple[Phase, ...] = ("dns", "connect", "tls", "send", "wait", "body")

MASK = "***"
_SECRET = r"(?i:(?:proxy-)?authorization|(?:set-)?cookie2?|.*[-_]?(?:key|token|secret|password|signature))"


def is_secret(name: str) -> bool:
    """Whether a header carries a secret by its name: Authorization, Cookie, X-Api-Key, X-Auth-Token and their like."""
    return re.fullmatch(_SECRET, name) is not None and name.lower() not in ("sec-websocket-key", "idempotency-key")


def masked(headers: Headers) -> Headers:
    return tuple((name, MASK if is_secret(name) else value) for name, value in headers)


class Hop(NamedTuple):
    """One request.

    url: ASCII, percent-encoded, without userinfo. host: whom the certificate must name. address: HOST:PORT for
    messages. headers: sent as they stand; a value of None keeps a default header of the engine from being sent.
    connect_to: (host, port) to connect to in place of the URL's. resolved: IP addresses of whom is connected to,
    whose name is then not looked up; lookup_ms: how long it took to find them. cookie: what a Cookie header is to
    say besides those of the jar, which takes what the server sets. show_secrets: the trace masks none.
    """

    url: str
    host: str
    address: str
    method: str = "GET"
    headers: tuple[tuple[str, str | None], ...] = ()
    route: Route = DIRECT
    resolved: tuple[str, ...] = ()
    lookup_ms: float = 0.0
    connect_to: tuple[str, int] | None = None
    proxy: Proxy | None = None
    cookie: str | None = None
    jar: "CookieJar | None" = None
    show_secrets: bool = False

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("https:")

    @property
    def needs_tunnel(self) -> bool:
        """Whether a proxy has to make a connection for us, and not just a request."""
        return self.proxy is not None and (self.is_tls or not self.proxy.is_http)

    @property
    def logs_in_by_digest(self) -> bool:
        """Whether a proxy's 407 is the response's, and is to be answered."""
        return self.proxy is not None and self.proxy.digest and not self.needs_tunnel


class Head(NamedTuple):
    """A response before its body; an informational one (1xx) has none."""

    status: int
    reason: str
    http_version: str
    headers: Headers

    def get(self, name: str) -> str | None:
        """The last value of a header, case aside."""
        name = name.lower()
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)

    def all(self, name: str) -> list[str]:
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]


OnBody: TypeAlias = Callable[[bytes], bool | None]  # False: enough, leave the rest
OnHead: TypeAlias = Callable[[Head], OnBody | None]  # None: the body is not wanted
OnProgress: TypeAlias = Callable[[int, int], None]  # (bytes so far, bytes announced or 0)


class Perform(NamedTuple):
    """What a fetch asks of whoever drives it: perform this hop, and send its result back."""

    hop: Hop
    deadline: Deadline
    on_head: OnHead | None = None
    on_progress: OnProgress | None = None


class LookUp(NamedTuple):
    """What a fetch asks of whoever drives it: the addresses of a host, from these servers; `Found` is sent back."""

    host: str
    servers: tuple[str, ...]
    family: Literal[0, 4, 6]
    deadline: Deadline


class Found(NamedTuple):
    """Of a `LookUp`: addresses, or why there are none; ms: how long it took."""

    addresses: tuple[str, ...] = ()
    error: NetkitError | None = None
    ms: float = 0.0


class Pause(NamedTuple):
    """What a fetch asks of whoever drives it: go on after so many seconds. why: a line for people, or empty."""

    seconds: float
    why: str = ""


class Remote(NamedTuple):
    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Failed(NamedTuple):
    """An address that was tried, and why it did not connect."""

    remote: Remote
    reason: str


class Timings(NamedTuple):
    """Milliseconds of each phase; None for one that did not happen (a reused connection, no TLS) or was not reached."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    send: float | None = None
    wait: float | None = None
    body: float | None = None
    total: float = 0.0


class Tls(NamedTuple):
    """What the TLS session was made of. verified: None when the handshake did not get that far."""

    version: str | None
    cipher: str | None
    group: str | None
    alpn: str | None
    verified: bool | None
    verify_error: str | None
    pem: tuple[str, ...]  # leaf first; parsed by `chain` when somebody looks, since that costs 40 ms

    @property
    def chain(self) -> "tuple[Certificate, ...]":
        from netkit.net.tls import from_pem

        return tuple(from_pem(pem) for pem in self.pem)


class Warn(NamedTuple):
    """Something odd that did not stop the exchange; `code` is a stable word for programs."""

    code: str
    message: str


class HopResult(NamedTuple):
    """One exchange, also one that failed: then `error` says why and the rest holds as far as it came.

    request: the headers that went out, None before sending. failed: None when the engine did not say.
    wire_bytes: of the body, as received, before any decoding.
    """

    hop: Hop
    head: Head | None
    request: Headers | None
    trailers: Headers
    informational: tuple[Head, ...]
    remote: Remote | None
    failed: tuple[Failed, ...] | None
    reused: bool
    timings: Timings
    tls: Tls | None
    wire_bytes: int
    warnings: tuple[Warn, ...] = ()
    error: NetkitError | None = None

    @property
    def shown_request(self) -> Headers | None:
        """The request's headers with secrets masked, unless they are to be shown."""
        return self.request if self.request is None or self.hop.show_secrets else masked(self.request)
