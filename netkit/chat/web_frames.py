"""What browsers are sent: JSON in text frames, one for each message.

Every message is an object with a `type`: welcome (name, id, node, boot, room, epoch, session, line), entries (entries,
and of a replay also upto, more, gap), who (room, names, count, rooms), room, ignores, password, notice, skipped, taken.
An entry has seq, kind, name, text, time (seconds since 1970), id and node (who said it).
"""

import json
import struct
from collections.abc import Sequence

from netkit.chat.entry import Entry


def frame(payload: bytes) -> bytes:
    """A text frame of a server, unmasked and whole (RFC 6455, 5.2).

    By hand, since `websockets` makes one for each connection, and here one is made for all of a room.
    """
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


def message(type: str, **fields: object) -> bytes:
    """The frame of a message."""
    return frame(encoded({"type": type, **fields}))


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def entries(said: Sequence[Entry]) -> bytes:
    """What was said in a room, for all who are in it."""
    return message("entries", entries=[shown(entry) for entry in said])


def shown(entry: Entry) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "name": entry.name,
        "text": entry.text.decode("utf-8", "backslashreplace"),
        "time": round(entry.time, 3),
        "id": entry.member,
        "node": entry.node,
    }
