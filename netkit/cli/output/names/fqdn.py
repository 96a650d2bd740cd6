"""`fqdn`: one line, the name; with --all or in JSON every source.

JSON: time, input, name, source, exit_code, confirmed, agree, sources (source, asked,
name, confirmed, detail, elapsed_ms), error.
"""

from collections.abc import Iterable
from typing import Any

from netkit.cli.output.sink import now
from netkit.dns.naming import Fqdn
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
            {
                "source": one.source,
                "asked": one.asked,
                "name": one.name,
                "confirmed": one.confirmed,
                "detail": one.detail,
                "elapsed_ms": one.elapsed_ms,
            }
            for one in found.sources
        ],
        "error": {"kind": _kind(found), "message": found.detail, "hint": None} if failed else None,
    }


def _kind(found: Fqdn) -> str:
    if found.exit is Exit.USAGE:
        return "badname"
    return "interrupted" if found.exit is Exit.INTERRUPTED else "no_full_name"


def plain(found: Fqdn) -> Iterable[str]:
    """The name; with --all a line a source: SOURCE, ASKED, NAME and DETAIL behind tabs, what is not known empty."""
    if found.every:
        for one in found.sources:
            yield "\t".join((one.source, one.asked or "", one.name or "", one.detail or ""))
        return
    if found.name:
        yield found.name
