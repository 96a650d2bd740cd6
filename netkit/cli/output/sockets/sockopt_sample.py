"""`sockopt show --watch`: a JSON object or a line a sample.

JSON: time, sample, those of `who` in netkit.cli.output.sockets.sockopt, partial, tcp_info, queues, memory.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sockets.sockopt import memory, now, queues, tcp_info, who
from netkit.sockopt.sample import Sample

COLUMNS = (
    "time", "socket", "state", "receive", "send", "unsent", "accept", "backlog", "rtt_us", "cwnd", "retransmitted",
    "bytes_sent", "bytes_received", "delivery_rate", "drops",
)  # fmt: skip


def document(sample: Sample) -> dict[str, Any]:
    return {
        "time": now(sample.at),
        "sample": sample.number,
        **who(sample.who),
        "partial": sample.partial or None,
        "tcp_info": tcp_info(sample.tcp_info),
        "queues": queues(sample.queues),
        "memory": memory(sample.memory),
    }


def plain(sample: Sample) -> Iterator[str]:
    """`COLUMNS`, in bytes, microseconds and segments; `-` for what is not known."""
    found = sample.queues
    info = sample.tcp_info
    values = info.values if info else {}
    cells = [
        now(sample.at), sample.who.label, sample.who.state,
        found.receive, found.send, found.unsent, found.accept, found.backlog,
        info.rtt_us if info else None, values.get("snd_cwnd"), info.retransmitted if info else None,
        values.get("bytes_sent"), values.get("bytes_received"), values.get("delivery_rate"),
        (sample.memory or {}).get("drops"),
    ]  # fmt: skip
    yield "\t".join("-" if cell is None else str(cell) for cell in cells)
