"""`resolve --trace-root`: a line a step in a pipe, then the answer's records; one JSON object a name and type.

Plain, behind tabs: `step`, depth, the zone asked, server, address, what came (`referral` or an outcome), where it
leads, ms; then `answer`, name, TTL, type, data. JSON, with KEYS, always all; steps: depth, name, type, zone, server,
address, outcome, referral, name_servers, answers, rejected, elapsed_ms. With @SERVER the first step is its word on who
serves the root: a referral from `.` to `.`.
"""

from collections.abc import Iterable
from typing import Any

from netkit.cli.output.say import say
from netkit.cli.output.sink import now
from netkit.dns.descent import Descent, Step
from netkit.dns.result import MEANING, Outcome, Record

KEYS = ("time", "input", "name", "type", "outcome", "exit_code", "answers", "steps", "elapsed_ms", "error")


def document(found: Descent) -> dict[str, Any]:
    return {
        "time": now(),
        "input": found.input,
        "name": found.name,
        "type": found.type,
        "outcome": found.outcome.value,
        "exit_code": int(found.exit),
        "answers": [_record(one) for one in found.records],
        "steps": [_step(one) for one in found.steps],
        "elapsed_ms": round(sum(one.elapsed_ms for one in found.steps), 3),
        "error": None
        if found.outcome is Outcome.ANSWER
        else {"kind": found.outcome.value, "message": message(found), "hint": None},
    }


def _record(one: Record) -> dict[str, Any]:
    return {"name": one.name, "type": one.type, "class": one.rdclass, "ttl": one.ttl, "data": one.data}


def _step(one: Step) -> dict[str, Any]:
    return {
        "depth": one.depth,
        "name": one.name,
        "type": one.type,
        "zone": one.zone,
        "server": one.server,
        "address": one.address,
        "outcome": came(one),
        "referral": one.referral,
        "name_servers": list(one.name_servers),
        "answers": [_record(record) for record in one.records],
        "rejected": [{"from": r.server, "reason": r.reason} for r in one.rejected],
        "elapsed_ms": one.elapsed_ms,
    }


def came(one: Step) -> str:
    return "referral" if one.referral else one.outcome.value


def message(found: Descent) -> str:
    text = f"{found.name} {found.type}: {found.outcome.value}: {MEANING[found.outcome]}"
    return f"{text} ({found.detail})" if found.detail else text


def plain(found: Descent) -> Iterable[str]:
    for one in found.steps:
        leads = one.referral or " ".join(record.data for record in one.records) or "-"
        columns = (str(one.depth), one.zone, one.server, one.address, came(one), leads, f"{one.elapsed_ms:.3f}")
        yield "\t".join(("step", *columns))
    for record in found.records:
        yield "\t".join(("answer", record.name, str(record.ttl), record.type, record.data))
    if found.outcome is not Outcome.ANSWER:
        say(f"netkit: {message(found)}")
