"""One message's way to a server without a socket: MAIL, RCPT and DATA or BDAT, and what became of each recipient.

RFC 5321 3.3, RFC 2920 (pipelining), RFC 3030 (BDAT), RFC 3461 (DSN), RFC 6531 (SMTPUTF8), RFC 2033 (LMTP). The driver
(netkit.mail.smtp.sender) sends the commands and hands each answer to the `took_` of its command, in their order; when
no more will come it says `settle`, `lost`, `cut_short` or `abandoned`. Nothing here waits.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from netkit.errors import NetkitError, No, PeerError, Temporary
from netkit.mail.message.content import Content
from netkit.mail.smtp.protocol import Reply, command


class Status(StrEnum):
    accepted = "accepted"
    refused = "refused"
    deferred = "deferred"
    unknown = "unknown"  # the answer to the final dot is lost
    unsent = "unsent"  # nothing was decided about it


class Dsn(NamedTuple):
    """What is asked of delivery reports (RFC 3461). notify: of never, success, failure, delay; ret: full or hdrs."""

    notify: tuple[str, ...] = ()
    ret: str | None = None
    envid: str | None = None


class Envelope(NamedTuple):
    """sender: "" for the null sender; recipients: addresses as they go on the wire."""

    sender: str
    recipients: tuple[str, ...]
    dsn: Dsn = Dsn()


class Recipient:
    """An address and the last that the server said about it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.reply: Reply | None = None
        self.status = Status.unsent

    def took(self, reply: Reply) -> None:
        self.reply = reply
        self.status = Status.accepted if reply.ok else Status.deferred if reply.temporary else Status.refused

    @property
    def in_play(self) -> bool:
        return self.status is Status.accepted


