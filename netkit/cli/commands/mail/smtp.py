"""`netkit smtp send`."""

import os
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from netkit.cli.commands.mail.smtp_message import Asked, Mail, parse_dsn, prepared
from netkit.cli.login import (
    SERVER,
    AuthOption,
    CaCert,
    Four,
    Insecure,
    PasswordCmd,
    PasswordFd,
    PasswordFile,
    Six,
    TokenCmd,
    TokenFile,
    User,
    find_secret,
)
from netkit.cli.options import TIME, Color, ColorOption, Json, Quiet, Trace, family_of, parse_rate, timeout
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Output
from netkit.cli.output.stdout import write_bytes
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, NetkitError, combine
from netkit.mail.dots import DotWriter
from netkit.mail.mailbox import refuse_control
from netkit.mail.message.content import BareNewline
from netkit.mail.smtp.deliver import Login, Manner, Server, deliver
from netkit.mail.smtp.delivery import Delivery, Outcome, Stage
from netkit.mail.smtp.rehearse import rehearse
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.smtp.transaction import Status
from netkit.mail.target import Tls, parse_target
from netkit.net.tls_client import Security

MESSAGE, ENVELOPE, HOW = "Message", "Envelope", "How it is sent"
MX_PORT = 25


class Partial(StrEnum):
    send = "send"
    abort = "abort"


class Ret(StrEnum):
    full = "full"
    hdrs = "hdrs"


BEFORE_MAIL = (Stage.banner, Stage.ehlo, Stage.tls, Stage.auth)


