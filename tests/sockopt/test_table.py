"""The table of options: its numbers against the headers, names found as people write them."""

import re
import socket
import sys
from pathlib import Path

import pytest

from netkit.errors import BadInput, No
from netkit.sockopt import table
from netkit.sockopt.option import Option
from netkit.sockopt.sockets import Nature
from netkit.sockopt.table import BY_NAME, OPTIONS, ROWS, candidates, choose, numbered, search

INCLUDE = Path("/usr/include")
HEADERS = {
    "asm-generic/socket.h": "SO_",
    "linux/in.h": "IP_",
    "linux/in6.h": "IPV6_",
    "linux/tcp.h": "TCP_",
    "linux/udp.h": "UDP_",
}
DEFINE = re.compile(r"^#define\s+([A-Z][A-Z0-9_]+)\s+(\d+)\b", re.MULTILINE)
# Numbers in the headers that are values, flags or other names of an option, and what no kernel answers to.
NO_OPTIONS = re.compile(
    r"SO_(SECURITY_.*|TIMESTAMP(NS|ING)?_OLD|(RCV|SND)TIMEO_OLD|GET_FILTER|DETACH_BPF|ATTACH_REUSEPORT_.*|PEEK_OFF_.*)|"
    r"IP_(PMTUDISC_.*|DEFAULT_.*|RETOPTS|ORIGDSTADDR)|"
    r"IPV6_(FL_.*|TLV_.*|PMTUDISC_.*|PRIORITY_.*|FLOWINFO_.*|PREFER_.*|2292.*|NEXTHOP|AUTHHDR|FLOWINFO|HOPLIMIT|"
    r"USE_MIN_MTU|ORIGDSTADDR)|"
    r"TCP_(MSS_.*|REPAIR_O.*|MD5SIG_.*|RECEIVE_.*|S_.*|AO_.*|CM_INQ)|UDP_ENCAP_.*"
)
TCP4, TCP6 = Nature((socket.AF_INET, socket.SOCK_STREAM, 6)), Nature((socket.AF_INET6, socket.SOCK_STREAM, 6))
UDP4, UDP6 = Nature((socket.AF_INET, socket.SOCK_DGRAM, 17)), Nature((socket.AF_INET6, socket.SOCK_DGRAM, 17))
UNIX = Nature((socket.AF_UNIX, socket.SOCK_STREAM, 0))

linux = pytest.mark.skipif(sys.platform != "linux", reason="the table's numbers are Linux's")


def defined(header: str) -> dict[str, int]:
    path = INCLUDE / header
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    prefix = HEADERS[header]
    return {name: int(number) for name, number in DEFINE.findall(path.read_text()) if name.startswith(prefix)}


@linux
@pytest.mark.parametrize("header", HEADERS)
def test_numbers_are_those_of_the_header(header: str) -> None:
    numbers = defined(header)
    rows = {option.name: option.number for option in ROWS}
    known = {name: number for name, number in numbers.items() if name in rows}
    assert {name: rows[name] for name in known} == known
    assert len(known) >= 6


@linux
@pytest.mark.parametrize("header", HEADERS)
def test_every_option_of_the_header_is_in_the_table(header: str) -> None:
    rows = {option.name for option in ROWS}
    assert {name for name in defined(header) if name not in rows and not NO_OPTIONS.fullmatch(name)} == set()


@linux
def test_numbers_are_those_of_python() -> None:
    known = {option.name: getattr(socket, option.name) for option in ROWS if hasattr(socket, option.name)}
    assert {name: BY_NAME[name].number for name in known} == known
    assert len(known) > 60


def test_rows_are_consistent() -> None:
    assert len({option.name for option in ROWS}) == len(ROWS)
    assert len({(option.level, option.number) for option in ROWS}) == len(ROWS)
    for option in ROWS:
        assert option.access in ("r", "w", "rw"), option.name
        assert option.meaning.rstrip(".") == option.meaning != "", option.name
        assert not option.names or option.kind in ("int", "u64", "flags"), option.name
        assert not option.reads_as or option.reads_as in BY_NAME, option.name
        assert option.kind not in ("group4", "group6", "pointer") or not option.readable, option.name


