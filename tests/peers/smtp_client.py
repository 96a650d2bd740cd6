"""netkit's SMTP client as the tests of real servers use it: in this process, a message put together in a line."""

from collections.abc import Iterable

from netkit.mail.mailbox import Mailbox, parse_address
from netkit.mail.message.compose import Composer
from netkit.mail.message.content import Message
from netkit.mail.smtp.deliver import Manner, Server, deliver
from netkit.mail.smtp.delivery import Delivery
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.smtp.transaction import Dsn, Envelope
from netkit.mail.target import Tls, parse_target
from netkit.net.tls_client import Security

SENDER = "ann@x.test"
MANNER = Manner(timeout=30)
NO_DSN = Dsn()


def send(
    target: str,
    *to: str,
    count: int = 1,
    subject: str = "netkit",
    text: bytes = b"text\n",
    message: Message | None = None,
    sender: str = SENDER,
    dsn: Dsn = NO_DSN,
    tls: Tls = Tls.auto,
    ca: str | None = None,
    manner: Manner = MANNER,
) -> list[Delivery]:
    """What became of each message. target: as `smtp send` has it; message: instead of one with the text."""
    recipients = [parse_address(address, "--to") for address in to]
    boxes = [Mailbox("", one) for one in recipients]
    composer = Composer(sender=Mailbox("", sender), to=boxes, subject=subject, text=text)
    server = Server(parse_target(target, SCHEMES, tls), Security(ca, False))
    messages = (message or composer.message() for _ in range(count))
    return list(deliver([server], Envelope(sender, tuple(recipients), dsn), messages, manner))


def words(deliveries: Iterable[Delivery]) -> list[list[str]]:
    """The outcomes of each message's recipients."""
    return [[str(one.status) for one in delivery.recipients] for delivery in deliveries]
