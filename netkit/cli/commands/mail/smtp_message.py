"""What `smtp send` is to send, from its options: a message that is composed or one that was made elsewhere."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from netkit.cli.commands.mail.smtp_options import Addressing, Writing
from netkit.errors import BadInput, LocalFailure
from netkit.mail.mailbox import Mailbox, parse_address, parse_mailboxes, refuse_control
from netkit.mail.message.compose import Attachment, Composer
from netkit.mail.message.content import BareNewline, Message
from netkit.mail.smtp.transaction import Envelope

if TYPE_CHECKING:
    from netkit.mail.message.raw import Source

MAX_TEXT = 64 * 1024 * 1024  # bytes of a text, which is held in memory; what is attached may be larger
MAX_OPTION = 255  # bytes of a file's type, name or cid: a line of the header holds 998


class Mail(NamedTuple):
    """messages: without end, each with its own Message-ID where netkit writes that."""

    envelope: Envelope
    messages: Iterator[Message]


@contextmanager
def prepared(writing: Writing, addressing: Addressing, *, must_have: bool = True) -> Iterator[Mail]:
    """must_have: a sender and recipients. Raises BadInput, LocalFailure before anything is sent."""
    sources = [writing.text == "-", writing.html == "-", writing.raw == "-"]
    if sum(sources) > 1:
        raise BadInput("standard input can be one of --text, --html and --raw, not several")
    if writing.raw is None:
        if writing.from_header:
            raise BadInput("-t takes the recipients from the message that --raw sends", hint="--raw FILE -t")
        if writing.long_lines or writing.bare is not BareNewline.fix:
            name = "--allow-long-lines" if writing.long_lines else "--bare-newline"
            raise BadInput(f"{name} is about a message that --raw sends: netkit writes its own lines")
        yield _composed(writing, addressing, must_have)
        return
    from netkit.mail.message.raw import from_file, standard_input

    if writing.raw == "-":
        with standard_input() as source:
            yield _raw(writing, addressing, source, must_have)
    else:
        yield _raw(writing, addressing, from_file(writing.raw), must_have)


def _composed(writing: Writing, addressing: Addressing, must_have: bool) -> Mail:
    given = {"--to": writing.to, "--cc": writing.cc, "--bcc": writing.bcc}
    to, cc, bcc = ([box for text in texts for box in parse_mailboxes(text, what)] for what, texts in given.items())
    senders = parse_mailboxes(writing.sender, "--from") if writing.sender is not None else []
    if len(senders) > 1:
        raise BadInput("--from: one sender, not several")
    if not senders and must_have:
        raise BadInput("no sender", hint="--from you@your.domain")
    recipients = [box.address for box in (*to, *cc, *bcc)] if not addressing.rcpt else _rcpt(addressing)
    sender = senders[0] if senders else Mailbox("", "netkit@localhost")
    composer = Composer(
        sender=sender,
        to=to,
        cc=cc,
        subject=writing.subject,
        text=None if writing.text is None else read_text(writing.text, "--text"),
        html=None if writing.html is None else read_text(writing.html, "--html"),
        attachments=[*(parse_file(one, "--attach") for one in writing.attach),
                     *(parse_file(one, "--inline") for one in writing.inline)],
        headers=[parse_header(one) for one in writing.header],
    )  # fmt: skip
    envelope = _envelope(addressing, sender.address, recipients, must_have)
    utf8 = not all(one.isascii() for one in (envelope.sender, *envelope.recipients))
    return Mail(envelope, (_utf8(composer.message(), utf8) for _ in count()))


def _utf8(message: Message, needed: bool) -> Message:
    return message._replace(content=message.content._replace(utf8=True)) if needed else message


def _raw(writing: Writing, addressing: Addressing, source: "Source", must_have: bool) -> Mail:
    from netkit.mail.message.raw import Raw

    composing = {
        "--subject": writing.subject, "--text": writing.text, "--html": writing.html, "--attach": writing.attach,
        "--inline": writing.inline, "--header": writing.header,
    }  # fmt: skip
    if wrong := [option for option, value in composing.items() if value]:
        raise BadInput(f"--raw sends a message as it is: {wrong[0]} does not go with it")
    without = (b"bcc",) if writing.from_header else ()
    raw = Raw(source, bare=writing.bare, long_lines=writing.long_lines, without=without)
    asked_for = [box.address for what, texts in (("--to", writing.to), ("--cc", writing.cc), ("--bcc", writing.bcc))
                 for text in texts for box in parse_mailboxes(text, what)]  # fmt: skip
    recipients = [*asked_for, *_rcpt(addressing)]
    if writing.from_header:
        recipients += [address for name in (b"to", b"cc", b"bcc") for address in raw.mailboxes(name)]
    if writing.sender is not None:
        sender = parse_mailboxes(writing.sender, "--from")[0].address
    elif addressing.envelope_from is None and must_have:
        senders = raw.mailboxes(b"from")
        if not senders:
            raise BadInput("no sender: the message has no From", hint="--envelope-from you@your.domain")
        sender = senders[0]
    else:
        sender = ""
    envelope = _envelope(addressing, sender, recipients, must_have)
    utf8 = not all(one.isascii() for one in (envelope.sender, *envelope.recipients))
    message = raw.message(utf8=utf8)
    return Mail(envelope, (message for _ in count()))


def _rcpt(addressing: Addressing) -> list[str]:
    return [box.address for text in addressing.rcpt for box in parse_mailboxes(text, "--rcpt")]


def _envelope(addressing: Addressing, sender: str, recipients: Sequence[str], must_have: bool) -> Envelope:
    if not recipients and must_have:
        raise BadInput("no recipient", hint="--to somebody@their.domain; -t takes them from the header of --raw")
    if addressing.envelope_from is not None:
        wanted = addressing.envelope_from.removeprefix("<").removesuffix(">")
        sender = parse_address(wanted, "--envelope-from") if wanted else ""
    return Envelope(sender, tuple(dict.fromkeys(recipients)), addressing.reports())


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
