"""A kept message as JSON has it: envelope and the headers that people look for, decoded.

Keys: id, time, size, sender, recipients, helo, user, body, smtputf8, ret, envid, notify (of each recipient: notify,
orcpt; [] when nothing was asked), subject, date, message_id, from, to, cc (each a list of name and address).
`subject` is null where there is no such field.
"""

from datetime import UTC
from typing import Any

from netkit.lab.mail.store import Kept
from netkit.mail.header_address import addresses
from netkit.mail.header_date import date
from netkit.mail.header_text import decode, fields, raw_text

MAX_HEADER = 256 * 1024  # bytes of a message that are searched for its header
MAX_LISTED = 50  # mailboxes of one field; all of them are in the source
NAMES = (b"subject", b"date", b"message-id", b"from", b"to", b"cc")


def header_of(data: bytes) -> bytes:
    """The header block, at most MAX_HEADER of it."""
    start = data[:MAX_HEADER]
    ends = [end for end in (start.find(b"\r\n\r\n"), start.find(b"\n\n")) if end >= 0]
    return start[: min(ends) + 2] if ends else start


def report(kept: Kept) -> dict[str, Any]:
    envelope = kept.envelope
    found = fields(header_of(envelope.data), NAMES)
    moment = date(found[b"date"]) if b"date" in found else None
    asked_for = zip(envelope.recipients, envelope.asked_for, strict=False)
    return {
        "id": kept.id,
        "time": _rfc3339(kept.time.isoformat(timespec="milliseconds")),
        "size": len(envelope.data),
        "sender": envelope.sender,
        "recipients": list(envelope.recipients),
        "helo": envelope.helo,
        "user": envelope.user,
        "body": envelope.asked.body,
        "smtputf8": envelope.asked.smtputf8,
        "ret": envelope.asked.ret,
        "envid": envelope.asked.envid,
        "notify": [
            {"recipient": name, "notify": list(asked.notify), "orcpt": asked.orcpt} for name, asked in asked_for
        ],
        "subject": decode(found[b"subject"]).text if b"subject" in found else None,
        "date": _rfc3339(moment.astimezone(UTC).isoformat()) if moment else None,
        "message_id": raw_text(found[b"message-id"].strip())[0] if b"message-id" in found else None,
        **{
            name: [box._asdict() for box in addresses(found.get(name.encode(), b""))[:MAX_LISTED]]
            for name in ("from", "to", "cc")
        },
    }


def _rfc3339(text: str) -> str:
    return text.replace("+00:00", "Z")
