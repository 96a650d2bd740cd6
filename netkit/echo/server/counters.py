"""What the servers count, and the same as Prometheus text (exposition format 0.0.4)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Snapshot(NamedTuple):
    """All counts at one moment. Bytes are payload; refused: by reason; dropped: faults on purpose."""

    connections: int = 0
    open: int = 0
    stream_received: int = 0
    stream_sent: int = 0
    datagrams_received: int = 0
    datagrams_sent: int = 0
    datagram_bytes: int = 0
    send_errors: int = 0
    kernel_dropped: int = 0
    faults: int = 0
    refused: Mapping[str, int] = {}


def total(parts: Iterable[Snapshot]) -> Snapshot:
    """The sum of several processes' counts."""
    sums = dict.fromkeys(Snapshot._fields[:-1], 0)
    refused: dict[str, int] = {}
    for part in parts:
        for name in sums:
            sums[name] += getattr(part, name)
        for reason, number in part.refused.items():
            refused[reason] = refused.get(reason, 0) + number
    return Snapshot(**sums, refused=refused)


class Counters:
    """The counts of one process; plain attributes, for they stand in the hot loops."""

    __slots__ = (*Snapshot._fields,)

    def __init__(self) -> None:
        self.connections = 0
        self.open = 0
        self.stream_received = 0
        self.stream_sent = 0
        self.datagrams_received = 0
        self.datagrams_sent = 0
        self.datagram_bytes = 0
        self.send_errors = 0
        self.kernel_dropped = 0
        self.faults = 0
        self.refused: dict[str, int] = {}

    def refuse(self, reason: str, number: int = 1) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + number

    def snapshot(self) -> Snapshot:
        numbers: dict[str, int] = {name: getattr(self, name) for name in Snapshot._fields[:-1]}
        return Snapshot(**numbers, refused=dict(self.refused))


HELP = {
    "connections": ("connections_total", "counter", "Stream connections accepted."),
    "open": ("connections_open", "gauge", "Stream connections open now."),
    "stream_received": ("stream_received_bytes_total", "counter", "Bytes received on streams."),
    "stream_sent": ("stream_sent_bytes_total", "counter", "Bytes sent on streams."),
    "datagrams_received": ("datagrams_received_total", "counter", "Datagrams received."),
    "datagrams_sent": ("datagrams_sent_total", "counter", "Datagrams sent."),
    "datagram_bytes": ("datagram_received_bytes_total", "counter", "Bytes of the datagrams received."),
    "send_errors": ("datagram_send_errors_total", "counter", "Datagrams that could not be sent."),
    "kernel_dropped": (
        "datagrams_kernel_dropped_total",
        "counter",
        "Datagrams the kernel dropped: refused sources, or a full receive buffer.",
    ),
    "faults": ("faults_total", "counter", "Faults made on purpose: drops, duplicates, corruptions and the like."),
}


def prometheus(snapshot: Snapshot, *, prefix: str = "netkit_echo") -> str:
    """The counts for a Prometheus server to scrape."""
    lines = []
    for field, (name, kind, text) in HELP.items():
        lines += [
            f"# HELP {prefix}_{name} {text}",
            f"# TYPE {prefix}_{name} {kind}",
            f"{prefix}_{name} {getattr(snapshot, field)}",
        ]
    lines += [f"# HELP {prefix}_refused_total Refusals by reason.", f"# TYPE {prefix}_refused_total counter"]
    lines += [
        f'{prefix}_refused_total{{reason="{reason}"}} {number}' for reason, number in sorted(snapshot.refused.items())
    ]
    return "\n".join(lines) + "\n"