def test_what_takes_something_from_the_owner_is_never_read() -> None:
    never = {option.name for option in ROWS if option.never}
    assert never >= {"SO_ERROR", "TCP_SAVED_SYN", "SO_PEERPIDFD", "TCP_ZEROCOPY_RECEIVE", "SO_ATTACH_FILTER"}
    assert not [option for option in ROWS if option.never and option.readable]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("SO_RCVBUF", "SO_RCVBUF"),
        ("so_rcvbuf", "SO_RCVBUF"),
        ("rcvbuf", "SO_RCVBUF"),
        ("RcvBuf", "SO_RCVBUF"),
        ("nodelay", "TCP_NODELAY"),
        ("ipv6_v6only", "IPV6_V6ONLY"),
        ("v6only", "IPV6_V6ONLY"),
        ("tos", "IP_TOS"),
        ("gro", "UDP_GRO"),
    ],
)
def test_names(name: str, found: str) -> None:
    assert [option.name for option in candidates(name)] == [found]


@pytest.mark.parametrize(
    ("name", "nature", "found"),
    [
        ("cork", TCP4, "TCP_CORK"),
        ("cork", UDP6, "UDP_CORK"),
        ("mtu_discover", UDP4, "IP_MTU_DISCOVER"),
        ("mtu_discover", UDP6, "IPV6_MTU_DISCOVER"),
        ("protocol", TCP4, "SO_PROTOCOL"),
        ("inq", TCP6, "TCP_INQ"),
        ("inq", UNIX, "SO_INQ"),
        ("nodelay", UNIX, "TCP_NODELAY"),
    ],
)
def test_a_name_of_several_levels_means_the_one_that_fits(name: str, nature: Nature, found: str) -> None:
    assert choose(name, nature).name == found


def test_a_name_that_fits_twice_is_ambiguous() -> None:
    with pytest.raises(BadInput, match="'timestamp' may mean SO_TIMESTAMP or TCP_TIMESTAMP"):
        choose("timestamp", TCP4)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rcvbuff", "SO_RCVBUF"),
        ("TCP_NODELY", "TCP_NODELAY"),
        ("keepalve", "SO_KEEPALIVE"),
        ("so_nodelay", "TCP_NODELAY"),
        ("xyzzy", "netkit sockopt list"),
    ],
)
def test_an_unknown_name_is_told_its_nearest(name: str, hint: str) -> None:
    with pytest.raises(BadInput, match="is no socket option") as caught:
        candidates(name)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "level", "number", "size", "kind"),
    [("6:1:4", 6, 1, 4, "int"), ("tcp:11:232", 6, 11, 232, "bytes"), ("1:57:8", 1, 57, 8, "bytes")],
)
def test_options_by_number(text: str, level: int, number: int, size: int, kind: str) -> None:
    assert numbered(text)[1:4] == (level, number, kind)
    assert numbered(text).size == size


@pytest.mark.parametrize("text", ["6:1", "6:1:0", "6:1:1025", "x:1:4", "6:-1:4", "6:1:4:5", ":::", "6:1:99999999999"])
def test_no_options_by_number(text: str) -> None:
    with pytest.raises(BadInput, match="LEVEL:NUMBER:LEN"):
        candidates(text)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.never], ids=lambda option: option.name)
def test_the_number_of_a_destructive_option_is_refused_as_well(option: Option) -> None:
    found = numbered(f"{option.level}:{option.number}:4")
    assert (found.never, found.readable, found.writable) == (option.never, False, False)


def test_search() -> None:
    assert {"SO_KEEPALIVE", "TCP_KEEPIDLE"} <= {option.name for option in search("keep")}
    assert "TCP_NODELAY" in {option.name for option in search("nagle")}
    assert len(search("")) == len(OPTIONS)
    with pytest.raises(No):
        search("xyzzy")


def test_another_system_has_what_python_knows_the_number_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(socket, "SO_RCVBUF", 0x1002)
    found = table._here(next(option for option in ROWS if option.name == "SO_RCVBUF"))
    assert found is not None
    assert found.number == 0x1002
    assert table._here(next(option for option in ROWS if option.name == "SO_MEMINFO")) is None
