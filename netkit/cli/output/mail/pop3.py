"""`pop3`: what waits in a mailbox, as JSON and as plain lines.

JSON of `subjects`: time, n, uidl, size, date, from, subject, subject_raw, charset, defects, error (kind, message,
hint). `subject` is null where there is no such field. Of `stat`: time, target, user, messages, size. Of `list`: time,
n, size, uidl. Of `get` and `save`: time, n, uidl, size, file, error. Of `delete`, and of `save --delete` behind those:
time, n, uidl, deleted, error. Of `capa`: time, target, greeting, tls, capabilities, clear_capabilities (before STLS,
null without). `time` is when it was printed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from netkit.cli.output.escape import one_line
from netkit.cli.output.sink import exact, failure, now, rfc3339
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.save import Saved

if TYPE_CHECKING:  # what reads headers, 3 ms of CPU, is for `subjects` alone
    from datetime import datetime

    from netkit.mail.pop3.subjects import Row

FIELDS = ("n", "size", "date", "from", "subject", "uidl")


class Shown(NamedTuple):
    """A row and which of its fields to show."""

    row: "Row"
    fields: tuple[str, ...]


class Stat(NamedTuple):
    """size: bytes of all messages."""

    target: str
    user: str
    messages: int
    size: int


class Deleted(NamedTuple):
    n: int
    uidl: str | None
    error: str | None


class Capabilities(NamedTuple):
    """clear: what was offered before TLS, None if that was not asked."""

    target: str
    greeting: bytes
    clear: dict[str, tuple[str, ...]] | None
    now: dict[str, tuple[str, ...]]
    tls: str | None


Result = Shown | Stat | Listed | Saved | Deleted | Capabilities


def document(result: Result) -> dict[str, Any]:
    if isinstance(result, Shown):
        from datetime import UTC

        row = result.row
        return {
            "time": now(),
            "n": row.n,
            "uidl": row.uidl,
            "size": row.size,
            "date": rfc3339(row.date.astimezone(UTC)) if row.date else None,
            "from": row.sender,
            "subject": row.subject,
            "subject_raw": None if row.subject_raw is None else exact(row.subject_raw),
            "charset": row.charset,
            "defects": list(row.defects),
            "error": failure(row.error),
        }
    if isinstance(result, (Stat, Listed)):
        return {"time": now(), **result._asdict()}
    if isinstance(result, Saved):
        return {"time": now(), **result._asdict(), "error": failure(result.error)}
    if isinstance(result, Deleted):
        error = None if result.error is None else {"kind": "no", "message": result.error, "hint": None}
        deleted = result.error is None
        return {"time": now(), "n": result.n, "uidl": result.uidl, "deleted": deleted, "error": error}
    return {
        "time": now(),
        "target": result.target,
        "greeting": exact(result.greeting),
        "tls": result.tls,
        "capabilities": {name: list(words) for name, words in result.now.items()},
        "clear_capabilities": None
        if result.clear is None
        else {name: list(words) for name, words in result.clear.items()},
    }


def plain(result: Result) -> Iterator[str]:
    """A record a line, its fields behind tabs; what would break a line in a subject is a space here."""
    if isinstance(result, Shown):
        yield "\t".join(texts(result))
        complain(result.row)
    elif isinstance(result, Stat):
        yield f"{result.messages}\t{result.size}"
    elif isinstance(result, Listed):
        yield f"{result.n}\t{'-' if result.size is None else result.size}\t{result.uidl or '-'}"
    elif isinstance(result, Saved):
        outcome = "saved" if result.error is None else result.error.message
        size = "-" if result.size is None else str(result.size)
        fields = (str(result.n), result.uidl or "-", outcome, size, result.file or "-")
        yield "\t".join(one_line(field) for field in fields)
    elif isinstance(result, Deleted):
        outcome = "deleted" if result.error is None else one_line(result.error)
        yield f"{result.n}\t{result.uidl or '-'}\t{outcome}"
    else:
        yield from (" ".join((name, *words)) for name, words in result.now.items())


def complain(row: "Row") -> None:
    if row.error is not None:
        from netkit.cli.output.say import say

        say(f"netkit: {row.error.message}", row.error.hint)


def texts(shown: Shown) -> list[str]:
    """The fields of a row as text of one line."""
    row = shown.row
    values = {
        "n": str(row.n),
        "size": "-" if row.size is None else str(row.size),
        "date": moment(row.date),
        "from": row.sender or "",
        "subject": "" if row.subject is None else row.subject,
        "uidl": row.uidl or "-",
    }
    return [one_line(values[field]) for field in shown.fields]


def moment(date: "datetime | None") -> str:
    """As the sender's clock showed it."""
    return "-" if date is None else date.isoformat(sep=" ", timespec="minutes")
