"""Values: from words to the kernel's bytes and back, and no bytes that break the reader."""

import socket
import struct
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.sockopt.encode import encode
from netkit.sockopt.option import Option
from netkit.sockopt.table import BY_NAME, OPTIONS
from netkit.sockopt.values import decode, human, text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")


def i32(number: int) -> bytes:
    return struct.pack("=i", number)


@pytest.mark.parametrize(
    ("name", "word", "raw"),
    [
        ("SO_KEEPALIVE", "on", i32(1)),
        ("SO_KEEPALIVE", "Yes", i32(1)),
        ("SO_KEEPALIVE", "0", i32(0)),
        ("SO_RCVBUF", "64K", i32(65536)),
        ("SO_RCVBUF", "1.5k", i32(1536)),
        ("SO_RCVBUF", "2MiB", i32(2 << 20)),
        ("SO_RCVBUF", "-1", i32(-1)),
        ("SO_RCVBUF", "0x100", i32(256)),
        ("SO_LINGER", "off", struct.pack("=ii", 0, 0)),
        ("SO_LINGER", "5", struct.pack("=ii", 1, 5)),
        ("SO_LINGER", "2m", struct.pack("=ii", 1, 120)),
        ("SO_LINGER", "0", struct.pack("=ii", 1, 0)),
        ("SO_RCVTIMEO", "1.5s", struct.pack("@ll", 1, 500_000)),
        ("SO_RCVTIMEO", "250us", struct.pack("@ll", 0, 250)),
        ("SO_RCVTIMEO", "0", struct.pack("@ll", 0, 0)),
        ("SO_MAX_PACING_RATE", "1M", struct.pack("=Q", 1 << 20)),
        ("SO_MAX_PACING_RATE", "1M/s", struct.pack("=Q", 1 << 20)),
        ("SO_MAX_PACING_RATE", "unlimited", b"\xff" * 8),
        ("SO_MARK", "0xffffffff", b"\xff" * 4),
        ("SO_BUF_LOCK", "snd,rcv", i32(3)),
        ("SO_BUF_LOCK", "none", i32(0)),
        ("SO_BUF_LOCK", "2", i32(2)),
        ("SO_TXTIME", "11,1", struct.pack("=II", 11, 1)),
        ("SO_BINDTODEVICE", "lo", b"lo".ljust(16, b"\0")),
        ("IP_TOS", "ef", i32(0xB8)),
        ("IP_TOS", "AF41", i32(0x88)),
        ("IP_TOS", "0x2", i32(2)),
        ("IP_MTU_DISCOVER", "do", i32(2)),
        ("IP_MULTICAST_IF", "127.0.0.1", socket.inet_aton("127.0.0.1")),
        ("IP_ADD_MEMBERSHIP", "224.0.0.9", socket.inet_aton("224.0.0.9") + bytes(8)),
        ("IPV6_ADD_MEMBERSHIP", "ff02::9%7", socket.inet_pton(socket.AF_INET6, "ff02::9") + i32(7)),
        ("IP_LOCAL_PORT_RANGE", "40000-40999", struct.pack("=I", 40999 << 16 | 40000)),
        ("IP_UNICAST_IF", "3", b"\0\0\0\3"),
        ("TCP_KEEPIDLE", "2m", i32(120)),
        ("TCP_USER_TIMEOUT", "1.5s", i32(1500)),
        ("TCP_RTO_MIN_US", "5ms", i32(5000)),
        ("TCP_CONGESTION", "reno", b"reno".ljust(16, b"\0")),
        ("TCP_MD5SIG", "hex:00ff", b"\0\xff"),
        ("TCP_MD5SIG", "00ff", b"\0\xff"),
    ],
)
def test_encode(name: str, word: str, raw: bytes) -> None:
    assert encode(BY_NAME[name], word) == raw


@pytest.mark.parametrize(
    ("name", "word", "takes"),
    [
        ("SO_KEEPALIVE", "2", "on or off"),
        ("SO_KEEPALIVE", "", "on or off"),
        ("SO_RCVBUF", "64X", "a number of bytes"),
        ("SO_RCVBUF", "1.3", "whole bytes"),
        ("SO_RCVBUF", "4G", "-2147483648 to 2147483647"),
        ("SO_RCVBUF", "9" * 30 + "K", "a number of bytes"),
        ("SO_RCVTIMEO", "9" * 20, "a duration"),
        ("SO_LINGER", "1.5", "off or whole seconds"),
        ("SO_LINGER", "-1", "a duration"),
        ("SO_RCVTIMEO", "soon", "a duration"),
        ("SO_MARK", "-1", "0 to 4294967295"),
        ("SO_BUF_LOCK", "snd,all", "snd, rcv"),
        ("SO_TXTIME", "11", "2 numbers"),
        ("SO_BINDTODEVICE", "x" * 16, "at most 15 bytes"),
        ("IP_TTL", "256", "-1 to 255 hops"),
        ("IP_TOS", "zz", "a number"),
        ("IP_MTU_DISCOVER", "maybe", "dont, want, do, probe, interface, omit"),
        ("IP_MTU_DISCOVER", "6", "dont, want, do, probe, interface, omit"),
        ("IP_ADD_MEMBERSHIP", "ff02::1", "GROUP or GROUP%INTERFACE"),
        ("IP_ADD_MEMBERSHIP", "224.0.0.9%nosuch0", "the name or the number of an interface"),
        ("IP_LOCAL_PORT_RANGE", "5", "LOW-HIGH"),
        ("IP_LOCAL_PORT_RANGE", "9-5", "LOW-HIGH"),
        ("TCP_KEEPIDLE", "0", "1 to 32767 s"),
        ("TCP_KEEPIDLE", "1500ms", "whole s"),
        ("TCP_KEEPCNT", "128", "1 to 127"),
        ("UDP_SEGMENT", "65536", "0 to 65535 bytes"),
        ("TCP_MD5SIG", "hex:0", "bytes in hexadecimal"),
    ],
)
def test_what_is_refused_is_told_what_the_option_takes(name: str, word: str, takes: str) -> None:
    with pytest.raises(BadInput, match=f"^{name}=") as caught:
        encode(BY_NAME[name], word)
    assert f"it takes {takes}" in caught.value.message


