"""`sockopt set`, `try` and `diff`, as JSON and as lines for a pipe.

JSON of `set`, an object a socket: time, those of `who` in the module sockopt beside this, changes (name, level, number,
asked, before, effective, connected, unit, ok, why, error), exit_code. JSON of `try`: time, endpoint, address, local,
changes, tcp_info, exit_code. JSON of `diff`: time, a, b (each as `who`), same, compared, only_a, only_b, partial,
differences (name, level, number, unit, a, b, meaning).
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.say import say
from netkit.cli.output.sink import failure
from netkit.cli.output.sockets.sockopt import filled, now, tcp_info, who
from netkit.errors import combine
from netkit.sockopt.attempt import Tried
from netkit.sockopt.change import Change, Changed
from netkit.sockopt.compare import Difference

Result = Changed | Tried | Difference


def document(result: Result) -> dict[str, Any]:
    if isinstance(result, Difference):
        return {
            "time": now(),
            "a": who(result.a.who),
            "b": who(result.b.who),
            "same": not result.rows,
            "compared": result.compared,
            "only_a": list(result.only_a),
            "only_b": list(result.only_b),
            "partial": result.partial or None,
            "differences": [
                {
                    "name": row.option.name,
                    "level": row.option.level_name,
                    "number": row.option.number,
                    "unit": row.option.unit or None,
                    "a": row.a,
                    "b": row.b,
                    "meaning": row.option.meaning or None,
                }
                for row in result.rows
            ],
        }
    changes = [_change(one) for one in result.changes]
    code = int(combine(one.exit for one in result.changes))
    if isinstance(result, Changed):
        return {"time": now(), **who(result.who), "changes": changes, "exit_code": code}
    return {
        "time": now(),
        "endpoint": result.endpoint,
        "address": result.address,
        "local": result.local or None,
        "changes": changes,
        "tcp_info": tcp_info(result.tcp_info),
        "exit_code": code,
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "name": one.option.name,
        "level": one.option.level_name,
        "number": one.option.number,
        "asked": one.asked,
        "before": one.before,
        "effective": one.effective,
        "connected": one.connected,
        "unit": one.option.unit or None,
        "ok": one.ok,
        "why": one.why or None,
        "error": failure(one.error),
    }


def plain(result: Result) -> Iterator[str]:
    """`set`: socket, name, before, asked, effective, unit, ok or no, why. `try`: the connected value before the unit.

    `diff`: name, a, b, unit. What was refused is said on standard error as well.
    """
    if isinstance(result, Difference):
        if result.partial:
            say(f"netkit: partial: {result.partial}")
        for row in result.rows:
            yield "\t".join((row.option.name, filled(row.a), filled(row.b), row.option.unit or "-"))
        return
    complain(result)
    for one in result.changes:
        columns = [label(result), one.option.name, filled(one.before), one.asked, filled(one.effective)]
        if isinstance(result, Tried):
            columns.append(filled(one.connected))
        why = one.error.message if one.error else one.why
        yield "\t".join([*columns, one.option.unit or "-", "ok" if one.ok else "no", why or "-"])


def label(result: Changed | Tried) -> str:
    return result.who.label if isinstance(result, Changed) else result.address


def complain(result: Changed | Tried) -> None:
    """Say on standard error what was refused, and what is not as asked."""
    for one in result.changes:
        if one.error:
            say(f"netkit: {label(result)}: {one.error.message}", one.error.hint)
        elif not one.ok:
            say(f"netkit: {label(result)}: {one.option.name}={one.asked} is not effective: {one.why}")
