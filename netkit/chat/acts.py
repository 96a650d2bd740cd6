"""What is done on this node to whom a `Direct` names: private messages, and what moderators do."""

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

from netkit.chat.bus import Bus
from netkit.chat.direct import Direct, is_address
from netkit.chat.member import Member
from netkit.chat.room import Room
from netkit.net.loop import Loop


class Crowd(Protocol):
    """Those it is done among."""

    loop: Loop
    bus: Bus
    members: dict[int, Member]
    rooms: dict[str, Room]
    bans: dict[str, float]

    def find(self, name: str) -> Member | None:
        """Whoever has that name here."""

    def notice(self, room: Room, text: str) -> None:
        """Tell a room something of the server's."""

    def dismiss(self, member: Member, reason: str, word: str) -> None:
        """Say why, and close it."""

    def log(self, name: str, member: Member | None = None, /, **fields: object) -> None: ...


def act(hub: Crowd, direct: Direct) -> str | None:
    """Do it here; what whoever asked for it is told, None when nobody here has that name."""
    return ACTS[direct.act](hub, direct)


def _msg(hub: Crowd, direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None:
        return None
    if direct.by.casefold() in other.ignores:
        return f"{other.name} does not hear you"
    other.inform(f"[{direct.by}] to you: {direct.text}")
    return f"to {other.name}: {direct.text}"


def _kick(hub: Crowd, direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None:
        return None
    hub.log("kick", other, reason="kicked", detail=direct.text, by=direct.by)
    hub.dismiss(other, "kicked", f"kicked by {direct.by}" + (f": {direct.text}" if direct.text else ""))
    return f"{other.name} is out"


def _mute(hub: Crowd, direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None:
        return None
    other.muted_until = hub.loop.now + direct.seconds
    other.inform(f"muted by {direct.by} for {direct.seconds:g} s")
    hub.log("kick", other, reason="muted", seconds=direct.seconds, by=direct.by)
    return f"{other.name} is muted for {direct.seconds:g} s"


def _ban(hub: Crowd, direct: Direct) -> str | None:
    other = hub.find(direct.to)
    if other is None and not is_address(direct.to):
        return None
    host = other.host if other is not None else direct.to
    hub.bans[host] = time.time() + direct.seconds
    hub.log("kick", other, reason="banned", detail=host, seconds=direct.seconds, by=direct.by)
    for one in [one for one in hub.members.values() if one.host == host and one.name != direct.by]:
        hub.dismiss(one, "banned", f"banned by {direct.by}")
    if other is not None and not _is_here(host):
        hub.bus.broadcast(direct._replace(to=host))
    return f"{host} is banned for {direct.seconds:g} s"


def _notice(hub: Crowd, direct: Direct) -> str:
    for room in list(hub.rooms.values()):
        hub.notice(room, direct.text)
    return ""


ACTS: dict[str, Callable[[Crowd, Direct], str | None]] = {
    "msg": _msg,
    "kick": _kick,
    "mute": _mute,
    "ban": _ban,
    "notice": _notice,
}


def _is_here(host: str) -> bool:
    """Whether an address means another machine on another node."""
    return not host or ip_address(host.partition("%")[0]).is_loopback
