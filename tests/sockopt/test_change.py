"""Options set: every one the kernel lets be set, what it makes of odd values, and what is refused."""

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from netkit.errors import BadInput, Exit
from netkit.events import Step
from netkit.sockopt.change import Change, apply, change, parse
from netkit.sockopt.option import Option
from netkit.sockopt.read import value_of
from netkit.sockopt.sockets import Nature
from netkit.sockopt.table import OPTIONS
from netkit.sockopt.target import NEW
from netkit.sockopt.values import text
from netkit.sockopt.why import sysctl

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.socket() as made:
        yield made


def set_one(sock: socket.socket, assignment: str) -> Change:
    (changed,) = apply(sock, parse([assignment]))
    return changed


# What cannot be undone, and what the kernel says yes to and does nothing.
NO_SWITCHES = {"SO_LOCK_FILTER", "SO_BSDCOMPAT", "TCP_THIN_DUPACK"}
ROUND = [
    pytest.param(kind, option, id=f"{kind}-{option.name}")
    for kind, numbers in NEW.items()
    for option in OPTIONS
    if option.readable and option.writable and option.kind in ("bool", "int", "u32", "flags") and not option.fact
    if option.level in Nature(numbers).levels and option.fits(Nature(numbers).kinds)
]
SWITCHES = [one for one in ROUND if isinstance(one.values[1], Option) and one.values[1].kind == "bool"]


@pytest.mark.parametrize(("kind", "option"), ROUND)
def test_what_is_read_can_be_set(kind: str, option: Option) -> None:
    """The value a socket has, written as `get` shows it, is taken and changes nothing."""
    with socket.socket(*NEW[kind]) as sock:
        value, reason = value_of(sock, option)
        if reason:
            pytest.skip(f"{option.name}: {reason}")
        done = set_one(sock, f"{option.name}={text(value)}")
        if done.error is None:
            assert done.effective == value * (2 if option.name in ("SO_SNDBUF", "SO_RCVBUF") else 1)
        else:
            assert done.error.kind in ("not_permitted", "refused")
            assert done.effective == done.before == value


@pytest.mark.parametrize(("kind", "option"), SWITCHES)
def test_every_switch_goes_on_and_off(kind: str, option: Option) -> None:
    with socket.socket(*NEW[kind]) as sock:
        if reason := value_of(sock, option)[1]:
            pytest.skip(f"{option.name}: {reason}")
        for word, wanted in (("on", True), ("off", False)):
            done = set_one(sock, f"{option.name}={word}")
            if done.error is not None:
                assert done.exit in (Exit.NO, Exit.LOCAL)
                assert done.effective is done.before
            elif option.name not in NO_SWITCHES:
                assert (done.effective, done.ok) == (wanted, True)


@pytest.mark.parametrize(
    ("assignment", "effective"),
    [
        ("SO_KEEPALIVE=on", True),
        ("SO_REUSEADDR=on", True),
        ("SO_REUSEPORT=on", True),
        ("SO_LINGER=5", {"on": True, "seconds": 5}),
        ("SO_LINGER=off", {"on": False, "seconds": 0}),
        ("SO_PRIORITY=6", 6),
        ("SO_RCVLOWAT=10", 10),
        ("SO_RCVTIMEO=1.5s", 1.5),
        ("SO_SNDTIMEO=2", 2.0),
        ("SO_MAX_PACING_RATE=1M/s", 1 << 20),
        ("SO_MAX_PACING_RATE=unlimited", "unlimited"),
        ("SO_BUF_LOCK=snd", "snd"),
        ("SO_INCOMING_CPU=0", 0),
        ("SO_TIMESTAMPING=rx_software,software", "rx_software,software"),
        ("IP_TOS=ef", "ef"),
        ("IP_TTL=7", 7),
        ("IP_MTU_DISCOVER=do", "do"),
        ("IP_LOCAL_PORT_RANGE=40000-40999", "40000-40999"),
        ("TCP_NODELAY=on", True),
        ("TCP_CORK=on", True),
        ("TCP_MAXSEG=1000", 1000),
        ("TCP_KEEPIDLE=30", 30),
        ("TCP_KEEPINTVL=5s", 5),
        ("TCP_KEEPCNT=3", 3),
        ("TCP_SYNCNT=2", 2),
        ("TCP_USER_TIMEOUT=1.5s", 1500),
        ("TCP_NOTSENT_LOWAT=16K", 16384),
        ("TCP_CONGESTION=reno", "reno"),
        ("TCP_SAVE_SYN=1", 1),
        ("6:1:4=1", 1),
    ],
)
def test_set_as_asked(tcp: socket.socket, assignment: str, effective: object) -> None:
    done = set_one(tcp, assignment)
    assert (done.effective, done.ok, done.why, done.error) == (effective, True, "", None)


