"""The options of `netkit http` that say how requests get to their servers: connection, proxy, TLS, limits of time."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

from netkit.cli.groups import NONE, Group
from netkit.cli.options import TIME, TLS, duration, option
from netkit.cli.secret import find_passphrase
from netkit.errors import BadInput, NetkitError

if TYPE_CHECKING:
    from netkit.http.overrides import Overrides
    from netkit.http.proxy import Proxies
    from netkit.net.route import Identity, Proxy, Route

CONNECTION, PROXY = "Connection", "Proxy"
MAX_KEY = 1024 * 1024  # octets of a key's file that are looked at


class Version(StrEnum):
    auto = "auto"
    http10 = "1.0"
    http11 = "1.1"
    http2 = "2"
    http3 = "3"


class TlsVersion(StrEnum):
    tls10 = "1.0"
    tls11 = "1.1"
    tls12 = "1.2"
    tls13 = "1.3"


class Connection(Group):
    http: Annotated[Version, option("--http", help="The HTTP version.", panel=CONNECTION)] = Version.auto
    ipv4: Annotated[bool, option("-4", help="IPv4 addresses alone.", panel=CONNECTION)] = False
    ipv6: Annotated[bool, option("-6", help="IPv6 addresses alone.", panel=CONNECTION)] = False
    resolve: Annotated[
        list[str],
        option("--resolve", help="Give a host addresses. Repeatable.", panel=CONNECTION, metavar="HOST[:PORT]:ADDR"),
    ] = NONE
    connect_to: Annotated[
        list[str],
        option(
            "--connect-to", help="Connect to another host. Repeatable.", panel=CONNECTION, metavar="HOST:PORT:HOST:PORT"
        ),
    ] = NONE
    dns_server: Annotated[
        list[str],
        option("--dns-server", help="Look names up there. Repeatable.", panel=CONNECTION, metavar="SERVER"),
    ] = NONE
    unix_socket: Annotated[
        str | None, option("--unix-socket", help="Connect to this socket.", panel=CONNECTION, metavar="PATH")
    ] = None
    interface: Annotated[
        str | None, option("--interface", help="Send from this interface or address.", panel=CONNECTION, metavar="NAME")
    ] = None

    def overrides(self) -> "Overrides | None":
        """Raises BadInput."""
        if not self.resolve and not self.connect_to:
            return None
        from netkit.http.overrides import Overrides, parse_connect_to, parse_resolve

        return Overrides(tuple(map(parse_resolve, self.resolve)), tuple(map(parse_connect_to, self.connect_to)))

    def dns_servers(self) -> tuple[str, ...]:
        """Raises BadInput."""
        if self.dns_server:
            from netkit.dns.servers import check

            check(self.dns_server)
        return tuple(self.dns_server)


class Through(Group):
    """A proxy."""

    proxy: Annotated[
        str | None,
        option("--proxy", help="Go through this proxy: http, https, socks4, 4a, 5, 5h.", panel=PROXY, metavar="URL"),
    ] = None
    proxy_digest: Annotated[bool, option("--proxy-digest", help="Log in to it by Digest, not Basic.", panel=PROXY)] = (
        False
    )
    proxy_password_cmd: Annotated[
        str | None,
        option("--proxy-password-cmd", help="A command that prints its password.", panel=PROXY, metavar="CMD"),
    ] = None
    proxy_password_file: Annotated[
        str | None, option("--proxy-password-file", help="A file with its password.", panel=PROXY, metavar="FILE")
    ] = None
    no_proxy: Annotated[
        str | None,
        option("--no-proxy", help="Reach these without: domains, addresses, or *.", panel=PROXY, metavar="LIST"),
    ] = None

    def proxies(self) -> "Proxies | None":
        """As the options say, else the environment. Raises BadInput, LocalFailure, Insecure about the options."""
        if self.proxy is None and not any(name.lower().endswith("_proxy") for name in os.environ):
            if self.proxy_password_cmd is not None or self.proxy_password_file is not None:
                raise BadInput("a proxy's password needs the proxy it belongs to", hint="--proxy SCHEME://USER@HOST")
            if self.proxy_digest:
                raise BadInput("--proxy-digest needs a proxy", hint="--proxy SCHEME://USER@HOST")
            return None
        from netkit.http.proxy import Proxies, from_environment, parse_bypass, parse_proxy

        environment = dict(os.environ)
        if self.no_proxy is not None:
            environment["no_proxy"] = self.no_proxy
        if self.proxy is None:
            found = from_environment(environment, digest=self.proxy_digest)
            return Proxies(self._if_can(found.http), self._if_can(found.https), found.bypass)
        parsed = parse_proxy(self.proxy, "--proxy", digest=self.proxy_digest)
        if parsed.user is None and (self.proxy_password_cmd is not None or self.proxy_password_file is not None):
            raise BadInput("a proxy's password needs the user it belongs to", hint="--proxy SCHEME://USER@HOST")
        proxy = self._logged_in(parsed)
        bypass = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        return Proxies(proxy, proxy, parse_bypass(bypass))

    def _if_can(self, proxy: "Proxy | NetkitError | None") -> "Proxy | NetkitError | None":
        if proxy is None or isinstance(proxy, NetkitError):
            return proxy
        try:
            return self._logged_in(proxy)
        except NetkitError as exc:
            return exc

    def _logged_in(self, proxy: "Proxy") -> "Proxy":
        if proxy.user is None or proxy.password is not None:
            return proxy
        from netkit.net.route import Hidden

        command, file = self.proxy_password_cmd, self.proxy_password_file
        what = f"password of {proxy.user} at the proxy {proxy}"
        password = find_passphrase(what, "proxy-password", command=command, file=file)
        return proxy._replace(password=Hidden(password))


class Tls(Group):
    insecure: Annotated[bool, option("--insecure", "-k", help="Do not verify certificates.", panel=TLS)] = False
    cacert: Annotated[
        str | None, option("--cacert", help="Trust these certificates (PEM).", panel=TLS, metavar="FILE")
    ] = None
    pin: Annotated[
        list[str],
        option("--pin", help="The server's key must be this one. Repeatable.", panel=TLS, metavar="sha256//BASE64"),
    ] = NONE
    cert: Annotated[
        str | None, option("--cert", help="Show this client certificate (PEM).", panel=TLS, metavar="FILE")
    ] = None
    key: Annotated[str | None, option("--key", help="Its key, if elsewhere (PEM).", panel=TLS, metavar="FILE")] = None
    key_password_cmd: Annotated[
        str | None, option("--key-password-cmd", help="A command that prints its passphrase.", panel=TLS, metavar="CMD")
    ] = None
    key_password_file: Annotated[
        str | None, option("--key-password-file", help="A file with its passphrase.", panel=TLS, metavar="FILE")
    ] = None
    tls_min: Annotated[TlsVersion, option("--tls-min", help="No TLS older than this.", panel=TLS)] = TlsVersion.tls12
    tls_max: Annotated[TlsVersion | None, option("--tls-max", help="No TLS newer than this.", panel=TLS)] = None

    def identity(self) -> "Identity | None":
        """Raises BadInput, LocalFailure."""
        if self.cert is None:
            if self.key is not None or self.key_password_cmd is not None or self.key_password_file is not None:
                raise BadInput("a key needs the certificate it belongs to", hint="--cert FILE")
            return None
        from netkit.net.route import Hidden, Identity

        file = self.key or self.cert
        if not _is_encrypted(file):
            return Identity(self.cert, self.key)
        command, source = self.key_password_cmd, self.key_password_file
        password = find_passphrase(f"passphrase of {file}", "key-password", command=command, file=source)
        return Identity(self.cert, self.key, Hidden(password))

    def pins(self) -> tuple[str, ...]:
        """Raises BadInput."""
        from binascii import Error, a2b_base64

        found = []
        for text in self.pin:
            digest = text.removeprefix("sha256//")
            try:
                size = len(a2b_base64(digest, strict_mode=True))
            except (Error, ValueError):
                size = 0
            if size != 32 or digest == text:
                raise BadInput(
                    f"--pin {text[:80]!r}: not sha256// and 32 bytes in base64",
                    hint="--json shows the pin of every certificate that comes",
                )
            found.append(text)
        return tuple(found)


def _is_encrypted(file: str) -> bool:
    """Whether a PEM file has a key with a passphrase; one that cannot be read is for others to complain of."""
    try:
        with open(file, "rb") as stream:
            data = stream.read(MAX_KEY)
    except OSError:
        return False
    return b"BEGIN ENCRYPTED PRIVATE KEY" in data or b"Proc-Type: 4,ENCRYPTED" in data


class Limits(Group):
    """Of time."""

    timeout: Annotated[
        float | None,
        duration("--timeout", help="Give up after this long, all told.  [default: 30s, 1h for a file]", panel=TIME),
    ] = None
    connect_timeout: Annotated[
        float, duration("--connect-timeout", help="Give up connecting after this long.", panel=TIME, default="10s")
    ] = 10.0
    stall_timeout: Annotated[
        float, duration("--stall-timeout", help="Give up when nothing came so long.", panel=TIME, default="30s")
    ] = 30.0


class Way(Group):
    connection: Connection
    through: Through
    tls: Tls
    limits: Limits

    def route(self) -> "Route":
        """Raises BadInput, LocalFailure."""
        from netkit.net.route import Route

        connection, tls, limits = self.connection, self.tls, self.limits
        if connection.ipv4 and connection.ipv6:
            raise BadInput("-4 and -6 exclude each other")
        if tls.tls_max is not None and tls.tls_max < tls.tls_min:
            raise BadInput(f"--tls-max {tls.tls_max} is older than --tls-min {tls.tls_min}")
        path = connection.unix_socket
        if path is not None and (not path or len(os.fsencode(path)) > 107):  # sun_path, unix(7)
            raise BadInput(f"--unix-socket {path[:40]!r}: a path has 1 to 107 bytes")
        if path is not None:
            given = {
                "--proxy": self.through.proxy is not None,
                "--interface": connection.interface is not None,
                "--resolve": bool(connection.resolve),
                "-4": connection.ipv4,
                "-6": connection.ipv6,
            }
            if first := next((name for name, on in given.items() if on), None):
                raise BadInput(f"--unix-socket is the whole way: {first} does not go with it")
        family: Literal[0, 4, 6] = 4 if connection.ipv4 else 6 if connection.ipv6 else 0
        return Route(
            http_version=connection.http.value,
            family=family,
            insecure=tls.insecure,
            cacert=tls.cacert,
            connect_timeout=limits.connect_timeout,
            stall_timeout=limits.stall_timeout,
            tls_min=tls.tls_min.value,
            tls_max=tls.tls_max.value if tls.tls_max else None,
            identity=tls.identity(),
            pins=tls.pins() if tls.pin else (),
            interface=connection.interface,
            unix_socket=path,
        )
