"""What a line from a chat server says: who speaks, and how. Without a socket or a clock.

netkit's server begins what people say with `[`, what is told about them with `C`, and its own words with `*`; so did
the tutorial's. `<name> text` is how ncat's broker and IRC logs have it. Whatever is none of these is a line.
Only kinds are told here, nothing is made safe: `raw` and `text` are the bytes as they came.
"""

import re
from typing import Literal, NamedTuple

Kind = Literal["say", "me", "private", "history", "join", "leave", "nick", "notice", "line", "gap"]
KINDS: dict[Kind, str] = {
    "say": "somebody said it",
    "me": "somebody does it (/me)",
    "private": "said to you alone (/msg)",
    "history": "said before (/history)",
    "join": "somebody came",
    "leave": "somebody went",
    "nick": "somebody is called something else now: text is the new name",
    "notice": "the server says it",
    "line": "none of these",
    "gap": "lines may be missing: the connection was away",
}

# [name] or [host:port] or [[v6]:port]; ncat writes <user4>. A name longer than 80 bytes is none.
_NAME = rb"(\[[0-9A-Za-z:.%]{2,60}\]:\d{1,5}|[^\[\]<>\s]{1,80})"
_SAID = re.compile(rb"(?:\[" + _NAME + rb"\]|<" + _NAME + rb">) (\* )?(.*)", re.DOTALL)
_MOVED = re.compile(rb"Client (?:(joined|left) (\S{1,80})|(\S{1,80}) is now (\S{1,80}))")
_PRIVATE = re.compile(rb"\[" + _NAME + rb"\] to you: (.*)", re.DOTALL)
_BEFORE = re.compile(rb"\d\d:\d\d \[" + _NAME + rb"\] (.*)", re.DOTALL)


class Received(NamedTuple):
    """One line.

    time: when it came, or when it was said where the server tells; seconds since 1970. raw: with its line end. name:
    who it is about, room: where; "" when the line does not say. text: what is left. seq: its place in the order of
    all, None when the server does not tell.
    """

    kind: Kind
    raw: bytes = b""
    name: str = ""
    text: bytes = b""
    room: str = ""
    time: float = 0.0
    seq: int | None = None


def parse(raw: bytes) -> Received:
    """The line, which may end in `\\n` or `\\r\\n`."""
    body = body_of(raw)
    first = body[:1]
    if first in (b"[", b"<") and (found := _SAID.fullmatch(body)):
        name = found[1] or found[2]
        if name == b"announce" and first == b"<":  # of ncat's broker
            return Received("notice", raw, "", found[4])
        return Received("me" if found[3] else "say", raw, _text(name), found[4])
    if first == b"C" and (found := _MOVED.fullmatch(body)):
        if found[4]:
            return Received("nick", raw, _text(found[3]), found[4])
        return Received("join" if found[1] == b"joined" else "leave", raw, _text(found[2]))
    if body[:2] == b"* ":
        words = body[2:]
        if found := _PRIVATE.fullmatch(words):
            return Received("private", raw, _text(found[1]), found[2])
        if found := _BEFORE.fullmatch(words):
            return Received("history", raw, _text(found[1]), found[2])
        return Received("notice", raw, "", words)
    return Received("line", raw, "", body)


def body_of(raw: bytes) -> bytes:
    """Without its line end."""
    return raw[:-2] if raw.endswith(b"\r\n") else raw.removesuffix(b"\n")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
