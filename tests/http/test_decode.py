"""The decoder over every split and every truncation."""

import gzip
import random
import struct
import zlib
from contextlib import suppress
from typing import Any

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from netkit.errors import PeerError
from netkit.http.codings import accepted, codings
from netkit.http.decode import Decoder
from netkit.http.stage_br import MAX_KEPT

TEXT = b"netkit " * 20
GZIP = gzip.compress(TEXT, mtime=0)
ZLIB = zlib.compress(TEXT)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def raw(data: bytes) -> bytes:
    maker = zlib.compressobj(wbits=-15)
    return maker.compress(data) + maker.flush()


def zstandard(data: bytes, *, checksum: bool = True, **options: Any) -> bytes:
    named: dict[int, int] = {zstd.CompressionParameter[name]: value for name, value in options.items()}
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: checksum, **named})


def flushed(data: bytes) -> bytes:
    """br in blocks, as a server that streams sends it."""
    maker = brotli.Compressor()
    blocks = [maker.process(data[at : at + 50]) + maker.flush() for at in range(0, len(data), 50)]
    return b"".join(blocks) + bytes(maker.finish())


SKIPPABLE = struct.pack("<II", 0x184D2A53, 5) + b"hello"
ZSTD = zstandard(TEXT)
BR = brotli.compress(TEXT)
FORMS = [("gzip", GZIP), ("deflate", ZLIB), ("deflate", raw(TEXT)), ("br", BR), ("zstd", ZSTD)]
NOISE = random.Random(1).randbytes(300)
CORPUS = [
    *((name, data, TEXT) for name, data in FORMS),
    *((name, make(plain), plain)
      for plain in (b"", b"x", NOISE)
      for name, make in (("gzip", gzipped), ("deflate", zlib.compress), ("deflate", raw),
                         ("br", brotli.compress), ("br", flushed), ("zstd", zstandard))),
    ("br", flushed(TEXT), TEXT),
    ("zstd", zstandard(TEXT, checksum=False), TEXT),
    ("zstd", SKIPPABLE + ZSTD, TEXT),
]  # fmt: skip


def decode(names: list[str], *pieces: bytes) -> tuple[bytes, list[str]]:
    decoder = Decoder(names)
    out = b"".join(part for piece in pieces for part in decoder.feed(piece))
    return out, [warning.code for warning in decoder.finish()]


@pytest.mark.parametrize(("name", "data", "plain"), CORPUS)
def test_every_split(name: str, data: bytes, plain: bytes) -> None:
    for place in range(len(data) + 1):
        assert decode([name], data[:place], data[place:]) == (plain, [])
    assert decode([name], *(data[place : place + 1] for place in range(len(data)))) == (plain, [])


@pytest.mark.parametrize(("name", "data", "plain"), CORPUS)
def test_every_truncation_is_an_error(name: str, data: bytes, plain: bytes) -> None:
    for size in range(1, len(data)):
        if data.startswith(SKIPPABLE) and 0 <= size - len(SKIPPABLE) < 4:  # which is whole, and holds nothing
            assert decode([name], data[:size]) == (b"", ["trailing_garbage"] * (size > len(SKIPPABLE)))
            continue
        with pytest.raises(PeerError) as caught:
            decode([name], data[:size])
        assert caught.value.kind == "truncated_encoding"


@pytest.mark.parametrize(("name", "data", "place"), [("gzip", GZIP, -5), ("deflate", ZLIB, -1), ("zstd", ZSTD, -1)])
def test_a_bad_checksum_is_an_error(name: str, data: bytes, place: int) -> None:
    broken = bytearray(data)
    broken[place] ^= 1
    with pytest.raises(PeerError) as caught:
        decode([name], bytes(broken))
    assert caught.value.kind == "undecodable"
    assert "check" in caught.value.message


@pytest.mark.parametrize(("name", "data"), [("gzip", GZIP * 2), ("zstd", ZSTD * 2), ("zstd", ZSTD + SKIPPABLE + ZSTD)])
def test_two_members_are_one_body(name: str, data: bytes) -> None:
    for split in range(len(data) + 1):
        assert decode([name], data[:split], data[split:]) == (TEXT + TEXT, [])


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
    with pytest.raises(PeerError, match="not zstd as Content-Encoding says: unknown frame descriptor"):
        decode(["zstd"], b"hello")
    with pytest.raises(PeerError, match=r"not br as Content-Encoding says$"):
        decode(["br"], b"hello world, this is text")


@pytest.mark.parametrize("name", accepted())
def test_an_empty_body_is_whole(name: str) -> None:
    assert decode([name]) == (b"", [])


