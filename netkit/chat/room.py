"""A room: who is in it, what was said, and the streams to its plain clients and its browsers.

Browsers get frames with everything, their own lines too, each with its seq; plain clients get lines, but not their own.
What is said between two flushes goes out as one piece to all of a kind.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from netkit.chat.entry import Entry, line
from netkit.chat.fanout import Fanout, Lost, Reader

HISTORY = 1000  # entries that are kept
LOBBY = "lobby"

Frames = Callable[[list[Entry]], bytes]  # entries to what browsers are sent


class Guest(Reader, Protocol):
    """Who can be in a room. id: its number on this node. web: it is a browser."""

    id: int
    name: str

    @property
    def web(self) -> bool: ...


class Room:
    def __init__(
        self,
        name: str,
        *,
        on_lost: Callable[[Reader, Lost], None],
        on_gone: Callable[[Reader], None],
        limit: int,
        history: int = HISTORY,
        frames: Frames | None = None,
        born: int = 0,
    ) -> None:
        """born: the last seq before it."""
        self.name = name
        self.born = self.floor = born  # floor: everything of this room with a seq above it is in `history`
        self.members: dict[int, Guest] = {}
        self.history: deque[Entry] = deque(maxlen=history)
        self.plain = Fanout(on_lost, on_gone, limit=limit)
        self.web = Fanout(on_lost, on_gone, limit=limit, by_lines=False)
        self.lines = 0  # deliveries, for the metrics
        self._frames = frames
        self._entries: list[Entry] = []
        self._lines: list[bytes] = []
        self._size = 0
        self._own: dict[Reader, list[tuple[int, int]]] = {}
        self._spared: dict[int, int] = {}  # lines that a member does not get of those, by its id

    def recall(self, entries: Sequence[Entry]) -> None:
        """What was said before, up to now."""
        self.history.extend(entries)
        if self.history and self.history[0].seq:  # else it is of an order that is no more
            self.floor = self.history[0].seq - 1

    def miss(self, seq: int) -> None:
        """Something that was said before the next entry is lost."""
        self.floor = max(self.floor, seq + 1)

    def forget_places(self, seq: int) -> None:
        """Another order begins: what was said is kept, its places in the one before are not."""
        self.history = deque((one._replace(seq=0) for one in self.history), self.history.maxlen)
        self.born = self.floor = seq

    def enter(self, member: Guest) -> None:
        """It gets what is said from now on; flush before."""
        self.members[member.id] = member
        (self.web if member.web else self.plain).add(member)

    def leave(self, member: Guest) -> None:
        self.members.pop(member.id, None)
        self._own.pop(member, None)
        self._spared.pop(member.id, None)
        (self.web if member.web else self.plain).remove(member)

    @property
    def waiting(self) -> bool:
        """Whether something is to be flushed."""
        return bool(self._entries)

    def say(self, entry: Entry, without: Sequence[Guest] = (), *, quiet: bool = False) -> None:
        """without: plain clients that get no line of it, whoever said it first. quiet: it is for history alone."""
        if len(self.history) == self.history.maxlen:
            self.floor = max(self.floor, (self.history or (entry,))[0].seq)
        self.history.append(entry)
        if quiet:
            return
        self._entries.append(entry)
        if not self.plain.readers:
            return
        data = line(entry)
        begin, self._size = self._size, self._size + len(data)
        self._lines.append(data)
        for one in without:
            if one.id in self.members and not one.web:  # else it has left
                self._spared[one.id] = self._spared.get(one.id, 0) + 1
                ranges = self._own.setdefault(one, [])
                if ranges and ranges[-1][1] == begin:
                    ranges[-1] = (ranges[-1][0], self._size)
                else:
                    ranges.append((begin, self._size))

    def flush(self) -> None:
        """Give everybody what was said."""
        entries, lines, own = self._entries, self._lines, self._own
        self._entries, self._lines, self._own, self._size = [], [], {}, 0
        if lines:
            self.lines += len(lines) * len(self.plain.readers) - sum(self._spared.values())
            self._spared.clear()
            self.plain.say(lines[0] if len(lines) == 1 else b"".join(lines), own)
        if entries and self._frames is not None and self.web.readers:
            self.lines += len(entries) * len(self.web.readers)
            self.web.say(self._frames(entries), {})
