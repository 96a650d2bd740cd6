"""The requests of `netkit http --count` and what they come to, as JSON and plain lines.

JSON, by `type`. sample: time, number, status, reused, bytes, dns_ms, connect_ms, tls_ms, send_ms, wait_ms, body_ms,
total_ms, error. summary: time, method, url, fresh, sent, answered, ok, reused, bytes, duration_ms, statuses (status:
how many), errors (kind: how many), phases (dns, connect, tls, send, wait, body, total; each: samples, min_ms, mean_ms,
p50_ms, p90_ms, p99_ms, max_ms), interrupted, error (the last).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from netkit.cli.output.sink import failure, now
from netkit.http.result import Response
from netkit.http.sampling import Summary
from netkit.net.hop import PHASES

FIGURES = {"min": "min", "p50": "p50", "p90": "p90", "p99": "p99", "max": "max"}


class Numbered(NamedTuple):
    """One response and which it is, from 1."""

    number: int
    response: Response


def document(result: Numbered | Summary) -> dict[str, Any]:
    if isinstance(result, Numbered):
        response = result.response
        return {
            "type": "sample",
            "time": response.time,
            "number": result.number,
            "status": response.status,
            "reused": bool(response.hops) and response.hops[0].reused,
            "bytes": sum(hop.wire_bytes for hop in response.hops),
            **{f"{phase}_ms": span(response, phase) for phase in PHASES},
            "total_ms": round(response.total_ms, 3),
            "error": failure(response.error),
        }
    return {
        "type": "summary",
        "time": now(),
        "method": result.method,
        "url": result.url,
        "fresh": result.fresh,
        "sent": result.sent,
        "answered": result.answered,
        "ok": result.ok,
        "reused": result.reused,
        "bytes": result.bytes,
        "duration_ms": ms(result.seconds),
        "statuses": {str(status): number for status, number in result.statuses.items()},
        "errors": result.errors,
        "phases": {
            name: {
                "samples": times.samples,
                **{f"{figure}_ms": ms(getattr(times, figure)) for figure in ("min", "mean", *list(FIGURES)[1:])},
            }
            for name, times in result.phases.items()
        },
        "interrupted": result.interrupted,
        "error": failure(result.error),
    }


def ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def span(response: Response, phase: str) -> float | None:
    """Milliseconds of all its hops."""
    spans = [value for hop in response.hops if (value := getattr(hop.timings, phase)) is not None]
    return round(sum(spans), 3) if spans else None


def plain(result: Numbered | Summary) -> Iterator[str]:
    if isinstance(result, Numbered):
        yield said(result)
        return
    yield counts(result)
    for name, figures in rows(result):
        yield f"{name}_ms\t" + "\t".join(f"{title} {value}" for title, value in zip(TITLES, figures, strict=True))


TITLES = ("n", *FIGURES.values())


def rows(summary: Summary) -> Iterator[tuple[str, list[str]]]:
    """Of each phase that came about: how often, and the milliseconds."""
    for name, times in summary.phases.items():
        if times.samples:
            yield name, [str(times.samples), *(f"{(getattr(times, figure) or 0) * 1000:.3f}" for figure in FIGURES)]


def said(one: Numbered) -> str:
    response = one.response
    if response.status is None:
        return f"#{one.number} {response.error.message if response.error else 'no answer'}"
    words = [f"#{one.number}", str(response.status), f"{response.total_ms:.3f} ms"]
    words += [f"{phase} {value:.3f}" for phase in PHASES if (value := span(response, phase)) is not None]
    return " ".join(words)


def counts(summary: Summary) -> str:
    parts = [f"{summary.sent} sent", f"{summary.answered} answered"]
    parts += [f"{number} x {status}" for status, number in summary.statuses.items()]
    unanswered = {kind: number for kind, number in summary.errors.items() if not kind.startswith("http_")}
    parts += [f"{number} x {kind}" for kind, number in unanswered.items()]
    connections = summary.answered - summary.reused
    parts.append(f"{connections} connection{'s' * (connections != 1)}")
    if summary.seconds:
        parts.append(f"{summary.sent / summary.seconds:.1f}/s in {summary.seconds:.3f} s")
    if summary.interrupted:
        parts.append("interrupted")
    return f"{summary.method} {summary.url}: " + ", ".join(parts)
