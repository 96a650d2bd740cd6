"""`sockopt list`, `show` and `get`: one JSON object a row of the table or a socket, one line an option in a pipe.

JSON of `list`: name, level, level_number, number, type, unit, access, low, high, values, capability, sockets, never,
meaning. JSON of `show` and `get`, an object a socket: time, those of `who` (target, pid, fd, command, uid, inode, kind,
family, type, protocol, local, peer, state), partial, options (name, level, number, value, unit, default, changed,
access, capability, reason, note, meaning), tcp_info, queues, memory.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from netkit.cli.output.sink import rfc3339
from netkit.net.tcp_info import FIELDS, TcpInfo
from netkit.sockopt.option import Option
from netkit.sockopt.queues import Queues
from netkit.sockopt.read import Reading, Snapshot
from netkit.sockopt.values import MEMORY, text
from netkit.sockopt.who import Who

UNITS = {field.name: field.unit for field in FIELDS}


def now(at: float | None = None) -> str:
    return rfc3339(datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC))


def document(result: Option | Snapshot) -> dict[str, Any]:
    return listed(result) if isinstance(result, Option) else snapshot(result)


def listed(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "level": option.level_name,
        "level_number": option.level,
        "number": option.number,
        "type": option.kind,
        "unit": option.unit or None,
        "access": option.access,
        "low": option.low,
        "high": option.high,
        "values": dict(option.names) or None,
        "capability": option.cap or None,
        "sockets": option.kinds.split() or None,
        "never": option.never or None,
        "meaning": option.meaning,
    }


def snapshot(shown: Snapshot) -> dict[str, Any]:
    return {
        "time": now(),
        **who(shown.who),
        "partial": shown.partial or None,
        "options": [reading(one) for one in shown.readings],
        "tcp_info": tcp_info(shown.tcp_info),
        "queues": queues(shown.queues),
        "memory": memory(shown.memory),
    }


def reading(one: Reading) -> dict[str, Any]:
    return {
        "name": one.option.name,
        "level": one.option.level_name,
        "number": one.option.number,
        "value": one.value,
        "unit": one.option.unit or None,
        "default": one.default,
        "changed": one.changed,
        "access": one.option.access,
        "capability": one.option.cap or None,
        "reason": one.reason or None,
        "note": one.note or None,
        "meaning": one.option.meaning or None,
    }


def who(one: Who) -> dict[str, Any]:
    return {
        "target": one.label,
        "pid": one.pid,
        "fd": one.fd,
        "command": one.command,
        "uid": one.uid,
        "inode": one.inode,
        "kind": one.nature.text,
        "family": one.nature.family,
        "type": one.nature.type,
        "protocol": one.nature.protocol,
        "local": one.local,
        "peer": one.peer,
        "state": one.state,
    }


def tcp_info(info: TcpInfo | None) -> dict[str, Any] | None:
    if info is None:
        return None
    head = {key: value for key, value in info._asdict().items() if key != "values"}
    return {**head, "options": list(info.options), **{field.name: info.values.get(field.name) for field in FIELDS}}


def queues(found: Queues) -> dict[str, int | None]:
    return {
        "receive_bytes": found.receive,
        "send_bytes": found.send,
        "unsent_bytes": found.unsent,
        "accept": found.accept,
        "backlog": found.backlog,
    }


def memory(found: dict[str, int] | None) -> dict[str, int | None] | None:
    return None if found is None else {name: found.get(name) for name in MEMORY}


def plain(result: Option | Snapshot) -> Iterator[str]:
    """Of the table: name, level:number, type, unit, range, access, capability, meaning. Of a socket: its label, level,
    name, value, unit, default.

    `-` where there is nothing. What is no option comes with the level tcp_info, queues or memory.
    """
    if isinstance(result, Option):
        yield "\t".join(
            (
                result.name,
                f"{result.level}:{result.number}",
                result.kind,
                result.unit or "-",
                span(result),
                "never read" if result.never else result.access,
                result.cap or "-",
                result.meaning,
            )
        )
        return
    for level, name, value, unit, default in rows(result):
        yield "\t".join((result.who.label, level, name, value, unit or "-", default))


def span(option: Option) -> str:
    """The words or the numbers that an option takes: do|dont, 1..127, flags as snd,rcv."""
    if option.names:
        return ("," if option.kind == "flags" else "|").join(option.names)
    if option.low is None and option.high is None:
        return "-"
    return "..".join("" if end is None else str(end) for end in (option.low, option.high))


def rows(shown: Snapshot) -> Iterator[tuple[str, str, str, str, str]]:
    """(level, name, value, unit, default) of all there is."""
    for one in shown.readings:
        default = "-" if one.option.fact else filled(one.default)
        yield one.option.level_name, one.option.name, filled(one.value), one.option.unit, default
    if shown.left_out or shown.asked:
        return
    for name, number in (tcp_info(shown.tcp_info) or {}).items():
        if number is not None:
            yield "tcp_info", name, text(number) or "-", UNITS.get(name, ""), "-"
    for name, number in queues(shown.queues).items():
        if number is not None:
            yield "queues", name.removesuffix("_bytes"), str(number), "bytes" if name.endswith("bytes") else "", "-"
    for name, number in (shown.memory or {}).items():
        yield "memory", name, str(number), "" if name == "drops" else "bytes", "-"


def filled(value: Any) -> str:
    """The value as text that is never empty."""
    return text(value) or '""'
