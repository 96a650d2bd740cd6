"""The options of `netkit http` that say how its requests get to their servers: connection, TLS, limits of time."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from netkit.cli.options import TIME, TLS, duration, option
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.net.hop import Route

CONNECTION = "Connection"


class Version(StrEnum):
    auto = "auto"
    http10 = "1.0"
    http11 = "1.1"
    http2 = "2"
    http3 = "3"


class Connection(NamedTuple):
    http: Annotated[Version, option("--http", help="The HTTP version.", panel=CONNECTION)] = Version.auto
    ipv4: Annotated[bool, option("-4", help="IPv4 addresses alone.", panel=CONNECTION)] = False
    ipv6: Annotated[bool, option("-6", help="IPv6 addresses alone.", panel=CONNECTION)] = False


class Tls(NamedTuple):
    insecure: Annotated[bool, option("--insecure", "-k", help="Do not verify certificates.", panel=TLS)] = False
    cacert: Annotated[
        str | None, option("--cacert", help="Trust these certificates (PEM).", panel=TLS, metavar="FILE")
    ] = None


class Limits(NamedTuple):
    """Of time."""

    timeout: Annotated[
        float | None,
        duration("--timeout", help="Give up after this long, all told.  [default: 30s, 1h for a file]", panel=TIME),
    ] = None
    connect_timeout: Annotated[
        float | None, duration("--connect-timeout", help="Give up connecting after this long.", panel=TIME)
    ] = None


class Way(NamedTuple):
    connection: Connection
    tls: Tls
    limits: Limits

    def route(self) -> "Route":
        """Raises BadInput."""
        from netkit.net.hop import Route

        connection, tls = self.connection, self.tls
        if connection.ipv4 and connection.ipv6:
            raise BadInput("-4 and -6 exclude each other")
        family: Literal[0, 4, 6] = 4 if connection.ipv4 else 6 if connection.ipv6 else 0
        return Route(connection.http.value, family, tls.insecure, tls.cacert, self.limits.connect_timeout)
