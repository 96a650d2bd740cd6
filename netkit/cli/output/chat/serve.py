"""`chat serve`: what is said, and who comes and goes, as JSON and as lines.

The lines are the tutorial's: every broadcast as its clients get it. What the server does besides begins with `*`.

JSON keys: time, event (start, listening, join, leave, say, drop, limit, refused, kick, bus, node, upgrade, draining,
stop), node, id, address, name, room, kind (of say: say, me, join, leave, nick, notice), line, seq, reason, detail,
bytes, lines, duration_ms, times, by.
"""

from collections.abc import Iterator
from typing import Any

from netkit.chat.event import REASONS, Event
from netkit.cli.output.sink import exact, rfc3339

SHOWN = ("listening", "say", "drop", "limit", "refused", "kick", "bus", "node", "upgrade", "draining")


def document(event: Event) -> dict[str, Any]:
    said = event.event == "say"
    return {
        "time": rfc3339(event.time),
        "event": event.event,
        "node": event.node or None,
        "id": event.id,
        "address": event.addr or None,
        "name": event.name or None,
        "room": event.room or None,
        "kind": event.reason if said else None,
        "line": None if event.line is None else exact(event.line),
        "seq": event.seq,
        "reason": None if said else event.reason or None,
        "detail": event.detail or None,
        "bytes": event.bytes,
        "lines": event.lines,
        "duration_ms": None if event.seconds is None else round(event.seconds * 1000, 3),
        "times": event.times,
        "by": event.by or None,
    }


def plain(event: Event) -> Iterator[str]:
    if event.event in SHOWN:
        yield text(event)


def text(event: Event) -> str:
    """The event in one line."""
    if event.event == "listening":
        host, _, port = event.addr.rpartition(":")
        if not port.isdigit():
            return f"ChatServer started on {event.addr}"
        return f"ChatServer started on port {port}" + ("" if host == "127.0.0.1" else f" of {host}")
    if event.event == "say":
        return (event.line or b"").decode("utf-8", "backslashreplace").rstrip("\r\n")
    words = [f"* {event.event}", event.name or event.addr]
    why = REASONS.get(event.reason, event.reason)
    words.append(f"{why}: {event.detail}" if why and event.detail and event.detail != why else why or event.detail)
    if event.by:
        words.append(f"(by {event.by})" if event.seconds is None else f"(by {event.by}, for {event.seconds:g} s)")
    if event.lines:
        words.append(f"({event.lines} {'line' if event.lines == 1 else 'lines'})")
    if event.times is not None and event.times > 1:
        words.append(f"({event.times} times)")
    return " ".join(word for word in words if word)
