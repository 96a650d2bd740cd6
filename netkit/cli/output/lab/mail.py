"""`lab seed` and `lab wait`: messages as JSON and as plain lines.

JSON of `seed`: time (when it was taken), id, name, recipient, size. Of `wait`: what `netkit.lab.mail.report` lists.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from netkit.cli.output.escape import one_line
from netkit.cli.output.sink import now

if TYPE_CHECKING:
    from netkit.lab.mail.seed import Seeded


class Seen(NamedTuple):
    """A message as a lab tells of it."""

    report: dict[str, Any]


def document(result: "Seeded | Seen") -> dict[str, Any]:
    return result.report if isinstance(result, Seen) else {"time": now(), **result._asdict()}


def plain(result: "Seeded | Seen") -> Iterator[str]:
    """A line a message, its fields behind tabs: id, sender, recipients, subject; of `seed`: id, recipient, name."""
    yield "\t".join(one_line(text) for text in texts(result))


def texts(result: "Seeded | Seen") -> tuple[str, ...]:
    if isinstance(result, Seen):
        told = result.report
        recipients = ",".join(map(str, told.get("recipients") or ()))
        return str(told.get("id")), f"{told.get('sender')}", recipients, f"{told.get('subject') or ''}"
    return result.id or "-", result.recipient, result.name
