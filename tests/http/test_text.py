"""Which charset a body is read by, and what binary ones are told to be."""

import gzip
import struct
import zlib
from typing import Any

import pytest

from netkit.http.media import kind
from netkit.http.text import exact, read

GREETING = "grüße ✓"
HTML = "<!doctype html><html><head><meta charset={}><p>gr\xfc\xdfe"


@pytest.mark.parametrize(
    ("data", "content_type", "text", "charset", "note"),
    [
        (GREETING.encode(), "text/plain", GREETING, "utf-8", None),
        (GREETING.encode(), "", GREETING, "utf-8", None),
        (GREETING.encode(), 'text/plain; Charset="UTF-8"', GREETING, "utf-8", None),
        ("grüße".encode("latin-1"), "text/plain; charset=ISO-8859-1", "grüße", "iso-8859-1", None),
        ("grüße".encode("latin-1"), "text/plain", "grüße", "iso-8859-1", "undecodable_text"),
        ("grüße".encode("latin-1"), "text/plain; charset=utf-8", "grüße", "iso-8859-1", "undecodable_text"),
        ("grüße".encode("latin-1"), "application/json", None, None, None),
        ("例え".encode("shift_jis"), "text/plain; charset=shift_jis", "例え", "shift_jis", None),
        (GREETING.encode("utf-16"), "text/plain; charset=utf-16le", "\ufeff" + GREETING, "utf-16le", None),
        (GREETING.encode("utf-16-be"), "text/plain; charset=utf-16be", GREETING, "utf-16be", None),
        (b"\xfe\xff" + GREETING.encode("utf-16-be"), "", "\ufeff" + GREETING, "utf-16be", None),
        (GREETING.encode("utf-32"), "", "\ufeff" + GREETING, "utf-32le", None),
        (GREETING.encode("utf-8-sig"), "text/plain; charset=latin1", "\ufeff" + GREETING, "utf-8", "charset"),
        (GREETING.encode("utf-8-sig"), "text/plain", "\ufeff" + GREETING, "utf-8", None),
        (GREETING.encode(), "text/plain; charset=nosuch", GREETING, "utf-8", "unknown_charset"),
        (GREETING.encode(), "text/plain; charset=rot13", GREETING, "utf-8", "unknown_charset"),
        (GREETING.encode(), "text/plain; charset=idna", GREETING, "utf-8", "unknown_charset"),
        (HTML.format("iso-8859-1").encode("latin-1"), "text/html", HTML.format("iso-8859-1"), "iso-8859-1", None),
        (HTML.format('"cp1252"').encode("latin-1"), "text/html", HTML.format('"cp1252"'), "cp1252", None),
        (HTML.format("utf-16").encode(), "text/html", HTML.format("utf-16"), "utf-8", None),
        (HTML.format("koi8-r").encode(), "text/html; charset=utf-8", HTML.format("koi8-r"), "utf-8", None),
        (HTML.format("latin1").encode(), "text/plain", HTML.format("latin1"), "utf-8", None),
        (b'<?xml version="1.0" encoding="koi8-r"?>\xc1', "text/xml", '<?xml version="1.0" encoding="koi8-r"?>а',
         "koi8-r", None),
        (b"\0\1\2", "text/plain", None, None, None),
        (b"\x89PNG", "image/png", None, None, None),
        (b"", "text/plain", "", "utf-8", None),
    ],
)  # fmt: skip
def test_charsets(data: bytes, content_type: str, text: str | None, charset: str | None, note: str | None) -> None:
    found = read(data, content_type)
    if found is None:
        assert text is None
        return
    assert (found.text, found.charset) == (text, charset)
    assert (found.note.code if found.note else None) == note
    assert exact(found, data)


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le", "utf-32", "shift_jis", "gb18030", "utf-7"])
def test_a_cut_leaves_out_half_a_character_and_no_more(charset: str) -> None:
    plain = "ab例え✓ef" if charset not in ("shift_jis",) else "ab例えef"
    data = plain.encode(charset)
    for size in range(4 if charset == "utf-32" else 0, len(data) + 1):  # half its mark is that of utf-16
        found = read(data[:size], f"text/plain; charset={charset}", cut=True)
        assert found is not None
        assert plain.startswith(found.readable)
        assert found.note is None


def test_what_is_not_its_bytes_again_is_not_exact() -> None:
    found = read(b"+AGE-", "text/plain; charset=utf-7")
    assert found is not None
    assert (found.text, exact(found, b"+AGE-")) == ("a", False)


def png(width: int, height: int) -> bytes:
    header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack("!I", 13) + b"IHDR" + header + struct.pack("!I", zlib.crc32(header))


def jpeg(width: int, height: int, frame: int = 0xC0) -> bytes:
    exif = b"\xff\xe1" + struct.pack("!H", 2000) + bytes(1998)
    tables = b"\xff\xc4" + struct.pack("!H", 4) + b"\1\2"
    return b"\xff\xd8" + exif + tables + b"\xff" + bytes([frame]) + struct.pack("!HBHHB", 17, 8, height, width, 3)


def webp(form: bytes, rest: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4) + b"WEBP" + form + struct.pack("<I", len(rest)) + rest


PICTURES: list[tuple[bytes, str]] = [
    (png(640, 480), "PNG image, 640 × 480"),
    (jpeg(640, 480), "JPEG image, 640 × 480"),
    (jpeg(65535, 1, 0xC2), "JPEG image, 65535 × 1"),
    (b"GIF89a" + struct.pack("<HH", 640, 480), "GIF image, 640 × 480"),
    (webp(b"VP8X", bytes(4) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")), "WebP image, 640 × 480"),
    (webp(b"VP8L", b"\x2f" + struct.pack("<I", 639 | 479 << 14)), "WebP image, 640 × 480"),
    (webp(b"VP8 ", bytes(3) + b"\x9d\1\x2a" + struct.pack("<HH", 640, 480)), "WebP image, 640 × 480"),
    (b"BM" + bytes(16) + struct.pack("<ii", 640, -480), "BMP image, 640 × 480"),
]


@pytest.mark.parametrize(("data", "words"), PICTURES)
def test_pictures(data: bytes, words: str) -> None:
    assert kind(data) == words
    for size in range(len(data)):
        assert kind(data[:size]) in (None, words, words.partition(",")[0])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"", mtime=0), "gzip data"),
        (b"%PDF-1.7\n\0", "PDF document"),
        (b"PK\x03\x04", "ZIP archive"),
        (bytes(257) + b"ustar\0", "tar archive"),
        (b"RIFF\0\0\0\0WAVE", "WAV audio"),
        (b"\0\0\0\x1cftypisom", "MP4 video"),
        (b"\xff\xd8\xff" + b"\xff\xd8" * 1000, "JPEG image"),
        (b"\xff\xd8\xff\xe0\0\0" * 1000, "JPEG image"),
        (b"\0\1\2\3", None),
        (b"", None),
    ],
)
def test_other_kinds(data: bytes, words: str | None) -> None:
    assert kind(data) == words


def test_a_terminal_gets_the_note(serve: Any, terminal: Any) -> None:
    body = "grüße".encode("latin-1")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" % len(body)
    done = terminal("http", "get", "--show", "body", f"http://127.0.0.1:{serve(head + body).port}/")
    assert done.lines == ["grüße", "(the body is not in utf-8 at byte 2: read as Latin-1)"]
