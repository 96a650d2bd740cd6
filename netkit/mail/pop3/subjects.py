"""The subject lines of what waits, by TOP: pipelined, streaming, and one bad message never ends the run.

TOP n 0 gives the header alone. A server without it is asked with RETR, of which the header alone is kept; that is told,
since RETR may count a message as read. The first message is asked for alone: Dovecot ends a session after 20 refused
commands in a row, so the window opens when one has worked.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from netkit.errors import NetkitError
from netkit.mail.header_address import addresses
from netkit.mail.header_date import date
from netkit.mail.header_text import decode, fields
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.session import WINDOW, Reply, Session, refusal, shown

KEEP = 256 * 1024  # bytes of a header; the fields that are shown stand in the first few kB
WANTED = (b"subject", b"from", b"date")


class Via(StrEnum):
    auto = "auto"
    top = "top"
    retr = "retr"


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
    via: Via = Via.auto,
    window: int = WINDOW,
    on_note: Callable[[str], None] | None = None,
) -> Iterator[Row]:
    """A row for each message, in the order given, each as soon as its answer is in.

    via: auto is TOP, and RETR where there is none. Raises what ends the session: TimedOut, PeerError, Unreachable.
    """

    def whole(why: str) -> Via:
        if on_note:
            on_note(f"the server {why}: whole messages are read by RETR")
        return Via.retr

    if via is Via.auto and session.capabilities and "TOP" not in session.capabilities:
        via = whole("has no TOP")
    left = list(messages)
    while left:
        first = left.pop(0)
        reply = next(_ask(session, [first], via, 1))
        if not reply.ok and via is Via.auto:
            fetched = next(_ask(session, [first], Via.retr, 1))
            if fetched.ok:
                via, reply = whole(f"refuses TOP ({shown(reply.text) or 'without a reason'})"), fetched
        yield row(first, reply)
        if reply.ok:
            break
    for message, reply in zip(left, _ask(session, left, via, window), strict=True):
        yield row(message, reply)


def row(message: Listed, reply: Reply) -> Row:
    if reply.body is None:
        error = refusal(f"message {message.n}", reply.text)
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


def _ask(session: Session, messages: Sequence[Listed], via: Via, window: int) -> Iterator[Reply]:
    if via is Via.retr:
        return session.pipeline((("RETR", str(one.n)) for one in messages), window, keep=KEEP)
    return session.pipeline((("TOP", str(one.n), "0") for one in messages), window, keep=KEEP)