def test_codings_are_undone_in_reverse() -> None:
    assert codings(["identity", "deflate, X-GZIP"]) == ["deflate", "gzip"]
    assert decode(["deflate", "gzip"], gzip.compress(ZLIB)) == (TEXT, [])
    assert decode(["br", "zstd"], zstandard(BR)) == (TEXT, [])


ZEROS = bytes(64 * 1024 * 1024)
BOMBS = {
    "gzip": gzip.compress(ZEROS),
    "deflate": zlib.compress(ZEROS),
    "br": brotli.compress(ZEROS, quality=1),
    "zstd": zstandard(ZEROS),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_stopped_early(name: str) -> None:
    decoder = Decoder([name])
    sizes: list[int] = []
    pieces = decoder.feed(BOMBS[name])
    with pytest.raises(PeerError) as caught:
        sizes.extend(map(len, pieces))
    assert caught.value.kind == "expands_too_much"
    assert 0 < max(sizes) <= 512 * 1024
    assert sum(sizes) <= 11 * 1024 * 1024
    free = Decoder([name], free=len(ZEROS))
    assert sum(map(len, free.feed(BOMBS[name]))) == len(ZEROS)
    assert free.finish() == []


def test_regular_text_below_the_floor_is_no_bomb() -> None:
    assert decode(["gzip"], gzip.compress(bytes(1_000_000)))[0] == bytes(1_000_000)


def test_limits_on_codings() -> None:
    with pytest.raises(PeerError) as caught:
        Decoder(["gzip"] * 6)
    assert caught.value.kind == "too_many_encodings"
    with pytest.raises(PeerError) as caught:
        Decoder(["gzip", "dcz"])
    assert (caught.value.kind, "'dcz' was not asked for" in caught.value.message) == ("unknown_encoding", True)


@given(st.binary(max_size=2000), st.sampled_from(accepted()))
def test_any_bytes_decode_or_are_a_peer_error(data: bytes, name: str) -> None:
    with suppress(PeerError):
        decode([name], data)


def test_what_expands_into_nothing_is_a_bomb_too() -> None:
    """Half a million empty members, compressed once more: nothing comes out, and each of them takes its time."""
    data = gzip.compress(gzip.compress(b"", mtime=0) * 600_000, mtime=0)
    with pytest.raises(PeerError) as caught:
        decode(["gzip", "gzip"], *(data[at : at + 1024] for at in range(0, len(data), 1024)))
    assert caught.value.kind == "expands_too_much"


@given(st.sampled_from(CORPUS), st.integers(0), st.integers(1, 255))
def test_a_changed_byte_is_told_or_changes_what_comes_out_alone(
    form: tuple[str, bytes, bytes], place: int, change: int
) -> None:
    name, data, _ = form
    broken = bytearray(data)
    broken[place % len(data)] ^= change
    with suppress(PeerError):
        decode([name], bytes(broken))


def test_a_window_beyond_the_limit_of_http_is_refused() -> None:
    noise = random.Random(3).randbytes(9 << 20)
    assert decode(["zstd"], zstandard(noise, window_log=23)) == (noise, [])
    with pytest.raises(PeerError, match="a window of more than 8 MiB") as caught:
        decode(["zstd"], zstandard(noise, window_log=24))
    assert caught.value.kind == "window_too_large"


def test_a_frame_made_with_a_dictionary_is_refused() -> None:
    shared = zstd.train_dict([b"hello world, number %d of many" % number for number in range(1000)], 1000)
    with pytest.raises(PeerError, match="needs a dictionary"):
        decode(["zstd"], zstd.compress(TEXT, zstd_dict=shared))


def test_skippable_frames_alone_hold_nothing() -> None:
    assert decode(["zstd"], SKIPPABLE * 3) == (b"", [])


def test_bytes_behind_a_long_br_body_are_an_error_and_behind_a_shorter_one_a_warning() -> None:
    """What the library gave up on is read again, but not from a body of any length."""
    noise = random.Random(2).randbytes(MAX_KEPT - 1000)
    assert decode(["br"], brotli.compress(noise, quality=1) + b"JUNK") == (noise, ["trailing_garbage"])
    with pytest.raises(PeerError) as caught:
        decode(["br"], brotli.compress(noise * 2, quality=1) + b"JUNK")
    assert caught.value.kind == "undecodable"


def test_what_br_gave_of_a_slice_before_its_end_is_not_given_twice() -> None:
    assert decode(["br"], brotli.compress(bytes(5_000_000)) + b"JUNK") == (bytes(5_000_000), ["trailing_garbage"])


def test_what_cannot_be_decoded_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert accepted() == ("gzip", "deflate", "br", "zstd")
    monkeypatch.setattr("sys.path", [])
    accepted.cache_clear()
    try:
        assert accepted() == ("gzip", "deflate")
        with pytest.raises(PeerError, match="'br' was not asked for"):
            Decoder(["br"])
    finally:
        accepted.cache_clear()
