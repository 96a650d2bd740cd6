"""Probes, their summary and streams, as JSON and plain lines.

JSON, by `type`. probe: time, number, lane, size, outcome (ok, corrupt, lost, duplicate, late), rtt_ms, reordered,
difference (offset, expected, got) or null. summary: target, transport, sent, received, lost, loss (a share), corrupt,
duplicates, reordered, late, bytes, duration_ms, rtt (samples, min_ms, mean_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms,
jitter_ms), open_loop, tcp (rtt_ms, min_rtt_ms, retransmitted) or null, limits, error. stream: target, transport,
sent, received, duration_ms, sha256, difference, tcp, error.
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sink import failure, rfc3339
from netkit.echo.client.result import Difference, Probe, Stream, Summary
from netkit.net.tcp_info import TcpInfo


def document(result: Probe | Summary | Stream) -> dict[str, Any]:
    if isinstance(result, Probe):
        return {
            "type": "probe",
            "time": rfc3339(result.time),
            "number": result.number,
            "lane": result.lane,
            "size": result.size,
            "outcome": result.outcome,
            "rtt_ms": ms(result.rtt),
            "reordered": result.reordered,
            "difference": different(result.difference),
        }
    if isinstance(result, Stream):
        return {
            "type": "stream",
            "target": result.target,
            "transport": result.transport,
            "sent": result.sent,
            "received": result.received,
            "duration_ms": ms(result.seconds),
            "sha256": result.sha256,
            "difference": different(result.difference),
            "tcp": kernel(result.tcp),
            "error": failure(result.failure),
        }
    times = result.times._asdict()
    rtt = {"samples": times.pop("samples"), **{f"{name}_ms": ms(value) for name, value in times.items()}}
    counts = ("sent", "received", "lost", "loss", "corrupt", "duplicates", "reordered", "late", "bytes")
    return {
        "type": "summary",
        "target": result.target,
        "transport": result.transport,
        **{name: getattr(result, name) for name in counts},
        "duration_ms": ms(result.seconds),
        "rtt": rtt,
        "open_loop": result.open_loop,
        "tcp": kernel(result.tcp),
        "limits": list(result.limits),
        "error": failure(result.failure),
    }


def ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)


def different(found: Difference | None) -> dict[str, int | None] | None:
    return None if found is None else found._asdict()


def kernel(info: TcpInfo | None) -> dict[str, float | int | None] | None:
    if info is None:
        return None
    rtt, least = info.rtt_us, info.min_rtt_us
    return {
        "rtt_ms": None if rtt is None else rtt / 1000,
        "min_rtt_ms": None if least is None else least / 1000,
        "retransmitted": info.retransmitted,
    }


def plain(result: Probe | Summary | Stream) -> Iterator[str]:
    if isinstance(result, Probe):
        yield said(result)
    elif isinstance(result, Stream):
        yield (
            f"{result.transport} {result.target}: sent {result.sent} received {result.received} bytes "
            f"in {result.seconds:.3f} s sha256 {result.sha256}"
        )
    else:
        yield counts(result)
        if result.times.samples:
            yield "rtt ms: " + " ".join(f"{name} {value}" for name, value in spread(result))
        if line := kernel_line(result):
            yield line


def said(probe: Probe) -> str:
    words = [f"#{probe.number}" if probe.number >= 0 else "#?", f"{probe.size} bytes"]
    if probe.outcome != "ok":
        words.append(probe.outcome)
    if probe.rtt is not None:
        words.append(f"{probe.rtt * 1000:.3f} ms")
    if probe.reordered:
        words.append("reordered")
    if probe.difference is not None:
        words.append(str(probe.difference))
    return " ".join(words)


def counts(summary: Summary) -> str:
    parts = [f"{summary.sent} sent", f"{summary.received} received", f"{summary.loss:.1%} lost"]
    for name in ("corrupt", "duplicates", "reordered", "late"):
        if number := getattr(summary, name):
            parts.append(f"{number} {name}")
    seconds = max(summary.seconds, 1e-9)
    parts.append(f"{summary.received / seconds:.0f}/s in {summary.seconds:.3f} s")
    return f"{summary.transport} {summary.target}: " + ", ".join(parts)


def spread(summary: Summary) -> Iterator[tuple[str, str]]:
    names = {"min": "min", "mean": "avg", "p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max"}
    for field, name in {**names, "jitter": "jitter"}.items():
        value = getattr(summary.times, field)
        if value is not None:
            yield name, f"{value * 1000:.3f}"


def kernel_line(summary: Summary) -> str:
    """The kernel's own figures of the connection, beside ours."""
    info = kernel(summary.tcp)
    if info is None or info["rtt_ms"] is None:
        return ""
    return (
        f"kernel: rtt {info['rtt_ms']:.3f} ms, min {info['min_rtt_ms'] or 0:.3f} ms, "
        f"{info['retransmitted']} segments sent again"
    )
