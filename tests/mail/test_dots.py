"""Dot-stuffing and newline repair as streams: the same for every split of the input."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.mail.dots import DotReader, DotWriter, Newlines

MESSAGES = (
    b"",
    b"\r\n",
    b".\r\n",
    b"..\r\n",
    b".x\r\n.\r\n..y\r\n",
    b"a\r\n\r\n.b\r\n",
    b"a\n.\nb\r\n",  # a lone LF ends no line: CVE-2023-51764
    b"a\r.\r\r\n",
    b"a\r\n.\nb\r\n",
)


def write(message: bytes, *cuts: int) -> bytes:
    writer = DotWriter()
    edges = [0, *sorted(cuts), len(message)]
    pieces = [message[start:end] for start, end in pairwise(edges)]
    return b"".join(writer.feed(piece) for piece in pieces) + writer.end()


def read(wire: bytes, size: int) -> tuple[bytes, bytes]:
    """(message, what came behind it), fed in pieces of `size` bytes."""
    reader, out = DotReader(), b""
    for start in range(0, len(wire), size):
        piece = reader.feed(wire[start : start + size])
        out += piece.data
        if piece.done:
            return out, piece.rest + wire[start + size :]
        assert piece.rest == b""
    raise AssertionError("no end")


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_comes_back_for_every_split(message: bytes) -> None:
    wire = write(message)
    for cut in range(len(message) + 1):
        assert write(message, cut) == wire
    for size in range(1, len(wire) + 8):
        assert read(wire + b"NEXT", size) == (message, b"NEXT")


def test_the_stuffed_form() -> None:
    assert write(b".\r\na\r\n..\r\n") == b"..\r\na\r\n...\r\n.\r\n"
    assert write(b"no line end") == b"no line end\r\n.\r\n"
    assert write(b"") == b".\r\n"


def test_only_crlf_dot_crlf_is_an_end() -> None:
    for wire in (b"a\n.\n", b"a\r\n.\n", b"a\n.\r\n", b"a\r.\r", b".\n", b"a\r\n.\r"):
        assert not DotReader().feed(wire).done


@given(st.binary(max_size=60).map(lambda data: data + b"\r\n"), st.integers(1, 9))
def test_whatever_the_bytes(message: bytes, size: int) -> None:
    assert read(write(message), size) == (message, b"")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"a\nb\rc\r\nd", b"a\r\nb\r\nc\r\nd"),
        (b"\r\r\n\n", b"\r\n\r\n\r\n"),
        (b"\n.\n", b"\r\n.\r\n"),
        (b"end\r", b"end\r\n"),
    ],
)
def test_newlines(given: bytes, expected: bytes) -> None:
    for cut in range(len(given) + 1):
        repair = Newlines()
        assert repair.feed(given[:cut]) + repair.feed(given[cut:]) + repair.end() == expected
