"""Bytes to lines: each end of a line, each split, telnet's commands, what is too long."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.chat.protocol import Line, Lines

WILL, WONT, DO, DONT, SB, SE, IP, TIMING_MARK = 251, 252, 253, 254, 250, 240, 244, 6
EVERYTHING = (
    b"one\ntwo\r\nthree\rfour\r\0"
    + bytes([255, DO, 1, 255, WILL, 31, 255, SB, 31, 0, 80, 255, 255, 0, 24, 255, SE])
    + "fünf\n\n\r\n".encode()
    + b"six\xff\xffseven\n"
    + bytes([255, IP])
    + b"rest"
)
LINES = [
    Line(b"one", b"\n"),
    Line(b"two", b"\r\n"),
    Line(b"three", b"\r\n"),
    Line(b"four", b"\r\n"),
    Line("fünf".encode(), b"\n"),
    Line(b"", b"\n"),
    Line(b"", b"\r\n"),
    Line(b"six\xffseven", b"\n"),
]


def fed(*chunks: bytes, max_line: int = 4096) -> tuple[list[Line], bytes, bytes]:
    """The lines, what is unfinished, and the replies."""
    lines = Lines(max_line)
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    return found, lines.unfinished, lines.reply


def test_every_split_in_three_gives_the_same() -> None:
    whole = (LINES, b"rest", bytes([255, WONT, 1, 255, DONT, 31]))
    assert fed(EVERYTHING) == whole
    assert fed(*(EVERYTHING[place : place + 1] for place in range(len(EVERYTHING)))) == whole
    for first, second in itertools.combinations(range(len(EVERYTHING) + 1), 2):
        assert fed(EVERYTHING[:first], EVERYTHING[first:second], EVERYTHING[second:]) == whole


def test_every_truncation_gives_the_first_of_the_lines_and_the_rest_at_the_end() -> None:
    for size in range(len(EVERYTHING)):
        lines = Lines()
        found = lines.feed(EVERYTHING[:size])
        assert found == LINES[: len(found)]
        rest = lines.unfinished
        assert lines.end() == ([Line(rest, b"\r\n")] if rest else [])
        assert lines.end() == []


@pytest.mark.parametrize("command", [241, 242, 243, 245, 246, 247, 248, 249, 0, 65])
def test_commands_of_two_bytes_vanish(command: int) -> None:
    assert fed(b"a\xff", bytes([command]), b"b\n") == ([Line(b"ab", b"\n")], b"", b"")


def test_what_ctrl_c_of_telnet_sends_gets_its_timing_mark() -> None:
    assert fed(bytes([255, IP, 255, DO, TIMING_MARK])) == ([], b"", bytes([255, WONT, TIMING_MARK]))


def test_refusals_are_not_answered() -> None:
    assert fed(bytes([255, WONT, 1, 255, DONT, 1])) == ([], b"", b"")


def test_the_replies_are_bounded() -> None:
    assert len(fed(bytes([255, DO, 1]) * 10_000)[2]) <= 1024 + 3


def test_a_subnegotiation_without_end_keeps_nothing_and_lines_come_after_it() -> None:
    lines = Lines()
    assert lines.feed(bytes([255, SB, 24])) == []
    for _ in range(16):
        assert lines.feed(b"\n" + b"x" * 65535) == []
    assert (lines.unfinished, len(lines._command)) == (b"", 2)
    assert lines.feed(b"\xff\xff\xf0\xff") == []  # an escaped 255 does not end it
    assert lines.feed(b"\xf0hello\n") == [Line(b"hello", b"\n")]


def test_a_long_line_comes_as_several_however_it_is_split() -> None:
    text = "aé€😀".encode() * 10  # 100 bytes
    for max_line in range(4, 60):
        whole = fed(text + b"\n", max_line=max_line)
        lines, rest, _ = whole
        assert b"".join(line.text for line in lines) == text
        assert all(len(line.text) <= max_line and line.text.decode() for line in lines)
        assert [line.end for line in lines] == [b"\r\n"] * (len(lines) - 1) + [b"\n"]
        assert rest == b""
        for place in range(len(text) + 1):
            assert fed(text[:place], text[place:] + b"\n", max_line=max_line) == whole


def test_no_newline_keeps_no_more_than_a_line() -> None:
    lines = Lines()
    found = 0
    for _ in range(160):
        found += len(lines.feed(b"x" * 65536))
        assert len(lines.unfinished) <= 4096
    assert found == 160 * 65536 // 4096 - 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6), st.sampled_from((4, 16, 4096)))
def test_any_bytes_in_any_pieces_are_the_same(data: bytes, cuts: list[int], max_line: int) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    found = fed(*pieces, max_line=max_line)
    assert found == fed(data, max_line=max_line)
    assert not any(b"\n" in line.text or b"\r" in line.text for line in found[0])
