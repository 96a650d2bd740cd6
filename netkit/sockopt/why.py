"""Whether an option became what was asked, and why not: what the kernel does with the values it is given.

The rules are those of net/core/sock.c, net/ipv4/tcp.c and net/ipv4/ip_sockglue.c, each seen on Linux 6.18. An option is
effective when it is what was asked, when the kernel doubled it for its own use, or when it rounded it up to what its
clock can do; not when it was clamped, masked or ignored.
"""

from pathlib import Path

from netkit.sockopt.option import Option
from netkit.sockopt.values import Value, human

SYS = Path("/proc/sys/net")
BUFFERS = {
    "SO_SNDBUF": "core.wmem_max",
    "SO_RCVBUF": "core.rmem_max",
    "SO_SNDBUFFORCE": "",  # no limit but the largest int
    "SO_RCVBUFFORCE": "",
}


def sysctl(name: str) -> str | None:
    """The value of net.NAME; None where it may not be read or is not there."""
    try:
        return (SYS / name.replace(".", "/")).read_text().strip()
    except OSError:
        return None


def explain(option: Option, asked: Value, effective: Value, before: Value) -> tuple[bool, str]:
    """(effective, why): whether what was asked holds now, and why the value is another."""
    if option.name in BUFFERS and isinstance(asked, int):
        return _buffer(option, asked, effective)
    if effective is None:
        return True, "set; it cannot be read back"
    if effective == asked:
        return True, ASIDES.get(option.name, "")
    if option.name in RULES:
        found = RULES[option.name](option, asked, effective)
        if found is not None:
            return found
    if effective == before:
        return False, "the kernel took it and changed nothing"
    return False, f"the kernel made it {human(option, effective)}"


ASIDES = {
    "TCP_QUICKACK": "not for good: the kernel turns it off and on again (tcp(7))",
    "SO_LOCK_FILTER": "cannot be undone",
}


def _buffer(option: Option, asked: int, effective: Value) -> tuple[bool, str]:
    name = BUFFERS[option.name]
    limit = int(sysctl(name) or 0) if name else 2**30 - 1
    if effective == asked * 2:
        return True, "doubled by the kernel, for its own bookkeeping (socket(7))"
    if asked < 0 or (limit and asked > limit and effective == limit * 2):
        known = f"clamped by net.{name}={limit}" if limit and name else "clamped by the system's limit"
        return False, f"{known}, and doubled"
    if isinstance(effective, int) and effective > asked * 2:
        return False, "raised to the kernel's minimum"
    if isinstance(effective, int) and effective < asked * 2:
        return False, f"clamped by {f'net.{name}' if name else 'the kernel'}, and doubled"
    return False, ""


def _low_water(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    if asked <= 0:
        return (True, "0 means 1") if asked == 0 else (False, "below zero means the most there can be")
    return False, "clamped by half the receive buffer" if effective < asked else "raised by the kernel"


def _tick(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    if effective > asked:
        return True, f"rounded to {human(option, effective)}, a tick of the kernel's clock"
    return None


def _fin_wait(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    if asked == 0:
        return True, f"0 means the system's: net.ipv4.tcp_fin_timeout={sysctl('ipv4.tcp_fin_timeout') or effective}"
    return (True, "below zero: not at all") if asked < 0 else (False, "clamped by the kernel: 120 s at most")


def _defer(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    if effective > asked:
        return True, f"rounded to {human(option, effective)}: it counts retransmissions of the SYN-ACK (tcp(7))"
    return False, f"clamped to {human(option, effective)}: the retransmissions of the SYN-ACK end there"


def _masked(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    return False, f"made {human(option, effective)}: of TCP the kernel sets the ECN bits itself, and only 8 bits count"


def _default(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    return (True, f"-1 means the default: {human(option, effective)}") if asked == -1 else None


def _segment(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    return False, "an open connection goes by the peer's and the path's limits: set it before connect()"


def _window(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    return False, "raised to half the smallest receive buffer" if effective > asked else "clamped by the kernel"


def _nothing(option: Option, asked: Value, effective: Value) -> tuple[bool, str] | None:
    return False, "without effect since Linux 4.10"


RULES = {
    "SO_RCVLOWAT": _low_water,
    "SO_RCVTIMEO": _tick,
    "SO_SNDTIMEO": _tick,
    "SO_RCVTIMEO_NEW": _tick,
    "SO_SNDTIMEO_NEW": _tick,
    "TCP_RTO_MIN_US": _tick,
    "TCP_DELACK_MAX_US": _tick,
    "TCP_USER_TIMEOUT": _tick,
    "TCP_LINGER2": _fin_wait,
    "TCP_DEFER_ACCEPT": _defer,
    "IP_TOS": _masked,
    "IP_TTL": _default,
    "IP_MULTICAST_TTL": _default,
    "IPV6_UNICAST_HOPS": _default,
    "IPV6_MULTICAST_HOPS": _default,
    "IPV6_TCLASS": _default,
    "TCP_MAXSEG": _segment,
    "TCP_WINDOW_CLAMP": _window,
    "TCP_THIN_DUPACK": _nothing,
}
