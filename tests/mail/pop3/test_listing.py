"""What LIST and UIDL may hold, and what becomes of it."""

import pytest

from netkit.errors import PeerError
from netkit.mail.pop3 import listing
from netkit.mail.pop3.listing import Listed, listed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"1 120\r\n", (1, 120)),
        (b"1 120\n", (1, 120)),
        (b"1 120", (1, 120)),
        (b" 01\t 120 more words \r\n", (1, 120)),
        (b"1 0\r\n", (1, 0)),
        (b"1\r\n", (1, None)),
        (b"1 \r\n", (1, None)),
        (b"1 -5\r\n", (1, None)),
        (b"1 5x\r\n", (1, None)),
        (b"1 " + b"9" * 18 + b"\r\n", (1, 10**18 - 1)),
        (b"1 " + b"9" * 19 + b"\r\n", (1, None)),
        (b"999999999 1\r\n", (999_999_999, 1)),
        (b"1\r2 3\r\n", (1, None)),
    ],
)
def test_a_line_of_list(line: bytes, expected: tuple[int, int | None]) -> None:
    assert listed(line, b"") == [Listed(*expected, None)]


@pytest.mark.parametrize(
    "line", [b"\r\n", b"0 5\r\n", b"-1 5\r\n", b"+1 5\r\n", b"1x 5\r\n", b"x 1\r\n", b"9999999999 1\r\n",
             b"\xb2 1\r\n", b"\xd9\xa1 1\r\n", b"1.5 1\r\n", b"\0", b"1\x0b5\r\n"],
)  # fmt: skip
def test_no_line_of_list(line: bytes) -> None:
    assert listed(line, b"") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"1 abc\r\n", "abc"),
        (b"1 abc \r\n", "abc"),
        (b"001\tabc\n", "abc"),
        (b"1 !~\"'\\/../\r\n", "!~\"'\\/../"),
        (b"1 " + b"x" * 70 + b"\r\n", "x" * 70),
        (b"1 " + b"x" * 71 + b"\r\n", None),
        (b"1 a b\r\n", None),
        (b"1 a\x1b[31m\r\n", None),
        (b"1 caf\xc3\xa9\r\n", None),
        (b"1 a\0\r\n", None),
        (b"1\r\n", None),
        (b"1\r\nabc\r\n", None),
        (b"-1 abc\r\n", None),
        (b"2 abc\r\n", None),
        (b"1 first\r\n1 second\r\n", "first"),
    ],
)
def test_a_line_of_uidl(line: bytes, expected: str | None) -> None:
    assert listed(b"1 5\r\n", line) == [Listed(1, 5, expected)]


def test_the_order_is_that_of_the_numbers_and_each_counts_once() -> None:
    sizes = b"3 30\r\n1 10\r\n3 33\r\n2 -1\r\n1 11\r\n"
    assert listed(sizes, b"2 b\r\n3 a\r\n1 a\r\n") == [Listed(1, 10, "a"), Listed(2, None, "b"), Listed(3, 30, "a")]


def test_the_number_of_messages_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_MESSAGES", 3)
    lines = b"".join(b"%d x\r\n" % n for n in range(1, 5))
    assert len(listed(lines[:15] + b"1 x\r\n" * 100, b"")) == 3
    for sizes, uidls in ((lines, b""), (b"", lines)):
        with pytest.raises(PeerError) as caught:
            listed(sizes, uidls)
        assert caught.value.kind == "too_long"


@pytest.mark.parametrize("piece", [b"1", b"0", b" ", b"1 ", b"1 1", b"1 x", b"\r", b"\n", b"1\n", b"1 x \t", b" 1 x\n"])
def test_nonsense_costs_no_more_than_its_length(piece: bytes) -> None:
    """A quadratic pattern would take hours."""
    body = piece * (2_000_000 // len(piece))
    assert len(listed(body, body)) <= 1
