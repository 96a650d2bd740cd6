"""`netkit smtp send`."""

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

import typer

from netkit.cli.commands.mail.login import Credentials, Family, Verifying
from netkit.cli.commands.mail.smtp_message import Mail, prepared
from netkit.cli.commands.mail.smtp_options import MX_PORT, Addressing, Exchangers, How, Partial, Writing
from netkit.cli.groups import grouped
from netkit.cli.options import TIME, Color, ColorOption, Json, Quiet, Trace, option, timeout
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Output
from netkit.cli.output.stdout import write_bytes
from netkit.cli.secret import SERVER
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, NetkitError, combine
from netkit.mail.dots import DotWriter
from netkit.mail.mailbox import refuse_helo
from netkit.mail.smtp.deliver import Login, Manner, Server, deliver
from netkit.mail.smtp.delivery import Delivery, Outcome, Stage
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.smtp.transaction import Status
from netkit.mail.target import Tls, parse_target
from netkit.net.tls_client import Security

BEFORE_MAIL = (Stage.banner, Stage.ehlo, Stage.tls, Stage.auth)


@grouped
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
    *,
    writing: Writing,
    addressing: Addressing,
    exchangers: Exchangers,
    lmtp: Annotated[bool, option("--lmtp", help="Speak LMTP, as lmtp:// does.", panel=SERVER)] = False,
    family: Family,
    helo: Annotated[
        str | None, option("--helo", metavar="NAME", help="Instead of [own address].", panel=SERVER)
    ] = None,
    credentials: Credentials,
    tls: Annotated[
        Tls,
        option("--tls", help="auto: at once on port 465, none on this machine, else STARTTLS.", panel=SERVER),
    ] = Tls.auto,
    verifying: Verifying,
    how: How,
    retry: Annotated[
        int, option("--retry", metavar="N", min=0, max=100, help="Try again what may work later.", panel=TIME)
    ] = 0,
    timeout: Annotated[float, timeout("5m")] = 300.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
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
    stage = how.stage
    if how.wire and not how.dry_run:
        raise BadInput("--wire goes with --dry-run")
    if how.pace is not None and how.count is None:
        raise BadInput("--rate is for several messages", hint="--count N")
    if not exchangers.mx and (exchangers.mx_port != MX_PORT or exchangers.dns is not None):
        raise BadInput(f"{'--mx-port' if exchangers.dns is None else '--dns'} goes with --mx")
    if helo is not None:
        refuse_helo(helo)
    addresses = family.number
    addressing.reports()  # a mistake in them is told before one about the server
    server = None if how.dry_run else one_server(target, exchangers.mx, lmtp, tls, verifying, credentials)
    if exchangers.mx and stage is not None:
        raise BadInput("--mx has many servers: --stop-after and --drop-after take one")
    login = None
    name = credentials.user or (server.target.user if server else None)
    if name and not how.dry_run:
        secret = credentials.secret(name)
        login = Login(name, secret.text, secret.auth, secret.bearer)
    elif credentials.given:
        raise BadInput("a login needs the user it is for", hint="--user NAME, or smtp://NAME@HOST")
    out = Output("mail.smtp", json=json, color=color, quiet=quiet)
    with prepared(writing, addressing, must_have=stage not in BEFORE_MAIL) as mail, Meter(out) as meter:
        if writing.dkim_key or writing.dkim_selector:
            mail = signed(mail, writing.dkim_key, writing.dkim_selector)
        if how.dry_run:
            return show_message(mail, how.wire)
        if stage is None and not writing.has_content:
            out.note("netkit: no --text: the message has a header alone", "--text - reads standard input")
        manner = Manner(
            login=login,
            helo=helo,
            all_or_none=how.partial is Partial.abort,
            pipelining=not how.no_pipelining,
            chunking=not how.no_chunking,
            retries=retry,
            rate=how.pace,
            timeout=timeout,
            family=addresses,
            on_event=listener(trace),
            on_progress=meter.update if meter.wanted else None,
            on_note=lambda note: out.note(f"netkit: {note}"),
        )
        codes: list[Exit] = []
        shown = 0
        many = how.count or 1
        if server is None:
            done = to_exchangers(mail, manner, many, exchangers, tls, verifying.security)
        elif stage is not None:
            from netkit.mail.smtp.rehearse import rehearse

            drop = how.drop_after is not None
            done = iter([rehearse(server, mail.envelope, next(mail.messages), manner, stage, drop=drop)])
        else:
            done = deliver([server], mail.envelope, islice(mail.messages, many), manner)
        for delivery in done:
            out.show(delivery)
            shown += 1
            codes += delivery.codes or [delivery.exit]
        if shown < many and server is not None and stage is None:
            out.note(f"netkit: stopped there: {many - shown} of {many} messages were not tried")
    return combine(codes)


def one_server(
    target: str | None, mx: bool, lmtp: bool, tls: Tls, verifying: Verifying, credentials: Credentials
) -> Server | None:
    """The server that the argument names, None with --mx. Raises BadInput."""
    if mx:
        if target not in (None, os.environ.get("NETKIT_SMTP")):
            raise BadInput("--mx finds the servers itself: it takes no TARGET")
        if credentials.user is not None or lmtp:
            raise BadInput("--mx speaks SMTP to other people's servers: --user and --lmtp do not go with it")
        return None
    if target is None:
        raise BadInput("no server", hint="HOST[:PORT], NETKIT_SMTP, or --mx for those of the recipients' domains")
    server = parse_target(target, {"lmtp": SCHEMES["lmtp"]} if lmtp else SCHEMES, tls)
    credentials.name(server)  # the option's and the URL's are one
    return Server(server, verifying.of(server))


def to_exchangers(
    mail: Mail, manner: Manner, count: int, exchangers: Exchangers, tls: Tls, security: Security
) -> Iterator[Delivery]:
    """Each domain's recipients to its own servers; a domain that fails does not keep the others from theirs."""
    from netkit.mail.smtp.mx import mail_servers
    from netkit.net.deadline import Deadline

    domains: dict[str, list[str]] = {}
    for address in mail.envelope.recipients:
        domains.setdefault(address.rpartition("@")[2].lower(), []).append(address)
    messages = list(islice(mail.messages, count))
    asked: Sequence[str] = [exchangers.dns] if exchangers.dns is not None else []
    for domain, recipients in domains.items():
        envelope = mail.envelope._replace(recipients=tuple(recipients))
        deadline = Deadline.after(manner.timeout)
        try:
            servers = mail_servers(
                domain, exchangers.mx_port, tls=tls, security=security, family=manner.family, servers=asked,
                deadline=deadline, on_event=manner.on_event,
            )  # fmt: skip
        except NetkitError as exc:
            unsent = tuple(Outcome(address, Status.unsent, None) for address in recipients)
            yield Delivery(domain, envelope.sender, unsent, messages[0].content.size, 0, error=exc)
            continue
        yield from deliver(servers, envelope, messages, manner, deadline)


def signed(mail: Mail, key: str | None, selector: str | None) -> Mail:
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
