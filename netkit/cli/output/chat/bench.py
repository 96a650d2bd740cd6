"""What `chat bench` found, as JSON and plain lines.

JSON keys: type (report), target, tls, clients, senders, rate, lines, size, sent, deliveries, deliveries_per_s,
duration_ms, first, every, last (each: samples, min_ms, mean_ms, p50_ms, p90_ms, p99_ms, p999_ms, max_ms), lost,
doubled, reordered, changed, returned, closed, echoes, connect_ms, own_cpu_ms, server (cpu_ms, cpu_us_per_delivery,
idle_rss, rss; null without --pid), interrupted, error.
"""

from collections.abc import Iterator
from typing import Any

from netkit.chat.bench.result import Report
from netkit.cli.output.sink import failure
from netkit.net.histogram import Times

NAMES = {"min": "min", "mean": "avg", "p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max"}
STAGES = {
    "first": "until somebody had a line",
    "every": "until each had it",
    "last": "until all had it",
}
BUSY = 0.85  # of a core


def document(report: Report) -> dict[str, Any]:
    plan, cost = report.plan, report.server
    server = None
    if cost is not None:
        server = {
            "cpu_ms": ms(cost.cpu),
            "cpu_us_per_delivery": each(report),
            "idle_rss": round(cost.idle * 2**20),
            "rss": round(cost.rss * 2**20),
        }
    counts = ("lost", "doubled", "reordered", "changed", "returned", "closed", "echoes")
    return {
        "type": "report",
        "target": report.target,
        "tls": plan.tls,
        "clients": plan.clients,
        "senders": plan.senders,
        "rate": plan.rate,
        "lines": plan.lines if plan.rate is None else None,
        "size": plan.size,
        "sent": report.sent,
        "deliveries": report.deliveries,
        "deliveries_per_s": round(speed(report), 1),
        "duration_ms": ms(report.seconds),
        **{name: spread(getattr(report, name)) for name in STAGES},
        **{name: getattr(report, name) for name in counts},
        "connect_ms": ms(report.connect),
        "own_cpu_ms": ms(report.own),
        "server": server,
        "interrupted": report.interrupted,
        "error": failure(report.failure),
    }


def spread(times: Times) -> dict[str, float | int | None]:
    return {"samples": times.samples, **{f"{name}_ms": ms(getattr(times, name)) for name in NAMES}}


def ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)


def speed(report: Report) -> float:
    return report.deliveries / report.seconds if report.seconds else 0.0


def each(report: Report) -> float | None:
    """Microseconds of the server's CPU for a delivery."""
    if report.server is None or not report.deliveries:
        return None
    return round(report.server.cpu / report.deliveries * 1e6, 3)


def plain(report: Report) -> Iterator[str]:
    yield load(report)
    yield counts(report)
    for name, words in STAGES.items():
        times = getattr(report, name)
        if times.samples:
            yield f"{words}, ms: " + " ".join(f"{shown} {value}" for shown, value in figures(times))
    yield from costs(report)


def load(report: Report) -> str:
    plan = report.plan
    how = f"{plan.rate:g} lines/s" if plan.rate is not None else f"{plan.lines} lines under way"
    given = ", a line comes back to its sender" if report.echoes else ""
    over = " over TLS" if plan.tls else ""
    who = f"{plan.clients} clients, {plan.senders} of them speak"
    return f"{report.target}{over}: {who}, {how} of {plan.size} bytes{given}"


def counts(report: Report) -> str:
    words = [
        f"{report.sent} lines",
        f"{report.deliveries} deliveries",
        f"{speed(report):.0f}/s in {report.seconds:.3f} s",
    ]
    words += [f"{number} {name}" for name, number in report.faults.items()]
    if not report.faults:
        words.append("none lost, doubled, changed or out of order")
    if report.interrupted:
        words.append("interrupted")
    return ", ".join(words)


def figures(times: Times) -> Iterator[tuple[str, str]]:
    for name, shown in NAMES.items():
        value = getattr(times, name)
        if value is not None:
            yield shown, f"{value * 1000:.3f}"


def costs(report: Report) -> Iterator[str]:
    cost, spent = report.server, each(report)
    if cost is not None:
        share = cost.cpu / report.seconds if report.seconds else 0.0
        yield (
            f"the server: {share:.0%} of a core, {0.0 if spent is None else spent:.3f} us a delivery, "
            f"{cost.rss:.1f} MiB resident ({cost.idle:.1f} when measuring began)"
        )
    if report.busy >= BUSY:
        yield f"this load generator: {report.busy:.0%} of a core: it is what was measured, not the server"
    else:
        yield f"this load generator: {report.busy:.0%} of a core"
