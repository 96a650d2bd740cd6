"""The event log of the echo and hello servers, as JSON and plain lines.

JSON keys: time, event (listening, open, close, refused, greeted, stats, limit, draining, end), transport, address,
peer, id, received_bytes, sent_bytes, duration_ms, reason (eof, reset, idle, shutdown, reset_after, max_conns, per_host,
rate, source, unnamed, too_long, descriptors, tls, log, error), detail, times, and stats: all counters, with stats and
end.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sink import rfc3339
from netkit.echo.server.event import Event


def document(event: Event) -> dict[str, Any]:
    counts = event.snapshot
    return {
        "time": rfc3339(event.time),
        "event": event.event,
        "transport": event.transport or None,
        "address": event.address or None,
        "peer": event.peer or None,
        "id": event.id,
        "received_bytes": event.received,
        "sent_bytes": event.sent,
        "duration_ms": None if event.seconds is None else round(event.seconds * 1000, 3),
        "reason": event.reason,
        "detail": event.detail or None,
        "times": event.times,
        "stats": None if counts is None else {**counts._asdict(), "refused": dict(counts.refused)},
    }


def plain(event: Event) -> Iterator[str]:
    yield f"{rfc3339(event.time)} {event.event} {said(event)}".rstrip()


def said(event: Event) -> str:
    """What a line has behind its time and event: who, and what came of it."""
    if event.event == "listening":
        return f"{event.transport} {event.address}" + (f" {event.detail}" if event.detail else "")
    if event.event in ("end", "stats") and event.snapshot is not None:
        return summary(event)
    if event.reason == "log":
        return f"{event.times} events are missing here: standard output was not read"
    words = [event.transport, event.peer]
    if event.id is not None:
        words.append(f"#{event.id}")
    if event.received is not None and event.sent is not None and event.seconds is not None:
        words.append(f"received {event.received} sent {event.sent} in {event.seconds:.3f} s")
    words += [event.reason or "", event.detail]
    if event.times is not None and event.times != 1:
        words.append(f"{event.times} times" if event.event == "refused" else f"{event.times} connections")
    return " ".join(word for word in words if word)


def summary(event: Event) -> str:
    """All counts in one line, those that are zero left out."""
    counts = event.snapshot
    assert counts is not None
    refused = sum(counts.refused.values())
    parts = [
        (counts.connections, f"{counts.connections} connections"),
        (counts.stream_received, f"{counts.stream_received} bytes in, {counts.stream_sent} out"),
        (counts.datagrams_received, f"{counts.datagrams_received} datagrams in, {counts.datagrams_sent} out"),
        (counts.send_errors, f"{counts.send_errors} not sent"),
        (counts.kernel_dropped, f"{counts.kernel_dropped} dropped by the kernel"),
        (counts.faults, f"{counts.faults} faults"),
        (refused, f"{refused} refused"),
    ]
    return "; ".join(text for number, text in parts if number) or "nobody came"
