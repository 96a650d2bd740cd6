"""Asking a server about recipients without sending anything: up to RCPT, then RSET."""

from netkit.mail.smtp.check.findings import Finding, finding
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.session import Session

# Names that belong to nobody (RFC 2606): what is relayed for them is relayed for everybody.
STRANGER, FOREIGN = "relay-test@example.com", "relay-test@example.net"


def ask_recipients(session: Session, sender: str, recipients: tuple[str, ...]) -> list[Finding]:
    """One finding a recipient. Raises what the session raises."""
    if not all(one.isascii() for one in (sender, *recipients)):
        if "SMTPUTF8" not in session.offered:
            said = "an address is not ASCII, and the server does not offer SMTPUTF8"
            return [finding("rcpt.sender-refused", said, code=None, text=None)]
        reply = session.ask(f"MAIL FROM:<{sender}>", "SMTPUTF8")
    else:
        reply = session.ask(f"MAIL FROM:<{sender}>")
    if not reply.ok:
        return [finding("rcpt.sender-refused", f"<{sender}>: {reply}", code=reply.code, text=reply.text)]
    found = []
    for address in recipients:
        reply = session.ask(f"RCPT TO:<{address}>")
        what = "accepted" if reply.ok else "deferred" if reply.temporary else "refused"
        found.append(finding(f"rcpt.{what}", f"{address}: {reply}", address=address, code=reply.code, text=reply.text))
    session.ask("RSET")
    return found


def test_relay(session: Session) -> list[Finding]:
    """Whether a stranger may send to strangers. Accepted at RCPT, some servers still refuse at DATA: not found here."""
    reply = session.ask(f"MAIL FROM:<{STRANGER}>")
    if reply.ok:
        reply = session.ask(f"RCPT TO:<{FOREIGN}>")
        session.ask("RSET")
    return [_relays(reply)]


def _relays(reply: Reply) -> Finding:
    what = f"{STRANGER} to {FOREIGN}"
    if reply.ok:
        said = f"{what} is accepted: {reply}"
        return finding("relay.open", said, code=reply.code, text=reply.text)
    id, verb = ("relay.undecided", "put off") if reply.temporary else ("relay.closed", "refused")
    return finding(id, f"{what} is {verb}: {reply}", code=reply.code, text=reply.text)
