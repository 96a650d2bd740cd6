"""Where the root of DNS is: the names and addresses of its servers (RFC 9609), from root.hints beside this module or
from a file of the same form, as IANA publishes it."""

import re
from importlib.resources import files
from typing import NamedTuple

from netkit.dns.name import canonical_ip, is_ip, parse_name
from netkit.errors import BadInput
from netkit.net.text_file import read_text

MAX_FILE = 65536  # octets; IANA's has 3,314
_LINE = re.compile(r"(\S+)\s+(?:[0-9]+\s+)?(?:IN\s+)?(NS|A|AAAA)\s+(\S+)", re.IGNORECASE)


class Hint(NamedTuple):
    """A server of the root: its name with the final dot, in lower case, and one of its addresses."""

    name: str
    address: str


def read_hints(path: str | None = None) -> tuple[Hint, ...]:
    """The hints of the file, of IANA's without one. Raises LocalFailure, BadInput when it has no address."""
    if path is None:
        return parse_hints((files("netkit.dns") / "root.hints").read_text(encoding="ascii"))
    text = read_text(path, "file of root hints", limit=MAX_FILE)
    try:
        return parse_hints(text)
    except BadInput as exc:
        raise BadInput(f"{path}: {exc.message}", hint=exc.hint) from None


def parse_hints(text: str) -> tuple[Hint, ...]:
    """The addresses of the root's NS records; lines of other names and types are passed over. Raises BadInput."""
    servers: list[str] = []
    addresses: list[Hint] = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line.partition(";")[0].strip())
        if found is None:
            continue
        owner, kind, data = found[1].lower(), found[2].upper(), found[3].lower()
        if kind == "NS":
            if owner == ".":
                servers.append(_absolute(data))
        elif is_ip(data) and (":" in data) == (kind == "AAAA"):
            addresses.append(Hint(_absolute(owner), canonical_ip(data)))
    hints = tuple(one for one in addresses if one.name in servers)
    if not hints:
        raise BadInput(
            "it has no address of a server of the root", hint="write . NS ns.example. and ns.example. A 192.0.2.53"
        )
    for one in hints:
        parse_name(one.name)
    return hints


def _absolute(name: str) -> str:
    return name if name.endswith(".") else f"{name}."
