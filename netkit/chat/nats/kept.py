"""What was said lately in all rooms, of all nodes: what a room that begins here has of history."""

from collections import deque
from collections.abc import Mapping, Sequence

from netkit.chat.entry import Entry

MOST, MOST_BYTES = 10_000, 8 * 1024 * 1024  # entries, and of their text


class Kept:
    """rooms: the histories of rooms that were in another process, each given once."""

    def __init__(self, entries: Sequence[Entry] = (), rooms: "Mapping[str, list[Entry]] | None" = None) -> None:
        self.entries: deque[Entry] = deque()
        self._bytes = 0
        self._rooms = dict(rooms or {})
        self.keep(entries)

    def keep(self, entries: Sequence[Entry]) -> None:
        self.entries.extend(entries)
        self._bytes += sum(len(one.text) for one in entries)
        while len(self.entries) > MOST or self._bytes > MOST_BYTES:
            self._bytes -= len(self.entries.popleft().text)

    def of(self, room: str) -> list[Entry]:
        if room in self._rooms:
            return self._rooms.pop(room)
        return [one for one in self.entries if one.room == room]

    def forget_places(self) -> None:
        """Another order begins."""
        self.entries = deque(one._replace(seq=0) for one in self.entries)
