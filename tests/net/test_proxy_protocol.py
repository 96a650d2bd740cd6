"""The PROXY header, whole and in pieces, and not a byte behind it."""

import ipaddress

import pytest

from netkit.net.proxy_protocol import HERSELF, MAX_V1, SIGNATURE, Header, Source


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([0x20 | command, family]) + len(body).to_bytes(2, "big") + body


V4 = v2(1, 0x11, bytes([192, 0, 2, 7, 10, 0, 0, 1]) + (4711).to_bytes(2, "big") + (2626).to_bytes(2, "big"))
V6 = v2(1, 0x21, ipaddress.ip_address("2001:db8::1").packed * 2 + b"\x00\x05\x0a\x42" + b"\x04\x00\x01x")
HEADERS = [
    (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 2626\r\n", Source("192.0.2.7", 4711)),
    (b"PROXY TCP6 2001:db8::1 ::1 5 2626\r\n", Source("2001:db8::1", 5)),
    (b"PROXY UNKNOWN\r\n", HERSELF),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", HERSELF),
    (V4, Source("192.0.2.7", 4711)),
    (V6, Source("2001:db8::1", 5)),
    (v2(0, 0, b""), HERSELF),
    (v2(0, 0x11, bytes(12)), HERSELF),
    (v2(1, 0x31, bytes(216)), HERSELF),
    (v2(1, 0x12, bytes(12)), HERSELF),
]


def read(header: Header, data: bytes, most: int) -> bytes:
    """What is left when it has taken what it wants, so many bytes at a time."""
    while header.source is None and data:
        size = min(header.wants, most)
        assert size > 0
        header.feed(data[:size])
        data = data[size:]
    return data


@pytest.mark.parametrize(("data", "source"), HEADERS)
def test_headers_in_pieces_of_each_size(data: bytes, source: Source) -> None:
    for most in range(1, len(data) + 20):
        header = Header()
        assert read(header, data + b"behind it\r\n", most) == b"behind it\r\n"
        assert header.source == source


@pytest.mark.parametrize(("data", "source"), HEADERS)
def test_truncated_ones_are_not_whole(data: bytes, source: Source) -> None:
    for size in range(len(data)):
        header = Header()
        assert read(header, data[:size], 1000) == b""
        assert header.source is None


@pytest.mark.parametrize(
    "data",
    [
        b"hello\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 5 6\r\n",
        b"PROXY TCP4 192.0.2.7 ::1 5 6\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.1 5 6\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 5 65536\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 -5 6\r\n",
        b"PROXY TCP4 192.0.2.7\x1b 10.0.0.1 5 6\r\n",
        b"PROXY TCP4 \xff 10.0.0.1 5 6\r\n",
        b"PROXY UDP4 192.0.2.7 10.0.0.1 5 6\r\n",
        b"PROXY " + b"x" * MAX_V1,
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        v2(1, 0x11, bytes(11)),
        SIGNATURE + b"\x21\x11\xff\xff",
        SIGNATURE[:5] + b"x" * 20,
    ],
)
def test_what_is_none(data: bytes) -> None:
    for most in (1, 1000):
        with pytest.raises(ValueError, match=r"."):
            read(Header(), data + b" " * 200, most)
