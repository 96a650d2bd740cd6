"""What every bus promises the node that it serves, and a node that writes down what it is told."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, NamedTuple

from netkit.chat.bus import TAKEN, Bus, Present
from netkit.chat.direct import Direct
from netkit.chat.entry import Entry
from tests.conftest import MS

LIMIT = 20_000 * MS


class Told(NamedTuple):
    """An event of the log."""

    event: str
    fields: dict[str, Any]


class Node:
    """The side of a bus that a hub is otherwise."""

    def __init__(self, node: str = "") -> None:
        self.node = node
        self.entries: list[Entry] = []
        self.announced: list[str] = []
        self.not_sent: list[tuple[bytes, bool]] = []
        self.done: list[Direct] = []
        self.lost: list[str] = []
        self.here: list[Present] = []
        self.logged: list[Told] = []

    @property
    def texts(self) -> list[str]:
        return [one.text.decode() for one in self.entries if one.kind == "say"]

    def deliver(self, entries: Sequence[Entry], /) -> None:
        self.entries += entries

    def announce(self, text: str, /) -> None:
        self.announced.append(text)

    def skipped(self, lines: int, /) -> None:
        self.announced.append(f"{lines} skipped")

    def began_anew(self) -> None:
        self.announced.append("began anew")

    def unsent(self, entries: Sequence[Entry], /, *, doubtful: bool = False) -> None:
        self.not_sent += [(one.text, doubtful) for one in entries]

    def act(self, direct: Direct, /) -> str | None:
        if direct.to not in ("", *(one.name for one in self.here)):
            return None
        self.done.append(direct)
        return f"{direct.act} done"

    def present(self) -> list[Present]:
        return self.here

    def nick_lost(self, nick: str, owner: str, /) -> None:
        self.lost.append(nick)

    def log(self, name: str, member: None = None, /, **fields: Any) -> None:
        self.logged.append(Told(name, fields))

    def events(self, name: str) -> list[str]:
        return [one.fields["reason"] for one in self.logged if one.event == name]


def say(text: str, *, node: str = "", member: int = 1, room: str = "lobby", end: bytes = b"\n") -> Entry:
    return Entry("say", room, "ann", text.encode(), end, member, node, 1700000000.25)


def until(turn: Callable[[], None], what: Callable[[], object]) -> None:
    """Turn until it is so."""
    end = monotonic() + LIMIT
    while not what():
        assert monotonic() < end, "it never came"
        turn()


def check(bus: Bus, node: Node, turn: Callable[[], None]) -> None:
    """bus: open, for the node. turn: has it work a little."""

    def answer(ask: Callable[[Callable[[Any], None]], None]) -> Any:
        got: list[Any] = []
        ask(got.append)
        until(turn, lambda: got)
        return got[0]

    assert bus.epoch
    begin = bus.seq
    assert bus.elsewhere() == []

    # What is published comes back, whole and in order, each with its place.
    said = [
        say("one", node=node.node),
        say("Grüße, \\x1b \U0001f600", node=node.node, end=b"\r\n"),
        Entry("join", "hall", "127.0.0.1:5000", member=7, node=node.node, time=1700000000.5),
    ]
    assert bus.publish(said[:2]) == 2
    assert bus.publish(said[2:]) == 1
    until(turn, lambda: len(node.entries) == 3)
    assert [one._replace(seq=0) for one in node.entries] == said
    places = [one.seq for one in node.entries]
    assert sorted(set(places)) == places
    assert begin < places[0]
    assert places[-1] <= bus.seq

    # A nick is one owner's until it lets go of it.
    node.here = [Present(1, "x", "lobby"), Present(2, "y", "lobby")]
    assert answer(lambda done: bus.claim("bob", f"{node.node}/1", done)) is None
    assert answer(lambda done: bus.claim("bob", f"{node.node}/2", done)) == TAKEN
    assert answer(lambda done: bus.claim("bob", f"{node.node}/1", done)) is None
    bus.release("bob", f"{node.node}/2")
    assert answer(lambda done: bus.claim("bob", f"{node.node}/2", done)) == TAKEN
    bus.release("bob", f"{node.node}/1")
    assert answer(lambda done: bus.claim("bob", f"{node.node}/2", done)) is None

    assert answer(lambda done: bus.ask(Direct("msg", "nobody", "ann", "hi"), done)) is None
    names = [name for name, _, _, _ in bus.figures()]
    assert len(set(names)) == len(names)

    # The end waits for what was said last.
    bus.publish([say("last", node=node.node)])
    settled: list[int] = []
    bus.settle(lambda: settled.append(len(node.entries)))
    until(turn, lambda: settled)
    assert settled == [4]
    assert node.announced == []
    assert node.not_sent == []
