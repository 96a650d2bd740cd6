"""What somebody may be called: names that cannot be taken for another's."""

import re

from netkit.chat.limits import NICK

RESERVED = frozenset(("server", "client", "netkit", "you", "admin", "root"))


def fold(name: str) -> str:
    return name.casefold()


def bad_nick(nick: str) -> str | None:
    """Why that cannot be a nick: ASCII, so that none looks like another; nothing that looks like HOST:PORT."""
    if not re.fullmatch(rf"[A-Za-z][\w-]{{0,{NICK - 1}}}", nick, re.ASCII):
        return f"a nick is a letter and up to {NICK - 1} letters, digits, _ or -"
    if fold(nick) in RESERVED:
        return f"{nick} is reserved"
    return None
