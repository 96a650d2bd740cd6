"""The decoder over every split and every truncation."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.errors import PeerError
from netkit.http.decode import Decoder, codings

TEXT = b"netkit " * 20
GZIP = gzip.compress(TEXT, mtime=0)
ZLIB = zlib.compress(TEXT)
_raw = zlib.compressobj(wbits=-15)
RAW = _raw.compress(TEXT) + _raw.flush()
FORMS = [("gzip", GZIP), ("deflate", ZLIB), ("deflate", RAW)]


def decode(names: list[str], *pieces: bytes) -> tuple[bytes, list[str]]:
    decoder = Decoder(names)
    out = b"".join(part for piece in pieces for part in decoder.feed(piece))
    return out, [warning.code for warning in decoder.finish()]


@pytest.mark.parametrize(("name", "data"), FORMS)
def test_every_split(name: str, data: bytes) -> None:
    for place in range(len(data) + 1):
        assert decode([name], data[:place], data[place:]) == (TEXT, [])
    assert decode([name], *(data[place : place + 1] for place in range(len(data)))) == (TEXT, [])


@pytest.mark.parametrize(("name", "data"), FORMS)
def test_every_truncation_is_an_error(name: str, data: bytes) -> None:
    for size in range(1, len(data)):
        with pytest.raises(PeerError) as caught:
            decode([name], data[:size])
        assert caught.value.kind == "truncated_encoding"


@pytest.mark.parametrize(("name", "data"), [("gzip", GZIP), ("deflate", ZLIB)])
def test_a_bad_checksum_is_an_error(name: str, data: bytes) -> None:
    place = len(data) - 5 if name == "gzip" else len(data) - 1
    broken = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    with pytest.raises(PeerError) as caught:
        decode([name], broken)
    assert caught.value.kind == "undecodable"


@pytest.mark.parametrize("split", range(len(GZIP) * 2 + 1))
def test_two_members_are_one_body(split: int) -> None:
    data = GZIP + GZIP
    assert decode(["gzip"], data[:split], data[split:]) == (TEXT + TEXT, [])


@pytest.mark.parametrize("junk", [b"J", b"JUNK", b"\x1f", b"\0\0\0\0"])
@pytest.mark.parametrize(("name", "data"), FORMS)
def test_bytes_behind_the_end_are_a_warning(name: str, data: bytes, junk: bytes) -> None:
    assert decode([name], data + junk) == (TEXT, ["trailing_garbage"])
    assert decode([name], data, *(junk[place : place + 1] for place in range(len(junk)))) == (
        TEXT,
        ["trailing_garbage"],
    )


def test_plain_text_is_not_gzip() -> None:
    with pytest.raises(PeerError, match="not gzip as Content-Encoding says: incorrect header check"):
        decode(["gzip"], b"hello")


def test_an_empty_body_is_whole() -> None:
    assert decode(["gzip"]) == (b"", [])


def test_codings_are_undone_in_reverse() -> None:
    assert codings(["identity", "deflate, X-GZIP"]) == ["deflate", "gzip"]
    assert decode(["deflate", "gzip"], gzip.compress(ZLIB)) == (TEXT, [])


def test_a_bomb_is_stopped_early() -> None:
    decoder = Decoder(["gzip"])
    sizes: list[int] = []
    pieces = decoder.feed(gzip.compress(bytes(64 * 1024 * 1024)))
    with pytest.raises(PeerError) as caught:
        sizes.extend(map(len, pieces))
    assert caught.value.kind == "expands_too_much"
    assert 0 < max(sizes) <= 256 * 1024
    assert sum(sizes) <= 11 * 1024 * 1024


def test_regular_text_below_the_floor_is_no_bomb() -> None:
    assert decode(["gzip"], gzip.compress(bytes(1_000_000)))[0] == bytes(1_000_000)


def test_limits_on_codings() -> None:
    with pytest.raises(PeerError) as caught:
        Decoder(["gzip"] * 6)
    assert caught.value.kind == "too_many_encodings"
    with pytest.raises(PeerError) as caught:
        Decoder(["br"])
    assert caught.value.kind == "unknown_encoding"


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_decode_or_are_a_peer_error(data: bytes, name: str) -> None:
    with suppress(PeerError):
        decode([name], data)


def test_what_expands_into_nothing_is_a_bomb_too() -> None:
    """Half a million empty members, compressed once more: nothing comes out, and each of them takes its time."""
    data = gzip.compress(gzip.compress(b"", mtime=0) * 600_000, mtime=0)
    with pytest.raises(PeerError) as caught:
        decode(["gzip", "gzip"], *(data[at : at + 1024] for at in range(0, len(data), 1024)))
    assert caught.value.kind == "expands_too_much"
