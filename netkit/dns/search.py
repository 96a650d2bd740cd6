"""The search list of resolv.conf(5): the names that a short one may mean, in the order they are tried."""

from collections.abc import Sequence

from netkit.dns.name import parse_name
from netkit.errors import BadInput


def candidates(text: str, search: Sequence[str], ndots: int) -> list[str]:
    """The names that a search list makes of one; a final dot, or no list, makes it the only one.

    A name with `ndots` dots is tried as it stands first, a shorter one last. What a domain makes too long, or no name
    at all, is passed over, as resolv.conf(5) does with what it cannot use.
    """
    if text.endswith(".") or not search:
        return [text]
    expanded = [name for domain in search if _is_name(name := f"{text}.{domain}")]
    return [text, *expanded] if text.count(".") >= ndots else [*expanded, text]


def _is_name(text: str) -> bool:
    try:
        parse_name(text)
    except BadInput:
        return False
    return True
