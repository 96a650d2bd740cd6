"""Where a mail server is, as people write it: HOST, HOST:PORT or a URL with the user in it.

A password in a URL would be seen by every user of the machine, so it is refused. TLS is decided here as well: at once
on a port that is made for it, else by STARTTLS or STLS, which is required; what stays on this machine needs none.
"""

from enum import StrEnum
from typing import NamedTuple

from netkit.errors import BadInput
from netkit.net.address import Endpoint, parse_endpoint


class Tls(StrEnum):
    auto = "auto"
    starttls = "starttls"
    implicit = "implicit"
    none = "none"


class Target(NamedTuple):
    """A server and how to speak to it; user: from the URL; tls: never `auto` here, and what it says is required."""

    endpoint: Endpoint
    user: str | None
    tls: Tls

    @property
    def name(self) -> str:
        return str(self.endpoint)

    @property
    def local(self) -> bool:
        """Whether what is sent there stays on this machine, as it is written: a name could lead anywhere."""
        return is_loopback(self.endpoint)


class Scheme(NamedTuple):
    port: int
    tls: Tls


def parse_target(text: str, schemes: dict[str, Scheme], tls: Tls = Tls.auto) -> Target:
    """The server that the text names; the first scheme is the default. Raises BadInput."""
    scheme, mark, rest = text.partition("://")
    prefix, rest = (scheme + mark, rest) if mark else ("", text)
    userinfo, at, host = rest.rpartition("@")
    if ":" in userinfo:
        raise BadInput(
            f"{prefix}{userinfo.partition(':')[0]}:…@{host}: a password in a URL is seen by every user of this machine",
            hint="--password-cmd, --password-file, --password-fd or NETKIT_PASSWORD brings it",
        )
    if at and not userinfo:
        raise BadInput(f"{text!r}: there is no user in front of the @")
    chosen = scheme.lower() if mark else next(iter(schemes))
    port = schemes[chosen].port if chosen in schemes else None
    endpoint = parse_endpoint(prefix + host, port=port, schemes=tuple(schemes))
    if endpoint.fd is not None:
        raise BadInput(f"{text!r}: a descriptor is no server")
    mode = tls if tls is not Tls.auto else schemes[endpoint.scheme].tls
    if mode is Tls.auto:
        implicit = any(one.tls is Tls.implicit and one.port == endpoint.port for one in schemes.values())
        mode = Tls.implicit if implicit else Tls.none if is_loopback(endpoint) else Tls.starttls
    user = None
    if at:
        from urllib.parse import unquote

        user = unquote(userinfo)
    return Target(endpoint, user, mode)


def is_loopback(endpoint: Endpoint) -> bool:
    """A unix socket, 127.0.0.0/8, ::1, or localhost (RFC 6761 6.3)."""
    host = endpoint.host
    return bool(endpoint.path) or host in ("::1", "localhost") or (endpoint.is_ip and host.startswith("127."))
