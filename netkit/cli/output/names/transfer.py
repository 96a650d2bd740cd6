"""A zone transfer (`resolve -t AXFR`, `-t IXFR=SERIAL`): a line or an object a record, then one for how it ended.

Plain: lines of a zone file; of differences, each behind `-` or `+` and a tab. JSON, with KEYS, always all: event is
`record` (action zone, delete or add; name, ttl, class, type, data) or `end` (serial, incremental, up_to_date, records,
messages, octets, elapsed_ms, outcome, exit_code, error).
"""

from collections.abc import Iterable
from typing import Any

from netkit.cli.output.sink import failure, now
from netkit.dns.transfer.protocol import Change
from netkit.dns.transfer.stream import Summary
from netkit.errors import Exit

KEYS = (
    "time", "event", "action", "name", "ttl", "class", "type", "data", "zone", "server", "outcome", "exit_code",
    "serial", "incremental", "up_to_date", "records", "messages", "octets", "elapsed_ms", "error",
)  # fmt: skip
SIGNS = {"zone": "", "delete": "-\t", "add": "+\t"}


def document(one: Change | Summary) -> dict[str, Any]:
    keys: dict[str, Any] = dict.fromkeys(KEYS)
    if isinstance(one, Change):
        record = one.record
        return keys | {
            "time": now(), "event": "record", "action": one.action, "name": record.name, "ttl": record.ttl,
            "class": record.rdclass, "type": record.type, "data": record.data,
        }  # fmt: skip
    return keys | {
        "time": now(), "event": "end", "type": one.type, "zone": one.zone, "server": one.server,
        "outcome": one.outcome.value, "exit_code": int(one.error.exit if one.error else Exit.OK), "serial": one.serial,
        "incremental": one.incremental, "up_to_date": one.up_to_date, "records": one.records,
        "messages": one.messages, "octets": one.octets, "elapsed_ms": one.elapsed_ms, "error": failure(one.error),
    }  # fmt: skip


def line(one: Change) -> str:
    record = one.record
    return f"{SIGNS[one.action]}{record.name}\t{record.ttl}\t{record.rdclass}\t{record.type}\t{record.data}"


def plain(one: Change | Summary) -> Iterable[str]:
    return (line(one),) if isinstance(one, Change) else ()


def summary(one: Summary) -> str:
    """What it came to, in words; of one that failed, what there is before the error."""
    if one.up_to_date:
        return f"{one.zone} is at serial {one.serial}: there is nothing newer"
    what = "differences" if one.incremental else "records"
    parts = [f"{one.records} {what}", f"serial {one.serial}", one.server, f"{one.octets} octets"]
    return " · ".join((*parts, f"{one.elapsed_ms:.1f} ms"))
