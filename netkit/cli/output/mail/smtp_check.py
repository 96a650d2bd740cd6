"""`smtp check`: a line or a JSON object for each finding.

JSON: time, id, level (ok, info, warn, fail), target (as it was written), host (an MX host or the server; null for what
concerns the domain itself), address (HOST:PORT that was spoken to), message, data (its keys by id, as --list says).
With --list: id, level, meaning, data (the keys).
"""

from collections.abc import Iterator
from typing import Any

from netkit.cli.output.sink import now
from netkit.mail.smtp.check.findings import Finding, Kind, Report, finding


def documents(result: Report | Kind) -> Iterator[dict[str, Any]]:
    if isinstance(result, Kind):
        yield {**result._asdict(), "data": list(result.data)}
        return
    for one in rows(result):
        yield {
            "time": now(),
            "id": one.id,
            "level": one.level,
            "target": result.target,
            "host": result.host,
            "address": result.address,
            "message": one.message,
            "data": one.data,
        }


def plain(result: Report | Kind) -> Iterator[str]:
    """Level, id, host (the target for the domain itself), message."""
    if isinstance(result, Kind):
        yield f"{result.id}\t{result.level}\t{result.meaning}"
        return
    for one in rows(result):
        yield f"{one.level}\t{one.id}\t{result.host or result.target}\t{one.message}"


def rows(report: Report) -> tuple[Finding, ...]:
    """The findings; what kept a host from being looked at at all is one."""
    if report.error is not None and not report.findings:
        return (finding("connect.failed", report.error.message, kind=report.error.kind),)
    return report.findings
