"""Reads options, as they are and as a fresh socket of the kind has them.

`show` reads all, `get` some. Where the socket itself is out of reach, both answer with what netlink tells of it and
say so. The options whose reading takes something from the owner are never read (`Option.never`).
"""

import errno
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from netkit.errors import BadInput, LocalFailure, Unreachable
from netkit.events import OnEvent
from netkit.net import tcp_info
from netkit.net.tcp_info import TcpInfo
from netkit.sockopt.borrow import NOT_ALLOWED
from netkit.sockopt.option import SOCKET, Option
from netkit.sockopt.queues import Queues, memory_of, queues_of, queues_seen
from netkit.sockopt.sockets import Nature, nature_of
from netkit.sockopt.table import BY_NAME, OPTIONS, candidates, choose
from netkit.sockopt.target import Found, Target, find, fresh, opened, parse_target
from netkit.sockopt.values import Value, decode
from netkit.sockopt.who import Who, address_text, who_is, who_seen

if TYPE_CHECKING:
    from netkit.sockopt.diag import Seen

ABSENT = (errno.ENOPROTOOPT, errno.EOPNOTSUPP)
REASONS = {
    errno.ENOTCONN: "not connected",
    errno.ENODATA: "none",
    errno.EINVAL: "not in this state",
    errno.EPERM: "not permitted",
}
T = TypeVar("T")
Defaults = dict[Nature, Mapping[str, Value]]  # of fresh sockets, read once a command
PARTIAL = "needs CAP_SYS_PTRACE; this is what netlink tells of any socket"


class Reading(NamedTuple):
    """One option. value is None where there is none, reason says why; default is a fresh socket's.

    note: what else explains the value.
    """

    option: Option
    value: Value
    default: Value = None
    reason: str = ""
    note: str = ""

    @property
    def changed(self) -> bool:
        """Whether it differs from the default, of a setting that has one."""
        return not self.option.fact and None not in (self.value, self.default) and self.value != self.default


class Snapshot(NamedTuple):
    """What one socket is like.

    partial: "" when it was read itself, else why it is a part alone. left_out: readings that were taken out.
    asked: it has the options that were named, not all.
    """

    who: Who
    readings: tuple[Reading, ...]
    tcp_info: TcpInfo | None
    queues: Queues
    memory: dict[str, int] | None
    partial: str = ""
    left_out: int = 0
    asked: bool = False

    def changed_only(self) -> "Snapshot":
        """The same with the readings alone that differ from a fresh socket's."""
        changed = tuple(one for one in self.readings if one.changed)
        return self._replace(readings=changed, left_out=len(self.readings) - len(changed))


def show(target: str, *, on_event: OnEvent | None = None) -> Iterator[Snapshot]:
    """Every option of every socket the target leads to. Raises BadInput, Unreachable, No, LocalFailure."""
    known: Defaults = {}
    return each(parse_target(target), lambda found: look(found, None, known, on_event=on_event))


def each(target: Target, act: Callable[[Found], T]) -> Iterator[T]:
    """What `act` gives for each socket; of several, one that its owner closes meanwhile is passed over."""
    gone, seen = None, False
    for found in find(target):
        try:
            yield act(found)
            seen = True
        except Unreachable as exc:
            gone = exc
    if gone and not seen:
        raise gone


def get(target: str, names: Sequence[str], *, on_event: OnEvent | None = None) -> Iterator[Snapshot]:
    """The named options; what a socket has not is a Reading with a reason. Raises as `show`."""
    asked = parse_target(target)
    for name in names:
        for option in candidates(name):
            if option.never:
                raise BadInput(f"{option.name} is never read: {option.never}", kind="never_read")
            if not option.readable:
                raise BadInput(f"{option.name} can be set, not read", kind="write_only")
    known: Defaults = {}
    return each(asked, lambda found: look(found, names, known, on_event=on_event))


def look(
    found: Found, names: Sequence[str] | None, known: Defaults | None = None, *, on_event: OnEvent | None = None
) -> Snapshot:
    """One socket, or what netlink tells of it. known: the defaults read before. Raises as `show`."""
    known = {} if known is None else known
    try:
        with opened(found, on_event=on_event) as sock:
            return _read(found, sock, names, known)
    except LocalFailure as exc:
        if exc.kind != NOT_ALLOWED or found.inode is None:
            raise
        from netkit.sockopt.diag import by_inode

        seen = found.seen or by_inode(found.inode)
        if seen is None:
            raise
        return _told(found, seen, names, known)


