"""The hosts file, hosts(5): names to addresses and back."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from netkit.dns.name import canonical_ip, is_ip
from netkit.errors import LocalFailure
from netkit.net.text_file import read_text

HOSTS = "/etc/hosts"
MAX_FILE = 64 << 20  # octets; the largest lists of blocked names have about 30 MiB


class Line(NamedTuple):
    """One line: an address, its canonical name and aliases, lower case, no final dot."""

    address: str
    names: tuple[str, ...]


def hosts_path(path: str | None = None) -> str:
    """The file to read: the argument, NETKIT_HOSTS, or /etc/hosts."""
    return path or os.environ.get("NETKIT_HOSTS") or HOSTS


def read_hosts(path: str | None = None) -> tuple[Line, ...]:
    """The lines of the hosts file, none when there is no file. Raises LocalFailure if it cannot be read."""
    where = hosts_path(path)
    return tuple(
        parse_hosts(read_text(where, "hosts file", limit=MAX_FILE, missing="", errors="replace", wrong=LocalFailure))
    )


def parse_hosts(text: str) -> Iterator[Line]:
    """The lines with an address and a name; comments, what is neither, and names a terminal would obey are left out."""
    for line in text.split("\n"):  # splitlines() would also end a comment at a form feed or U+2028
        words = line.partition("#")[0].split()
        names = tuple(word.lower().rstrip(".") for word in words[1:] if word.isprintable())
        if names and is_ip(words[0]):
            yield Line(canonical_ip(words[0]), names)


def addresses_of(name: str, lines: tuple[Line, ...]) -> tuple[str, ...]:
    """Every address the file has for the name, in its order."""
    wanted = name.lower().rstrip(".")
    return tuple(dict.fromkeys(line.address for line in lines if wanted in line.names))


def names_of(address: str, lines: tuple[Line, ...]) -> tuple[str, ...]:
    """The names of the first line that has the address, canonical name first (as gethostbyaddr(3))."""
    return next((line.names for line in lines if line.address == canonical_ip(address)), ())
