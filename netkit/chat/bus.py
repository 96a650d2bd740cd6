"""Where entries get their order: the port that the server speaks to, and the one for a single process.

A server never shows a line of its own at once: it publishes it, and shows what comes back, so that all nodes show one
order. In one process that is the next call; over a broker it is `netkit.chat.nats`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from netkit.chat.direct import Direct
from netkit.chat.entry import Entry

Figure = tuple[str, str, str, float]  # of the metrics: name, type, what it is, value
TAKEN = "taken"


class Present(NamedTuple):
    """Somebody on this node, by its number there."""

    member: int
    name: str
    room: str


class Here(Protocol):
    """The node that a bus serves, as the bus needs it; called in the node's loop alone."""

    node: str

    def deliver(self, entries: Sequence[Entry], /) -> None:
        """Show what was said, each with its seq, in order."""

    def announce(self, text: str, /) -> None:
        """Tell everybody here something of the bus itself."""

    def skipped(self, lines: int, /) -> None:
        """So many lines of others are lost, between what was shown and what will be."""

    def began_anew(self) -> None:
        """The order is another one from now on: seqs of before mean nothing any more."""

    def unsent(self, entries: Sequence[Entry], /, *, doubtful: bool = False) -> None:
        """These were taken and will not be said after all, or may not be; their senders are to be told."""

    def act(self, direct: Direct, /) -> str | None:
        """Do what another node asks for; what it is answered, None when nobody here has that name."""

    def present(self) -> list[Present]:
        """Who is here."""

    def nick_lost(self, nick: str, owner: str, /) -> None:
        """Somebody on another node has it."""

    def log(self, name: str, member: None = None, /, **fields: object) -> None: ...


class Elsewhere(NamedTuple):
    """Somebody on another node. age: seconds since that node was heard of."""

    node: str
    name: str
    room: str
    age: float


class Bus(Protocol):
    @property
    def epoch(self) -> str:
        """Names the order that seqs belong to; another one means that they began anew."""

    @property
    def seq(self) -> int:
        """Of the last entry so far, or above it: what is shown next has a higher one."""

    def open(self, here: Here) -> None:
        """Begin. Raises NetkitError where it cannot."""

    def publish(self, entries: Sequence[Entry]) -> int:
        """Say it to all nodes. How many were taken; the others are not said, and their senders are to be told."""

    def history(self, room: str) -> list[Entry]:
        """What was said in a room that begins here, as far as it is kept elsewhere."""

    def claim(self, nick: str, owner: str, done: Callable[[str | None], None]) -> None:
        """Make a nick (in its folded form) the owner's on all nodes; done is told why not, None when it is."""

    def release(self, nick: str, owner: str) -> None:
        """Let go of it."""

    def ask(self, direct: Direct, done: Callable[[str | None], None]) -> None:
        """Have the node of whom it is for do it; done is told its answer, None when nobody has that name."""

    def broadcast(self, direct: Direct) -> None:
        """Have all other nodes do it."""

    def elsewhere(self) -> list[Elsewhere]:
        """Who is on the other nodes, as far as they were heard of."""

    def settle(self, done: Callable[[], None]) -> None:
        """Call done when what was published has been shown here, or its senders were told that it will not be."""

    def figures(self) -> Iterable[Figure]:
        """For the metrics."""

    def close(self) -> None: ...

    # For another process that goes on as this node (`netkit.chat.handover`).

    def hold_up(self) -> str:
        """What has to be waited for before it can be handed over; "" when that is nothing."""

    def catch_up(self) -> None:
        """Show what came back so far."""

    def save(self) -> dict[str, Any]:
        """What the other process needs, as plain values. Nothing is told to other nodes from now on, until `go_on`."""

    def go_on(self) -> None:
        """Here after all; or there, when the one before has let go."""

    def let_go(self) -> None:
        """The other process goes on: `close` tells nobody that this node stops."""


class LocalBus:
    """One process: the order is that of the calls. seq, nicks, said: where another process was, to go on there."""

    def __init__(
        self,
        epoch: str,
        seq: int = 0,
        nicks: "Mapping[str, str] | None" = None,
        said: "Mapping[str, list[Entry]] | None" = None,
    ) -> None:
        self.epoch = epoch
        self._seq = seq
        self._nicks = dict(nicks or {})
        self._said = dict(said or {})
        self._deliver: Callable[[Sequence[Entry]], None] = lambda entries: None

    @property
    def seq(self) -> int:
        return self._seq

    def open(self, here: Here) -> None:
        self._deliver = here.deliver

    def publish(self, entries: Sequence[Entry]) -> int:
        first = self._seq + 1
        self._seq += len(entries)
        self._deliver([entry._replace(seq=first + place) for place, entry in enumerate(entries)])
        return len(entries)

    def history(self, room: str) -> list[Entry]:
        return self._said.pop(room, [])

    def claim(self, nick: str, owner: str, done: Callable[[str | None], None]) -> None:
        done(None if self._nicks.setdefault(nick, owner) == owner else TAKEN)

    def release(self, nick: str, owner: str) -> None:
        if self._nicks.get(nick) == owner:
            del self._nicks[nick]

    def ask(self, direct: Direct, done: Callable[[str | None], None]) -> None:
        done(None)

    def broadcast(self, direct: Direct) -> None:
        pass

    def elsewhere(self) -> list[Elsewhere]:
        return []

    def settle(self, done: Callable[[], None]) -> None:
        done()

    def figures(self) -> Iterable[Figure]:
        return ()

    def close(self) -> None:
        pass

    def hold_up(self) -> str:
        return ""

    def catch_up(self) -> None:
        pass

    def save(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "seq": self._seq, "nicks": self._nicks}

    def go_on(self) -> None:
        pass

    def let_go(self) -> None:
        pass
