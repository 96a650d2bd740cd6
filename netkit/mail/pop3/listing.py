"""What waits in a mailbox, out of the answers to LIST and UIDL, whatever a server puts into them.

Lines that are no listing are skipped, and so is what cannot be: message 0, a negative size, a UIDL that is no UIDL (RFC
1939 section 7). The messages come in the order of their numbers; what is said twice of one counts the first time.
"""

import re
from typing import NamedTuple

from netkit.errors import PeerError

MAX_MESSAGES = 250_000  # 70 MB of memory
_SIZE = re.compile(rb"^[ \t]*0*([1-9][0-9]{0,8})(?:[ \t]+([0-9]{1,18}))?(?=[ \t\r]|$)", re.MULTILINE)
_UIDL = re.compile(rb"^[ \t]*0*([1-9][0-9]{0,8})[ \t]+([!-~]{1,70})[ \t]*\r?$", re.MULTILINE)


class Listed(NamedTuple):
    """A message as LIST and UIDL tell it: number, size in bytes, UIDL (None where the server has none)."""

    n: int
    size: int | None
    uidl: str | None


def listed(sizes: bytes, uidls: bytes) -> list[Listed]:
    """The messages that LIST names. Raises PeerError for too many."""
    ids = _numbered(uidls, _UIDL)
    return [
        Listed(n, int(size) if size else None, ids[n].decode("ascii") if n in ids else None)
        for n, size in sorted(_numbered(sizes, _SIZE).items())
    ]


def _numbered(body: bytes, pattern: re.Pattern[bytes]) -> dict[int, bytes]:
    """What stands behind each number."""
    found: dict[int, bytes] = {}
    for line in pattern.finditer(body):
        found.setdefault(int(line[1]), line[2])
        if len(found) > MAX_MESSAGES:
            raise PeerError(f"a listing of more than {MAX_MESSAGES} messages", kind="too_long")
    return found
