"""What `smtp send` is to send, from its options: a message that is composed or one that was made elsewhere."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from netkit.errors import BadInput, LocalFailure
from netkit.mail.mailbox import Mailbox, parse_address, parse_mailboxes, refuse_control
from netkit.mail.message.compose import Attachment, Composer
from netkit.mail.message.content import BareNewline, Message
from netkit.mail.smtp.transaction import Dsn, Envelope

if TYPE_CHECKING:
    from netkit.mail.message.raw import Source

MAX_TEXT = 64 * 1024 * 1024  # bytes of a text, which is held in memory; what is attached may be larger
MAX_OPTION = 255  # bytes of a file's type, name or cid: a line of the header holds 998
NOTIFY = ("never", "success", "failure", "delay")


class Asked(NamedTuple):
    """The options as they were given."""

    sender: str | None
    to: Sequence[str]
    cc: Sequence[str]
    bcc: Sequence[str]
    subject: str | None
    text: str | None
    html: str | None
    attach: Sequence[str]
    inline: Sequence[str]
    header: Sequence[str]
    raw: str | None
    from_header: bool
    bare: BareNewline
    long_lines: bool
    envelope_from: str | None
    rcpt: Sequence[str]
    dsn: Dsn


class Mail(NamedTuple):
    """messages: without end, each with its own Message-ID where netkit writes that."""

    envelope: Envelope
    messages: Iterator[Message]


@contextmanager
def prepared(asked: Asked, *, must_have: bool = True) -> Iterator[Mail]:
    """must_have: a sender and recipients. Raises BadInput, LocalFailure before anything is sent."""
    sources = [asked.text == "-", asked.html == "-", asked.raw == "-"]
    if sum(sources) > 1:
        raise BadInput("standard input can be one of --text, --html and --raw, not several")
    if asked.raw is None:
        if asked.from_header:
            raise BadInput("-t takes the recipients from the message that --raw sends", hint="--raw FILE -t")
        if asked.long_lines or asked.bare is not BareNewline.fix:
            name = "--allow-long-lines" if asked.long_lines else "--bare-newline"
            raise BadInput(f"{name} is about a message that --raw sends: netkit writes its own lines")
        yield _composed(asked, must_have)
        return
    from netkit.mail.message.raw import from_file, standard_input

    if asked.raw == "-":
        with standard_input() as source:
            yield _raw(asked, source, must_have)
    else:
        yield _raw(asked, from_file(asked.raw), must_have)


def _composed(asked: Asked, must_have: bool) -> Mail:
    given = {"--to": asked.to, "--cc": asked.cc, "--bcc": asked.bcc}
    to, cc, bcc = ([box for text in texts for box in parse_mailboxes(text, what)] for what, texts in given.items())
    senders = parse_mailboxes(asked.sender, "--from") if asked.sender is not None else []
    if len(senders) > 1:
        raise BadInput("--from: one sender, not several")
    if not senders and must_have:
        raise BadInput("no sender", hint="--from you@your.domain")
    recipients = [box.address for box in (*to, *cc, *bcc)] if not asked.rcpt else _rcpt(asked)
    sender = senders[0] if senders else Mailbox("", "netkit@localhost")
    composer = Composer(
        sender=sender,
        to=to,
        cc=cc,
        subject=asked.subject,
        text=None if asked.text is None else read_text(asked.text, "--text"),
        html=None if asked.html is None else read_text(asked.html, "--html"),
        attachments=[*(parse_file(one, "--attach") for one in asked.attach),
                     *(parse_file(one, "--inline") for one in asked.inline)],
        headers=[parse_header(one) for one in asked.header],
    )  # fmt: skip
    envelope = _envelope(asked, sender.address, recipients, must_have)
    utf8 = not all(one.isascii() for one in (envelope.sender, *envelope.recipients))
    return Mail(envelope, (_utf8(composer.message(), utf8) for _ in count()))


def _utf8(message: Message, needed: bool) -> Message:
    return message._replace(content=message.content._replace(utf8=True)) if needed else message


def _raw(asked: Asked, source: "Source", must_have: bool) -> Mail:
    from netkit.mail.message.raw import Raw

    composing = {
        "--subject": asked.subject, "--text": asked.text, "--html": asked.html, "--attach": asked.attach,
        "--inline": asked.inline, "--header": asked.header,
    }  # fmt: skip
    if wrong := [option for option, value in composing.items() if value]:
        raise BadInput(f"--raw sends a message as it is: {wrong[0]} does not go with it")
    without = (b"bcc",) if asked.from_header else ()
    raw = Raw(source, bare=asked.bare, long_lines=asked.long_lines, without=without)
    asked_for = [box.address for what, texts in (("--to", asked.to), ("--cc", asked.cc), ("--bcc", asked.bcc))
                 for text in texts for box in parse_mailboxes(text, what)]  # fmt: skip
    recipients = [*asked_for, *_rcpt(asked)]
    if asked.from_header:
        recipients += [address for name in (b"to", b"cc", b"bcc") for address in raw.mailboxes(name)]
    if asked.sender is not None:
        sender = parse_mailboxes(asked.sender, "--from")[0].address
    elif asked.envelope_from is None and must_have:
        senders = raw.mailboxes(b"from")
        if not senders:
            raise BadInput("no sender: the message has no From", hint="--envelope-from you@your.domain")
        sender = senders[0]
    else:
        sender = ""
    envelope = _envelope(asked, sender, recipients, must_have)
    utf8 = not all(one.isascii() for one in (envelope.sender, *envelope.recipients))
    message = raw.message(utf8=utf8)
    return Mail(envelope, (message for _ in count()))


def _rcpt(asked: Asked) -> list[str]:
    return [box.address for text in asked.rcpt for box in parse_mailboxes(text, "--rcpt")]


def _envelope(asked: Asked, sender: str, recipients: Sequence[str], must_have: bool) -> Envelope:
    if not recipients and must_have:
        raise BadInput("no recipient", hint="--to somebody@their.domain; -t takes them from the header of --raw")
    if asked.envelope_from is not None:
        wanted = asked.envelope_from.removeprefix("<").removesuffix(">")
        sender = parse_address(wanted, "--envelope-from") if wanted else ""
    return Envelope(sender, tuple(dict.fromkeys(recipients)), asked.dsn)


def read_text(value: str, what: str) -> bytes:
    """A text as it is, @FILE, or - for standard input; UTF-8. Raises BadInput, LocalFailure."""
    if value == "-":
        data = sys.stdin.buffer.read(MAX_TEXT + 1)
    elif value.startswith("@"):
        try:
            with open(value[1:], "rb") as stream:
                data = stream.read(MAX_TEXT + 1)
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)
            raise LocalFailure(f"cannot read {value[1:]}: {reason}", kind="unreadable") from exc
    else:
        data = value.encode("utf-8", "surrogateescape")
    if len(data) > MAX_TEXT:
        raise BadInput(f"{what}: more than {MAX_TEXT} bytes", hint="--attach sends a file of any size")
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        raise BadInput(
            f"{what}: byte {exc.start + 1} is not UTF-8", hint="--attach sends any bytes, iconv makes UTF-8"
        ) from exc
    return data


def parse_file(text: str, what: str) -> Attachment:
    """`FILE[;type=image/png][;name=a.png][;cid=logo]`. A file that has this very name is taken as a whole."""
    path, *options = (text,) if os.path.exists(text) else text.split(";")
    found: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        allowed = ("type", "name", "cid") if what == "--inline" else ("type", "name")
        if name not in allowed or not equals or not value:
            raise BadInput(f"{what}: {option!r} is not one of {', '.join(f'{one}=...' for one in allowed)}")
        refuse_control(value, f"{what}: {name}")
        if len(value.encode()) > MAX_OPTION:
            raise BadInput(f"{what}: {name}= is more than {MAX_OPTION} bytes long")
        found[name] = value
    if not path:
        raise BadInput(f"{what}: there is no file in {text!r}")
    kind = found.get("type")
    if kind is not None and not _is_media_type(kind):
        raise BadInput(f"{what}: {kind!r} is no media type", hint="write image/png, application/pdf, ...")
    cid = found.get("cid")
    if what == "--inline":
        cid = cid or os.path.basename(path)
        if not all("!" <= char <= "~" and char not in '<>()[]\\,;:"' for char in cid):
            raise BadInput(f"{what}: {cid!r} cannot be a Content-ID", hint=f"{path};cid=picture gives it a plain one")
    name = found.get("name", os.path.basename(path))
    refuse_control(name, f"{what}: the file's name")
    return Attachment(path, kind, name, cid)


def _is_media_type(text: str) -> bool:
    first, slash, second = text.partition("/")
    return bool(slash) and all(
        part and all(char.isascii() and (char.isalnum() or char in "!#$&-^_.+") for char in part)
        for part in (first, second)
    )


def parse_header(text: str) -> tuple[str, str]:
    """`Name: value`."""
    name, colon, value = text.partition(":")
    if not colon:
        raise BadInput(f"--header: {text[:60]!r} has no colon", hint="--header 'X-Name: value'")
    return name, value.strip(" \t")


def parse_dsn(notify: str | None, ret: str | None, envid: str | None) -> Dsn:
    """--dsn, --ret and --envid. Raises BadInput."""
    words = tuple(word.strip().lower() for word in notify.split(",")) if notify is not None else ()
    if wrong := [word for word in words if word not in NOTIFY]:
        raise BadInput(f"--dsn: there is no {wrong[0]!r}", hint="of " + ", ".join(NOTIFY))
    if "never" in words and len(words) > 1:
        raise BadInput("--dsn: never excludes the others (RFC 3461)")
    if envid is not None:
        refuse_control(envid, "--envid")
        if not envid.isascii() or not 0 < len(envid) <= 100:
            raise BadInput("--envid: 1 to 100 ASCII characters (RFC 3461)")
    return Dsn(words, ret, envid)
