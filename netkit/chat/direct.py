"""What is asked of one client, or of all, by its name: a private message, or what a moderator does.

Whoever has that name may be on another node; then its node does it (`Bus.ask`), in the same words.
"""

from ipaddress import ip_address
from typing import Literal, NamedTuple

Act = Literal["msg", "kick", "mute", "ban", "notice"]


class Direct(NamedTuple):
    """to: a name; of "ban" an address as well. by: who does it, by name. seconds: for how long."""

    act: Act
    to: str
    by: str
    text: str = ""
    seconds: float = 0.0


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
