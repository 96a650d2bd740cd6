"""What is typed, made safe: no byte that a terminal acts on, always UTF-8, and what people write stays."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.chat.text import MAX_MARKS, safe

BIDI = [*"\u061c\u200e\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "hello\tthere ~!",
            "Grüße",
            "Привет",
            "你好",
            "😀",
            "👩\u200d👩\u200d👧",
            "e\u0301",
            "a\u0300\u0301",
            "می\u200cخواهم",
        ),
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert safe(text.encode()) == text.encode()


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (b"\x1b]0;x\x07", rb"\x1b]0;x\x07"),
        (b"\x1b[2J", rb"\x1b[2J"),
        (b"\x9b2J", rb"\x9b2J"),  # a byte that is no UTF-8
        (b"\xc2\x9b2J", rb"\x9b2J"),  # CSI of C1
        (b"caf\xe9", rb"caf\xe9"),
        (b"a\x00b\x7f\x04", rb"a\x00b\x7f\x04"),
        (b"\xed\xa0\x80", rb"\xed\xa0\x80"),  # half of a surrogate pair
        (b"\xc0\x8a", rb"\xc0\x8a"),  # LF, too long
        (b"\xf4\x90\x80\x80", rb"\xf4\x90\x80\x80"),  # above U+10FFFF
        (b"\xe2\x82", rb"\xe2\x82"),  # cut off
        ("\u202eevil\u2066".encode(), rb"\u202eevil\u2066"),
        ("a\u2028b\u2029".encode(), rb"a\u2028b\u2029"),
        ("a\ufeffb".encode(), rb"a\ufeffb"),
        (b"lone\rcr", rb"lone\x0dcr"),
    ],
)
def test_what_a_terminal_acts_on_is_written_out(typed: bytes, shown: bytes) -> None:
    assert safe(typed) == shown


@pytest.mark.parametrize("mark", ["\u0300", "\u0489", "\u20dd", "\u200d"])
def test_marks_do_not_pile_up(mark: str) -> None:
    assert safe(("a" + mark * 200 + "b").encode()).decode() == "a" + mark * MAX_MARKS + "b"
    assert safe(("я" + mark * 8 + "я" + mark * 9).encode()).decode() == "я" + mark * 8 + "я" + mark * 8


def test_joiners_do_not_hide_a_pile() -> None:
    assert safe(("a" + "\u0300" * 8 + ("\u200d" + "\u0300" * 8) * 20).encode()).decode() == "a" + "\u0300" * 8


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text(st.sampled_from(["a", "\u0300", "\u200d", "\x1b", "\u202e", "é", "\x85", *BIDI])).map(str.encode),
    )
)
def test_anything_becomes_utf8_without_a_control_character(typed: bytes) -> None:
    shown = safe(typed)
    text = shown.decode()
    assert all(char == "\t" or unicodedata.category(char) != "Cc" for char in text)
    assert not set(text) & {*BIDI, "\u2028", "\u2029", "\ufeff"}
    assert safe(shown) == shown
    assert len(shown) <= 4 * len(typed)
