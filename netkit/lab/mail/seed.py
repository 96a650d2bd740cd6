"""Fills a mailbox of a running lab, by SMTP: with so many plain messages, or with all that is odd."""

from collections.abc import Iterator
from typing import NamedTuple

from netkit.errors import No, Temporary
from netkit.events import OnEvent
from netkit.lab import odd, odd_messages
from netkit.mail.message.content import Content, Message
from netkit.mail.smtp.deliver import Manner, Server, deliver
from netkit.mail.smtp.transaction import Envelope, Status
from netkit.mail.target import Target

SENDER = "lab@lab.test"
MAX_COUNT = 10_000


class Seeded(NamedTuple):
    """A message that the lab has taken. id: the lab's name for it, its UIDL in POP3."""

    id: str | None
    name: str
    recipient: str
    size: int


def plain(count: int, to: str) -> Iterator[tuple[str, bytes]]:
    """So many messages that differ in subject, date and Message-ID."""
    from datetime import UTC, datetime
    from email.utils import format_datetime

    date = format_datetime(datetime.now(UTC))
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S%f")
    for number in range(1, count + 1):
        name = f"Message {number} of {count}"
        yield (
            name,
            (
                f"From: The lab <{SENDER}>\r\nTo: {to}\r\nDate: {date}\r\nMessage-ID: <{stamp}.{number}@lab.test>\r\n"
                f"Subject: {name}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                f"This is message {number} of {count} that the lab was asked for.\r\n"
            ).encode(),
        )


def strange() -> Iterator[tuple[str, bytes]]:
    """A message for each odd subject, then the odd messages."""
    yield from ((name, odd.message(name, subject)) for name, subject in odd.SUBJECTS)
    yield from odd_messages.messages()


def seed(
    target: Target, to: str, messages: Iterator[tuple[str, bytes]], *, timeout: float, on_event: OnEvent | None = None
) -> Iterator[Seeded]:
    """Send them, in one session. timeout: for each. Raises what sending raises, No or Temporary for a refusal."""
    names: list[str] = []

    def prepared() -> Iterator[Message]:
        for name, data in messages:
            names.append(name)
            content = Content(len(data), eight_bit=not data.isascii(), utf8=not to.isascii())
            yield Message(content, lambda data=data: iter([data]))  # type: ignore[misc]

    done = deliver([Server(target)], Envelope(SENDER, (to,)), prepared(), Manner(timeout=timeout, on_event=on_event))
    for number, delivery in enumerate(done):
        outcome = delivery.recipients[0]
        if outcome.status is Status.accepted:
            yield Seeded(delivery.queue_id, names[number], to, delivery.size)
            continue
        if delivery.error:
            raise delivery.error
        error = Temporary if outcome.status is Status.deferred else No
        raise error(f"{target.name} does not take the message {names[number]!r} for {to}: {outcome.reply}")
