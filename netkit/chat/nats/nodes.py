"""Who is on the other nodes: from their heartbeats, and between two of them from what the stream says of them.

A heartbeat lists everybody on a node, in parts where they are many. Who is not heard of for `silent` seconds is gone;
seconds in which this node itself heard nobody, since the broker was away, do not count.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from netkit.chat.bus import Elsewhere, Present
from netkit.chat.entry import Entry
from netkit.chat.nats.batch import NAME, Foreign, clean, good_room, origin, whole

MAX_NODES = 200
MAX_PRESENT = 20_000  # of one node
PART = 500  # of a message


class Heard(NamedTuple):
    """What a heartbeat brought. new: the node was not known."""

    node: str
    boot: str
    new: bool


class Node:
    def __init__(self, boot: str, heard: float) -> None:
        self.boot = boot
        self.heard = heard
        self.present: dict[int, tuple[str, str]] = {}  # by its number there: name, room
        self.beat = -1
        self.parts: dict[int, list[Present]] = {}


class Nodes:
    """silent: seconds. since: when this node began to hear."""

    def __init__(self, node: str, boot: str, silent: float, now: float) -> None:
        self._me = (node, boot)
        self._silent = silent
        self.since = now
        self.table: dict[str, Node] = {}

    def hear(self, found: dict[str, Any], now: float) -> Heard | None:
        """A part of a heartbeat; None for one of our own. Raises Foreign."""
        name, boot = origin(found)
        if name == self._me[0]:
            return None
        beat, part, parts = (whole(found.get(key)) for key in ("beat", "part", "parts"))
        if not part < parts <= MAX_PRESENT // PART:
            raise Foreign("no part")
        present = [_present(each) for each in _list(found.get("present"))]
        node = self.table.get(name)
        new = node is None or node.boot != boot
        if node is None or new:
            if len(self.table) >= MAX_NODES and name not in self.table:
                raise Foreign(f"more than {MAX_NODES} nodes")
            node = self.table[name] = Node(boot, now)
        node.heard = now
        if beat != node.beat:
            node.beat, node.parts = beat, {}
        node.parts[part] = present
        if len(node.parts) == parts:
            node.present = {one.member: (one.name, one.room) for each in node.parts.values() for one in each}
            node.parts = {}
        return Heard(name, boot, new)

    def save(self, now: float) -> list[Any]:
        """As plain values, for another process; ages in place of times."""
        return [
            [name, node.boot, now - node.heard, [[member, *one] for member, one in node.present.items()]]
            for name, node in self.table.items()
        ]

    def resume(self, state: list[Any], now: float) -> None:
        for name, boot, age, present in state:
            node = self.table[name] = Node(boot, now - age)
            node.present = {member: (who, room) for member, who, room in present}

    def follow(self, entry: Entry, boot: str) -> None:
        """What the stream says of somebody on another node."""
        node = self.table.get(entry.node)
        if node is None or node.boot != boot:
            return
        known = node.present.get(entry.member)
        if entry.kind == "join" and len(node.present) < MAX_PRESENT:
            node.present[entry.member] = (entry.name, entry.room)
        elif known is not None and entry.kind == "leave" and known[1] == entry.room:
            del node.present[entry.member]
        elif known is not None and entry.kind == "nick":
            node.present[entry.member] = (entry.text.decode()[:NAME], known[1])

    def forget(self, name: str, boot: str) -> bool:
        """It is gone. Whether it was there."""
        node = self.table.get(name)
        if node is None or node.boot != boot:
            return False
        del self.table[name]
        return True

    def alive(self, name: str, boot: str, now: float) -> bool | None:
        """Whether it was heard of lately; None where this node has not listened long enough to tell."""
        node = self.table.get(name)
        if node is not None and node.boot == boot and now - max(node.heard, self.since) < self._silent:
            return True
        return None if now - self.since < self._silent else False

    def overdue(self, now: float) -> list[tuple[str, Node]]:
        return [(name, node) for name, node in self.table.items() if now - max(node.heard, self.since) >= self._silent]

    def due(self, now: float) -> float:
        """Seconds until the next node may be overdue."""
        last = min((max(node.heard, self.since) for node in self.table.values()), default=now)
        return max(0.0, last + self._silent - now)

    def elsewhere(self, now: float) -> list[Elsewhere]:
        return [
            Elsewhere(name, *one, now - node.heard)
            for name, node in sorted(self.table.items())
            for one in sorted(node.present.values())
        ]

    def find(self, name: str) -> str | None:
        """The node on which somebody is called so."""
        folded = name.casefold()
        for node, each in self.table.items():
            if any(one.casefold() == folded for one, _ in each.present.values()):
                return node
        return None


def beats(node: str, boot: str, beat: int, present: Sequence[Present]) -> Iterator[bytes]:
    """A heartbeat's messages."""
    present = present[:MAX_PRESENT]
    parts = max(1, -(-len(present) // PART))
    for part in range(parts):
        listed = [list(one) for one in present[part * PART : (part + 1) * PART]]
        yield json.dumps({"node": node, "boot": boot, "beat": beat, "part": part, "parts": parts,
                          "present": listed}).encode()  # fmt: skip


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > PART:
        raise Foreign("no list")
    return value


def _present(value: object) -> Present:
    if not isinstance(value, list) or len(value) != 3:
        raise Foreign("nobody")
    return Present(whole(value[0]), clean(value[1], NAME), good_room(value[2]))
