"""Who takes little at a time still gets every byte that is meant for it, in order, or is told how much it lost."""

from collections import deque
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.chat.fanout import Fanout, Lost, Ranges, Reader, without


class Socket:
    """A reader whose socket takes `room` bytes."""

    def __init__(self, name: int = 0, room: int = 1 << 40) -> None:
        self.name = name
        self.place: int | None = None
        self.cut: deque[tuple[int, int]] = deque()
        self.room = room
        self.got = b""
        self.dead = False
        self.waits = 0
        self.lost: list[Lost] = []

    def send(self, data: "bytes | memoryview") -> int:
        if self.dead:
            raise ConnectionResetError
        part = bytes(data[: self.room])
        if not part:
            raise BlockingIOError
        self.room -= len(part)
        self.got += part
        return len(part)

    def wait(self) -> None:
        self.waits += 1


def gone(reader: Reader) -> None:
    raise AssertionError("nobody has gone")


def kept(reader: Reader, lost: Lost) -> None:
    assert isinstance(reader, Socket)
    reader.lost.append(lost)
    reader.got += lost.finish + b"<%d>" % lost.units


def made(*readers: Socket, limit: int = 1 << 20, by_lines: bool = True) -> Fanout:
    fanout = Fanout(kept, gone, limit=limit, by_lines=by_lines)
    for reader in readers:
        fanout.add(reader)
    return fanout


def catch_up(fanout: Fanout, reader: Socket, room: int = 1 << 40) -> None:
    reader.room = room
    while reader.place is not None and fanout.give(reader, fanout.end):
        assert fanout.caught_up(reader)


def test_everybody_gets_a_piece_and_its_sayer_does_not() -> None:
    one, two = Socket(), Socket()
    fanout = made(one, two)
    fanout.say(b"first\nsecond\n", {one: [(0, 6)]})
    fanout.say(b"third\n", {two: [(0, 6)]})
    assert (one.got, two.got) == (b"second\nthird\n", b"first\nsecond\n")
    assert (fanout.end, fanout.laggards, fanout.backlog, one.waits) == (19, set(), 0, 0)


def test_without() -> None:
    assert without(b"abcdef", [(0, 1), (2, 4)]) == b"bef"
    assert without(b"abc", [(0, 3)]) == b""
    assert without(b"abc", []) == b"abc"


def test_a_laggard_costs_its_place_and_catches_up() -> None:
    slow, fast = Socket(room=3), Socket()
    fanout = made(slow, fast)
    fanout.say(b"hello\n", {})
    fanout.say(b"mine\nyours\n", {slow: [(0, 5)]})
    assert (slow.got, slow.place, slow.waits, fanout.backlog) == (b"hel", 3, 1, 14)
    catch_up(fanout, slow, room=4)
    assert (slow.got, fanout.laggards) == (b"hello\ny", {slow})
    catch_up(fanout, slow)
    assert (slow.got, slow.place, fanout.laggards, fanout.start) == (b"hello\nyours\n", None, set(), fanout.end)


def test_a_piece_that_is_cut_is_taken_at_every_place() -> None:
    piece, own = b"one\ntwo\nthree\nfour\n", [(4, 8), (8, 14)]
    for room in range(9):
        slow = Socket(room=room)
        fanout = made(slow)
        fanout.say(piece, {slow: own})
        fanout.say(b"end\n", {})
        catch_up(fanout, slow)
        assert slow.got == b"one\nfour\nend\n"


def test_boundaries_are_ends_of_lines() -> None:
    slow = Socket(room=0)
    fanout = made(slow)
    fanout.say(b"one\r\ntwo\n", {})
    assert [fanout.boundary(place) for place in range(10)] == [0, 5, 5, 5, 5, 5, 9, 9, 9, 9]
    frames = made(other := Socket(room=0), by_lines=False)
    frames.say(b"a\nb", {})
    frames.say(b"cd", {})
    assert [frames.boundary(place) for place in range(6)] == [0, 3, 3, 3, 5, 5]
    assert other.place == 0


def test_who_falls_off_the_ring_gets_the_rest_of_its_line_and_the_number_of_those_lost() -> None:
    slow = Socket(room=7)
    fanout = made(slow, Socket(), limit=60)
    for number in range(13):  # 10 bytes each
        fanout.say(b"line %3d\r\n" % number, {slow: [(0, 10)]} if number in (2, 9) else {})
    # The ring is cut at 120 bytes and more: 60 of them stay.
    catch_up(fanout, slow)
    assert slow.got == b"line   0\r\n<5>" + b"".join(b"line %3d\r\n" % n for n in (7, 8, 10, 11, 12))
    assert slow.lost[0].finish == b"0\r\n"


def test_a_socket_that_fails_is_reported_after_the_others_got_theirs() -> None:
    dead, well = Socket(), Socket()
    dead.dead = True
    reported: list[Reader] = []
    fanout = Fanout(kept, reported.append)
    fanout.add(dead)
    fanout.add(well)
    fanout.say(b"x\n", {})
    assert (reported, well.got) == ([dead], b"x\n")


def test_the_ring_is_empty_when_nobody_lags() -> None:
    slow = Socket(room=0)
    fanout = made(slow, Socket())
    fanout.say(b"x" * 1000 + b"\n", {})
    assert fanout.end - fanout.start == 1001
    fanout.remove(slow)
    assert fanout.start == fanout.end


class Say(NamedTuple):
    """Lines by those readers (-1: by none)."""

    by: list[int]


class Take(NamedTuple):
    reader: int
    room: int


steps = st.lists(
    st.one_of(
        st.builds(Say, st.lists(st.integers(-1, 2), min_size=1, max_size=5)),
        st.builds(Take, st.integers(0, 2), st.integers(0, 40)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps, st.sampled_from((20, 60, 1 << 20)))
def test_any_schedule_gives_all_or_says_how_many_are_missing(schedule: "list[Say | Take]", limit: int) -> None:
    readers = [Socket(name, room=0) for name in range(3)]
    fanout = made(*readers, limit=limit)
    meant: list[list[bytes]] = [[], [], []]
    number = 0
    for step in schedule:
        if isinstance(step, Take):
            reader = readers[step.reader]
            catch_up(fanout, reader, step.room)
            continue
        piece, own = b"", dict[Reader, Ranges]()
        for by in step.by:
            line = b"%d:%s\n" % (number, b"x" * (number % 7))
            number += 1
            for one in readers:
                if one.name == by:
                    own[one] = [*own.get(one, ()), (len(piece), len(piece) + len(line))]
                else:
                    meant[one.name].append(line)
            piece += line
        fanout.say(piece, own)
        assert fanout.end - fanout.start <= 2 * limit + len(piece)
    for reader, lines in zip(readers, meant, strict=True):
        catch_up(fanout, reader)
        left = deque(lines)
        for line in reader.got.replace(b">", b">\n").splitlines(keepends=True):
            if line.startswith(b"<"):
                for _ in range(int(line[1:-2])):
                    left.popleft()
            else:
                assert line == left.popleft()
        assert not left
        if limit > 1 << 10:
            assert reader.lost == []
    assert fanout.start == fanout.end
