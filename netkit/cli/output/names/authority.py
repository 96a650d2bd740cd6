"""`resolve --authoritative`: a line a name server's address in a pipe, one JSON object a name.

Plain: zone, name server, address, serial, `ok`, `differs` or `lame`, why, and what it says of each type, behind tabs.
JSON, with KEYS, always all; servers: name, address, serial, lame, serial_differs, ns_differs, elapsed_ms, and answers
of each type: type, outcome, data, differs.
"""

from collections.abc import Iterable
from typing import Any

from netkit.cli.output.say import say
from netkit.cli.output.sink import failure, now
from netkit.dns.authority import Authority, NameServer, Said

KEYS = ("time", "input", "name", "zone", "exit_code", "servers", "error")


def document(found: Authority) -> dict[str, Any]:
    return {
        "time": now(),
        "input": found.input,
        "name": found.name,
        "zone": found.zone,
        "exit_code": int(found.exit),
        "servers": [_server(one) for one in found.servers],
        "error": failure(found.error),
    }


def _server(one: NameServer) -> dict[str, Any]:
    return {
        "name": one.name,
        "address": one.address,
        "serial": one.serial,
        "lame": one.lame,
        "serial_differs": one.serial_differs,
        "ns_differs": one.ns_differs,
        "answers": [
            {"type": said.type, "outcome": said.outcome.value, "data": data(said), "differs": said.differs}
            for said in one.said
        ],
        "elapsed_ms": one.elapsed_ms,
    }


def data(said: Said) -> list[str]:
    return [record.data for record in said.records]


def state(one: NameServer) -> str:
    if one.lame is not None:
        return "lame"
    return "differs" if remarks(one) else "ok"


def remarks(one: NameServer) -> str:
    parts = [
        "another serial" if one.serial_differs else "",
        "other NS records" if one.ns_differs else "",
        *(f"another {said.type}" for said in one.said if said.differs),
    ]
    return ", ".join(part for part in parts if part)


def plain(found: Authority) -> Iterable[str]:
    if found.error:
        say(f"netkit: {found.error.message}", found.error.hint)
    for one in found.servers:
        said = (f"{said.type} {said.outcome.value} {' '.join(data(said))}".rstrip() for said in one.said)
        serial = "-" if one.serial is None else str(one.serial)
        yield "\t".join(
            (found.zone or "", one.name, one.address or "-", serial, state(one), one.lame or remarks(one), *said)
        )
