"""What the bench was asked for, where it is, and what it found."""

from typing import NamedTuple

from netkit.errors import Exit, NetkitError
from netkit.net.histogram import Histogram, Times


class Plan(NamedTuple):
    """rate: lines a second (open loop); None: `lines` are always under way (closed loop). size: bytes of a line.
    duration, warm_up: seconds. wait: seconds after which a line that somebody has not got is lost. timeout: seconds
    until all are in. pid: the server's process, on this machine. tls: it is spoken."""

    clients: int = 100
    senders: int = 99
    rate: float | None = 100.0
    lines: int = 1
    size: int = 40
    duration: float = 10.0
    warm_up: float = 1.0
    wait: float = 5.0
    timeout: float = 30.0
    pid: int | None = None
    tls: bool = False


class Progress(NamedTuple):
    """stage: connecting, joining (until all hear what is said), warming up, measuring, waiting (for the last lines).
    done: seconds of it, or clients of it."""

    stage: str
    done: float
    total: float
    lines: int
    deliveries: int


class Cost(NamedTuple):
    """What the server's process spent. cpu: seconds; idle, rss: MiB when all were in, and at the end."""

    cpu: float
    idle: float
    rss: float


class Report(NamedTuple):
    """One run. sent: lines that were measured; deliveries: of these, each to each. seconds: until the last of them.
    first: until somebody had a line; every: until each had it; last: until all had. lost, doubled, reordered, changed,
    returned (to their sender, from a server that does not do so): deliveries. closed: clients that the server closed.
    echoes: whether it gives a line back to its sender. connect: seconds until all were in. own: the CPU seconds of the
    load generator. interrupted: before its time; what was under way does not count then."""

    target: str
    plan: Plan
    sent: int
    deliveries: int
    seconds: float
    first: Times
    every: Times
    last: Times
    histogram: Histogram
    lost: int
    doubled: int
    reordered: int
    changed: int
    returned: int
    closed: int
    echoes: bool
    connect: float
    own: float
    server: Cost | None
    interrupted: bool
    failure: NetkitError | None

    @property
    def faults(self) -> dict[str, int]:
        """What went wrong, by how often; nothing where all was well."""
        names = ("lost", "doubled", "reordered", "changed", "returned", "closed")
        return {name: number for name in names if (number := getattr(self, name))}

    @property
    def exit(self) -> Exit:
        return Exit.NO if self.faults else Exit.OK

    @property
    def busy(self) -> float:
        """The load generator's share of a core: near 1 it is what was measured."""
        return self.own / self.seconds if self.seconds else 0.0
