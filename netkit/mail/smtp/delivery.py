"""What became of a message: an outcome a recipient, and the facts of the session that it went through."""

import re
from enum import StrEnum
from typing import NamedTuple

from netkit.errors import Exit, NetkitError, combine
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.session import Session
from netkit.mail.smtp.tls_facts import TlsFacts
from netkit.mail.smtp.transaction import Envelope, Status, left_out

EXITS = {
    Status.accepted: Exit.OK,
    Status.refused: Exit.NO,
    Status.deferred: Exit.TEMPORARY,
    Status.unknown: Exit.UNKNOWN,
}


class Stage(StrEnum):
    """Where a session may be left on purpose."""

    banner = "banner"
    ehlo = "ehlo"
    tls = "tls"
    auth = "auth"
    mail = "mail"
    rcpt = "rcpt"
    data = "data"


class Outcome(NamedTuple):
    """Of one recipient. reply: the last that the server said about it."""

    address: str
    status: Status
    reply: Reply | None


class Delivery(NamedTuple):
    """What became of a message. data: the answer to the message itself; error: what ended it before its outcomes."""

    target: str
    sender: str
    recipients: tuple[Outcome, ...]
    size: int
    attempts: int
    address: str | None = None
    tls: TlsFacts | None = None
    offered: tuple[str, ...] = ()
    auth: str | None = None
    pipelined: bool = False
    data: Reply | None = None
    ms: dict[str, float] | None = None
    warnings: tuple[str, ...] = ()
    stage: Stage | None = None  # it was left there, on purpose
    error: NetkitError | None = None

    @property
    def queue_id(self) -> str | None:
        if self.data is None or not self.data.ok:
            return None
        found = re.search(
            r"queued as <?([^\s<>]+?)>?\.?(?:\s|$)|\bid=<?([^\s<>;]+)|^(\S+) message accepted", self.data.text, re.I
        )
        return next((one for one in found.groups() if one), None) if found else None

    @property
    def codes(self) -> list[Exit]:
        """One a recipient: what may not have been decided about it is the error's."""
        otherwise = Exit(self.error.exit) if self.error else Exit.OK if self.stage else Exit.NO
        return [EXITS.get(one.status, otherwise) for one in self.recipients]

    @property
    def exit(self) -> Exit:
        return combine(self.codes)


def described(delivery: Delivery, session: Session | None, envelope: Envelope) -> Delivery:
    """With what is known of the session that it went through."""
    if session is None:
        return delivery
    return delivery._replace(
        target=session.target.name,
        address=session.wire.address,
        tls=session.tls,
        offered=tuple(" ".join((name, *words)) for name, words in session.offered.items()),
        auth=session.auth,
        pipelined=session.pipelining,
        ms=dict(session.ms),
        warnings=tuple(left_out(envelope, session.offered)),
    )
