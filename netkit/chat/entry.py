"""What is said in a room, by people and about them, as it is kept, sent to other nodes and shown."""

from typing import Any, Literal, NamedTuple

Kind = Literal["say", "me", "join", "leave", "nick", "notice"]
UNSENT = "not sent: the other machines cannot be reached"  # what the sender of an entry is told
DOUBTFUL = "perhaps not sent: the other machines cannot be reached"


class Entry(NamedTuple):
    """One thing that everybody in a room gets.

    name: who it is about, as HOST:PORT or a nick. text: what was said, safe to show; of "nick" the new name. end: the
    line end that the sender used. member: the sender's id on its node, node: which that is. seq: its place in the
    order of all, from 1, 0 before it has one. time: seconds since 1970.
    """

    kind: Kind
    room: str
    name: str
    text: bytes = b""
    end: bytes = b"\r\n"
    member: int = 0
    node: str = ""
    time: float = 0.0
    seq: int = 0


def line(entry: Entry) -> bytes:
    """As plain clients see it: `[` begins what people say, `C` what is said about them, `*` what the server says."""
    name = entry.name.encode()
    if entry.kind == "say":
        return b"[%b] %b%b" % (name, entry.text, entry.end)
    if entry.kind == "me":
        return b"[%b] * %b%b" % (name, entry.text, entry.end)
    if entry.kind == "join":
        return b"Client joined %b\r\n" % name
    if entry.kind == "leave":
        return b"Client left %b\r\n" % name
    if entry.kind == "nick":
        return b"Client %b is now %b\r\n" % (name, entry.text)
    return b"* %b\r\n" % entry.text


def saved(entry: Entry) -> list[Any]:
    """As plain values, for another process; bytes as Latin-1."""
    return [each.decode("latin-1") if isinstance(each, bytes) else each for each in entry]


def restored(values: list[Any]) -> Entry:
    """As `saved` made them."""
    kind, room, name, text, end, *rest = values
    return Entry(kind, room, name, text.encode("latin-1"), end.encode("latin-1"), *rest)
