"""The servers to ask: those of resolv.conf(5), or what the user wrote. Never one that nobody named.

A server is `IP`, `IP:PORT`, `[v6]:PORT`, `fe80::1%eth0`, or a host name with an optional port, each over UDP unless
`tcp://`, `tls://` (RFC 7858), `https://` (RFC 8484, with an optional path) or `quic://` (RFC 9250) stands before it; or
the word `system` for the servers of resolv.conf. `#IP` behind one of the encrypted ones is where its name is found, so
that it need not be looked up: `tls://dns.example#192.0.2.53`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from netkit.dns.result import Transport
from netkit.errors import BadInput, LocalFailure
from netkit.events import OnEvent
from netkit.net.address import Endpoint, join, parse_endpoint, refuse_without_interface
from netkit.net.blocking import addresses
from netkit.net.deadline import Deadline

PORT = 53
PORTS: dict[str, int] = {"udp": PORT, "tcp": PORT, "tls": 853, "https": 443, "quic": 853}
ENCRYPTED: dict[str, Transport] = {"tls": "tls", "https": "https", "quic": "quic"}
PLAIN: dict[str, Transport] = {"udp": "udp", "tcp": "tcp"}
DOH_PATH = "/dns-query"  # what everybody uses; RFC 8484 leaves it to a template
SYSTEM = "system"


class Server(NamedTuple):
    """One address to ask. name: what the user wrote when that was a host name. path: of its URL, for https."""

    host: str
    port: int = PORT
    transport: Transport = "udp"
    name: str = ""
    path: str = ""

    def __str__(self) -> str:
        return join(self.host, self.port)


class Written(NamedTuple):
    """A server as the user wrote it. ip: where its name is found, "" when that has to be looked up."""

    endpoint: Endpoint
    transport: Transport
    path: str = ""
    ip: str = ""


def find(
    texts: Sequence[str], *, deadline: Deadline, resolv_conf: str | None = None, on_event: OnEvent | None = None
) -> tuple[Server, ...]:
    """The servers the user named, host names looked up; those of the system when none is named.

    Raises BadInput, Unreachable for a host name without address, LocalFailure without a resolver configuration.
    """
    parsed = [None if text == SYSTEM else parse_server(text) for text in texts or (SYSTEM,)]
    found: list[Server] = []
    for one in parsed:
        if one is None:
            found += system_servers(resolv_conf)
            continue
        endpoint = one.endpoint
        if endpoint.is_ip:
            found.append(Server(endpoint.host_and_zone, endpoint.port, one.transport, path=one.path))
        elif one.ip:
            found.append(Server(one.ip, endpoint.port, one.transport, endpoint.host, one.path))
        else:
            for _, sockaddr in addresses(endpoint.host, endpoint.port, deadline=deadline, on_event=on_event):
                found.append(Server(str(sockaddr[0]), endpoint.port, one.transport, endpoint.host, one.path))
    return tuple(dict.fromkeys(found))


def system_servers(resolv_conf: str | None = None) -> tuple[Server, ...]:
    """The servers of resolv.conf(5). Raises LocalFailure when it names none."""
    from netkit.dns.resolv_conf import read_configuration  # not for those that name their server

    configuration = read_configuration(resolv_conf)
    if not configuration.servers:
        raise LocalFailure(
            f"no resolver configuration: {configuration.path} names no server",
            kind="no_resolver_configuration",
            hint="name a server, as in @192.0.2.53; netkit never picks a public one by itself",
        )
    return tuple(Server(one.host_and_zone, one.port or PORT) for one in configuration.servers)


def check(texts: Sequence[str]) -> None:
    """Raise BadInput for a server that cannot be parsed, before anything is sent."""
    for text in texts:
        if text != SYSTEM:
            parse_server(text)


def parse_server(text: str) -> Written:
    """A server as the user writes it. Raises BadInput."""
    if not text:
        raise BadInput("the server is empty: write @ADDRESS, @ADDRESS:PORT or @NAME")
    scheme, mark, rest = text.partition("://")
    transport = ENCRYPTED.get(scheme.lower()) if mark else None
    if transport is None:
        endpoint = parse_endpoint(text, port=PORT, schemes=("udp", "tcp", *ENCRYPTED))
        _check(endpoint, text)
        return Written(endpoint, PLAIN[endpoint.scheme])
    rest, mark, ip = rest.partition("#")
    authority, slash, path = rest.partition("/")
    endpoint = parse_endpoint(authority, port=PORTS[transport])
    _check(endpoint, text)
    if path and transport != "https":
        raise BadInput(f"{text!r}: only https:// has a path")
    if any(not " " < char < "\x7f" or char in '?"<>' for char in path):
        raise BadInput(f"{text!r}: the path has a character that none may have")
    if mark:
        where = parse_endpoint(ip, port=0)
        if not where.is_ip or where.port or endpoint.is_ip:
            raise BadInput(f"{text!r}: behind # stands the IP address of the name before it")
        ip = where.host_and_zone
    return Written(endpoint, transport, (slash + path or DOH_PATH) if transport == "https" else "", ip)


def _check(endpoint: Endpoint, text: str) -> None:
    if endpoint.path or endpoint.fd is not None:
        raise BadInput(f"{text!r}: a DNS server is an address or a name")
    refuse_without_interface(endpoint.host, endpoint.zone, text)
