"""From, To and their kin (RFC 5322 3.4) as they come in real mail, read without ever failing and in linear time.

Taken as well: `a@b (Name)`, `Name a@b`, ";" between addresses, a missing ">", quotes and parentheses that never end,
raw UTF-8, encoded words in quotes. Encoded words are decoded when the list has been taken apart, so a comma or a
bracket in one means nothing; in an address they stay as they are, for what they hide is no address.

`email.utils.getaddresses` loads all of `email`, and what it makes of broken lists changed with each fix
(CVE-2019-16056, CVE-2023-27043).
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

from netkit.mail.header_comment import comment_end, unquote, without_comments
from netkit.mail.header_text import decode, raw_text, unfold

MAX_MAILBOXES = 1000  # of one field that is shown; the rest is left out


class Mailbox(NamedTuple):
    """Either may be "", not both: `<a@b.test>` has no name, `Undisclosed sender` no address."""

    name: str
    address: str


def addresses(raw: bytes, limit: int | None = MAX_MAILBOXES) -> tuple[Mailbox, ...]:
    """The mailboxes of an address list, all without a limit; those of a group without the group's name."""
    boxes = (box for entry in _entries(unfold(raw)) if (box := entry.mailbox()) != ("", ""))
    return tuple(islice(boxes, limit))


class _Part(NamedTuple):
    text: bytes  # a quoted string with its quotes
    apart: bool  # white space or a comment stands before it
    quoted: bool


class _Entry:
    """What stands between two separators."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.angle: bytes | None = None  # what stands in <>
        self.comment: bytes | None = None
        self.gap = False
        self.at = -1  # the place of the first "@"

    def add(self, text: bytes, *, quoted: bool = False) -> None:
        if text == b"@" and self.at < 0:
            self.at = len(self.parts)
        self.parts.append(_Part(text, self.gap, quoted))
        self.gap = False

    def mailbox(self) -> Mailbox:
        parts, address = self.parts, self.angle
        if address is None and self.at >= 0:  # what touches the "@", and what is next to it
            first, end = max(self.at - 1, 0), min(self.at + 2, len(parts))
            while first and not parts[first].apart:
                first -= 1
            while end < len(parts) and not parts[end].apart:
                end += 1
            address = b"".join(part.text for part in parts[first:end])
            parts = parts[:first] + parts[end:]
        name = _phrase(parts) if parts else unquote(self.comment or b"")
        return Mailbox(decode(name).text, _address(address or b""))


def _phrase(parts: Sequence[_Part]) -> bytes:
    words = (unquote(part.text[1:-1]) if part.quoted else part.text for part in parts)
    return b"".join(b" " + word if part.apart else word for part, word in zip(parts, words, strict=True))


def _address(raw: bytes) -> str:
    if b'"' not in raw:  # a quoted local part may hold anything
        raw = b"".join(without_comments(raw).split())
    return raw_text(raw.strip())[0]


def _entries(raw: bytes) -> Iterator[_Entry]:
    # A quote or parenthesis without an end is a character, and so are all behind it: each is searched only once.
    token, comments = _token(True), True
    entry = _Entry()
    here, size = 0, len(raw)
    while here < size:
        found = token.match(raw, here)
        assert found  # the last alternative is any byte
        here = found.end()
        kind, text = found.lastgroup, found[0]
        if kind == "separator":
            yield entry
            entry = _Entry()
        elif kind == "space":
            entry.gap = True
        elif kind == "quoted":
            entry.add(text, quoted=True)
        elif kind == "angle":
            if entry.angle is None or b"@" not in entry.angle:
                entry.angle = found["inner"]
            entry.gap = True
        elif kind == "comment" and comments:
            end = comment_end(raw, found.start())
            if end < 0:
                comments = False
                continue
            entry.comment = entry.comment or raw[here : end - 1]
            entry.gap = True
            here = end
        elif kind == "colon" and entry.angle is None and entry.at < 0:
            entry = _Entry()  # what came was the name of a group
        elif kind == "quote":
            token = _token(False)
        elif kind != "close":
            entry.add(text)
    yield entry


@cache
def _token(quotes: bool) -> re.Pattern[bytes]:
    r"""With `quotes`, quoted strings are seen. The route of `<@a,@b:c@d>` is left out (RFC 5322 4.4); an address in <>
    that is not closed ends at the next comma."""
    quoted = rb'"(?:[^"\\]++|\\.)*+"'
    return re.compile(
        rb"(?P<space>[ \t\r\n]+)|(?P<separator>[,;][,; \t\r\n]*+)|(?P<word>=\?[^?\s]{0,75}\?[bBqQ]\?[^?\s]*+\?=)"
        + (rb"|(?P<quoted>%b)" % quoted if quotes else b"")
        + rb"|(?P<angle><(?:\s*+@[^<>:]*+:)?(?P<inner>(?:%b[^<>\",;])*+)>?)" % (quoted + b"|" if quotes else b"")
        + rb"|(?P<literal>\[[^\[\]]*+\])|(?P<comment>\()|(?P<colon>:)|(?P<quote>\")|(?P<close>>)"
        + rb"|(?P<atom>[^ \t\r\n\"(),:;<>@\[=]++)|(?P<other>.)",
        re.DOTALL,
    )
