"""How a request gets to its server: the addresses, the proxy, TLS and the limits of time, as frozen values.

Who is reached by which of them, and whether a secret may go that way, is the caller's to decide.
"""

from typing import Literal, NamedTuple, TypeAlias

HttpVersion: TypeAlias = Literal["auto", "1.0", "1.1", "2", "3"]
TlsVersion: TypeAlias = Literal["1.0", "1.1", "1.2", "1.3"]
ProxyScheme: TypeAlias = Literal["http", "https", "socks4", "socks4a", "socks5", "socks5h"]

STALL = 30.0  # seconds without a byte after which a peer counts as gone
CONNECT = 10.0  # seconds for name, connection and TLS; more than three SYNs of Linux, at 1, 3 and 7 s


class Hidden(str):
    """A secret: text that no repr shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Proxy(NamedTuple):
    """socks4 and socks5 get the server's address, the rest its name, and look it up themselves.

    digest: an HTTP proxy's login by Digest, not Basic. str() is without user and password.
    """

    scheme: ProxyScheme
    host: str
    port: int
    user: str | None = None
    password: Hidden | None = None
    digest: bool = False

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_http(self) -> bool:
        """Whether it speaks HTTP: it sees all of a request to http://, and the name alone of one to https://."""
        return self.scheme in ("http", "https")

    @property
    def looks_up(self) -> bool:
        return self.scheme not in ("socks4", "socks5")


class Identity(NamedTuple):
    """A client certificate; key: of a file of its own, None when it is in the certificate's. password: of the key."""

    certificate: str
    key: str | None = None
    password: Hidden | None = None


class Route(NamedTuple):
    """The same for every hop of a fetch.

    family: 4, 6 or 0 for both. connect_timeout: seconds for name, connection and TLS, within the deadline.
    stall_timeout: seconds without a byte. pins: sha256//BASE64 of public keys (RFC 7469 2.4), one of which the server
    must have. interface: of this machine, by name or address. unix_socket: a path to connect to, whatever the URL.
    """

    http_version: HttpVersion = "auto"
    family: Literal[0, 4, 6] = 0
    insecure: bool = False
    cacert: str | None = None
    connect_timeout: float = CONNECT
    stall_timeout: float = STALL
    tls_min: TlsVersion = "1.2"
    tls_max: TlsVersion | None = None
    identity: Identity | None = None
    pins: tuple[str, ...] = ()
    interface: str | None = None
    unix_socket: str | None = None


DIRECT = Route()
