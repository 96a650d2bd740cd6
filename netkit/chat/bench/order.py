"""What a chat server tells everybody, as the bytes that came first: the lines of the run in one order.

Everybody gets the same bytes, so a client is checked by one comparison for all that it read (`Order.same`), not line by
line: that is what makes a client of 9,000 cost 1 us a read. A sender does not get its own lines; where they are it
leaps. Whoever has everything that is known may add to it, unless a line of its own is under way: that one may
come before what it has just read. Where that holds for all, `vouch` finds whose line is next.

A line of the run carries its number behind the run's tag, wherever the server puts it: `[HOST:PORT] ~tag:number xxx`.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable

KEPT = 8 * 1024 * 1024  # bytes, above which what everybody has is let go
MOST = 64 * 1024 * 1024  # bytes, above which also what somebody has not; it goes on by numbers then


class Lines:
    """Makes the lines of a run, and knows them again. size: bytes of a line without its end."""

    def __init__(self, tag: str, size: int) -> None:
        self._tag = b"~%b:" % tag.encode()
        self._filler = (b"abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]

    def make(self, number: int) -> bytes:
        head = b"%b%d " % (self._tag, number)
        return head + self._filler[len(head) :] + b"\n"

    def number_of(self, line: bytes) -> int | None:
        """Which line of the run that is; None for one of the server's, or of somebody else."""
        begin = line.find(self._tag)
        if begin < 0:
            return None
        begin += len(self._tag)
        digits, space, _ = line[begin : begin + 16].partition(b" ")
        return int(digits) if space and digits.isdigit() else None

    def whole(self, number: int, line: bytes) -> bool:
        """Whether nothing of it was changed."""
        return line.rstrip(b"\r\n").endswith(self.make(number)[:-1])


class Probes:
    """What is said before the run, to see who is in."""

    def __init__(self, tag: str) -> None:
        self._tag = b"~%b?" % tag.encode()

    def make(self, number: int) -> bytes:
        return b"%b%d is it on?\n" % (self._tag, number)

    def numbers(self, text: bytes) -> list[int]:
        """Of those in it that are whole."""
        heads = [part[:12].partition(b" ") for part in text.split(self._tag)[1:]]
        return [int(digits) for digits, space, _ in heads if space and digits.isdigit()]


class Order:
    """base, end: the bytes that are kept, counted from the first of the run. on_line: told of each line as it is added:
    its number, its place in the order, and the line."""

    def __init__(self, lines: Lines, on_line: Callable[[int, int, bytes], None]) -> None:
        self.lines = lines
        self.base = self.end = 0
        self.numbers = array("q")  # by place; these three grow by 24 bytes a line
        self.begins = array("q")
        self.ends = array("q")
        self._on_line = on_line
        self._text = bytearray()

    def __len__(self) -> int:
        return len(self.numbers)

    def same(self, place: int, data: bytes) -> bool:
        """Whether the bytes stand there."""
        return self._text.startswith(data, place - self.base)

    def upto(self, place: int) -> int:
        """How many lines of the run end up to there."""
        return bisect_right(self.ends, place)

    def begun(self, place: int) -> bytes:
        """The part of a line that ends there."""
        stop = place - self.base
        return bytes(self._text[self._text.rfind(b"\n", 0, stop) + 1 : stop])

    def add(self, line: bytes) -> None:
        """A line that somebody got behind all that is known."""
        begin = self.end
        self._text += line
        self.end += len(line)
        number = self.lines.number_of(line)
        if number is not None:
            self.numbers.append(number)
            self.begins.append(begin)
            self.ends.append(self.end)
            self._on_line(number, len(self.numbers) - 1, line)

    @property
    def kept(self) -> int:
        """Bytes."""
        return len(self._text)

    def forget(self, place: int) -> None:
        """Let go of what is before the place."""
        del self._text[: place - self.base]
        self.base = place
