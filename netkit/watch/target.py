"""What to watch, as a user writes it: [NAME=]ENDPOINT, where an endpoint is an address, a file or standard input."""

import re
from typing import Literal, NamedTuple

from netkit.errors import BadInput
from netkit.net.address import Endpoint, parse_endpoint

Kind = Literal["connect", "listen", "datagram", "file", "stdin", "fd"]
SCHEMES = ("tcp", "udp", "tls")
_NAMED = re.compile(r"([A-Za-z0-9_.-]{1,40})=(.+)", re.DOTALL)


class Target(NamedTuple):
    """label: its name in events. endpoint: of a socket; path: of a file or FIFO."""

    label: str
    kind: Kind
    endpoint: Endpoint
    path: str = ""


def parse(text: str, *, listen: bool = False) -> Target:
    """The target a user's word means. Raises BadInput."""
    named = _NAMED.fullmatch(text)
    label, rest = (named[1], named[2]) if named else (text, text)
    if rest == "-":
        if listen:
            raise BadInput("-l - : standard input is no address to listen on")
        return Target("stdin" if label == "-" else label, "stdin", Endpoint("fd", fd=0))
    if rest.startswith(("file:", "/", "./", "../")):
        path = rest.removeprefix("file:")
        if listen or not path:
            raise BadInput(f"{text}: a file needs a path, and is not listened on")
        return Target(label, "file", Endpoint("file"), path)
    endpoint = parse_endpoint(rest, schemes=SCHEMES, server=listen)
    if endpoint.fd is not None:
        return Target(label, "listen" if listen else "fd", endpoint)
    if listen:
        return Target(label, "listen", endpoint)
    return Target(label, "datagram" if endpoint.scheme == "udp" else "connect", endpoint)


def unique(targets: list[Target]) -> list[Target]:
    """The same with labels that differ: a second `web` becomes `web#2`."""
    seen: dict[str, int] = {}
    found = []
    for target in targets:
        seen[target.label] = seen.get(target.label, 0) + 1
        number = seen[target.label]
        found.append(target._replace(label=f"{target.label}#{number}") if number > 1 else target)
    return found
