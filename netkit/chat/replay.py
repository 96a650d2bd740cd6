"""What a browser missed: the entries behind the last one it has, a page at a time, or the word that some are lost.

A room knows the seq above which it has everything (`floor`). A page that begins below it says so (`gap`): never is a
part given out as the whole. `notice` entries have no seq; they go with what stands before them. Others without one are
of an order that has ended (`Room.forget_places`): newcomers alone get them.
"""

from itertools import islice
from typing import NamedTuple

from netkit.chat.entry import Entry, Kind
from netkit.chat.room import Room

PAGE = 32 * 1024  # bytes of entries; half of what may wait for one member
TALK: tuple[Kind, ...] = ("say", "me")
WEIGHT = 96  # bytes of an entry's JSON besides its name and text


class Page(NamedTuple):
    """upto: the seq that the reader has everything up to now. more: there is another page.

    gap: "" where nothing is missing, else why: "history" (more was said than is kept), "room" (it was empty meanwhile,
    and what was said in it is forgotten), "epoch" (the server began anew).
    """

    entries: list[Entry]
    upto: int
    more: bool
    gap: str


def after(room: Room, seq: int, now: int, *, quiet: bool, size: int = PAGE) -> Page:
    """What was said behind `seq`. now: the seq of the last entry of all. quiet: without who came and went."""
    gap = "" if seq >= room.floor else "room" if room.floor == room.born else "history"
    begin = 0
    for place, entry in enumerate(room.history):
        if 0 < entry.seq <= seq:
            begin = place + 1
    found: list[Entry] = []
    upto, left = seq, size
    for entry in islice(room.history, begin, None):
        if left <= 0 and upto > seq and entry.seq:
            return Page(found, upto, True, gap)
        upto = entry.seq or upto
        if (entry.seq or entry.kind == "notice") and not (quiet and entry.kind in ("join", "leave")):
            found.append(_fitting(entry, size))
            left -= weight(found[-1])
    return Page(found, max(upto, now), False, gap)


def latest(room: Room, count: int, now: int, *, gap: str = "", size: int = PAGE) -> Page:
    """The last lines that people said, as many as fit."""
    found: list[Entry] = []
    for entry in reversed(room.history):
        if entry.kind in TALK and (entry.seq or not gap):
            if len(found) >= count or size <= 0:
                break
            found.append(_fitting(entry, PAGE))
            size -= weight(found[-1])
    return Page(found[::-1], now, False, gap)


def weight(entry: Entry) -> int:
    """Bytes of its JSON, about: what is escaped there is counted."""
    return WEIGHT + len(entry.name) + len(entry.text) + entry.text.count(b"\\") + entry.text.count(b'"')


def _fitting(entry: Entry, size: int) -> Entry:
    """A line that alone is more than a page (--max-line) is cut."""
    if len(entry.text) <= size // 2:
        return entry
    return entry._replace(text=entry.text[: size // 2].decode("utf-8", "ignore").encode() + "…".encode())
