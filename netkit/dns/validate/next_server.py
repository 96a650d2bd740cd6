"""Whom else to ask: a bogus answer is asked of the next server, within the same deadline (RFC 4035 4.7).

What is bogus at one server may be whole at another: one of them strips signatures, is behind the zone's new keys, or
is lied to. Each of the others is asked alone, for the answer and for the keys on the way, so that what comes is one
server's word; the first that is proven counts. Where none is, the first verdict stands, with what the others gave.
"""

from collections.abc import Sequence
from time import time

from netkit.dns.manner import Manner
from netkit.dns.result import MEANING, Question, Rejected, Resolution
from netkit.dns.servers import Server
from netkit.dns.validate.anchors import Anchors
from netkit.dns.validate.answer import judge
from netkit.dns.validate.verdict import Verdict
from netkit.events import Step

PROVEN = (Verdict.SECURE, Verdict.INSECURE)


def validated(
    questions: Sequence[Question],
    servers: Sequence[Server],
    manner: Manner,
    anchors: Anchors,
    *,
    now: float | None = None,
) -> list[Resolution]:
    """A Resolution with its `dnssec` for each question, in their order.

    now: the time that signatures are held against, that of this machine's clock without it. Raises LocalFailure.
    """
    manner = manner.within_deadline
    now = time() if now is None else now
    found, sources = judge(questions, servers, manner, anchors, now)
    # One whose keys came from several servers may be whole at the one that gave the answer.
    heard = [{one.server} if sources <= {one.server} else set() for one in found]
    for server in servers:
        left = [at for at, one in enumerate(found) if _is_bogus(one) and str(server) not in heard[at]]
        if not left or manner.deadline.passed:
            continue
        came = judge([questions[at] for at in left], [server], manner, anchors, now).resolutions
        for at, one in zip(left, came, strict=True):
            if manner.on_event:
                manner.on_event(Step("recv", found[at].server or "", result=f"rejected: {_reason(found[at])}"))
            found[at] = _of_both(found[at], one)
            heard[at].add(str(server))
    return found


def _is_bogus(one: Resolution) -> bool:
    return one.dnssec is not None and one.dnssec.verdict is Verdict.BOGUS


def _of_both(first: Resolution, second: Resolution) -> Resolution:
    """The second where it is proven, else the first; what the other gave is among the rejected."""
    good = second.dnssec is not None and second.dnssec.verdict in PROVEN
    kept, other = (second, first) if good else (first, second)
    said = (Rejected(other.server, _reason(other)),) if other.server else ()  # without a server: why is there already
    rejected = (*said, *first.rejected, *second.rejected) if good else (*first.rejected, *second.rejected, *said)
    return kept._replace(
        rejected=rejected,
        tries=first.tries + second.tries,
        elapsed_ms=round(first.elapsed_ms + second.elapsed_ms, 3),
    )


def _reason(one: Resolution) -> str:
    return f"{one.outcome.value}: {one.detail or MEANING[one.outcome]}"
