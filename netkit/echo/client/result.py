"""What the echo client finds."""

from datetime import datetime
from typing import Literal, NamedTuple

from netkit.errors import Exit, NetkitError
from netkit.net.histogram import Histogram, Times
from netkit.net.tcp_info import TcpInfo

Outcome = Literal["ok", "corrupt", "lost", "duplicate", "late"]


class Difference(NamedTuple):
    """The first byte that came back wrong: its offset, and both; None where one side has no byte there."""

    offset: int
    expected: int | None
    got: int | None

    def __str__(self) -> str:
        if self.got is None:
            return f"ends at offset {self.offset}"
        if self.expected is None:
            return f"goes on at offset {self.offset} with {self.got:#04x}"
        return f"offset {self.offset}: {self.got:#04x} instead of {self.expected:#04x}"


class Probe(NamedTuple):
    """One probe. rtt: seconds from when it was due to be sent; None when it was lost. reordered: a later one was back
    before it.
    """

    time: datetime
    number: int
    size: int
    outcome: Outcome
    rtt: float | None = None
    reordered: bool = False
    difference: Difference | None = None
    lane: int = 0


class Summary(NamedTuple):
    """All probes of a run. seconds: from the first to the end. failed_lanes: connections that broke off, why.

    open_loop: RTTs count from the time a probe was due, so a server that stalls cannot hide it (no coordinated
    omission).
    """

    target: str
    transport: str
    sent: int
    received: int
    lost: int
    corrupt: int
    duplicates: int
    reordered: int
    late: int
    bytes: int
    seconds: float
    times: Times
    histogram: Histogram
    open_loop: bool
    tcp: TcpInfo | None
    failure: NetkitError | None
    limits: tuple[str, ...]
    exit: Exit

    @property
    def loss(self) -> float:
        return self.lost / self.sent if self.sent else 0.0


class Stream(NamedTuple):
    """A stream that was sent whole and compared. sha256: of what came back."""

    target: str
    transport: str
    sent: int
    received: int
    seconds: float
    sha256: str
    difference: Difference | None
    tcp: TcpInfo | None
    failure: NetkitError | None
    exit: Exit
