"""A line of a chat on a terminal: names in colour, what the server says dim, and nothing that the terminal acts on.

What came is made safe here as well: a server may relay whatever it likes. Escape sequences are written by hand, since
the client on a terminal writes above the line that is being typed, where Rich is not needed.
"""

import time

from netkit.chat.join.received import Received, body_of
from netkit.chat.text import safe
from netkit.cli.output.escape import visible

NAMES = (32, 36, 35, 33, 34, 92, 96, 95)  # SGR foreground: green, cyan, magenta, yellow, blue, and bright ones
DIM, BOLD, YELLOW, RESET = "\x1b[2m", "\x1b[1m", "\x1b[33m", "\x1b[0m"
GAP = "* lines may be missing: the connection was away"


def harmless(line: bytes) -> str:
    return visible(safe(line).decode(), lines=True)


def text(one: Received) -> str:
    """The line without colour, and without its end."""
    return GAP if one.kind == "gap" else harmless(body_of(one.raw))


def styled(one: Received, *, color: bool = True, clock: bool = False, mine: bool = False) -> str:
    """clock: with the time of day. mine: it has the reader's name in it."""
    shown = text(one)
    when = clock_time(one.time, color=color) if clock else ""
    if not color:
        return when + shown
    if one.kind == "gap":
        return f"{when}{YELLOW}{shown}{RESET}"
    if one.kind in ("join", "leave", "nick", "notice", "history"):
        return f"{when}{DIM}{shown}{RESET}"
    name = visible(one.name)
    end = shown.find(name) + len(name) + 1  # with the bracket behind
    if not name or end <= len(name):
        return when + shown
    head, rest = f"{BOLD}\x1b[{hue(one.name)}m{shown[:end]}{RESET}", shown[end:]
    return f"{when}{head}{BOLD}{rest}{RESET}" if mine or one.kind == "private" else f"{when}{head}{rest}"


def clock_time(moment: float, *, color: bool) -> str:
    """The time of day, with a space behind."""
    shown = time.strftime("%H:%M:%S ", time.localtime(moment))
    return f"{DIM}{shown}{RESET}" if color else shown


def hue(name: str) -> int:
    """The same colour for a name in every client."""
    return NAMES[sum(name.encode()) % len(NAMES)]