def send(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            envvar="NETKIT_SMTP",
            help="HOST[:PORT], or with smtp://, submission:// (587), smtps:// (465), lmtp://, also unix:PATH.",
            show_default=False,
        ),
    ] = None,
    sender: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="Who sends it.", rich_help_panel=MESSAGE)
    ] = None,
    to: Annotated[
        list[str],
        typer.Option("--to", metavar="ADDRESS", help="Whom it is for; several, or with commas.",
                     rich_help_panel=MESSAGE),
    ] = [],
    cc: Annotated[
        list[str], typer.Option("--cc", metavar="ADDRESS", help="Who is to know.", rich_help_panel=MESSAGE)
    ] = [],
    bcc: Annotated[
        list[str], typer.Option("--bcc", metavar="ADDRESS", help="Who gets it unseen.", rich_help_panel=MESSAGE)
    ] = [],
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="TEXT", help="In any language.", rich_help_panel=MESSAGE)
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT|@FILE|-", help="The text; - reads standard input.",
                     rich_help_panel=MESSAGE),
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="HTML|@FILE|-", help="The same as HTML.", rich_help_panel=MESSAGE)
    ] = None,
    attach: Annotated[
        list[str],
        typer.Option("--attach", metavar="FILE[;type=][;name=]", help="A file beside.", rich_help_panel=MESSAGE),
    ] = [],
    inline: Annotated[
        list[str],
        typer.Option("--inline", metavar="FILE[;cid=]", help="A picture for cid: in --html.", rich_help_panel=MESSAGE),
    ] = [],
    header: Annotated[
        list[str],
        typer.Option("--header", "-H", metavar="NAME: VALUE", help="One more field.", rich_help_panel=MESSAGE),
    ] = [],
    raw: Annotated[
        str | None,
        typer.Option("--raw", metavar="FILE|-", help="Send this message as it is.", rich_help_panel=MESSAGE),
    ] = None,
    from_header: Annotated[
        bool,
        typer.Option("-t", "--from-header", help="With --raw: to its To, Cc and Bcc; Bcc is left out.",
                     rich_help_panel=MESSAGE),
    ] = False,
    bare: Annotated[
        BareNewline,
        typer.Option("--bare-newline", help="A lone CR or LF in --raw: made a line end, refused, or sent.",
                     rich_help_panel=MESSAGE),
    ] = BareNewline.fix,
    long_lines: Annotated[
        bool, typer.Option("--allow-long-lines", help="In --raw: over 998 bytes.", rich_help_panel=MESSAGE)
    ] = False,
    dkim_key: Annotated[
        str | None,
        typer.Option("--dkim-key", metavar="FILE", help="Sign with this private key.", rich_help_panel=MESSAGE),
    ] = None,
    dkim_selector: Annotated[
        str | None,
        typer.Option("--dkim-selector", metavar="NAME", help="NAME._domainkey is the key's.", rich_help_panel=MESSAGE),
    ] = None,
    envelope_from: Annotated[
        str | None,
        typer.Option("--envelope-from", metavar="ADDRESS", help="Where bounces go; '' for none.",
                     rich_help_panel=ENVELOPE),
    ] = None,
    rcpt: Annotated[
        list[str],
        typer.Option("--rcpt", metavar="ADDRESS", help="Send to these instead of --to, --cc, --bcc.",
                     rich_help_panel=ENVELOPE),
    ] = [],
    dsn: Annotated[
        str | None,
        typer.Option("--dsn", metavar="LIST", help="Reports on: never, or success,failure,delay.",
                     rich_help_panel=ENVELOPE),
    ] = None,
    ret: Annotated[Ret | None, typer.Option("--ret", help="What reports hold.", rich_help_panel=ENVELOPE)] = None,
    envid: Annotated[
        str | None, typer.Option("--envid", metavar="ID", help="What reports name it by.", rich_help_panel=ENVELOPE)
    ] = None,
    mx: Annotated[
        bool, typer.Option("--mx", help="To the mail exchangers of each recipient's domain.", rich_help_panel=SERVER)
    ] = False,
    mx_port: Annotated[
        int, typer.Option("--mx-port", metavar="N", min=1, max=65535, help="With --mx.", rich_help_panel=SERVER)
    ] = MX_PORT,
    dns: Annotated[
        str | None,
        typer.Option("--dns", metavar="SERVER", help="With --mx: ask this DNS server.", rich_help_panel=SERVER),
    ] = None,
    lmtp: Annotated[bool, typer.Option("--lmtp", help="Speak LMTP, as lmtp:// does.", rich_help_panel=SERVER)] = False,
    four: Four = False,
    six: Six = False,
    helo: Annotated[
        str | None, typer.Option("--helo", metavar="NAME", help="Instead of [own address].", rich_help_panel=SERVER)
    ] = None,
    user: User = None,
    auth: AuthOption = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    token_cmd: TokenCmd = None,
    token_file: TokenFile = None,
    tls: Annotated[
        Tls,
        typer.Option("--tls", help="auto: at once on port 465, none on this machine, else STARTTLS.",
                     rich_help_panel=SERVER),
    ] = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    partial: Annotated[
        Partial, typer.Option("--partial", help="Where some recipients are refused.", rich_help_panel=HOW)
    ] = Partial.send,
    no_pipelining: Annotated[
        bool, typer.Option("--no-pipelining", help="Wait for each answer.", rich_help_panel=HOW)
    ] = False,
    no_chunking: Annotated[
        bool, typer.Option("--no-chunking", help="DATA also where BDAT is offered.", rich_help_panel=HOW)
    ] = False,
    stop_after: Annotated[
        Stage | None, typer.Option("--stop-after", help="QUIT there, and send nothing.", rich_help_panel=HOW)
    ] = None,
    drop_after: Annotated[
        Stage | None, typer.Option("--drop-after", help="Hang up there, without QUIT.", rich_help_panel=HOW)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the message, connect to nobody.", rich_help_panel=HOW)
    ] = False,
    wire: Annotated[
        bool, typer.Option("--wire", help="With --dry-run: the very bytes behind DATA.", rich_help_panel=HOW)
    ] = False,
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", metavar="N", min=1, help="Send it N times.", rich_help_panel=HOW,
                     show_default="1"),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", parser=parse_rate, metavar="RATE", help="So many a second.", rich_help_panel=HOW),
    ] = None,
    retry: Annotated[
        int, typer.Option("--retry", metavar="N", min=0, max=100, help="Try again what may work later.",
                          rich_help_panel=TIME)
    ] = 0,
    seconds: Annotated[float, timeout("5m")] = 300.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:  # fmt: skip
    """Send a message, with an outcome for every recipient.

    TLS is required beyond this machine. Everything that can be known before is checked before: addresses, line
    breaks in values, the size, what the server offers. --retry tries again what was refused with 4xx or failed
    before the message's end had left. --timeout holds for a message with all its tries.

    Exit: 0 every recipient accepted, 1 refused, 2 bad input and nothing sent, 3 unreachable, 4 timeout, 5 broke off,
    6 TLS, 7 credentials, 8 some recipients, 9 try again, 10 the answer to the whole message was lost: it may have
    been delivered, 11 cannot read a file.

    $ netkit smtp send localhost --from me@x.test --to ann@y.test --text @note
    $ netkit smtp send smtp://me@mail.x.test --from me@x.test --to ann@y.test
    $ netkit smtp send --mx --raw message.eml -t --retry 3
    """
    if stop_after is not None and drop_after is not None:
        raise BadInput("--stop-after and --drop-after are two ends: give one")
    if wire and not dry_run:
        raise BadInput("--wire goes with --dry-run")
    if rate is not None and count is None:
        raise BadInput("--rate is for several messages", hint="--count N")
    if not mx and (mx_port != MX_PORT or dns is not None):
        raise BadInput(f"{'--mx-port' if dns is None else '--dns'} goes with --mx")
    if helo is not None:
        refuse_control(helo, "--helo")
        if " " in helo or not helo:
            raise BadInput(f"--helo: {helo!r} is no name")
    family = family_of(four, six)
    stage = stop_after or drop_after
    asked = Asked(
        sender, to, cc, bcc, subject, text, html, attach, inline, header, raw, from_header, bare, long_lines,
        envelope_from, rcpt, parse_dsn(dsn, ret, envid),
    )  # fmt: skip
    server = None if dry_run else one_server(target, mx, lmtp, tls, cacert, insecure, user)
    if mx and stage is not None:
        raise BadInput("--mx has many servers: --stop-after and --drop-after take one")
    login = None
    name = user or (server.target.user if server else None)
    if name and not dry_run:
        secret = find_secret(
            name, auth, command=password_cmd, file=password_file, fd=password_fd, token_command=token_cmd,
            token_file=token_file,
        )  # fmt: skip
        login = Login(name, secret.text, secret.auth, secret.bearer)
    elif auth or password_cmd or password_file or password_fd is not None or token_cmd or token_file:
        raise BadInput("a login needs the user it is for", hint="--user NAME, or smtp://NAME@HOST")
    out = Output("mail.smtp", json=json, color=color, quiet=quiet)
    with prepared(asked, must_have=stage not in BEFORE_MAIL) as mail, Meter(out) as meter:
        if dkim_key or dkim_selector:
            mail = signed(mail, dkim_key, dkim_selector, sender)
        if dry_run:
            return show_message(mail, wire)
        if text is None and raw is None and stage is None and not (html or attach or inline):
            out.note("netkit: no --text: the message has a header alone", "--text - reads standard input")
        manner = Manner(
            login=login,
            helo=helo,
            all_or_none=partial is Partial.abort,
            pipelining=not no_pipelining,
            chunking=not no_chunking,
            retries=retry,
            rate=rate,
            timeout=seconds,
            family=family,
            on_event=listener(trace),
            on_progress=meter.update if meter.wanted else None,
            on_note=lambda note: out.note(f"netkit: {note}"),
        )
        codes: list[Exit] = []
        shown = 0
        many = count or 1
        for delivery in deliveries(server, mail, manner, stage, drop_after is not None, many, mx_port, dns, tls,
                                   Security(cacert, insecure)):  # fmt: skip
            out.show(delivery)
            shown += 1
            codes += delivery.codes or [delivery.exit]
        if shown < many and not mx and stage is None:
            out.note(f"netkit: stopped there: {many - shown} of {many} messages were not tried")
    return combine(codes)


