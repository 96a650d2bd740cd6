"""What a line that begins with `/` does. Answers begin with `* `, so that the first byte tells who speaks."""

import time
from collections.abc import Callable
from typing import NamedTuple

from netkit.chat.direct import Direct, is_address
from netkit.chat.entry import line
from netkit.chat.hub import Hub
from netkit.chat.limits import PASSWORD_TRIES
from netkit.chat.member import Member

MAX_HISTORY = 200  # lines that /history gives at once
MOST_HISTORY = 32 * 1024  # bytes of them: half of what one may leave unread
MAX_LISTED = 100  # names that /who gives


class Command(NamedTuple):
    run: "Callable[[Hub, Member, str], None]"
    usage: str
    help: str
    moderators: bool = False


def run(hub: Hub, member: Member, text: str) -> None:
    """text: the line without its `/`."""
    name, _, rest = text.partition(" ")
    command = COMMANDS.get(name.lower())
    if command is None or (command.moderators and hub.moderate is None):
        tell(member, f"no such command: /{name[:20]}; /help lists them, //{name[:20]} says it")
    elif command.moderators and name.lower() != "op" and not member.moderator:
        tell(member, f"/{name} is for moderators: /op PASSWORD")
    else:
        command.run(hub, member, rest.strip())


def tell(member: Member, text: str) -> None:
    member.inform(text)


def usage(member: Member, name: str) -> None:
    tell(member, f"/{name} {COMMANDS[name].usage}")


def _help(hub: Hub, member: Member, rest: str) -> None:
    for name, command in COMMANDS.items():
        if not command.moderators or hub.moderate is not None:
            tell(member, f"{f'/{name} {command.usage}'.strip():<22} {command.help}")


def _nick(hub: Hub, member: Member, rest: str) -> None:
    def done(why: str | None) -> None:
        tell(member, why if why is not None else f"you are {member.name}")

    if not rest:
        usage(member, "nick")
    else:
        hub.rename(member, rest, done)


def _who(hub: Hub, member: Member, rest: str) -> None:
    room = hub.rooms.get(rest) if rest else member.room
    name = rest or (member.room.name if member.room else "")
    here = [one.name for one in room.members.values()] if room is not None else []
    others = [one for one in hub.bus.elsewhere() if one.room == name]
    tell(member, f"{len(here) + len(others)} in {name}")
    for one in sorted(here)[:MAX_LISTED]:
        tell(member, f"  {one}")
    for each in others[: max(0, MAX_LISTED - len(here))]:
        tell(member, f"  {each.name} on {each.node}, heard of {each.age:.0f} s ago")


def _rooms(hub: Hub, member: Member, rest: str) -> None:
    counts = {name: len(room.members) for name, room in hub.rooms.items()}
    for one in hub.bus.elsewhere():
        counts[one.room] = counts.get(one.room, 0) + 1
    for name, count in sorted(counts.items())[:MAX_LISTED]:
        tell(member, f"{name}: {count}")


def _join(hub: Hub, member: Member, rest: str) -> None:
    if not rest:
        usage(member, "join")
    elif member.room is not None and member.room.name == rest:
        tell(member, f"you are in {rest}")
    elif why := hub.may_have_room(rest):
        tell(member, why)
    else:
        hub.flush()
        if member.place is not None:
            tell(member, "not while you are behind: read, and try again")
            return
        hub.leave_room(member)
        hub.enter(member, hub.room(rest))
        tell(member, f"you are in {rest}")


def _msg(hub: Hub, member: Member, rest: str) -> None:
    name, _, text = rest.partition(" ")
    if not text:
        usage(member, "msg")
    elif not member.muted():
        hub.ask(Direct("msg", name, member.name, text), member.inform)


def _me(hub: Hub, member: Member, rest: str) -> None:
    if rest:
        member.speak("me", rest.encode(), b"\r\n")
    else:
        usage(member, "me")


def _history(hub: Hub, member: Member, rest: str) -> None:
    count = int(rest) if rest.isascii() and rest.isdigit() and len(rest) < 6 else 20
    kept = [one for one in member.room.history if one.kind in ("say", "me")] if member.room else []
    lines: list[str] = []
    size = 0
    for entry in kept[: -min(count, MAX_HISTORY) - 1 : -1]:
        when = time.strftime("%H:%M", time.localtime(entry.time))
        lines.append(f"{when} {line(entry).decode('utf-8', 'backslashreplace').rstrip()}")
        size += len(lines[-1].encode())
        if size > MOST_HISTORY:
            break
    for text in reversed(lines):
        member.inform(text)
    if not kept:
        tell(member, "nothing was said yet")


