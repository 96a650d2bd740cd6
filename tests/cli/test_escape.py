"""No control character reaches a terminal, whatever it came from."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.cli.output.escape import visible
from netkit.cli.output.sink import encode

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HARMFUL = [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *BIDI, "\u2028", "\u2029", "\ud800", "\udcff"]


@pytest.mark.parametrize("char", HARMFUL, ids=[f"U+{ord(char):04X}" for char in HARMFUL])
def test_each_is_shown(char: str) -> None:
    shown = visible(f"a{char}b")
    assert char not in shown
    assert shown.startswith("a\\")
    assert shown.isprintable()


def test_forms() -> None:
    assert visible("\x1b[31m\x07\x9b") == "\\x1b[31m\\x07\\x9b"
    assert visible("a\u202eb") == "a\\u202eb"
    assert visible(b"caf\xe9".decode(errors="surrogateescape")) == "caf\\xe9"
    assert visible("a\tb\nc\r\n", lines=True) == "a\tb\nc\\x0d\n"
    assert visible("a\tb\n") == "a\\x09b\\x0a"
    assert visible("grüße 日本 😀 [bold]") == "grüße 日本 😀 [bold]"


@given(st.text())
def test_what_is_shown_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set(BIDI)


@pytest.mark.parametrize("char", HARMFUL, ids=[f"U+{ord(char):04X}" for char in HARMFUL])
def test_json_is_harmless_and_exact(char: str) -> None:
    line = encode({"text": f"a{char}grüße 日本"})
    assert line.isprintable()
    assert line.endswith('grüße 日本"}')
    assert json.loads(line) == {"text": f"a{char}grüße 日本"}


@given(st.text(st.characters(exclude_categories=())))
def test_json_of_any_text(text: str) -> None:
    line = encode({"text": text})
    assert json.loads(line.encode()) == json.loads(json.dumps({"text": text}))
    assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(line) & set(BIDI)
