"""The subject lines of what waits, by TOP: pipelined, streaming, and one bad message never ends the run.

TOP n 0 gives the header alone. A server without it is asked with RETR, of which the header alone is kept; that is told,
since RETR may count a message as read. The first message is asked for alone: Dovecot ends a session after 20 refused
commands in a row, so the window opens when one has worked.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from netkit.errors import NetkitError, No
from netkit.mail.header_address import addresses
from netkit.mail.header_date import date
from netkit.mail.header_text import decode, fields
from netkit.mail.pop3.session import WINDOW, Listed, Reply, Session, refusal

KEEP = 256 * 1024  # bytes of a header; the fields that are shown stand in the first few kB
WANTED = (b"subject", b"from", b"date")


class Row(NamedTuple):
    """One message. subject: None without such a field; subject_raw: its bytes. error: why its header did not come."""

    n: int
    uidl: str | None
    size: int | None
    date: datetime | None
    sender: str | None
    subject: str | None
    subject_raw: bytes | None
    charset: str | None
    defects: tuple[str, ...]
    error: NetkitError | None


def subjects(
    session: Session,
    messages: Sequence[Listed],
    *,
    via: str = "auto",
    window: int = WINDOW,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Row]:
    """A row for each message, in the order given, each as soon as its answer is in.

    via: auto, top or retr. Raises what ends the session: TimedOut, PeerError, Unreachable.
    """
    if not session.pipelining:
        window = 1
    if via == "auto" and "TOP" not in session.capabilities and session.capabilities:
        via = "retr"
        if on_note:
            on_note("the server has no TOP: whole messages are read by RETR")
    left = list(messages)
    while left:
        first = left[0]
        reply = next(_ask(session, left[:1], "retr" if via == "retr" else "top", 1))
        if not reply.ok and via == "auto":
            whole = next(_ask(session, left[:1], "retr", 1))
            if whole.ok:
                via, reply = "retr", whole
                if on_note:
                    on_note(f"the server refuses TOP ({reply_text(reply)}): whole messages are read by RETR")
        yield row(session, first, reply)
        del left[0]
        if reply.ok:
            break
    replies = _ask(session, left, "retr" if via == "retr" else "top", window)
    for message, reply in zip(left, replies, strict=True):
        yield row(session, message, reply)


def row(session: Session, message: Listed, reply: Reply) -> Row:
    if not reply.ok or reply.body is None:
        error = refusal(f"message {message.n}", reply, No)
        return Row(message.n, message.uidl, message.size, None, None, None, None, None, (), error)
    found = fields(reply.body, WANTED)
    raw = found.get(b"subject")
    text = decode(raw) if raw is not None else None
    senders = addresses(found.get(b"from", b""))
    return Row(
        message.n,
        message.uidl,
        message.size,
        date(found[b"date"]) if b"date" in found else None,
        (senders[0].name or senders[0].address) if senders else None,
        text.text.strip() if text else None,
        raw.strip() if raw is not None else None,
        text.charset if text else None,
        text.defects if text else (),
        None,
    )


def reply_text(reply: Reply) -> str:
    return reply.text.decode("utf-8", "backslashreplace")[:100] or "without a reason"


def _ask(session: Session, messages: Sequence[Listed], via: str, window: int) -> Iterator[Reply]:
    if via == "top":
        return session.pipeline((("TOP", str(one.n), "0") for one in messages), window, keep=KEEP)
    return session.pipeline((("RETR", str(one.n)) for one in messages), window, keep=KEEP)
