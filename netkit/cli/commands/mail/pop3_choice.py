"""Which messages the `pop3` commands are about, by number and by UIDL, and how many are asked for at once."""

import re
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer

from netkit.cli.login import SERVER
from netkit.errors import BadInput, No
from netkit.mail.pop3.listing import Listed

WHICH = "Which messages"
MOST = 999_999_999  # a number of nine digits, as many as a range takes

Last = Annotated[
    int | None, typer.Option("--last", metavar="N", min=1, help="The last N alone.", rich_help_panel=WHICH)
]
First = Annotated[
    int | None, typer.Option("--first", metavar="N", min=1, help="The first N alone.", rich_help_panel=WHICH)
]
Span = Annotated[
    str | None, typer.Option("--range", metavar="A-B", help="Numbers A to B; A-: from A on.", rich_help_panel=WHICH)
]
Uid = Annotated[
    list[str],
    typer.Option("--uid", metavar="UIDL", help="The one with this UIDL; repeatable.", rich_help_panel=WHICH),
]
Window = Annotated[
    int, typer.Option("--window", metavar="N", min=1, max=10000, help="Ask so many at once.", rich_help_panel=SERVER)
]


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


def choose(last: int | None, first: int | None, span: str | None, uids: Sequence[str]) -> Choice:
    """Raises BadInput."""
    if sum(bool(one) for one in (last, first, span, uids)) > 1:
        raise BadInput("--last, --first, --range and --uid exclude each other")
    return Choice(last, first, parse_range(span) if span else None, parse_uids(uids))


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
