"""Events of watched endpoints as JSON and plain lines.

JSON keys: time, event (resolving, connecting, listening, open, data, urgent, half_close, close, reset, refused,
timeout, error, retry), label, peer, direction (in, out), data (text, or {"base64"}), partial, connect_ms, detail.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sink import exact, rfc3339
from netkit.watch.event import Event

ARROWS = {"in": "<", "out": ">", "": "-"}


def document(event: Event) -> dict[str, Any]:
    return {
        "time": rfc3339(event.time),
        "event": event.event,
        "label": event.label,
        "peer": event.peer or None,
        "direction": event.direction or None,
        "data": None if event.data is None else exact(event.data),
        "partial": event.partial,
        "connect_ms": None if event.ms is None else round(event.ms, 3),
        "detail": event.detail or None,
    }


def plain(event: Event) -> Iterator[str]:
    if event.data is not None:
        text = event.data.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
        mark = "!" if event.event == "urgent" else ARROWS[event.direction]
        yield f"{rfc3339(event.time)} {event.label} {mark} {text}"
    else:
        yield f"{rfc3339(event.time)} {event.label} - {said(event)}"


def said(event: Event) -> str:
    words = [event.event.replace("_", "-")]
    if event.peer and event.peer != event.label:
        words.append(event.peer)
    if event.ms is not None:
        words.append(f"{event.ms:.1f} ms")
    if event.detail:
        words.append(event.detail)
    return " ".join(words)