@pytest.mark.parametrize(
    ("name", "raw", "value", "shown", "for_people"),
    [
        ("SO_KEEPALIVE", i32(1), True, "on", "on"),
        ("SO_RCVBUF", i32(131072), 131072, "131072", "128K"),
        ("SO_RCVBUF", i32(140000), 140000, "140000", "140000 B"),
        ("SO_SNDBUF", i32(4 << 20), 4 << 20, "4194304", "4M"),
        ("SO_LINGER", struct.pack("=ii", 1, 5), {"on": True, "seconds": 5}, "5", "5 s"),
        ("SO_LINGER", struct.pack("=ii", 0, 0), {"on": False, "seconds": 0}, "off", "off"),
        ("SO_RCVTIMEO", struct.pack("@ll", 0, 4000), 0.004, "0.004", "0.004 s"),
        ("SO_RCVTIMEO", struct.pack("=ii", 1, 500_000), 1.5, "1.5", "1.5 s"),  # where a long has 32 bits
        ("SO_MAX_PACING_RATE", b"\xff" * 8, "unlimited", "unlimited", "unlimited"),
        ("SO_MAX_PACING_RATE", struct.pack("=Q", 1 << 20), 1 << 20, "1048576", "1M/s"),
        ("SO_MARK", b"\xff" * 4, 2**32 - 1, "4294967295", "4294967295"),
        ("SO_PEEK_OFF", i32(-1), -1, "-1", "-1"),
        ("SO_PEERCRED", struct.pack("=iii", 7, 0, -1), {"pid": 7, "uid": 0, "gid": -1}, "pid=7,uid=0,gid=-1", None),
        ("SO_TIMESTAMPING", struct.pack("=II", 0x18, 0), "rx_software,software", "rx_software,software", None),
        ("SO_BUF_LOCK", i32(0x13), "snd,rcv,0x10", "snd,rcv,0x10", None),
        ("SO_BINDTODEVICE", b"", "", "", "none"),
        ("SO_TXTIME", struct.pack("=II", 11, 1), [11, 1], "11,1", "11,1"),
        ("IP_TOS", i32(0xB8), "ef", "ef", "ef"),
        ("IP_TOS", i32(0), 0, "0", "0"),
        ("IP_TOS", i32(0xB9), 0xB9, "185", "185"),
        ("IP_TTL", i32(1), 1, "1", "1 hop"),
        ("IP_LOCAL_PORT_RANGE", struct.pack("=I", 40999 << 16 | 40000), "40000-40999", "40000-40999", None),
        ("IP_UNICAST_IF", bytes(4), "", "", "none"),
        ("TCP_RTO_MIN_US", i32(200_000), 200_000, "200000", "200 ms"),
        ("TCP_RTO_MAX_MS", i32(120_000), 120_000, "120000", "120 s"),
        ("TCP_CONGESTION", b"bbr\0\0\0", "bbr", "bbr", "bbr"),
        ("TCP_CC_INFO", b"\1\2", "0102", "0102", "0102"),
    ],
)
def test_decode(name: str, raw: bytes, value: object, shown: str, for_people: str | None) -> None:
    option = BY_NAME[name]
    assert decode(option, raw) == value
    assert text(value) == shown
    assert human(option, value) == (for_people or shown)


def test_nothing_is_a_dash() -> None:
    assert text(None) == human(BY_NAME["SO_RCVBUF"], None) == "-"


@given(option=st.sampled_from(OPTIONS), raw=st.binary(max_size=64))
def test_whatever_the_kernel_answers_is_shown(option: Option, raw: bytes) -> None:
    value = decode(option, raw)
    assert isinstance(text(value), str)
    assert isinstance(human(option, value), str)


@given(option=st.sampled_from([option for option in OPTIONS if option.writable]), word=st.text(max_size=12))
def test_whatever_is_written_is_taken_or_refused(option: Option, word: str) -> None:
    with suppress(BadInput):  # any other exception fails the test
        assert isinstance(encode(option, word), bytes)


@given(number=st.integers(0, 2**31 - 1), option=st.sampled_from([BY_NAME["SO_RCVBUF"], BY_NAME["IP_TOS"]]))
def test_what_is_shown_can_be_written(number: int, option: Option) -> None:
    raw = struct.pack("=i", number)
    assert encode(option, text(decode(option, raw))) == raw


@given(seconds=st.integers(0, 10**6), micros=st.integers(0, 999_999))
def test_so_can_durations(seconds: int, micros: int) -> None:
    raw = struct.pack("@ll", seconds, micros)
    assert encode(BY_NAME["SO_RCVTIMEO"], text(decode(BY_NAME["SO_RCVTIMEO"], raw))) == raw
