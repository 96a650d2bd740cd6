"""`fqdn`: one line, the name; with --all or in JSON every source.

JSON: time, input, name, source, exit_code, confirmed, agree, sources (source, name, detail, elapsed_ms), error.
"""

from collections.abc import Iterable
from typing import Any

from netkit.cli.output.sink import now
from netkit.dns.full_name import Fqdn
from netkit.errors import Exit


def document(found: Fqdn) -> dict[str, Any]:
    failed = found.exit is not Exit.OK
    return {
        "time": now(),
        "input": found.input,
        "name": found.name,
        "source": found.source,
        "exit_code": int(found.exit),
        "confirmed": found.confirmed,
        "agree": found.agree,
        "sources": [
            {"source": one.source, "name": one.name, "detail": one.detail, "elapsed_ms": one.elapsed_ms}
            for one in found.sources
        ],
        "error": {"kind": "no_full_name", "message": found.detail, "hint": None} if failed else None,
    }


def plain(found: Fqdn) -> Iterable[str]:
    if found.name:
        yield found.name
