"""What is said of values that are not the ones asked for; the kernel's own answers are in test_change."""

import pytest

from netkit.sockopt import why
from netkit.sockopt.table import BY_NAME
from netkit.sockopt.why import explain


@pytest.mark.parametrize(
    ("name", "asked", "effective", "before", "ok", "said"),
    [
        ("SO_KEEPALIVE", True, True, False, True, ""),
        ("SO_KEEPALIVE", True, False, False, False, "the kernel took it and changed nothing"),
        ("SO_PRIORITY", 5, 3, 0, False, "the kernel made it 3"),
        ("SO_BUSY_POLL", 50, None, None, True, "set; it cannot be read back"),
        ("SO_LOCK_FILTER", True, True, False, True, "cannot be undone"),
        ("SO_RCVLOWAT", 9000, 4096, 1, False, "clamped by half the receive buffer"),
        ("SO_RCVLOWAT", -1, 2**24, 1, False, "below zero means the most there can be"),
        ("SO_RCVTIMEO", 0.001, 0.004, 0.0, True, "rounded to 0.004 s, a tick of the kernel's clock"),
        ("SO_RCVTIMEO", 5.0, 0.0, 0.0, False, "the kernel took it and changed nothing"),
        ("TCP_LINGER2", -5, -1, 60, True, "below zero: not at all"),
        ("TCP_DEFER_ACCEPT", 10_000, 1087, 0, False,
         "clamped to 1087 s: the retransmissions of the SYN-ACK end there"),
        ("TCP_WINDOW_CLAMP", 2**30, 65536, 0, False, "clamped by the kernel"),
        ("IP_TTL", -1, 64, 7, True, "-1 means the default: 64 hops"),
        ("IP_TTL", 7, 64, 64, False, "the kernel took it and changed nothing"),
    ],
)  # fmt: skip
def test_explain(name: str, asked: object, effective: object, before: object, ok: bool, said: str) -> None:
    assert explain(BY_NAME[name], asked, effective, before) == (ok, said)


@pytest.mark.parametrize(
    ("limit", "asked", "effective", "ok", "said"),
    [
        ("1000000", 70_000, 140_000, True, "doubled by the kernel, for its own bookkeeping (socket(7))"),
        ("1000000", 2_000_000, 2_000_000, False, "clamped by net.core.rmem_max=1000000, and doubled"),
        ("1000000", -1, 2_000_000, False, "clamped by net.core.rmem_max=1000000, and doubled"),
        ("1000000", 1, 2304, False, "raised to the kernel's minimum"),
        (None, 2_000_000, 400_000, False, "clamped by net.core.rmem_max, and doubled"),  # not to be seen here
        (None, -1, 400_000, False, "clamped by the system's limit, and doubled"),
    ],
)
def test_buffers(
    monkeypatch: pytest.MonkeyPatch, limit: str | None, asked: int, effective: int, ok: bool, said: str
) -> None:
    monkeypatch.setattr(why, "sysctl", lambda name: limit if name == "core.rmem_max" else None)
    assert explain(BY_NAME["SO_RCVBUF"], asked, effective, 131_072) == (ok, said)


def test_a_sysctl_that_is_not_there() -> None:
    assert why.sysctl("core.nosuch") is None
