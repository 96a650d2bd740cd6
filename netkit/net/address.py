"""The one parser of addresses that users write (CONTRACT: addresses).

Forms: `HOST:PORT`, `HOST` where a default port is known, `[v6]:PORT`, `[fe80::1%eth0]:PORT`, `:PORT` (loopback),
`unix:PATH`, `unix-dgram:PATH`, `fd:N`, each optionally with a scheme, `tcp://HOST:PORT`. A port is 1 to 65535 in
decimal or a service name; servers also take 0, any free one. IPv4 in octal, hexadecimal or short form is refused.
Nothing is looked up here but service names, in /etc/services.

A path with the scheme udp is a unix socket of datagrams: `unix-dgram:PATH` and `udp://unix:PATH` are the same.
"""

import os
import re
import socket
from collections.abc import Collection
from typing import NamedTuple

from netkit.errors import BadInput
from netkit.net.hostname import is_ipv4, to_ascii

LOOPBACK = "127.0.0.1"
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)", re.DOTALL)


class Endpoint(NamedTuple):
    """Where to connect or to listen.

    host: an IP literal or a name in A-labels, "" for a unix path or descriptor. zone: the interface of a
    link-local v6 address, "" if none. port: 0 for any free one. path: a unix socket's. fd: an inherited descriptor.
    """

    scheme: str
    host: str = ""
    port: int = 0
    zone: str = ""
    path: str = ""
    fd: int | None = None

    @property
    def is_ip(self) -> bool:
        return ":" in self.host or is_ipv4(self.host)

    @property
    def host_and_zone(self) -> str:
        """The host as getaddrinfo(3) takes it."""
        return f"{self.host}%{self.zone}" if self.zone else self.host

    def __str__(self) -> str:
        """The canonical form without the scheme; it parses back to the same endpoint."""
        if self.path:
            return f"{'unix-dgram' if self.scheme == 'udp' else 'unix'}:{self.path}"
        if self.fd is not None:
            return f"fd:{self.fd}"
        return join(self.host_and_zone, self.port)


