"""The servers to ask: those of resolv.conf(5), or what the user wrote. Never one that nobody named.

A server is `IP`, `IP:PORT`, `[v6]:PORT`, `fe80::1%eth0`, a host name with an optional port, each with an optional
`udp://` or `tcp://`, or the word `system` for the servers of resolv.conf.
"""

from collections.abc import Sequence
from typing import NamedTuple

from netkit.errors import BadInput
from netkit.events import OnEvent
from netkit.net.address import Endpoint, join, parse_endpoint, refuse_without_interface
from netkit.net.blocking import addresses
from netkit.net.deadline import Deadline

PORT = 53
SYSTEM = "system"


class Server(NamedTuple):
    """One address to ask. name: what the user wrote when that was a host name."""

    host: str
    port: int = PORT
    tcp: bool = False
    name: str = ""

    def __str__(self) -> str:
        return join(self.host, self.port)


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
            from netkit.dns.resolv_conf import system_servers  # which knows what a Server is

            found += system_servers(resolv_conf)
        elif endpoint.is_ip:
            found.append(Server(endpoint.host_and_zone, endpoint.port, endpoint.scheme == "tcp"))
        else:
            for _, sockaddr in addresses(endpoint.host, endpoint.port, deadline=deadline, on_event=on_event):
                found.append(Server(str(sockaddr[0]), endpoint.port, endpoint.scheme == "tcp", endpoint.host))
    return tuple(dict.fromkeys(found))


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
