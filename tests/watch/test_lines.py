"""Lines out of pieces: every split, long lines, characters in two."""

from hypothesis import given
from hypothesis import strategies as st

from netkit.watch.lines import MAX_LINE, Lines, incomplete

TEXT = "één\nzwei 三\n𝄞 four\n\nfive".encode()


def test_every_split_gives_the_same_lines() -> None:
    for at in range(len(TEXT) + 1):
        for then in range(at, len(TEXT) + 1):
            lines = Lines()
            found = [*lines.feed(TEXT[:at]), *lines.feed(TEXT[at:then]), *lines.feed(TEXT[then:])]
            assert found == [(line + b"\n", False) for line in TEXT.split(b"\n")[:-1]]
            assert (lines.waiting, lines.flush()) == (True, b"five")


def test_a_piece_never_ends_in_a_character() -> None:
    for at in range(len(TEXT) + 1):
        lines = Lines()
        lines.feed(TEXT[:at].rpartition(b"\n")[2])
        lines.flush().decode()  # raises where a character is in two
        assert len(lines.flush(end=True)) <= 3


@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=5))
def test_nothing_is_lost_or_doubled(data: bytes, cuts: list[int]) -> None:
    lines, found, last = Lines(), b"", 0
    for cut in [*sorted(cuts), len(data)]:
        found += b"".join(piece for piece, _ in lines.feed(data[last:cut]))
        found += lines.flush()
        last = max(last, cut)
    assert found + lines.flush(end=True) == data


def test_a_line_without_end_comes_in_pieces() -> None:
    for data in (b"x" * (3 * MAX_LINE), "é".encode() * MAX_LINE, b"x" * (2 * MAX_LINE) + b"\n"):
        lines = Lines()
        pieces = lines.feed(data)
        assert all(len(piece) <= MAX_LINE + 1 for piece, _ in pieces)
        assert b"".join(piece for piece, _ in pieces) + lines.flush(end=True) == data


def test_incomplete_characters() -> None:
    assert [incomplete("é".encode()[:1]), incomplete("é".encode()), incomplete(b"a")] == [1, 0, 0]
    assert [incomplete("𝄞".encode()[:n]) for n in range(5)] == [0, 1, 2, 3, 0]
    assert incomplete(b"\x80\x80\x80\x80") == 0