def _ignore(hub: Hub, member: Member, rest: str) -> None:
    name = rest.casefold()
    if not rest:
        tell(member, "you ignore " + (", ".join(sorted(member.ignores)) or "nobody"))
    elif name in member.ignores:
        hub.ignore(member, member.ignores - {name})
        tell(member, f"you hear {rest} again")
    elif len(member.ignores) >= 100:
        tell(member, "you ignore 100 already")
    else:
        hub.ignore(member, member.ignores | {name})
        tell(member, f"you do not hear {rest} any more; the same again undoes it")


def _ping(hub: Hub, member: Member, rest: str) -> None:
    tell(member, f"pong {rest}".rstrip())


def _quit(hub: Hub, member: Member, rest: str) -> None:
    if rest:
        member.speak("say", rest.encode(), b"\r\n")
    hub.dismiss(member, "quit", "goodbye")


def _op(hub: Hub, member: Member, rest: str) -> None:
    if hub.moderate is not None and hub.moderate(rest):
        member.moderator = True
        tell(member, "you are a moderator")
        hub.log("limit", member, reason="op")
    else:
        hub.log("limit", member, reason="password", detail="/op")
        member.tries += 1
        if member.tries >= PASSWORD_TRIES:
            hub.dismiss(member, "password", "that is not the password")
        else:
            tell(member, "that is not the password")


def _kick(hub: Hub, member: Member, rest: str) -> None:
    name, _, why = rest.partition(" ")
    hub.ask(Direct("kick", name, member.name, why), member.inform)


def _ban(hub: Hub, member: Member, rest: str) -> None:
    name, _, length = rest.partition(" ")
    seconds = duration(length) if length else 3600.0
    if not name or seconds is None:
        usage(member, "ban")
        return
    direct = Direct("ban", name, member.name, seconds=seconds)
    hub.ask(direct, member.inform)
    if is_address(name):
        hub.bus.broadcast(direct)


def _mute(hub: Hub, member: Member, rest: str) -> None:
    name, _, length = rest.partition(" ")
    seconds = duration(length) if length else 60.0
    if not name or seconds is None:
        usage(member, "mute")
    else:
        hub.ask(Direct("mute", name, member.name, seconds=seconds), member.inform)


def _notice(hub: Hub, member: Member, rest: str) -> None:
    if not rest:
        usage(member, "notice")
        return
    direct = Direct("notice", "", member.name, rest)
    hub.act(direct)
    hub.bus.broadcast(direct)


def duration(text: str) -> float | None:
    """Seconds of 30s, 5m, 2h or a bare number; None for what is none."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in "smhd" else (text, "s")
    if not (number.isascii() and number.isdigit()) or len(number) > 6:
        return None
    return float(int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit])


COMMANDS: dict[str, Command] = {
    "help": Command(_help, "", "this list"),
    "nick": Command(_nick, "NAME", "be called so"),
    "who": Command(_who, "[ROOM]", "who is here"),
    "rooms": Command(_rooms, "", "the rooms, and how many are in each"),
    "join": Command(_join, "ROOM", "go to another room"),
    "msg": Command(_msg, "NAME TEXT", "say it to one alone"),
    "me": Command(_me, "TEXT", "say what you do"),
    "history": Command(_history, "[N]", "the last lines, 20 or N"),
    "ignore": Command(_ignore, "[NAME]", "do not hear somebody, or hear him again"),
    "ping": Command(_ping, "", "is the server there?"),
    "quit": Command(_quit, "[TEXT]", "leave"),
    "op": Command(_op, "PASSWORD", "become a moderator", moderators=True),
    "kick": Command(_kick, "NAME [WHY]", "put somebody out", moderators=True),
    "ban": Command(_ban, "NAME|ADDRESS [1h]", "keep an address out", moderators=True),
    "mute": Command(_mute, "NAME [1m]", "let somebody listen alone", moderators=True),
    "notice": Command(_notice, "TEXT", "tell everybody, in all rooms", moderators=True),
}
