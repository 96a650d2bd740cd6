"""Where entries get their order: the port that the server speaks to, and the one for a single process.

A server never shows a line of its own at once: it publishes it, and shows what comes back, so that all nodes show one
order. In one process that is the next call; over a broker it is `netkit.chat.nats`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from netkit.chat.entry import Entry

OnEntries = Callable[[Sequence[Entry]], None]


class Elsewhere(NamedTuple):
    """Somebody on another node. age: seconds since that node was heard of."""

    node: str
    name: str
    room: str
    age: float


class Bus(Protocol):
    """epoch: names the order that seqs belong to; another one means that they began anew."""

    epoch: str

    def open(self, on_entries: OnEntries) -> None:
        """Begin; on_entries gets everything that was said, each with its seq, in order."""

    def publish(self, entries: Sequence[Entry]) -> int:
        """Say it to all nodes. How many were taken; the others are not said, and their senders are to be told."""

    def claim(self, nick: str, owner: str, done: Callable[[bool], None]) -> None:
        """Make a nick (in its folded form) the owner's on all nodes; done is told whether it is."""

    def release(self, nick: str, owner: str) -> None:
        """Let go of it."""

    def present(self, names: Sequence[tuple[str, str]]) -> None:
        """Tell the other nodes who is here: (name, room) of everybody."""

    def elsewhere(self) -> list[Elsewhere]:
        """Who is on the other nodes, as far as they were heard of."""

    def close(self) -> None: ...


class LocalBus:
    """One process: the order is that of the calls."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self._seq = 0
        self._nicks: dict[str, str] = {}
        self._on_entries: OnEntries = lambda entries: None

    @property
    def seq(self) -> int:
        return self._seq

    def resume(self, seq: int, nicks: dict[str, str]) -> None:
        """Go on where another process was."""
        self._seq = seq
        self._nicks = dict(nicks)

    @property
    def nicks(self) -> dict[str, str]:
        return self._nicks

    def open(self, on_entries: OnEntries) -> None:
        self._on_entries = on_entries

    def publish(self, entries: Sequence[Entry]) -> int:
        first = self._seq + 1
        self._seq += len(entries)
        self._on_entries([entry._replace(seq=first + place) for place, entry in enumerate(entries)])
        return len(entries)

    def claim(self, nick: str, owner: str, done: Callable[[bool], None]) -> None:
        done(self._nicks.setdefault(nick, owner) == owner)

    def release(self, nick: str, owner: str) -> None:
        if self._nicks.get(nick) == owner:
            del self._nicks[nick]

    def present(self, names: Sequence[tuple[str, str]]) -> None:
        pass

    def elsewhere(self) -> list[Elsewhere]:
        return []

    def close(self) -> None:
        pass
