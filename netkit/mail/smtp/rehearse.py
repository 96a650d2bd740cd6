"""`rehearse()`: a session up to a stage, to see what a server says until then; no message is sent."""

from netkit.errors import NetkitError
from netkit.mail.message.content import Message
from netkit.mail.smtp.deliver import Manner, Server, log_in
from netkit.mail.smtp.delivery import Delivery, Outcome, Stage, described
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.session import Session, connected, refusal
from netkit.mail.smtp.transaction import Envelope, Recipient, Transaction
from netkit.mail.target import Tls
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security


def rehearse(
    server: Server, envelope: Envelope, message: Message, manner: Manner, stage: Stage, *, drop: bool
) -> Delivery:
    """A session up to a stage, and no message: what the server says until then. drop: hang up there, without QUIT.

    The network's and the server's failures are in the Delivery.
    """
    target, security = server
    recipients = [Recipient(address) for address in envelope.recipients]
    session: Session | None = None
    error: NetkitError | None = None
    last: Reply | None = None
    try:
        session = connected(
            target, deadline=Deadline.after(manner.timeout), family=manner.family, on_event=manner.on_event
        )
        with session:
            last = _until(session, security, envelope, message, manner, stage, recipients)
            if not drop and stage is not Stage.data:
                session.quit()
    except NetkitError as exc:
        error = exc
    outcomes = tuple(Outcome(one.address, one.status, one.reply) for one in recipients)
    whole = Delivery(
        target.name, envelope.sender, outcomes, message.content.size, 1, data=last, stage=stage, error=error
    )
    return described(whole, session, envelope)


def _until(
    session: Session,
    security: Security,
    envelope: Envelope,
    message: Message,
    manner: Manner,
    stage: Stage,
    recipients: list[Recipient],
) -> Reply | None:
    """The last answer, which decides; raised where it is no."""
    where = session.target.name
    session.lap("connect")
    if session.target.tls is Tls.implicit:
        session.secure(security)
    session.greet()
    if stage is Stage.banner:
        return session.greeting
    session.hello(manner.helo)
    if stage is Stage.ehlo:
        return None
    if session.target.tls is Tls.starttls:
        session.start_tls(security)
        session.hello(manner.helo)
    if stage is Stage.tls:
        return None
    log_in(session, manner.login)
    if stage is Stage.auth:
        return None
    deal = Transaction(envelope, message.content, session.offered)
    reply = session.ask_line(deal.mail_command())
    if not reply.ok:
        raise refusal(f"{where}: MAIL", reply)
    if stage is Stage.mail:
        return reply
    for one in recipients:
        one.took(session.ask_line(deal.rcpt_command(one.address)))
    session.lap("envelope")
    if stage is Stage.rcpt or not any(one.in_play for one in recipients):
        return None
    reply = session.ask("DATA")
    if reply.code != 354:
        raise refusal(f"{where}: DATA", reply)
    return reply
