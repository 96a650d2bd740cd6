"""Sets options, and tells what became of each: before, asked, effective, and why they differ.

Everything is checked before the first option is set: names, values, that they can be set at all. Each option is read
again afterwards, since "ok" from setsockopt(2) does not mean that the value is the one asked for.
"""

import errno
import socket
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netkit.errors import BadInput, Exit, LocalFailure, NetkitError, No
from netkit.events import OnEvent, Step
from netkit.net import tcp_info
from netkit.sockopt.encode import encode, takes
from netkit.sockopt.option import SOCKET, Option
from netkit.sockopt.read import each, value_of
from netkit.sockopt.sockets import nature_of
from netkit.sockopt.table import BY_NAME, candidates, choose
from netkit.sockopt.target import Found, opened, parse_target
from netkit.sockopt.values import Value, decode
from netkit.sockopt.who import Who, who_is
from netkit.sockopt.why import explain, sysctl


class Change(NamedTuple):
    """One option set. why: what explains an effective value that is not the one asked for. error: it was refused.

    connected: the value after connect(), of `attempt` alone.
    """

    option: Option
    asked: str
    before: Value
    effective: Value
    ok: bool
    why: str = ""
    error: NetkitError | None = None
    connected: Value = None

    @property
    def exit(self) -> Exit:
        if self.error:
            return self.error.exit
        return Exit.OK if self.ok else Exit.NO


class Changed(NamedTuple):
    """What was set on one socket."""

    who: Who
    changes: tuple[Change, ...]


def change(target: str, assignments: Sequence[str], *, on_event: OnEvent | None = None) -> Iterator[Changed]:
    """Set options of every socket the target leads to. Raises BadInput, Unreachable, No, LocalFailure (not allowed)."""
    asked = parse_target(target)
    wanted = parse(assignments)
    return each(asked, lambda found: _change(found, wanted, on_event))


def _change(found: Found, wanted: Sequence[tuple[str, str]], on_event: OnEvent | None) -> Changed:
    with opened(found, on_event=on_event) as sock:
        changes = apply(sock, wanted, on_event=on_event)
        return Changed(who_is(found, sock, tcp_info.read(sock)), changes)


def parse(assignments: Sequence[str]) -> list[tuple[str, str]]:
    """(name, value) of each NAME=VALUE. Raises BadInput for what no socket would take."""
    wanted = []
    for assignment in assignments:
        name, equals, word = assignment.partition("=")
        if not equals:
            raise BadInput(f"{assignment[:60]!r} is not NAME=VALUE", hint=_example(name))
        failures = []
        for option in candidates(name):
            try:
                if not option.writable:
                    taken = "takes an address in the program's own memory" if option.kind == "pointer" else "only told"
                    raise BadInput(f"{option.name} cannot be set: it is {taken}", kind="read_only")
                encode(option, word)
            except BadInput as exc:
                failures.append(exc)
        if len(failures) == len(candidates(name)):
            raise failures[0]
        wanted.append((name, word))
    return wanted


def _example(name: str) -> str:
    option = candidates(name)[0]
    return f"{option.name}=..., it takes {'on or off' if option.kind == 'bool' else takes(option)}"


def apply(
    sock: socket.socket, wanted: Sequence[tuple[str, str]], *, on_event: OnEvent | None = None
) -> tuple[Change, ...]:
    """Set the options on a socket, in their order. Raises BadInput for a name that fits several, before any is set."""
    nature = nature_of(sock)
    chosen = [(choose(name, nature), word) for name, word in wanted]
    data = [encode(option, word) for option, word in chosen]
    return tuple(_set(sock, option, word, raw, on_event) for (option, word), raw in zip(chosen, data, strict=True))


def _set(sock: socket.socket, option: Option, word: str, raw: bytes, on_event: OnEvent | None) -> Change:
    shows = BY_NAME.get(option.reads_as, option)
    before = value_of(sock, shows)[0] if shows.readable else None
    level = socket.SOL_SOCKET if option.level == SOCKET else option.level
    step = Step("setsockopt", detail=f"{option.name}={word}")
    try:
        sock.setsockopt(level, option.number, raw)
    except OSError as exc:
        absent = shows.readable and value_of(sock, shows)[1] == "absent"
        error = refused(option, word, f"{nature_of(sock).text} socket", exc, absent=absent)
        if on_event:
            on_event(step._replace(result=exc.strerror or str(exc)))
        return Change(option, word, before, before, False, "", error)
    if on_event:
        on_event(step)
    effective = value_of(sock, shows)[0] if shows.readable else None
    ok, why = explain(option, decode(option, raw), effective, before)
    return Change(option, word, before, effective, ok, why)


def refused(option: Option, word: str, kind: str, exc: OSError, *, absent: bool) -> NetkitError:
    """What the kernel's refusal means; absent: that such a socket has no such option."""
    what = f"{option.name}={word[:60]}"
    if exc.errno in (errno.EPERM, errno.EACCES):
        hint: str | None = "run it as root, or give the process the capability"
        needs = option.cap or "CAP_NET_ADMIN"
        if option.name == "TCP_CONGESTION":
            hint = f"anybody may take: {sysctl('ipv4.tcp_allowed_congestion_control') or 'the default'}"
        return LocalFailure(f"{what}: not permitted: needs {needs}", kind="not_permitted", hint=hint)
    if exc.errno == errno.ENOENT and option.name == "TCP_CONGESTION":
        there = sysctl("ipv4.tcp_available_congestion_control")
        return No(
            f"{what}: this kernel has no such algorithm", kind="refused", hint=f"it has: {there}" if there else None
        )
    if exc.errno in (errno.ENOPROTOOPT, errno.EOPNOTSUPP):
        return No(f"{what}: a {kind} {'has no such option' if absent else 'takes no such option'}", kind="refused")
    hint = HINTS.get(option.name) or (f"it takes {takes(option)}" if exc.errno in (errno.EINVAL, errno.EDOM) else None)
    return No(f"{what}: the kernel refused it: {exc.strerror}", kind="refused", hint=hint)


HINTS = {
    "IPV6_V6ONLY": "it can be set before bind() alone",
    "TCP_MAXSEG": "0, or 88 to 32767 bytes",
    "TCP_FASTOPEN_CONNECT": "before connect() alone; net.ipv4.tcp_fastopen must allow it",
    "TCP_REPAIR": "the socket must be closed or established",
    "TCP_ULP": "an established connection, and a kernel that has the protocol",
    "IP_TTL": "-1, or 1 to 255 hops",
}
