"""`chat join`: what comes, as JSON and as lines.

In a pipe a line is what came, to the byte, with a plain line end; `--time` puts the time in front. That lines may be
missing after a reconnection is no line: it is said on standard error, and in JSON as the kind `gap`.

JSON keys: time, kind (say, me, private, history, join, leave, nick, notice, line, gap), name, room, text (without name
and line end; of nick the new name), raw (with the line end), seq.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from netkit.chat.join.received import Received, body_of
from netkit.cli.output.sink import exact, rfc3339


class Shown(NamedTuple):
    """A line as it is to be shown. clock: with its time."""

    one: Received
    clock: bool = False


def document(shown: Shown) -> dict[str, Any]:
    one = shown.one
    return {
        "time": when(one),
        "kind": one.kind,
        "name": one.name or None,
        "room": one.room or None,
        "text": None if one.kind in ("join", "leave", "gap") else exact(one.text),
        "raw": None if one.kind == "gap" else exact(one.raw),
        "seq": one.seq,
    }


def plain(shown: Shown) -> Iterator[str]:
    one = shown.one
    if one.kind != "gap":
        line = body_of(one.raw).decode("utf-8", "surrogateescape")
        yield f"{when(one)} {line}" if shown.clock else line


def when(one: Received) -> str:
    return rfc3339(datetime.fromtimestamp(one.time, UTC))