class Transaction:
    """mail, data: the answers to MAIL and DATA (or BDAT), None until they came. final: those to the message itself."""

    def __init__(self, envelope: Envelope, content: Content, offered: dict[str, tuple[str, ...]]) -> None:
        """Raises No where the server has said already that it cannot take this."""
        check(envelope, content, offered)
        self.envelope = envelope
        self.content = content
        self.offered = offered
        self.recipients = [Recipient(address) for address in envelope.recipients]
        self.mail: Reply | None = None
        self.data: Reply | None = None
        self.final: list[Reply] = []
        self._answered = 0

    @property
    def accepted(self) -> list[Recipient]:
        return [one for one in self.recipients if one.in_play]

    @property
    def decided(self) -> bool:
        """Whether the answer for every recipient is in."""
        return self._answered == len(self.recipients)

    @property
    def some_refused(self) -> bool:
        return self.decided and len(self.accepted) < len(self.recipients)

    def mail_command(self) -> bytes:
        words = [f"MAIL FROM:<{self.envelope.sender}>"]
        if "SIZE" in self.offered:
            words.append(f"SIZE={self.content.size}")
        if self.content.eight_bit and "8BITMIME" in self.offered:
            words.append("BODY=8BITMIME")
        if self.content.utf8:
            words.append("SMTPUTF8")
        if "DSN" in self.offered:
            dsn = self.envelope.dsn
            words += [f"RET={dsn.ret.upper()}"] if dsn.ret else []
            words += [f"ENVID={xtext(dsn.envid)}"] if dsn.envid else []
        return command(*words)

    def rcpt_command(self, address: str) -> bytes:
        words = [f"RCPT TO:<{address}>"]
        notify = self.envelope.dsn.notify
        if notify and "DSN" in self.offered:
            words.append(f"NOTIFY={','.join(notify).upper()}")
            words.append(f"ORCPT={original(address)}")
        return command(*words)

    def took_mail(self, reply: Reply) -> None:
        _in_step("MAIL", reply, reply.code // 10 == 25)
        self.mail = reply

    def took_rcpt(self, reply: Reply) -> None:
        """The answer for the next recipient. A refused sender is what every one of them was refused for."""
        _in_step("RCPT", reply, reply.code // 10 == 25)
        recipient = self.recipients[self._answered]
        self._answered += 1
        blame = self.mail if self.mail is not None and not self.mail.ok else reply
        recipient.took(blame)

    def took_data(self, reply: Reply) -> None:
        _in_step("DATA", reply, reply.code == 354)
        self.data = reply
        if reply.code != 354:
            self._all(reply)

    def took_final(self, reply: Reply) -> None:
        """The answer to the whole message: one for all, or (LMTP) the next recipient's."""
        _in_step("the message", reply, reply.code == 250)
        self.final.append(reply)

    def settle(self, *, lmtp: bool) -> None:
        """Every answer to the message is in: nothing that comes later changes what became of it."""
        if not lmtp:
            self._all(self.final[-1])
            return
        for recipient, reply in zip(self.accepted, self.final, strict=True):
            recipient.took(reply)

    def cut_short(self, name: str) -> NetkitError:
        """The server answered before the end of the message, which it so has not got; what that is."""
        reply = self.final[-1]
        if reply.ok:
            self.abandoned()
            return PeerError(f"{name}: the server took the message before its end: {reply}", kind="early")
        self._all(reply)
        return (Temporary if reply.temporary else No)(f"{name}: {reply}")

    def lost(self) -> None:
        """The whole message has left, and the rest of the answers will not come; those of LMTP that came count.

        With BDAT it may have left before an answer for a recipient came, which then may have been a yes as well.
        """
        if self.mail is not None and not self.mail.ok:
            return
        maybe = [one for one in self.recipients if one.in_play or one.reply is None]
        for recipient, reply in zip(maybe, self.final, strict=False):
            recipient.took(reply)
        for recipient in maybe[len(self.final) :]:
            recipient.status, recipient.reply = Status.unknown, None

    def abandoned(self) -> None:
        """The message was never handed over: whoever was accepted got nothing."""
        for recipient in self.accepted:
            recipient.status = Status.unsent

    def _all(self, reply: Reply) -> None:
        for recipient in self.accepted:
            recipient.took(reply)


def _in_step(what: str, reply: Reply, good: bool) -> None:
    """Raise PeerError for a yes that belongs to another command, as 221 does to QUIT: all that follow would be
    taken for what they are not."""
    if reply.code < 400 and not good:
        raise PeerError(f"{what} was answered with {reply}, which is no answer to it", kind="mispaired")


def check(envelope: Envelope, content: Content, offered: dict[str, tuple[str, ...]]) -> None:
    """Raise No for what the answer to EHLO says cannot be sent: so nothing of it is."""
    limit = next(iter(offered.get("SIZE", ())), "")
    if limit.isascii() and limit.isdigit() and len(limit) < 19 and 0 < int(limit) < content.size:
        raise No(
            f"the message has {content.size} bytes, which is too big for the server ({limit})",
            kind="too_big",
            hint="a link to the file instead of the file?",
        )
    if content.utf8 and "SMTPUTF8" not in offered:
        odd = [one for one in (envelope.sender, *envelope.recipients) if not one.isascii()]
        raise No(
            f"{odd[0] if odd else 'an address in the header'} is not ASCII, and the server does not offer SMTPUTF8",
            kind="no_smtputf8",
            hint="only domains have an ASCII form; the part before the @ has none",
        )
    if content.eight_bit and not {"8BITMIME", "SMTPUTF8"} & offered.keys():
        raise No(
            "the message has bytes over 127, and the server does not offer 8BITMIME",
            kind="no_8bitmime",
            hint="--text, --html and --attach encode what they send; --raw sends what it is given",
        )


def left_out(envelope: Envelope, offered: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """What was asked for and is not sent, since the server does not offer it."""
    if envelope.dsn != Dsn() and "DSN" not in offered:
        yield "the server does not offer DSN, so it is not asked for delivery reports"


def xtext(text: str) -> str:
    """RFC 3461 section 4."""
    return "".join(char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in text)


def original(address: str) -> str:
    """The ORCPT of an address (RFC 3461 4.2, RFC 6533 3)."""
    if address.isascii():
        return f"rfc822;{xtext(address)}"
    plain = (char if "!" <= char <= "~" and char not in "+=\\" else f"\\x{{{ord(char):X}}}" for char in address)
    return f"utf-8;{''.join(plain)}"