def join(host: str, port: int) -> str:
    """HOST:PORT, with brackets round a v6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def text_of(address: object, kind: str = "unix") -> str:
    """A socket address as it is shown: HOST:PORT, or KIND:PATH; "" of a unix socket without a name.

    A name in the abstract namespace of Linux (unix(7)) begins with @.
    """
    if isinstance(address, tuple):
        return join(address[0], address[1])
    name = os.fsdecode(address).replace("\0", "@") if isinstance(address, (bytes, str)) else ""
    return f"{kind}:{name}" if name else ""


def answerable(address: object) -> bool:
    """Whether a datagram's sender can be answered: one of a unix socket has to have a name, and no relative path.

    That would be looked for in our working directory, and the sender is in another.
    """
    return isinstance(address, (tuple, bytes)) or (isinstance(address, str) and os.path.isabs(address))


def parse_endpoint(
    text: str, *, port: int | None = None, schemes: Collection[str] = ("tcp",), server: bool = False
) -> Endpoint:
    """The endpoint that the text names.

    port: used when the text has none; without it a port must be written. schemes: the schemes the command takes,
    the first is the default. server: port 0 is allowed. Raises BadInput naming the part and the rule.
    """
    default = next(iter(schemes), "")
    scheme, rest = default, text
    if found := _SCHEME.fullmatch(text):
        scheme, rest = found[1].lower(), found[2].removesuffix("/")
        if scheme not in schemes:
            raise BadInput(f"{text!r}: scheme {scheme!r} is not one of {', '.join(schemes)}")
    if rest.startswith(("unix:", "unix-dgram:")):
        kind, _, path = rest.partition(":")
        if kind == "unix-dgram":
            if "udp" not in schemes or (found and scheme != "udp"):
                raise BadInput(f"{text!r}: a unix socket of datagrams, where a stream is wanted", hint=f"unix:{path}")
            scheme = "udp"
        if not path or "\0" in path:
            raise BadInput(f"{text!r}: a unix socket needs a path, as in {kind}:/run/app.sock")
        if len(os.fsencode(path)) > 107:  # sun_path is 108 bytes with its final NUL, unix(7)
            raise BadInput(f"{text!r}: a unix socket path has at most 107 bytes")
        return Endpoint(scheme, path=path)
    if rest.startswith("fd:"):
        number = rest.removeprefix("fd:")
        if not (number.isascii() and number.isdecimal()) or len(number) > 9:
            raise BadInput(f"{text!r}: fd: takes a descriptor number, as in fd:3")
        return Endpoint(scheme, fd=int(number))
    host_text, port_text = _split(rest, text)
    host, zone = parse_host(host_text, text) if host_text else (LOOPBACK, "")
    if port_text is None:
        if port is None:
            raise BadInput(f"{text!r} has no port", hint=f"write {join(host, 80)} with the port you mean")
        return Endpoint(scheme, host, port, zone)
    transport = "udp" if scheme == "udp" else "tcp"
    return Endpoint(scheme, host, parse_port(port_text, server=server, transport=transport), zone)


def _split(rest: str, text: str) -> tuple[str, str | None]:
    """HOST and PORT of HOST[:PORT]; a bare v6 address has no port."""
    if rest.startswith("["):
        inside, bracket, after = rest[1:].partition("]")
        if not bracket:
            raise BadInput(f"{text!r}: '[' is never closed")
        if ":" not in inside:
            raise BadInput(f"{text!r}: only an IPv6 address stands in brackets")
        if after and not after.startswith(":"):
            raise BadInput(f"{text!r}: {after!r} after ']' is not a port")
        return inside, after[1:] if after else None
    if rest.count(":") > 1:
        return rest, None
    host, colon, port = rest.partition(":")
    if not host and not colon:
        raise BadInput("the address is empty")
    return host, port if colon else None


def parse_port(text: str, *, server: bool = False, transport: str = "tcp") -> int:
    """A port number or service name. Raises BadInput."""
    if text.isascii() and text.isdecimal():
        lowest = 0 if server else 1
        if len(text) > 5 or not lowest <= int(text) <= 65535:
            raise BadInput(f"port {text[:20]} is outside {lowest} to 65535")
        return int(text)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+.-]*", text):
        raise BadInput(f"port {text[:40]!r} is neither a number nor a service name")
    try:
        return socket.getservbyname(text, transport)
    except OSError as exc:
        raise BadInput(f"port {text!r} is no service name of this system (services(5))") from exc


def parse_host(text: str, whole: str | None = None) -> tuple[str, str]:
    """(host, zone): an IP address in canonical form or a name in A-labels. Raises BadInput."""
    if ":" in text:
        import ipaddress  # 5 ms of CPU, only IPv6 addresses pay it

        address, percent, zone = text.partition("%")
        try:
            ip = ipaddress.IPv6Address(address)
        except ValueError as exc:
            reason = str(exc).replace("'", "")
            raise BadInput(f"{(whole or text)!r}: not an IPv6 address: {reason}") from exc
        if percent and not re.fullmatch(r"[^\s%/\]]{1,15}", zone):  # IFNAMSIZ is 16 with its final NUL
            raise BadInput(f"{(whole or text)!r}: {zone!r} is not an interface name")
        return str(ip), zone
    if is_ipv4(text):
        return text, ""
    name = to_ascii(text)
    if not name:
        raise BadInput(f"{(whole or text)!r}: the root of all names is no host")
    return name, ""


def refuse_without_interface(host: str, zone: str, whole: str) -> None:
    """Raise BadInput for a link-local address that does not say on which link (RFC 4007 section 6)."""
    if not zone and re.match(r"fe[89ab][0-9a-f]:", host):
        raise BadInput(f"{whole!r}: {host} is on every link: it needs an interface", hint=f"write [{host}%eth0]")


def scope_id(zone: str) -> int:
    """The number of an interface that is given by name or number (RFC 4007 11.2). Raises OSError: there is none."""
    if zone.isascii() and zone.isdecimal() and int(zone) < 1 << 32:
        return int(zone)
    return socket.if_nametoindex(zone)


def sockaddr(endpoint: Endpoint) -> tuple[int, tuple[str, int] | tuple[str, int, int, int]]:
    """(family, address) of an IP literal, as socket calls take them. Raises BadInput for an interface that is none."""
    if ":" not in endpoint.host:
        return socket.AF_INET, (endpoint.host, endpoint.port)
    try:
        scope = scope_id(endpoint.zone) if endpoint.zone else 0
    except OSError as exc:
        raise BadInput(f"{endpoint}: this machine has no interface {endpoint.zone!r}") from exc
    return socket.AF_INET6, (endpoint.host, endpoint.port, 0, scope)


def with_port(endpoint: Endpoint, port: int) -> Endpoint:
    """The same endpoint at another port: what bind() gave for port 0."""
    return endpoint._replace(port=port)
