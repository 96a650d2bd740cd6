"""One stream of bytes to many readers: a write each and flush, and of whom falls behind a place, no copy.

What was said since the last flush is one piece, the same bytes for everybody; a reader that has parts of it cut out
(what it said itself) gets the rest. Whoever does not take it all becomes a *laggard*: its place in the ring is all that
it costs. The ring keeps the last `limit` bytes; who falls off its end has lost something, and is told or closed
(`on_lost`). A piece is made of units, lines or frames: nothing else is said to a reader in the middle of one.

The kernel's send is the cost of a delivery, 5 of 6 us, so the loop over readers (`_give_all`) does nothing else: who
has parts cut out is taken aside, who is behind is not in it, and what a reader is besides its send is not touched (of
1,000 that is a cache miss each, 0.2 us). `python -m tests.bench chat` measures it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

LIMIT = 1024 * 1024  # bytes of the ring
PIECE = 64 * 1024  # bytes of it that a laggard is given in one turn

Ranges = Sequence[tuple[int, int]]
Send = Callable[[bytes], int]


class Reader(Protocol):
    """place: where in the stream it is, None for one that has everything."""

    place: int | None

    def send(self, data: "bytes | memoryview", /) -> int:
        """Of its socket. Raises BlockingIOError, and OSError when it has gone."""

    def wait(self) -> None:
        """It is behind: give it more when it takes more."""


class Lost(NamedTuple):
    """What a laggard will not get. finish: the rest of the unit that it has begun, which it gets all the same."""

    units: int
    finish: bytes


class Fanout:
    """on_lost: who fell off the ring. on_gone: whose socket failed. by_lines: units are lines, not pieces."""

    def __init__(
        self,
        on_lost: "Callable[[Reader, Lost], None]",
        on_gone: "Callable[[Reader], None]",
        *,
        limit: int = LIMIT,
        by_lines: bool = True,
    ) -> None:
        self.readers: dict[Reader, None] = {}
        self.laggards: set[Reader] = set()
        self.limit = limit
        self.end = 0  # bytes of the stream so far
        self.writes = 0
        self._by_lines = by_lines
        self._on_lost = on_lost
        self._on_gone = on_gone
        self._sends: dict[Send, Reader] = {}  # of those who have everything
        self._cut: dict[Reader, deque[tuple[int, int]]] = {}  # parts that a laggard does not get, in order
        self._ring = bytearray()  # the last bytes of the stream; none where nobody lags
        self._pieces: deque[int] = deque()  # where those in it begin

    @property
    def start(self) -> int:
        """The first byte of the ring."""
        return self.end - len(self._ring)

    @property
    def backlog(self) -> int:
        """Bytes that the slowest has still to take."""
        return max((self.end - one.place for one in self.laggards if one.place is not None), default=0)

    def save(self) -> "tuple[bytes, list[int]]":
        """The ring, and where its pieces begin."""
        return bytes(self._ring), list(self._pieces)

    def resume(self, end: int, ring: bytes, pieces: Sequence[int]) -> None:
        """Go on where another process was; laggards are added with their places by `back`."""
        self.end = end
        self._ring[:] = ring
        self._pieces = deque(pieces)

    def cut(self, reader: Reader) -> "list[tuple[int, int]]":
        """What a laggard is not to get of what it has still to take."""
        return list(self._cut.get(reader, ()))

    def back(self, reader: Reader, place: "int | None", cut: "Iterable[tuple[int, int]]") -> None:
        """A reader of that other process."""
        self.add(reader)
        if place is not None:
            self._behind(reader, place)
            if found := deque(cut):
                self._cut[reader] = found

    def add(self, reader: Reader) -> None:
        """From now on it gets what is said."""
        reader.place = None
        self.readers[reader] = None
        self._sends[reader.send] = reader

    def remove(self, reader: Reader) -> None:
        self.readers.pop(reader, None)
        self._sends.pop(reader.send, None)
        self._cut.pop(reader, None)
        self.laggards.discard(reader)
        self._forget()

    def say(self, piece: bytes, own: "Mapping[Reader, Ranges]") -> None:
        """Give a piece to everybody; own: the parts of it that a reader does not get."""
        begin = self.end
        gone: list[Reader] = []
        fell: list[tuple[Reader, int]] = []
        aside: dict[Send, Reader] = {}
        for reader, ranges in own.items():
            if reader.place is not None:
                self._cut.setdefault(reader, deque()).extend((begin + a, begin + b) for a, b in ranges)
            elif self._sends.pop(reader.send, None) is not None:
                aside[reader.send] = reader
        self.writes += len(self._sends)
        _give_all(self._sends, piece, fell, gone)
        for send, reader in aside.items():
            if part := without(piece, own[reader]):
                self.writes += 1
                _give_all({send: reader}, part, fell, gone)
        self._sends.update(aside)
        self.end += len(piece)
        if fell or self.laggards:
            self._pieces.append(begin)
            self._ring += piece
        for reader, sent in fell:
            self._fall(reader, begin, sent, own.get(reader, ()))
        if len(self._ring) > 2 * self.limit:
            self._trim()
        for reader in gone:
            self._on_gone(reader)

    def lag(self, reader: Reader) -> None:
        """It has to take something else before what is said next."""
        if reader.place is None:
            self._behind(reader, self.end)

    def give(self, reader: Reader, stop: int) -> bool:
        """Give a laggard what it takes up to a place; whether it has got there. Raises OSError when it has gone."""
        given = 0
        while reader.place is not None and reader.place < stop:
            place, to = reader.place, min(stop, reader.place + PIECE)
            if cut := self._cut.get(reader):
                a, b = cut[0]
                if place >= a:
                    reader.place = max(place, b)
                    cut.popleft()
                    continue
                to = min(to, a)
            if given >= PIECE:
                return False  # others first
            start = self.start
            with memoryview(self._ring) as ring, ring[place - start : to - start] as part:
                try:
                    sent = reader.send(part)
                except BlockingIOError:
                    return False
            reader.place = place + sent
            given += sent
        return True

    def caught_up(self, reader: Reader) -> bool:
        """A laggard that has everything is none any more; whether it has."""
        if reader.place is not None and reader.place < self.end:
            return False
        reader.place = None
        self._cut.pop(reader, None)
        self.laggards.discard(reader)
        if reader in self.readers:
            self._sends[reader.send] = reader
        self._forget()
        return True

    def boundary(self, place: int) -> int:
        """The first place from there on at which no unit is cut."""
        offset = place - self.start
        if offset <= 0 or place >= self.end:
            return place
        if not self._by_lines:
            return next((piece for piece in self._pieces if piece >= place), self.end)
        if self._ring[offset - 1] == 10:
            return place
        newline = self._ring.find(b"\n", offset)
        return self.start + newline + 1 if newline >= 0 else self.end

    def _fall(self, reader: Reader, begin: int, sent: int, own: Ranges) -> None:
        """It took a part of the piece that begins there."""
        place = sent  # in the piece: what is cut out before it counts
        cut: deque[tuple[int, int]] = deque()
        for a, b in own:
            if place > a:
                place += b - a
            else:
                cut.append((begin + a, begin + b))
        if cut:
            self._cut[reader] = cut
        self._behind(reader, begin + place)
        reader.wait()

    def _behind(self, reader: Reader, place: int) -> None:
        reader.place = place
        self.laggards.add(reader)
        self._sends.pop(reader.send, None)

    def _trim(self) -> None:
        """Keep `limit` bytes, from the beginning of a piece on; who is further behind loses what goes."""
        first = next((piece for piece in self._pieces if piece >= self.end - self.limit), self.end)
        lost = []
        for reader in self.laggards:
            if reader.place is not None and reader.place < first:
                lost.append((reader, self._lost(reader, reader.place, first)))
                reader.place = first
                cut = self._cut.get(reader)
                while cut and cut[0][0] < first:
                    cut.popleft()
        del self._ring[: first - self.start]
        while self._pieces and self._pieces[0] < first:
            self._pieces.popleft()
        for reader, what in lost:
            self._on_lost(reader, what)
        self._forget()

    def _lost(self, reader: Reader, place: int, first: int) -> Lost:
        start = self.start
        whole = min(self.boundary(place), first)
        if self._by_lines:
            cut = sum(self._ring.count(b"\n", max(a, whole) - start, min(b, first) - start)
                      for a, b in self._cut.get(reader, ()) if a < first)  # fmt: skip
            units = self._ring.count(b"\n", whole - start, first - start) - cut
        else:
            units = sum(whole <= piece < first for piece in self._pieces)
        return Lost(units, bytes(self._ring[place - start : whole - start]))

    def _forget(self) -> None:
        if not self.laggards and self._ring:
            self._ring.clear()
            self._pieces.clear()


def _give_all(sends: Mapping[Send, Reader], piece: bytes, fell: list[tuple[Reader, int]], gone: list[Reader]) -> None:
    """One send each; fell: who did not take it all, and how much it took. gone: whose socket failed."""
    size = len(piece)
    for send in sends:
        try:
            sent = send(piece)
        except BlockingIOError:
            sent = 0
        except OSError:
            gone.append(sends[send])
            continue
        if sent < size:
            fell.append((sends[send], sent))


def without(piece: bytes, ranges: Ranges) -> bytes:
    """The piece but for those parts of it."""
    out, at = [], 0
    for a, b in ranges:
        out.append(piece[at:a])
        at = b
    out.append(piece[at:])
    return b"".join(out)
