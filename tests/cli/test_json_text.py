"""The JSON printer keeps every token letter for letter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.cli.output.json_text import layout, lines, tokens

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def printed(text: str) -> str | None:
    pieces = layout(text)
    return None if pieces is None else "".join(piece for _, piece in pieces)


@given(values, st.sampled_from([None, 0, 3]), st.booleans())
def test_the_tokens_are_the_same(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    shown = printed(text)
    assert shown is not None
    assert tokens(shown) == tokens(text)
    assert json.loads(shown) == value
    if not isinstance(value, (dict, list)) or value:
        assert shown == json.dumps(json.loads(text), indent=2, ensure_ascii=ascii_only) or "E" in text


def test_numbers_duplicate_keys_order_and_escapes_stay() -> None:
    text = '{"b":12345678901234567890,"a":1.10,"a":1e400,"s":"\\u001b\\/","e":{},"l":[],"n":[[1]]}'
    assert printed(text) == (
        '{\n  "b": 12345678901234567890,\n  "a": 1.10,\n  "a": 1e400,\n  "s": "\\u001b\\/",\n'
        '  "e": {},\n  "l": [],\n  "n": [\n    [\n      1\n    ]\n  ]\n}'
    )


def test_json_lines_stand_on_lines_of_their_own() -> None:
    assert printed('{"a":1}\n[]\n2') == '{\n  "a": 1\n}\n[]\n2'


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "{", "}", "[1", "[1,]", "{,}", '{"a"}', '{"a":}', '{"a" 1}', "[1 2]", "01", "nul", "'a'"),
        *('"\n"', "[}", "][", "[" * 101 + "]" * 101, '{"a":1,}', "1.", "+1", '"\\x"', "{1:2}", "[,1]", ":", ","),
    ],
)
def test_what_is_no_json_is_not_touched(text: str) -> None:
    assert printed(text) is None


def test_json_lines_stay_as_they_are() -> None:
    text = '{"a": 1.10,"a":[]}\nnot json\n\n "x"\r\n{"b" :{"c":null}}\n'
    pieces = list(lines(text))
    assert "".join(piece for _, piece in pieces) == text.removesuffix("\n").replace("\r", "")
    assert [piece for kind, piece in pieces if kind == "key"] == ['"a"', '"a"', '"b"', '"c"']
    assert [piece for kind, piece in pieces if kind == "text"] == ["not json", ""]


@given(st.lists(st.text() | values.map(json.dumps)).map("\n".join))
def test_lines_lose_nothing(text: str) -> None:
    assert "".join(piece for _, piece in lines(text)) == text.removesuffix("\n").replace("\r\n", "\n").removesuffix(
        "\r"
    )
