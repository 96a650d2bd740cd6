"""The servers to ask: those of resolv.conf(5), or what the user wrote. Never one that nobody named.

A server is `IP`, `IP:PORT`, `[v6]:PORT`, `fe80::1%eth0`, a host name with an optional port, each with an optional
`udp://` or `tcp://`, or the word `system` for the servers of resolv.conf.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from netkit.errors import BadInput, LocalFailure
from netkit.events import OnEvent
from netkit.net.address import Endpoint, join, parse_endpoint, refuse_without_interface
from netkit.net.blocking import addresses
from netkit.net.deadline import Deadline

PORT = 53
SYSTEM = "system"
MAX_SERVERS = 3  # MAXNS of resolv.conf(5)
RESOLV_CONF = "/etc/resolv.conf"


class Server(NamedTuple):
    """One address to ask. name: what the user wrote when that was a host name."""

    host: str
    port: int = PORT
    tcp: bool = False
    name: str = ""

    def __str__(self) -> str:
        return join(self.host, self.port)


class Configuration(NamedTuple):
    """What resolv.conf(5) says. search: domains without the final dot; ndots, rotate, trust_ad: its options."""

    servers: tuple[Server, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    rotate: bool = False
    path: str = RESOLV_CONF
    trust_ad: bool = False


def resolv_conf_path(path: str | None = None) -> str:
    """The file to read: the argument, NETKIT_RESOLV_CONF, or /etc/resolv.conf."""
    return path or os.environ.get("NETKIT_RESOLV_CONF") or RESOLV_CONF


def read_configuration(path: str | None = None) -> Configuration:
    """The system's resolver configuration; an empty one when there is no file. Raises LocalFailure if unreadable."""
    where = resolv_conf_path(path)
    try:
        text = Path(where).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return Configuration(path=where)
    except OSError as exc:
        raise LocalFailure(f"cannot read {where}: {exc.strerror}", kind="resolver_configuration") from exc
    return parse_configuration(text, where)


def parse_configuration(text: str, path: str = RESOLV_CONF) -> Configuration:
    """The lines resolv.conf(5) knows; others, and servers that are no address, are passed over.

    A server may have a port: behind the address, or as OpenBSD writes it, with brackets round IPv4 as well.
    """
    servers: list[Server] = []
    search: tuple[str, ...] = ()
    ndots, rotate, trust_ad = 1, False, False
    for line in text.split("\n"):  # splitlines() would also end a comment at a form feed or U+2028
        if line[:1] in "#;":
            continue
        words = line.split()
        match words:
            case ["nameserver", address, *_] if len(servers) < MAX_SERVERS:
                try:
                    unwrapped = re.sub(r"^\[([0-9.]+)\]", r"\1", address)
                    endpoint = parse_endpoint(unwrapped, port=PORT, schemes=("udp",))
                except BadInput:
                    continue
                if endpoint.is_ip:
                    servers.append(Server(endpoint.host_and_zone, endpoint.port))
            case ["domain", domain, *_]:
                search = (domain.strip("."),) if domain.strip(".") else ()
            case ["search", *domains]:
                search = tuple(domain.strip(".") for domain in domains if domain.strip("."))
            case ["options", *options]:
                for option in options:
                    if option.startswith("ndots:") and option[6:].isascii() and option[6:].isdecimal():
                        ndots = min(15, int(option[6:9]))
                    rotate = rotate or option == "rotate"
                    trust_ad = trust_ad or option == "trust-ad"
    return Configuration(tuple(servers), search, ndots, rotate, path, trust_ad)


def find(
    texts: Sequence[str], *, deadline: Deadline, resolv_conf: str | None = None, on_event: OnEvent | None = None
) -> tuple[Server, ...]:
    """The servers the user named, host names looked up; those of the system when none is named.

    Raises BadInput, Unreachable for a host name without address, LocalFailure without a resolver configuration.
    """
    parsed = [None if text == SYSTEM else parse_server(text) for text in texts or (SYSTEM,)]
    found: list[Server] = []
    for endpoint in parsed:
        if endpoint is None:
            found += system_servers(resolv_conf)
        elif endpoint.is_ip:
            found.append(Server(endpoint.host_and_zone, endpoint.port, endpoint.scheme == "tcp"))
        else:
            for _, sockaddr in addresses(endpoint.host, endpoint.port, deadline=deadline, on_event=on_event):
                found.append(Server(str(sockaddr[0]), endpoint.port, endpoint.scheme == "tcp", endpoint.host))
    return tuple(dict.fromkeys(found))


def system_servers(resolv_conf: str | None = None) -> tuple[Server, ...]:
    configuration = read_configuration(resolv_conf)
    if not configuration.servers:
        raise LocalFailure(
            f"no resolver configuration: {configuration.path} names no server",
            kind="no_resolver_configuration",
            hint="name a server, as in @192.0.2.53; netkit never picks a public one by itself",
        )
    return configuration.servers


def check(texts: Sequence[str]) -> None:
    """Raise BadInput for a server that cannot be parsed, before anything is sent."""
    for text in texts:
        if text != SYSTEM:
            parse_server(text)


def parse_server(text: str) -> Endpoint:
    """A server as the user writes it. Raises BadInput."""
    if not text:
        raise BadInput("the server is empty: write @ADDRESS, @ADDRESS:PORT or @NAME")
    endpoint = parse_endpoint(text, port=PORT, schemes=("udp", "tcp"))
    if endpoint.path or endpoint.fd is not None:
        raise BadInput(f"{text!r}: a DNS server is an address or a name")
    refuse_without_interface(endpoint.host, endpoint.zone, text)
    return endpoint