def one_server(
    target: str | None, mx: bool, lmtp: bool, tls: Tls, cacert: str | None, insecure: bool, user: str | None
) -> Server | None:
    """The server that the argument names, None with --mx. Raises BadInput."""
    if mx:
        if target not in (None, os.environ.get("NETKIT_SMTP")):
            raise BadInput("--mx finds the servers itself: it takes no TARGET")
        if user is not None or lmtp:
            raise BadInput("--mx speaks SMTP to other people's servers: --user and --lmtp do not go with it")
        return None
    if target is None:
        raise BadInput("no server", hint="HOST[:PORT], NETKIT_SMTP, or --mx for those of the recipients' domains")
    schemes = {"lmtp": SCHEMES["lmtp"]} if lmtp else SCHEMES
    server = parse_target(target, schemes, tls)
    if user is not None and server.user is not None and user != server.user:
        raise BadInput(f"--user {user} and {server.user} in the URL are two users: use one of them")
    if server.tls is Tls.none and (cacert or insecure):
        raise BadInput(
            f"--cacert and --insecure are for TLS, and {server.name} is spoken to without",
            hint="--tls starttls asks for it",
        )
    return Server(server, Security(cacert, insecure))


def deliveries(
    server: Server | None, mail: Mail, manner: Manner, stage: Stage | None, drop: bool, count: int, mx_port: int,
    dns: str | None, tls: Tls, security: Security,
) -> Iterator[Delivery]:  # fmt: skip
    if server is None:
        yield from to_exchangers(mail, manner, count, mx_port, dns, tls, security)
    elif stage is not None:
        yield rehearse(server, mail.envelope, next(mail.messages), manner, stage, drop=drop)
    else:
        yield from deliver([server], mail.envelope, islice(mail.messages, count), manner)


