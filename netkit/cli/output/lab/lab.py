"""The lab's event log as JSON and plain lines.

JSON keys: time, service, event (listening, ready, query, request, refused, failed, limit, stopping), address, peer,
summary, and data, whose keys depend on service and event.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sink import rfc3339
from netkit.lab.event import Event


def document(event: Event) -> dict[str, Any]:
    return {
        "time": rfc3339(event.time),
        "service": event.service,
        "event": event.event,
        "address": event.address or None,
        "peer": event.peer or None,
        "summary": event.summary,
        "data": dict(event.data),
    }


def plain(event: Event) -> Iterator[str]:
    detail = event.address if event.event == "listening" else f"{event.peer} {event.summary}".strip()
    yield f"{rfc3339(event.time)} {event.service} {event.event} {detail}"
