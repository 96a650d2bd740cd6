"""What a binary body is, by its first bytes and not by what it is called, with the size of a picture.

Only what can be said for sure from a signature; pictures are not decoded, their headers are read (PNG, GIF, JPEG,
WebP, BMP), each within the bytes at hand.
"""

import struct

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG image"),
    (0, b"\xff\xd8\xff", "JPEG image"),
    (0, b"GIF87a", "GIF image"),
    (0, b"GIF89a", "GIF image"),
    (8, b"WEBP", "WebP image"),
    (4, b"ftypavif", "AVIF image"),
    (4, b"ftyphei", "HEIF image"),
    (0, b"II*\0", "TIFF image"),
    (0, b"MM\0*", "TIFF image"),
    (0, b"\0\0\1\0", "icon"),
    (0, b"BM", "BMP image"),
    (0, b"%PDF-", "PDF document"),
    (0, b"PK\x03\x04", "ZIP archive"),
    (0, b"PK\x05\x06", "empty ZIP archive"),
    (0, b"\x1f\x8b", "gzip data"),
    (0, b"\x28\xb5\x2f\xfd", "zstd data"),
    (0, b"BZh", "bzip2 data"),
    (0, b"\xfd7zXZ\0", "xz data"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (257, b"ustar", "tar archive"),
    (0, b"\x7fELF", "ELF program"),
    (0, b"MZ", "Windows program"),
    (0, b"\xcf\xfa\xed\xfe", "Mach-O program"),
    (0, b"\0asm", "WebAssembly"),
    (0, b"\xca\xfe\xba\xbe", "Java class or Mach-O program"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (0, b"wOFF", "WOFF font"),
    (0, b"wOF2", "WOFF2 font"),
    (0, b"OTTO", "OpenType font"),
    (0, b"\0\1\0\0\0", "TrueType font"),
    (0, b"ID3", "MP3 audio"),
    (0, b"OggS", "Ogg audio or video"),
    (0, b"fLaC", "FLAC audio"),
    (8, b"WAVE", "WAV audio"),
    (8, b"AVI ", "AVI video"),
    (4, b"ftyp", "MP4 video"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM video"),
)


def kind(data: bytes) -> str | None:
    """What it is: "PNG image, 32 × 32"; None when no signature is known."""
    found = next((name for place, mark, name in _SIGNATURES if data[place : place + len(mark)] == mark), None)
    if found is None:
        return None
    size = dimensions(data, found)
    return f"{found}, {size[0]} × {size[1]}" if size else found


def dimensions(data: bytes, name: str) -> tuple[int, int] | None:
    """(width, height) in pixels of a picture of that kind, as far as its header is there."""
    read = {
        "PNG image": _png, "GIF image": _gif, "JPEG image": _jpeg, "WebP image": _webp, "BMP image": _bmp
    }.get(name)  # fmt: skip
    try:
        return read(data) if read else None
    except struct.error:  # it is shorter than its header
        return None


def _png(data: bytes) -> tuple[int, int] | None:
    return struct.unpack_from("!II", data, 16) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> tuple[int, int]:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """The first start-of-frame segment's (ITU T.81 B.2.2): SOF0 to SOF15 but DHT, JPG and DAC."""
    place = 2
    while data[place : place + 1] == b"\xff":
        mark, length = struct.unpack_from("!BH", data, place + 1)
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from("!HH", data, place + 5)
            return width, height
        place += 2 + max(2, length)
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    """RFC 9649 2.5 to 2.7."""
    match data[12:16]:
        case b"VP8X":
            low, high, height_low, height_high = struct.unpack_from("<HBHB", data, 24)
            return 1 + (high << 16 | low), 1 + (height_high << 16 | height_low)
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None
