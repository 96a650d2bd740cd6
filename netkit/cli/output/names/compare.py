"""`resolve --compare`: a line a view in a pipe, one JSON object a name and type.

Plain: name, type, source, outcome, what is everywhere the same, and what is not, behind tabs. JSON, with KEYS, always
all; views: source, outcome, exit_code, data, differing, canonical, ttl, elapsed_ms, rejected, error.
"""

from collections.abc import Iterable
from typing import Any

from netkit.cli.output.names.resolve import HINTS, message
from netkit.cli.output.sink import now
from netkit.dns.compare import Comparison, View
from netkit.dns.result import Outcome
from netkit.net.hostname import to_unicode

KEYS = ("time", "input", "name", "display", "type", "agree", "exit_code", "views", "error")


def document(found: Comparison) -> dict[str, Any]:
    differ = found.agree is False
    return {
        "time": now(),
        "input": found.input,
        "name": found.name,
        "display": to_unicode(found.name) if found.idn else found.name,
        "type": found.type,
        "agree": found.agree,
        "exit_code": int(found.exit),
        "views": [_view(view) for view in found.views],
        "error": {"kind": "differ", "message": verdict(found), "hint": None} if differ else None,
    }


def _view(view: View) -> dict[str, Any]:
    one = view.resolution
    failed = one.outcome is not Outcome.ANSWER
    return {
        "source": view.source,
        "outcome": one.outcome.value,
        "exit_code": int(one.exit),
        "data": list(one.data),
        "differing": list(view.differing),
        "canonical": one.canonical,
        "ttl": min((record.ttl for record in one.records if record.ttl is not None), default=None),
        "elapsed_ms": one.elapsed_ms,
        "rejected": [{"from": r.server, "reason": r.reason} for r in one.rejected],
        "error": {"kind": one.outcome.value, "message": message(one), "hint": HINTS.get(one.outcome)}
        if failed
        else None,
    }


def plain(found: Comparison) -> Iterable[str]:
    for view in found.views:
        one = view.resolution
        same = [data for data in one.data if data not in view.differing]
        columns = (found.name, found.type, view.source, one.outcome.value, "; ".join(same), "; ".join(view.differing))
        yield "\t".join(columns)


def verdict(found: Comparison) -> str:
    """What the comparison comes to, in a line."""
    name = f"{found.input} {found.type}"
    silent = [view for view in found.views if not view.answered]
    without = "".join(f"; {view.source}: {view.resolution.outcome.value}" for view in silent)
    if found.agree is None:
        return f"{name}: nothing to compare{without}"
    answered = len(found.views) - len(silent)
    return f"{name}: {'the same' if found.agree else 'different'} from {answered} sources{without}"