def to_exchangers(
    mail: Mail, manner: Manner, count: int, port: int, dns: str | None, tls: Tls, security: Security
) -> Iterator[Delivery]:
    """Each domain's recipients to its own servers; a domain that fails does not keep the others from theirs."""
    from netkit.mail.smtp.mx import mail_servers
    from netkit.net.deadline import Deadline

    domains: dict[str, list[str]] = {}
    for address in mail.envelope.recipients:
        domains.setdefault(address.rpartition("@")[2].lower(), []).append(address)
    messages = list(islice(mail.messages, count))
    asked: Sequence[str] = [dns] if dns is not None else []
    for domain, recipients in domains.items():
        envelope = mail.envelope._replace(recipients=tuple(recipients))
        deadline = Deadline.after(manner.timeout)
        try:
            servers = mail_servers(
                domain, port, tls=tls, security=security, family=manner.family, servers=asked, deadline=deadline,
                on_event=manner.on_event,
            )  # fmt: skip
        except NetkitError as exc:
            unsent = tuple(Outcome(address, Status.unsent, None) for address in recipients)
            yield Delivery(domain, envelope.sender, unsent, messages[0].content.size, 0, error=exc)
            continue
        yield from deliver(servers, envelope, messages, manner, deadline)


def signed(mail: Mail, key: str | None, selector: str | None, sender: str | None) -> Mail:
    from netkit.mail.message.dkim import Signer

    if key is None or selector is None:
        raise BadInput("a DKIM signature needs both --dkim-key and --dkim-selector")
    signer = Signer(key, selector)
    return mail._replace(messages=(signer.sign(message) for message in mail.messages))


def show_message(mail: Mail, wire: bool) -> Exit:
    """The message on standard output: exact with --wire, else with line ends as files have them."""
    dots = DotWriter()
    for chunk in next(mail.messages).chunks():
        write_bytes(dots.feed(chunk) if wire else chunk.replace(b"\r\n", b"\n"))
    if wire:
        write_bytes(dots.end())
    sys.stdout.flush()
    return Exit.OK
