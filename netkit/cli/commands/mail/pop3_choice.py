"""Which messages the `pop3` commands are about, by number and by UIDL, and how many are asked for at once."""

import re
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from netkit.cli.groups import NONE, Group
from netkit.cli.options import option
from netkit.cli.secret import SERVER
from netkit.errors import BadInput, No
from netkit.mail.pop3.listing import Listed

WHICH = "Which messages"
MOST = 999_999_999  # a number of nine digits, as many as a range takes

Uid = Annotated[list[str], option("--uid", metavar="UIDL", help="The one with this UIDL; repeatable.", panel=WHICH)]
Window = Annotated[int, option("--window", metavar="N", min=1, max=10000, help="Ask so many at once.", panel=SERVER)]


class Choice(NamedTuple):
    """Which messages are wanted, before anything of them has been asked for. uids: none means any."""

    last: int | None
    first: int | None
    span: tuple[int, int] | None
    uids: tuple[str, ...]

    def among(self, waiting: list[Listed]) -> list[Listed]:
        if self.last is not None:
            return waiting[-self.last :]
        if self.first is not None:
            return waiting[: self.first]
        if self.span is not None:
            return [one for one in waiting if self.span[0] <= one.n <= self.span[1]]
        if self.uids:
            return [one for one in waiting if one.uidl in self.uids]
        return waiting

    def missing(self, waiting: list[Listed]) -> list[No]:
        """An error for each UIDL that was asked for and that no message has."""
        there = {one.uidl for one in waiting}
        return [unknown(uid) for uid in self.uids if uid not in there]


EVERY = Choice(None, None, None, ())


class Which(Group):
    """The options that say it."""

    last: Annotated[int | None, option("--last", metavar="N", min=1, help="The last N alone.", panel=WHICH)] = None
    first: Annotated[int | None, option("--first", metavar="N", min=1, help="The first N alone.", panel=WHICH)] = None
    span: Annotated[
        str | None, option("--range", metavar="A-B", help="Numbers A to B; A-: from A on.", panel=WHICH)
    ] = None
    uid: Uid = NONE

    def choice(self) -> Choice:
        """Raises BadInput."""
        if sum(map(bool, (self.last, self.first, self.span, self.uid))) > 1:
            raise BadInput("--last, --first, --range and --uid exclude each other")
        return Choice(self.last, self.first, parse_range(self.span) if self.span else None, parse_uids(self.uid))


def parse_range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,8})(-([1-9]\d{0,8})?)?", text)
    first, last = (int(found[1]), int(found[3] or (MOST if found[2] else found[1]))) if found else (1, 0)
    if first > last:
        raise BadInput(f"--range {text!r}: write A-B, from the lower to the higher number, as 1-20, or A- or A")
    return first, last


def parse_uids(texts: Sequence[str]) -> tuple[str, ...]:
    """Each once. Raises BadInput for what no UIDL can be (RFC 1939 section 7)."""
    for text in texts:
        if not re.fullmatch(r"[!-~]{1,70}", text):
            raise BadInput(f"--uid {text!r}: a UIDL is 1 to 70 printable characters, as netkit pop3 list prints them")
    return tuple(dict.fromkeys(texts))


def unknown(uid: str) -> No:
    return No(f"no message has the UIDL {uid}", kind="no_message", hint="netkit pop3 list shows what is there")
