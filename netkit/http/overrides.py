"""Where a host is to be reached in place of where its name says: `--resolve` and `--connect-to`, as curl has them.

`HOST[:PORT]:ADDRESS[,ADDRESS]` gives a name addresses; `HOST:PORT:TO_HOST:TO_PORT` another host and port, where an
empty part means any, or the same. The URL, the Host header and the name on the certificate stay what they are. IPv6
addresses stand in brackets. `*` is any host.
"""

import re
from typing import NamedTuple

from netkit.errors import BadInput
from netkit.http.url import Url
from netkit.net.hostname import is_ipv4

_HOST = r"(\[[^\]]*\]|[^:\[\]]*)"
_PORTED = rf"{_HOST}:(\d+):(.+)"  # compiled when wanted: few commands have any
_BARE = rf"{_HOST}:(.+)"
_DETOUR = rf"{_HOST}:(\d*):{_HOST}:(\d*)"


class Addresses(NamedTuple):
    """host: "" for any. port: None for any."""

    host: str
    port: int | None
    addresses: tuple[str, ...]


class Detour(NamedTuple):
    """host: "" for any. port: None for any. to_host: "" for the same, to_port: None for the same."""

    host: str
    port: int | None
    to_host: str
    to_port: int | None


class Overrides(NamedTuple):
    addresses: tuple[Addresses, ...] = ()
    detours: tuple[Detour, ...] = ()

    def detour(self, url: Url) -> tuple[str, int] | None:
        """(host, port) to connect to for a URL; the first that fits holds."""
        for one in self.detours:
            if _fits(one, url.host, url.port):
                return one.to_host or url.host, one.to_port or url.port
        return None

    def resolved(self, host: str, port: int) -> tuple[str, ...]:
        return next((one.addresses for one in self.addresses if _fits(one, host, port)), ())


def _fits(one: Addresses | Detour, host: str, port: int) -> bool:
    return one.host in ("", host) and one.port in (None, port)


def parse_resolve(text: str) -> Addresses:
    """Of `HOST[:PORT]:ADDRESS[,ADDRESS]`. Raises BadInput."""
    hint = "write HOST:PORT:ADDRESS or HOST:ADDRESS, an IPv6 address in brackets"
    ported = re.fullmatch(_PORTED, text)
    if ported:
        host, port, rest = ported[1], _port(ported[2], text), ported[3]
    elif bare := re.fullmatch(_BARE, text):
        host, port, rest = bare[1], None, bare[2]
    else:
        raise BadInput(f"--resolve {text[:80]!r}: no HOST, PORT and ADDRESS in it", hint=hint)
    if not host:
        raise BadInput(f"--resolve {text[:80]!r}: the host is empty", hint="* is any host")
    addresses = []
    for word in rest.split(","):
        inside = word[1:-1] if word.startswith("[") and word.endswith("]") else ""
        if not (is_ipv4(word) or ":" in inside):
            raise BadInput(f"--resolve {text[:80]!r}: {word[:40]!r} is no address", hint=hint)
        addresses.append(_host(inside or word, text))
    return Addresses(_host(host, text), port, tuple(addresses))


def parse_connect_to(text: str) -> Detour:
    """Of `HOST:PORT:TO_HOST:TO_PORT`. Raises BadInput."""
    found = re.fullmatch(_DETOUR, text)
    if found is None:
        raise BadInput(
            f"--connect-to {text[:80]!r}: not HOST:PORT:TO_HOST:TO_PORT",
            hint="each may be empty; an IPv6 address stands in brackets",
        )
    port, to_port = (_port(one, text) if one else None for one in (found[2], found[4]))
    return Detour(_host(found[1], text), port, _host(found[3], text), to_port)


def _host(text: str, whole: str) -> str:
    if text in ("", "*"):
        return ""
    from netkit.net.address import parse_host  # 3 ms of CPU

    return parse_host(text.strip("[]"), whole)[0]


def _port(text: str, whole: str) -> int:
    if len(text) > 5 or not 1 <= int(text) <= 65535:
        raise BadInput(f"{whole[:80]!r}: port {text[:20]} is outside 1 to 65535")
    return int(text)