@pytest.mark.parametrize(
    ("kind", "assignment", "effective", "ok", "why"),
    [
        ("tcp4", "SO_RCVBUF=65536", 131072, True, "doubled by the kernel"),
        ("tcp4", "SO_SNDBUF=70000", 140000, True, "doubled by the kernel"),
        ("udp4", "SO_RCVBUF=1", None, False, "raised to the kernel's minimum"),
        ("tcp4", "SO_SNDBUF=1", None, False, "raised to the kernel's minimum"),
        ("tcp4", "SO_RCVLOWAT=0", 1, True, "0 means 1"),
        ("tcp4", "SO_RCVTIMEO=1us", None, True, "a tick of the kernel's clock"),
        ("tcp4", "TCP_LINGER2=0", None, True, "0 means the system's: net.ipv4.tcp_fin_timeout="),
        ("tcp4", "TCP_LINGER2=500", 120, False, "clamped by the kernel: 120 s at most"),
        ("tcp4", "TCP_DEFER_ACCEPT=1", 1, True, ""),
        ("tcp4", "TCP_DEFER_ACCEPT=5", 7, True, "rounded to 7 s"),
        ("tcp4", "TCP_DEFER_ACCEPT=10", 15, True, "rounded to 15 s"),
        ("tcp4", "TCP_DEFER_ACCEPT=60", 63, True, "rounded to 63 s"),
        ("tcp4", "TCP_WINDOW_CLAMP=1", None, False, "raised to half the smallest receive buffer"),
        ("tcp4", "TCP_THIN_DUPACK=on", False, False, "without effect since Linux 4.10"),
        ("tcp4", "TCP_QUICKACK=off", False, True, "not for good"),
        ("tcp4", "IP_TOS=187", "ef", False, "of TCP the kernel sets the ECN bits itself"),
        ("udp4", "IP_TOS=187", 187, True, ""),
        ("udp4", "IP_MULTICAST_IF=127.0.0.1", "127.0.0.1", True, ""),
        ("udp4", "IP_MULTICAST_TTL=3", 3, True, ""),
        ("udp4", "IP_UNICAST_IF=lo", "lo", True, ""),
        ("udp6", "IPV6_MULTICAST_IF=lo", "lo", True, ""),
        ("udp6", "IPV6_TCLASS=af41", "af41", True, ""),
        ("udp6", "IPV6_ADDR_PREFERENCES=public", "public,home", False, "the kernel made it"),
        ("udp4", "UDP_SEGMENT=1400", 1400, True, ""),
        ("udp4", "UDP_GRO=on", True, True, ""),
        ("udp4", "SO_PEEK_OFF=0", 0, True, ""),
        ("unix", "SO_PASSCRED=on", True, True, ""),
        ("unix", "SO_PASSSEC=on", True, True, ""),
        ("udp4", "IP_TOS=256", 0, False, "only 8 bits count"),
        ("tcp4", "IP_TTL=-1", None, True, "-1 means the default: "),
        ("tcp6", "IPV6_UNICAST_HOPS=0", 0, True, ""),
    ],
)
def test_why_it_is_another_value(kind: str, assignment: str, effective: object, ok: bool, why: str) -> None:
    with socket.socket(*NEW[kind]) as sock:
        done = set_one(sock, assignment)
    if effective is not None:  # else a number of this kernel's own: its tick, its structures' sizes, its sysctls
        assert done.effective == effective
    assert (done.ok, done.error) == (ok, None)
    assert why in done.why
    assert bool(done.why) == bool(why)


