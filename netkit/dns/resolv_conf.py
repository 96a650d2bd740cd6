"""The system's resolver configuration: resolv.conf(5), and the variables RES_OPTIONS and LOCALDOMAIN over it.

Read as glibc reads it: at most three servers, the last `search` or `domain` line, options within their limits, and what
is not understood passed over. A server may have a port, which glibc cannot have. `edns0` says what netkit always does;
of the other options those about threads, reloading and the order of two queries mean nothing to it.
"""

import os
import re
import socket
from typing import NamedTuple

from netkit.errors import BadInput, LocalFailure
from netkit.net.address import Endpoint, parse_endpoint
from netkit.net.text_file import read_text

MAX_SERVERS, MAX_NDOTS, MAX_TIMEOUT, MAX_ATTEMPTS = 3, 15, 30, 5  # MAXNS and RES_MAX* of resolv.conf(5)
RESOLV_CONF = "/etc/resolv.conf"
MAX_FILE = 1 << 20  # octets; a search list of a hundred domains has 2,000


class Configuration(NamedTuple):
    """What resolv.conf(5) says.

    servers: IP addresses, port 0 where none is said. search: domains without the final dot. timeout (seconds for one
    try), attempts (tries): None when nothing is said. tcp: the option use-vc. ndots, rotate, trust_ad: options of that
    name.
    """

    servers: tuple[Endpoint, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    rotate: bool = False
    path: str = RESOLV_CONF
    trust_ad: bool = False
    timeout: int | None = None
    attempts: int | None = None
    tcp: bool = False


def resolv_conf_path(path: str | None = None) -> str:
    """The file to read: the argument, NETKIT_RESOLV_CONF, or /etc/resolv.conf."""
    return path or os.environ.get("NETKIT_RESOLV_CONF") or RESOLV_CONF


def read_configuration(path: str | None = None) -> Configuration:
    """The system's resolver configuration; an empty one when there is no file. Raises LocalFailure if unreadable."""
    where = resolv_conf_path(path)
    text = read_text(
        where, "resolver configuration", limit=MAX_FILE, missing="", errors="replace", kind="resolver_configuration",
        wrong=LocalFailure,
    )  # fmt: skip
    if options := os.environ.get("RES_OPTIONS", "").split():
        text += f"\noptions {' '.join(options)}"
    if domains := os.environ.get("LOCALDOMAIN", "").split():
        text += f"\nsearch {' '.join(domains)}"
    return parse_configuration(text, where)


def parse_configuration(text: str, path: str = RESOLV_CONF) -> Configuration:
    """The lines resolv.conf(5) knows; others, and servers that are no address, are passed over.

    A server may have a port: behind the address, or as OpenBSD writes it, with brackets round IPv4 as well.
    """
    found = Configuration(path=path)
    for line in text.split("\n"):  # splitlines() would also end a comment at a form feed or U+2028
        if line[:1] in "#;":
            continue
        match line.split():
            case ["nameserver", address, *_] if len(found.servers) < MAX_SERVERS:
                try:
                    unwrapped = re.sub(r"^\[([0-9.]+)\]", r"\1", address)
                    endpoint = parse_endpoint(unwrapped, port=0, schemes=("udp",))
                except BadInput:
                    continue
                if endpoint.is_ip:
                    found = found._replace(servers=(*found.servers, endpoint))
            case ["domain", domain, *_]:
                found = found._replace(search=_domains([domain]))
            case ["search", *domains]:
                found = found._replace(search=_domains(domains))
            case ["options", *options]:
                for option in options:
                    found = _with_option(found, option)
    return found


def _domains(words: list[str]) -> tuple[str, ...]:
    return tuple(domain for word in words if (domain := word.strip(".")))


def _with_option(found: Configuration, option: str) -> Configuration:
    name, _, text = option.partition(":")
    number = int(text[:9]) if text.isascii() and text.isdecimal() else None
    match name:
        case "ndots" if number is not None:
            return found._replace(ndots=min(MAX_NDOTS, number))
        case "timeout" if number is not None:
            return found._replace(timeout=max(1, min(MAX_TIMEOUT, number)))
        case "attempts" if number is not None:
            return found._replace(attempts=max(1, min(MAX_ATTEMPTS, number)))
        case "rotate" | "trust-ad" | "use-vc" if not text:
            return found._replace(
                rotate=found.rotate or name == "rotate",
                trust_ad=found.trust_ad or name == "trust-ad",
                tcp=found.tcp or name == "use-vc",
            )
    return found


def search_domains(configuration: Configuration) -> tuple[str, ...]:
    """Those it names, else the domain of this host's own name, as resolv.conf(5) has it."""
    domain = socket.gethostname().partition(".")[2].strip(".")
    return configuration.search or _domains([domain])
