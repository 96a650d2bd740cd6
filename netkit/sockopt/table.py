"""The table of options as a whole: found by name, with and without prefix, or by number.

The numbers are those of asm-generic/socket.h and the protocols' headers. Where a system numbers otherwise (macOS;
SOL_SOCKET on alpha, mips, parisc and sparc), an option is offered when Python's `socket` module has its number.
"""

import os
import re
import socket
import sys
from collections.abc import Sequence

from netkit.errors import BadInput, No
from netkit.sockopt import table_ip, table_ipv6, table_socket, table_tcp, table_udp
from netkit.sockopt.option import IPV6, LEVELS, SOCKET, Kind, Option
from netkit.sockopt.sockets import Nature

OWN_HEADERS = ("alpha", "mips", "parisc", "sparc")
PREFIX = re.compile(r"(so|ip|ipv6|tcp|udp)_")
LONGEST = 1024  # bytes that Python's getsockopt() takes


def _here(option: Option) -> Option | None:
    """The option with this system's number; None where it is not known."""
    if sys.platform == "linux" and not (option.level == SOCKET and os.uname().machine.startswith(OWN_HEADERS)):
        return option
    number = getattr(socket, option.name, None)
    return None if number is None else option._replace(number=number)


ROWS = table_socket.OPTIONS + table_ip.OPTIONS + table_ipv6.OPTIONS + table_tcp.OPTIONS + table_udp.OPTIONS
OPTIONS = tuple(found for option in ROWS if (found := _here(option)))
BY_NAME = {option.name: option for option in OPTIONS}
NEVER = {(option.level, option.number): option for option in OPTIONS if option.never}


def bare(name: str) -> str:
    """The name without its level: `rcvbuf` of SO_RCVBUF."""
    return PREFIX.sub("", name.lower(), count=1)


def candidates(name: str) -> tuple[Option, ...]:
    """Every option that a name may mean: SO_RCVBUF, rcvbuf, nodelay, or LEVEL:NUMBER:LEN. Raises BadInput."""
    if ":" in name:
        return (numbered(name),)
    exact = BY_NAME.get(name.upper())
    if exact:
        return (exact,)
    found = tuple(option for option in OPTIONS if bare(option.name) == name.lower())
    if not found:
        raise BadInput(f"{name[:60]!r} is no socket option", kind="unknown_option", hint=_nearest(name))
    return found


def choose(name: str, nature: Nature) -> Option:
    """The option that a name means at such a socket; of several levels the one that fits it. Raises BadInput."""
    found = candidates(name)
    fitting = [option for option in found if option.level in nature.levels and option.fits(nature.kinds)]
    if len(fitting) > 1 and nature.family == "inet6":  # mtu_discover: the IPv6 socket's own, not that of its IPv4 side
        fitting = [option for option in fitting if option.level == IPV6] or fitting
    if len(fitting) > 1 or (len(found) > 1 and not fitting):
        names = " or ".join(option.name for option in fitting or found)
        raise BadInput(f"{name!r} may mean {names}", kind="ambiguous_option", hint="write the name with its prefix")
    return fitting[0] if fitting else found[0]


def numbered(text: str) -> Option:
    """LEVEL:NUMBER:LEN, for what the table lacks; the level may be a word. Raises BadInput."""
    parts = text.split(":")
    levels = {word: number for number, word in LEVELS.items()}
    numbers = [int(part) if part.isascii() and part.isdecimal() and len(part) < 10 else -1 for part in parts]
    if len(parts) == 3 and numbers[0] < 0:
        numbers[0] = levels.get(parts[0].lower(), -1)
    if len(parts) != 3 or min(numbers) < 0 or not 1 <= numbers[2] <= LONGEST:
        raise BadInput(
            f"{text[:60]!r} is no option: LEVEL:NUMBER:LEN are three numbers, LEN 1 to {LONGEST}",
            hint=f"levels by name: {', '.join(levels)}",
        )
    level, number, length = numbers
    known = NEVER.get((level, number))
    kind: Kind = "int" if length == 4 and not known else "bytes"
    never = known.never if known else ""
    return Option(text.lower(), level, number, kind, "", access="" if known else "rw", size=length, never=never)


def search(text: str) -> Sequence[Option]:
    """The options whose name has the text, else those whose meaning has it. Raises No when none does."""
    wanted = text.lower()
    found = [option for option in OPTIONS if wanted in option.name.lower()]
    found = found or [option for option in OPTIONS if wanted in option.meaning.lower()]
    if not found:
        raise No(f"no option has {text[:60]!r} in its name or its meaning", hint="netkit sockopt list shows all")
    return found


def _nearest(name: str) -> str:
    from difflib import get_close_matches  # 4 ms of CPU, for a wrong name alone

    short = {bare(option.name): option.name for option in reversed(OPTIONS)}
    close = get_close_matches(name.upper(), list(BY_NAME), n=3, cutoff=0.75)
    close += [short[found] for found in get_close_matches(bare(name), list(short), n=3, cutoff=0.6)]
    if close:
        return f"did you mean {', '.join(dict.fromkeys(close[:4]))}?"
    return "netkit sockopt list shows all; LEVEL:NUMBER:LEN takes any other"
