"""What is done to one client, or to all, by its name: private messages, and what moderators do.

Whoever has that name may be on another node; then its node does it (`Bus.ask`), in the same words.
"""

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from netkit.chat.hub import Hub

Act = Literal["msg", "kick", "mute", "ban", "notice"]


class Direct(NamedTuple):
    """to: a name; of "ban" an address as well. by: who does it, by name. seconds: for how long."""

    act: Act
    to: str
    by: str
    text: str = ""
    seconds: float = 0.0


def act(hub: "Hub", direct: Direct) -> str | None:
    """Do it here; what whoever asked for it is told, None when nobody here has that name."""
    return ACTS[direct.act](hub, direct)


def _msg(hub: "Hub", direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None:
        return None
    if direct.by.casefold() in other.ignores:
        return f"{other.name} does not hear you"
    other.inform(f"[{direct.by}] to you: {direct.text}")
    return f"to {other.name}: {direct.text}"


def _kick(hub: "Hub", direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None:
        return None
    hub.log("kick", other, detail=direct.text)
    hub.dismiss(other, "kicked", f"kicked by {direct.by}" + (f": {direct.text}" if direct.text else ""))
    return f"{other.name} is out"


def _mute(hub: "Hub", direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None:
        return None
    other.muted_until = hub.loop.now + direct.seconds
    other.inform(f"muted by {direct.by} for {direct.seconds:g} s")
    hub.log("kick", other, reason="muted", seconds=direct.seconds)
    return f"{other.name} is muted for {direct.seconds:g} s"


def _ban(hub: "Hub", direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None and not is_address(direct.to):
        return None
    host = other.host if other is not None else direct.to
    hub.bans[host] = time.time() + direct.seconds
    hub.log("kick", other, reason="banned", detail=host, seconds=direct.seconds)
    for one in [one for one in hub.members.values() if one.host == host and one.name != direct.by]:
        hub.dismiss(one, "banned", f"banned by {direct.by}")
    if other is not None and not _is_here(host):
        hub.bus.broadcast(direct._replace(to=host))
    return f"{host} is banned for {direct.seconds:g} s"


def _notice(hub: "Hub", direct: Direct) -> str:
    for room in list(hub.rooms.values()):
        hub.notice(room, direct.text)
    return ""


ACTS: "dict[str, Callable[[Hub, Direct], str | None]]" = {
    "msg": _msg,
    "kick": _kick,
    "mute": _mute,
    "ban": _ban,
    "notice": _notice,
}


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    """Whether an address means another machine on another node."""
    return not host or ip_address(host.partition("%")[0]).is_loopback
