"""Endpoints about bodies: long and slow ones, ranges, codings, charsets. Whatever is long is made while it is sent."""

import asyncio
import gzip as gzip_module
import json
import re
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from hashlib import shake_128

from netkit.lab.http.call import Call, Refused, as_json, text
from netkit.lab.http.plain import DATE, precondition
from netkit.lab.http.protocol import Header, Response

BLOCK = 64 * 1024
MAX_BYTES = 1 << 40
MAX_DELAY = 300.0
MAX_DRIP = 10 * 1024 * 1024
MAX_LINES = 100_000
MAX_BOMB = 1 << 34

_NOISE = shake_128(b"netkit lab").digest(BLOCK - 8)  # does not compress
HEADER = re.compile(r"[\x20-\x7e]{1,100}")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

RANGES = ("right", "ignored", "from-zero", "unnamed", "other-size")

UTF8 = "grüße, ελληνικά, 例え, ✓\n"
ENCODINGS = "utf8, latin1, utf16, undeclared, wrong, unknown, bom, meta"
LATIN1 = "grüße, café, ñ, ÿ\n"
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]52;c;aGVsbG8=\x07 \x9b31m \u202etxet\u202c bell\x07 back\x08\x08\n"


def content(start: int, end: int) -> bytes:
    """Octets start to end of the endless file behind /bytes; every block begins with its number."""
    parts = []
    for number in range(start // BLOCK, -(-end // BLOCK)):
        block = struct.pack("!Q", number) + _NOISE
        parts.append(block[max(0, start - number * BLOCK) : end - number * BLOCK])
    return b"".join(parts)


async def _pieces(start: int, end: int) -> AsyncIterator[bytes]:
    for at in range(start, end, BLOCK):
        yield content(at, min(at + BLOCK, end))


def bytes_(call: Call) -> Response:
    """A file with ETag and ranges (RFC 9110 14).

    `?cut=K` breaks the connection after K octets of the answer; `?range=HOW` gets the ranges wrong in one way.
    """
    size = call.number("n", most=MAX_BYTES)
    how = call.query("range", "right")
    if how not in RANGES:
        raise Refused("range is one of " + ", ".join(RANGES))
    cut = call.number("cut", most=MAX_BYTES) if call.query("cut") else None
    tag = f'"bytes-{size}"'
    if decided := precondition(call, tag):
        return decided
    fields: list[Header] = [("ETag", tag), ("Last-Modified", DATE), ("Accept-Ranges", "bytes")]
    fields.append(("Content-Type", "application/octet-stream"))
    wanted = _range(call, size, tag) if how != "ignored" else None
    if wanted == "unsatisfiable":
        unsatisfied = ("Content-Range", f"bytes */{size}")
        return text("no such range\n", status=416, headers=(unsatisfied,))
    status, start, end = 200, 0, size
    if isinstance(wanted, tuple):
        status, (start, end) = 206, wanted
        if how == "from-zero":
            start = 0
        if how != "unnamed":
            fields.append(("Content-Range", f"bytes {start}-{end - 1}/{size + (how == 'other-size')}"))
    stop = end if cut is None else min(end, start + cut)
    return Response(status, fields, _pieces(start, stop), end - start, abort=stop < end)


def flaky(call: Call) -> Response:
    """Fails the first `?times=N` times that this id is asked for, then is `/bytes/{n}`."""
    times, code = call.number("times", most=1000, default=2), call.number("status", most=599, default=503)
    if code < 400:
        raise Refused("status is a failure, 400 to 599")
    after = call.query("after")
    if call.count(call.parts["id"]) >= times:
        return bytes_(call)
    return text(f"{code}, later\n", status=code, headers=(("Retry-After", after),) if HEADER.fullmatch(after) else ())


def _range(call: Call, size: int, tag: str) -> tuple[int, int] | str | None:
    """(start, end) of a single range; None to send it all: several ranges, a bad one, or an If-Range that is over."""
    condition = call.request.get("if-range")
    if condition is not None and condition not in (tag, DATE):
        return None
    found = _RANGE.fullmatch((call.request.get("range") or "").strip())
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        return (max(0, size - last), size) if last and size else "unsatisfiable"
    start, end = int(found[1]), min(int(found[2] or size) + (1 if found[2] else 0), size)
    if found[2] and int(found[2]) < start:
        return None
    return (start, end) if start < size else "unsatisfiable"


def delay(call: Call) -> Response:
    seconds = call.seconds("seconds", most=MAX_DELAY)
    body = as_json({"delay": seconds}).body
    return Response(200, [("Content-Type", "application/json")], body, delay=seconds)


def drip(call: Call) -> Response:
    size = call.number("bytes", most=MAX_DRIP, default=10)
    seconds = call.seconds("seconds", most=MAX_DELAY, default=2)
    return Response(200, [("Content-Type", "application/octet-stream")], _drip(size, seconds), size)


async def _drip(size: int, seconds: float) -> AsyncIterator[bytes]:
    """At most a hundred pieces a second, spread evenly."""
    pieces = max(1, min(size, int(seconds * 100)))
    for number in range(pieces):
        yield b"*" * (size * (number + 1) // pieces - size * number // pieces)
        await asyncio.sleep(seconds / pieces)


def stream(call: Call) -> Response:
    return Response(200, [("Content-Type", "application/x-ndjson")], _lines(call.number("n", most=MAX_LINES)))


async def _lines(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield json.dumps({"line": number, "of": count}).encode() + b"\n"


def _coded(coding: str, body: bytes) -> Response:
    fields = [("Content-Type", "application/json"), ("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
    return Response(200, fields, body)


def _document(coding: str) -> bytes:
    body = as_json({"coding": coding, "lines": [f"line {number} of a compressed body" for number in range(50)]}).body
    assert isinstance(body, bytes)
    return body


def _gzipped() -> bytes:
    return gzip_module.compress(_document("gzip"), mtime=0)


def gzip(call: Call) -> Response:
    return _coded("gzip", _gzipped())


def deflate(call: Call) -> Response:
    return _coded("deflate", zlib.compress(_document("deflate")))


def raw_deflate(call: Call) -> Response:
    """What some servers mean by "deflate": without zlib's frame (RFC 9110 8.4.1.2)."""
    maker = zlib.compressobj(wbits=-15)
    return _coded("deflate", maker.compress(_document("deflate")) + maker.flush())


def br(call: Call) -> Response:
    """With Google's library, where it is installed."""
    try:
        import brotli
    except ImportError:
        raise Refused("the brotli package is not installed", 501) from None
    return _coded("br", brotli.compress(_document("br")))


def zstd(call: Call) -> Response:
    """With what Python 3.14 has, or its backport; the frame has a checksum (RFC 8878 3.1.1)."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd as library
        else:
            from backports import zstd as library
    except ImportError:
        raise Refused("the backports.zstd package is not installed", 501) from None
    checked: dict[int, int] = {library.CompressionParameter.checksum_flag: 1}
    return _coded("zstd", library.compress(_document("zstd"), options=checked))


def gzip_truncated(call: Call) -> Response:
    whole = _gzipped()
    return _coded("gzip", whole[: len(whole) // 2])


def gzip_bad_crc(call: Call) -> Response:
    whole = bytearray(_gzipped())
    whole[-8] ^= 0xFF  # the CRC's first octet, RFC 1952 2.3
    return _coded("gzip", bytes(whole))


def gzip_trailing(call: Call) -> Response:
    return _coded("gzip", _gzipped() + b"trailing bytes")


def gzip_bomb(call: Call) -> Response:
    """Zeros that are a thousand times as long as what is sent."""
    size = call.number("size", most=MAX_BOMB, default=1 << 30)
    return Response(200, [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")], _bomb(size))


async def _bomb(size: int) -> AsyncIterator[bytes]:
    maker, zeros = zlib.compressobj(9, wbits=31), b"\0" * (1 << 20)
    for at in range(0, size, len(zeros)):
        if piece := maker.compress(zeros[: size - at]):
            yield piece
        await asyncio.sleep(0)  # a megabyte takes some milliseconds: others get their turn
    yield maker.flush()


def json_(call: Call) -> Response:
    """JSON that a careless reader changes: big and exact numbers, key order, a repeated key, other scripts."""
    body = (
        '{"big": 12345678901234567890, "exact": 1.10, "float": 1e400, "text": "grüße ✓", "escaped": "\\u001b[31m",\n'
        ' "nested": {"list": [1, 2, {"three": null}], "empty": {}}, "twice": 1, "twice": 2, "true": true}\n'
    )
    return text(body, kind="application/json")


def html(call: Call) -> Response:
    page = "<!doctype html>\n<html lang=en><meta charset=utf-8><title>netkit lab</title>\n<h1>Hello from the lab</h1>\n"
    return text(page, kind="text/html")


def xml(call: Call) -> Response:
    return text('<?xml version="1.0" encoding="utf-8"?>\n<lab><greeting>grüße</greeting></lab>\n', kind="text/xml")


def png(call: Call) -> Response:
    """A square of 32 x 32, drawn here: chunks with their CRCs (RFC 2083)."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(v for x in range(32) for v in (x * 8, y * 8, 128)) for y in range(32))
    header = struct.pack("!IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    image = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    return Response(200, [("Content-Type", "image/png")], image)


def encoding(call: Call) -> Response:
    match call.parts["charset"]:
        case "utf8":
            return text(UTF8)
        case "latin1":
            return Response(200, [("Content-Type", "text/plain; charset=iso-8859-1")], LATIN1.encode("latin-1"))
        case "utf16":
            return Response(200, [("Content-Type", "text/plain; charset=utf-16")], UTF8.encode("utf-16"))
        case "undeclared":
            return Response(200, [("Content-Type", "text/plain")], LATIN1.encode("latin-1"))
        case "wrong":
            return Response(200, [("Content-Type", "text/plain; charset=utf-8")], LATIN1.encode("latin-1"))
        case "unknown":
            return Response(200, [("Content-Type", "text/plain; charset=klingon")], UTF8.encode())
        case "bom":
            return Response(200, [("Content-Type", "text/plain")], UTF8.encode("utf-8-sig"))
        case "meta":
            page = f"<!doctype html>\n<meta charset=iso-8859-1>\n<p>{LATIN1}"
            return Response(200, [("Content-Type", "text/html")], page.encode("latin-1"))
    raise Refused(f"charset is one of {ENCODINGS}", 404)


def control_characters(call: Call) -> Response:
    return text(ESCAPES, headers=(("X-Escape", "\x1b[31mred\x1b]0;title\x07"),))


def early_hints(call: Call) -> Response:
    hints = [(103, [("Link", "</style.css>; rel=preload; as=style")])]
    return Response(200, [("Content-Type", "text/plain")], b"hints came first\n", interim=hints)


def trailers(call: Call) -> Response:
    last = b"trailers come last\n"

    async def body() -> AsyncIterator[bytes]:
        yield last

    fields = [("Content-Type", "text/plain"), ("Trailer", "X-Checksum")]
    return Response(200, fields, body(), trailers=[("X-Checksum", f"crc32={zlib.crc32(last):08x}")])
