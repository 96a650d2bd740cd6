"""`smtp send`: an outcome for every recipient, as JSON and as plain lines.

JSON, an object a message (with --mx: a message and domain): time, outcome (accepted, refused, deferred, unknown,
partial, failed, or reached for --stop-after), target, address, stage, tls (version, cipher, verified, peer,
not_after), ehlo, auth, pipelined, sender, recipients (address, status, code, enhanced, text), data (code, enhanced,
text, queue_id), bytes, attempts, timings (connect_ms, greeting_ms, ehlo_ms, tls_ms, auth_ms, envelope_ms, data_ms,
total_ms: of the session so far), warnings, error.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sink import failure, now
from netkit.errors import Exit
from netkit.mail.smtp.delivery import Delivery, Outcome
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.transaction import Status

STEPS = ("connect", "greeting", "ehlo", "tls", "auth", "envelope", "data")


def document(delivery: Delivery) -> dict[str, Any]:
    data = delivery.data
    ms = delivery.ms
    return {
        "time": now(),
        "outcome": outcome(delivery),
        "target": delivery.target,
        "address": delivery.address,
        "stage": delivery.stage,
        "tls": None if delivery.tls is None else delivery.tls._asdict(),
        "ehlo": list(delivery.offered),
        "auth": delivery.auth,
        "pipelined": delivery.pipelined,
        "sender": delivery.sender,
        "recipients": [
            {"address": one.address, "status": one.status, **_reply(one.reply)} for one in delivery.recipients
        ],
        "data": None if data is None else {**_reply(data), "queue_id": delivery.queue_id},
        "bytes": delivery.size,
        "attempts": delivery.attempts,
        "timings": None if ms is None else timings(ms),
        "warnings": list(delivery.warnings),
        "error": failure(delivery.error),
    }


def timings(ms: dict[str, float]) -> dict[str, float | None]:
    steps = {f"{name}_ms": round(ms[name], 3) if name in ms else None for name in STEPS}
    return {**steps, "total_ms": round(sum(ms.values()), 3)}


def _reply(reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        return {"code": None, "enhanced": None, "text": None}
    return {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def outcome(delivery: Delivery) -> str:
    """All of it in a word."""
    if delivery.stage is not None and delivery.error is None:
        return "reached" if delivery.exit is Exit.OK else "refused"
    words = {one.status for one in delivery.recipients}
    if len(words) > 1:
        return "partial"
    word = words.pop() if words else Status.unsent
    return "failed" if word is Status.unsent else str(word)


def plain(delivery: Delivery) -> Iterator[str]:
    """A recipient a line: status, address, and what the server said. Failures are told on standard error as well."""
    complain(delivery)
    if delivery.stage is not None and not delivery.recipients:
        if delivery.error is None:
            yield f"reached\t{delivery.stage}\t{heard(delivery)}"
        return
    for one in delivery.recipients:
        yield f"{one.status}\t{one.address}\t{said(one, delivery)}"


def heard(delivery: Delivery) -> str:
    """What a session that was left at a stage had to say there."""
    return str(delivery.data) if delivery.data is not None else "; ".join(delivery.offered)


def said(one: Outcome, delivery: Delivery) -> str:
    """The reason of an outcome in a line."""
    if one.reply is not None and one.status is not Status.unsent:
        return str(one.reply)
    if one.status is Status.unknown:
        return "the answer to the whole message is lost: it may have been delivered"
    if delivery.error is not None:
        return delivery.error.message
    return f"not sent: left after {delivery.stage}" if delivery.stage else "not sent: other recipients were refused"


def complain(delivery: Delivery) -> None:
    from netkit.cli.output.say import say

    if delivery.error is not None:
        say(f"netkit: {delivery.error.message}", delivery.error.hint)
    for warning in delivery.warnings:
        say(f"netkit: {warning}")
