"""Messages of the stream: what a node writes, another reads; what nobody should write is refused with a word."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.chat.entry import Entry
from netkit.chat.nats.batch import (
    MAX_ENTRIES,
    MAX_MESSAGE,
    PLACES,
    Batch,
    Foreign,
    check_node,
    decode,
    encode,
    encode_entry,
)
from netkit.errors import BadInput

SAID = Entry("say", "lobby", "ann", "Grüße \U0001f600".encode(), b"\n", 7, "one", 1700000000.125)
GOOD = {"node": "one", "boot": "ab", "number": 1, "first": 1,
        "entries": [["say", "lobby", "ann", "hi", "\n", 7, 1.5]]}  # fmt: skip


def test_what_is_written_is_read() -> None:
    entries = [SAID, SAID._replace(kind="join", text=b"", end=b"\r\n"), SAID._replace(kind="nick", text=b"tim")]
    data = encode("one", "ab12", 3, 9, [encode_entry(one) for one in entries])
    read = tuple(one._replace(seq=5 * PLACES + place) for place, one in enumerate(entries))
    assert decode(data, 5) == Batch("one", "ab12", 3, 9, read)


def test_a_batch_that_gives_a_node_up_says_so() -> None:
    assert decode(encode("one", "ab", 0, 0, [], gone=True), 1) == Batch("one", "ab", 0, 0, (), True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"node": "a.b"}, "no node"),
        ({"node": None}, "no node"),
        ({"boot": "xyz"}, "no node"),
        ({"number": True}, "no number"),
        ({"number": -1}, "no number"),
        ({"first": 2**53}, "no number"),
        ({"first": "1"}, "no number"),
        ({"entries": {}}, "no list of entries"),
        ({"entries": [[]] * (MAX_ENTRIES + 1)}, "no list of entries"),
    ],
)
def test_a_batch_that_is_none_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(Foreign, match=why):
        decode(json.dumps(GOOD | change).encode(), 1)


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (0, "shout", "no entry"),
        (0, ["say"], "no entry"),
        (1, "../x", "no room"),
        (1, 3, "no room"),
        (2, "x" * 129, "no text"),
        (3, None, "no text"),
        (3, "\ud800", "half a character"),
        (4, "\n\n", "no entry"),
        (4, {}, "no entry"),
        (5, -1, "no number"),
        (6, "now", "no time"),
        (6, float("nan"), "no time"),
        (6, float("inf"), "no time"),
    ],
)
def test_an_entry_that_is_none_is_refused(place: int, value: object, why: str) -> None:
    entry: list[object] = ["say", "lobby", "ann", "hi", "\n", 7, 1.5]
    entry[place] = value
    with pytest.raises(Foreign, match=why):
        decode(json.dumps(GOOD | {"entries": [entry]}).encode(), 1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"9" * 10_000, "no JSON"),
        (b"[]", "no object"),
        (b" " * (MAX_MESSAGE + 1), f"{MAX_MESSAGE + 1} bytes"),
    ],
)
def test_what_is_no_object_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Foreign, match=why):
        decode(data, 1)


def test_what_a_terminal_acts_on_is_written_out() -> None:
    entry = ["say", "lobby", "e\x1b[2J", "one\r\n[bob] two\u202e", "\n", 1, 1]
    [read] = decode(json.dumps(GOOD | {"entries": [entry]}).encode(), 1).entries
    assert (read.name, read.text) == ("e\\x1b[2J", b"one\\x0d\\x0a[bob] two\\u202e")


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda deeper: (
    st.lists(deeper, max_size=7) | st.dictionaries(st.sampled_from(list(GOOD)), deeper)), max_leaves=20))  # fmt: skip
def test_any_json_is_read_or_refused(value: object) -> None:
    for each in (value, GOOD | value if isinstance(value, dict) else GOOD | {"entries": value}):
        with suppress(Foreign):
            decode(json.dumps(each).encode(), 1)


def test_a_node_has_a_name_that_fits_in_a_subject() -> None:
    assert check_node("web-1_A") == "web-1_A"
    for name in ("", "a b", "a.b", "-a", "a" * 33, "ä"):
        with pytest.raises(BadInput, match="it is 1 to 32 letters"):
            check_node(name)
