"""`sockopt show --watch`: a JSON object or a line a sample, and on a terminal a table that stays in place.

JSON: time, sample, those of `who` in netkit.cli.output.sockets.sockopt, partial, tcp_info, queues, memory.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from netkit.cli.output.sink import Form, Output, make_console
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


def follow(samples: Iterable[Sample], out: Output) -> None:
    """Show samples as they come: where standard error is a terminal too, in one table that is kept up to date."""
    if not (out.form is Form.HUMAN and sys.stdout.isatty() and sys.stderr.isatty()):
        told: set[str] = set()
        for sample in samples:
            if sample.partial and out.form is not Form.JSON and sample.who.label not in told:
                told.add(sample.who.label)
                out.note(f"netkit: {sample.who.label}: partial: {sample.partial}")
            out.show(sample)
        return
    from rich.live import Live

    from netkit.cli.output.sockets.sockopt_sample_rich import Table

    shown = Table()
    live = Live(
        console=make_console(sys.stderr, out.color), auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    )
    with live:
        for sample in samples:
            shown.take(sample)
            live.update(shown.render(), refresh=True)