@pytest.mark.parametrize(("end", "limit"), [("SND", "core.wmem_max"), ("RCV", "core.rmem_max")])
def test_buffers_are_clamped_by_the_sysctl(tcp: socket.socket, end: str, limit: str) -> None:
    most = sysctl(limit)
    if most is None or int(most) >= 2**29:
        pytest.skip(f"net.{limit} is not to be seen here, or beyond every buffer")
    done = set_one(tcp, f"SO_{end}BUF={int(most) * 2}")
    assert (done.effective, done.ok) == (int(most) * 2, False)
    assert done.why == f"clamped by net.{limit}={most}, and doubled"
    assert done.exit is Exit.NO


def test_maxseg_of_an_open_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        done = set_one(client, "maxseg=1000")
    assert not done.ok
    assert "set it before connect()" in done.why


@pytest.mark.parametrize(
    ("kind", "assignment", "message", "hint"),
    [
        ("tcp4", "TCP_CONGESTION=nosuch", "this kernel has no such algorithm", "it has: "),
        ("udp4", "TCP_NODELAY=on", "a udp4 socket has no such option", None),
        ("unix", "SO_REUSEPORT=on", "the kernel refused it|takes no such option", None),
        ("tcp4", "IP_TTL=0", "the kernel refused it: Invalid argument", "-1, or 1 to 255 hops"),
        ("tcp4", "TCP_MAXSEG=40", "the kernel refused it: Invalid argument", "0, or 88 to 32767 bytes"),
    ],
)
def test_what_the_kernel_refuses(kind: str, assignment: str, message: str, hint: str | None) -> None:
    with socket.socket(*NEW[kind]) as sock:
        done = set_one(sock, assignment)
    assert done.error is not None
    assert done.exit is Exit.NO
    assert any(one in done.error.message for one in message.split("|"))
    assert (done.error.hint or "").startswith(hint or "")


def test_v6only_after_bind() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        done = set_one(sock, "v6only=on")
    assert done.error is not None
    assert done.error.hint == "it can be set before bind() alone"


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["rcvbuf=70000", "nosuch=1"], "'nosuch' is no socket option"),
        (["rcvbuf=70000", "keepalive=maybe"], "SO_KEEPALIVE=maybe: it takes on or off"),
        (["rcvbuf=70000", "keepalive"], "'keepalive' is not NAME=VALUE"),
        (["rcvbuf=70000", "so_type=1"], "SO_TYPE cannot be set: it is only told"),
        (["rcvbuf=70000", "so_error=0"], "SO_ERROR cannot be set"),
        (["rcvbuf=70000", "attach_filter=hex:00"], "takes an address in the program's own memory"),
        (["rcvbuf=70000", "timestamp=on"], "'timestamp' may mean SO_TIMESTAMP or TCP_TIMESTAMP"),
        (["rcvbuf=70000", "1:4:4=0"], "1:4:4 cannot be set"),
    ],
)
def test_nothing_is_set_when_one_of_them_is_bad(tcp: socket.socket, assignments: list[str], message: str) -> None:
    before = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    with pytest.raises(BadInput, match=message.replace("(", r"\(")):
        list(change(f"fd:{tcp.fileno()}", assignments))
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before


def test_the_socket_itself_has_it(tcp: socket.socket) -> None:
    steps: list[Step] = []
    (changed,) = change(f"fd:{tcp.fileno()}", ["keepalive=on", "rcvbuf=70000", "ttl=0"], on_event=steps.append)
    assert [one.exit for one in changed.changes] == [Exit.OK, Exit.OK, Exit.NO]
    assert (changed.changes[0].before, changed.changes[0].effective) == (False, True)
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 140_000
    assert os.get_blocking(tcp.fileno())
    assert [(step.name, step.detail, step.result) for step in steps] == [
        ("setsockopt", "SO_KEEPALIVE=on", "ok"),
        ("setsockopt", "SO_RCVBUF=70000", "ok"),
        ("setsockopt", "IP_TTL=0", "Invalid argument"),
    ]


def test_a_group_is_joined() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        done = set_one(sock, "add_membership=224.0.0.251%lo")
        assert (done.ok, done.why) == (True, "set; it cannot be read back")
        assert set_one(sock, "drop_membership=224.0.0.251%lo").ok


@pytest.mark.skipif(os.getuid() != 0, reason="root alone may")
def test_beyond_the_limit_by_force(tcp: socket.socket) -> None:
    most = int(sysctl("core.wmem_max") or 0)
    done = set_one(tcp, f"sndbufforce={most * 2}")
    assert (done.effective, done.ok) == (most * 4, True)