def _read(found: Found, sock: socket.socket, names: Sequence[str] | None, known: Defaults) -> Snapshot:
    nature = nature_of(sock)
    defaults = defaults_of(nature, known) if found.fresh is None else None
    readings = []
    for option in everything(nature) if names is None else [choose(name, nature) for name in names]:
        value, reason = value_of(sock, option)
        if names is None and reason == "absent":
            continue
        if reason == "absent":
            reason = f"a {nature.text} socket has no such option"
        default = value if defaults is None else defaults.get(option.name)
        readings.append(Reading(option, value, None if option.fact else default, reason))
    info = tcp_info.read(sock)
    listens = value_of(sock, BY_NAME["SO_ACCEPTCONN"])[0] if "SO_ACCEPTCONN" in BY_NAME else None
    who = who_is(found, sock, info, listens=bool(listens))
    return Snapshot(
        who, _explained(readings, sock, who), info, queues_of(sock, info), memory_of(sock), asked=names is not None
    )


def _told(found: Found, seen: "Seen", names: Sequence[str] | None, known: Defaults) -> Snapshot:
    defaults = defaults_of(seen.nature, known)
    if names is None:
        options = [option for option in everything(seen.nature) if option.name in seen.values]
    else:
        options = [choose(name, seen.nature) for name in names]
    readings = []
    for option in options:
        there = option.name in seen.values
        value: Value = seen.values.get(option.name)
        if there and option.names:
            value = next((word for word, number in option.names.items() if number == value and word != "cs0"), value)
        reason = "" if there else "netlink does not tell it: needs CAP_SYS_PTRACE"
        readings.append(Reading(option, value, None if option.fact else defaults.get(option.name), reason))
    info = tcp_info.decode(seen.tcp_info) if seen.tcp_info else None
    who = who_seen(found, seen)
    return Snapshot(who, tuple(readings), info, queues_seen(seen), seen.memory, PARTIAL, asked=names is not None)


def everything(nature: Nature) -> Iterator[Option]:
    """The options that `show` reads of such a socket."""
    for option in OPTIONS:
        if option.readable and option.shown and option.level in nature.levels and option.fits(nature.kinds):
            yield option


def value_of(sock: socket.socket, option: Option) -> tuple[Value, str]:
    """(value, reason): the value, or None and why there is none; "absent" when such a socket has no such option."""
    if option.never:
        raise AssertionError(f"{option.name} is never read")
    try:
        if option.kind == "sockaddr":
            return address_text(sock.getpeername()), ""
        level = socket.SOL_SOCKET if option.level == SOCKET else option.level
        raw = sock.getsockopt(level, option.number, option.size)
    except OSError as exc:
        return None, "absent" if exc.errno in ABSENT else REASONS.get(exc.errno or 0, exc.strerror or str(exc))
    if option.kind == "tcp_info":
        info = tcp_info.decode(raw)
        return {"state": info.state, **info.values}, ""
    return decode(option, raw), ""


def defaults_of(nature: Nature, known: Defaults) -> Mapping[str, Value]:
    """What a fresh socket of that nature has, here: empty where none can be made."""
    if nature not in known:
        known[nature] = {}
        with suppress(LocalFailure, OSError), fresh(nature) as sock:
            known[nature] = {option.name: value_of(sock, option)[0] for option in everything(nature)}
    return known[nature]


def _explained(readings: list[Reading], sock: socket.socket, who: Who) -> tuple[Reading, ...]:
    """Says of values that differ whether the program set them or the kernel did."""
    fixed, _ = value_of(sock, BY_NAME["SO_BUF_LOCK"]) if "SO_BUF_LOCK" in BY_NAME else (None, "")
    notes = {}
    if fixed is not None and who.nature.protocol is not None:
        notes = {f"SO_{end}BUF": "autotuned" for end in ("SND", "RCV") if end.lower() not in fixed.split(",")}
    if who.peer is not None:
        notes |= {"TCP_MAXSEG": "negotiated", "TCP_WINDOW_CLAMP": "from the receive buffer", "TCP_QUICKACK": "varies"}
    return tuple(one._replace(note=notes.get(one.option.name, "")) if one.changed else one for one in readings)
