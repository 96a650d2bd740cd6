"""What is said of many names at the end: what failed, or all figures.

`--stats` as JSON, one object on standard error: time, lines, questions, repeated, outcomes (word: count), elapsed_ms,
rate (questions a second), queries, retries, timeouts, over_tcp, rejected, strays, latency_ms (p50, p90, p99, max; null
without a reply).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from netkit.cli.output.sink import encode, now
from netkit.dns.bulk.tally import Tally
from netkit.errors import Exit


def summary(tally: Tally, exits: Mapping[StrEnum, Exit]) -> Iterator[str]:
    """One line when something failed; a negative answer is none."""
    failed = {one: count for one, count in tally.outcomes.most_common() if exits[one] not in (Exit.OK, Exit.NO)}
    if failed:
        words = ", ".join(f"{count:,} {one.value}" for one, count in failed.items())
        yield f"netkit: {sum(failed.values()):,} of {tally.questions:,} questions failed: {words}"


def statistics(tally: Tally, seconds: float, *, json: bool) -> Iterator[str]:
    rate = tally.questions / seconds if seconds else 0.0
    counts = vars(tally.counts)
    if json:
        yield encode(_document(tally, seconds, rate))
        return
    words = ", ".join(f"{count:,} {one.value}" for one, count in tally.outcomes.most_common()) or "none"
    repeated = f", {tally.repeated:,} repeated" if tally.repeated else ""
    yield f"{tally.lines:,} lines, {tally.questions:,} questions{repeated} in {seconds:.2f} s, {rate:,.0f}/s: {words}"
    names = {
        "retries": "retries",
        "timeouts": "timeouts",
        "over_tcp": "over TCP",
        "rejected": "replies rejected",
        "strays": "replies to no question",
    }
    yield ", ".join([f"{counts['queries']:,} queries", *(f"{counts[one]:,} {name}" for one, name in names.items())])
    if latency := _latency(tally):
        yield ", ".join(f"{name} {value:.2f} ms" for name, value in latency.items())


def _document(tally: Tally, seconds: float, rate: float) -> dict[str, Any]:
    return {
        "time": now(),
        "lines": tally.lines,
        "questions": tally.questions,
        "repeated": tally.repeated,
        "outcomes": {one.value: count for one, count in tally.outcomes.most_common()},
        "elapsed_ms": round(seconds * 1000, 3),
        "rate": round(rate, 1),
        **vars(tally.counts),
        "latency_ms": _latency(tally),
    }


def _latency(tally: Tally) -> dict[str, float] | None:
    times = tally.times.times() if tally.times else None
    if not times or times.p50 is None or times.p90 is None or times.p99 is None or times.max is None:
        return None
    named = {"p50": times.p50, "p90": times.p90, "p99": times.p99, "max": times.max}
    return {name: round(value * 1000, 3) for name, value in named.items()}
