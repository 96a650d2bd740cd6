"""A message put together from what the options of `smtp send` say: RFC 5322 header, RFC 2045 to 2047 and 2387 parts.

    mixed( related( alternative(text, html), inline...), attachments...)

with as few of these as the parts need. The bytes are made anew each time they are sent, in constant memory.
"""

import os
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netkit.errors import BadInput
from netkit.mail.mailbox import Mailbox, parse_mailboxes
from netkit.mail.message.body import Body, FileBody, Multipart, TextBody
from netkit.mail.message.content import Content, Message
from netkit.mail.message.header import address_field, check_name, text_field

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Fields that options or the parts make; --header for one of them would be a second.
OWN = ("from", "to", "cc", "bcc", "subject", "mime-version", "content-type", "content-transfer-encoding")
# In these an encoded word may stand for a name, and never for an address (RFC 2047 section 5).
ADDRESSES = ("reply-to", "sender", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-reply-to")


class Attachment(NamedTuple):
    """A file that goes along. kind: its media type, None to go by the name; cid: of an inline part."""

    path: str
    kind: str | None = None
    name: str | None = None
    cid: str | None = None


class Composer:
    """Makes messages that differ in Date and Message-ID alone."""

    def __init__(
        self,
        *,
        sender: Mailbox,
        to: Sequence[Mailbox] = (),
        cc: Sequence[Mailbox] = (),
        subject: str | None = None,
        text: bytes | None = None,
        html: bytes | None = None,
        attachments: Sequence[Attachment] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """text, html: UTF-8. headers: fields besides. Raises BadInput, LocalFailure."""
        self._domain = sender.domain
        given = {name.lower() for name, _ in headers}
        for name, _ in headers:
            check_name(name, "--header")
            if name.lower() in OWN:
                raise BadInput(f"--header {name}: netkit writes that field itself", hint=_instead(name.lower()))
        self._dated = "date" in given
        self._named = "message-id" in given
        head = [address_field("From", [sender])]
        head += [address_field("To", to)] if to else []
        head += [address_field("Cc", cc)] if cc else []
        head += [text_field("Subject", subject, "--subject")] if subject is not None else []
        boxes = [*to, *cc, sender]
        for name, value in headers:
            what = f"--header {name}"
            if name.lower() in ADDRESSES and not value.isascii():
                found = parse_mailboxes(value, what)
                boxes += found
                head.append(address_field(name, found))
            else:
                head.append(text_field(name, value, what))
        head.append(b"MIME-Version: 1.0\r\n")
        self._head = b"".join(head)
        self._body = _body(text, html, attachments)
        self._utf8 = not all(box.address.isascii() for box in boxes)

    def message(self) -> Message:
        """The next one, with its own Date and Message-ID."""
        head = b""
        if not self._dated:
            head += f"Date: {date(time.time())}\r\n".encode()
        if not self._named:
            head += f"Message-ID: <{int(time.time())}.{os.urandom(9).hex()}@{self._domain}>\r\n".encode()
        head += self._head

        def chunks() -> Iterator[bytes]:
            yield head
            yield from self._body.chunks()

        return Message(Content(len(head) + self._body.size, utf8=self._utf8), chunks)


def _body(text: bytes | None, html: bytes | None, attachments: Sequence[Attachment]) -> Body:
    token = os.urandom(12).hex()  # with "=_", which neither quoted-printable nor base64 has (RFC 2045 6.7)
    inline = [_file(one) for one in attachments if one.cid is not None]
    beside = [_file(one) for one in attachments if one.cid is None]
    if inline and html is None:
        raise BadInput("--inline is for what --html shows by its cid", hint="--attach puts a file beside the text")
    texts: list[Body] = [TextBody(text or b"", "plain")] if text is not None or html is None else []
    if html is not None:
        texts.append(TextBody(html, "html"))
    body = texts[0] if len(texts) == 1 else Multipart("alternative", texts, f"=_a{token}")
    if inline:
        body = Multipart("related", [body, *inline], f"=_r{token}")
    if beside:
        body = Multipart("mixed", [body, *beside], f"=_m{token}")
    return body


def _file(one: Attachment) -> FileBody:
    name = one.name if one.name is not None else os.path.basename(one.path)
    return FileBody(one.path, one.kind or media_type(name), name, cid=one.cid)


def media_type(name: str) -> str:
    """By the name's extension. A message inside a message may not be base64 (RFC 2046 5.2.1), so it goes as bytes."""
    import mimetypes  # 4 ms of CPU, and it reads the system's table

    kind, packed = mimetypes.guess_type(f"/{name}", strict=False)  # a bare `data:...` says its type itself
    if kind is None or packed or kind.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return kind


def date(moment: float) -> str:
    """RFC 5322 3.3, in local time; strftime would follow the locale."""
    at = time.localtime(moment)
    hours, minutes = divmod(abs(at.tm_gmtoff) // 60, 60)
    zone = f"{'-' if at.tm_gmtoff < 0 else '+'}{hours:02}{minutes:02}"
    return (
        f"{DAYS[at.tm_wday]}, {at.tm_mday:02} {MONTHS[at.tm_mon - 1]} {at.tm_year} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} {zone}"
    )


def _instead(name: str) -> str:
    option = {"from": "--from", "to": "--to", "cc": "--cc", "bcc": "--bcc", "subject": "--subject"}.get(name)
    return f"{option} sets it" if option else "--raw sends a message that is made elsewhere"
