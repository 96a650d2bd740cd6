"""`netkit lab seed` and `netkit lab wait`: what one wants of a lab that runs already."""

import re
from typing import Annotated

import typer

from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, timeout
from netkit.cli.output.lab.mail import Seen
from netkit.cli.output.sink import Output
from netkit.cli.output.waiting import Waiting
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit

WHERE, WHICH, MESSAGES = "The lab", "Which message", "Messages"


def seed(
    count: Annotated[int, typer.Argument(metavar="[N]", min=1, max=10_000, help="So many messages.")] = 1,
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="Into this mailbox.", rich_help_panel=MESSAGES)
    ] = "you@lab.test",
    odd: Annotated[
        bool,
        typer.Option(
            "--odd", help="Messages that mail programs stumble over, in place of plain ones.", rich_help_panel=MESSAGES
        ),
    ] = False,
    smtp: Annotated[
        str,
        typer.Option(
            "--smtp",
            metavar="HOST:PORT",
            envvar="NETKIT_LAB_SMTP",
            show_envvar=True,
            help="Where the lab takes mail.",
            rich_help_panel=WHERE,
        ),
    ] = "127.0.0.1:2525",
    limit: Annotated[float, timeout("30s for each message")] = 30.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Put messages into a mailbox of a running lab.

    They go by SMTP, as any message does. With --odd: one for each odd subject, then messages with hostile HTML, hostile
    file names, broken encodings, ten thousand parts.

    Exit: 1 refused, 3 no lab there, 4 out of time, 9 the lab is full.

    $ netkit lab seed 20 --to ann@lab.test
    """
    from netkit.lab.mail import seed as seeding
    from netkit.mail.mailbox import parse_address
    from netkit.mail.smtp.session import SCHEMES
    from netkit.mail.target import Tls, parse_target

    address = parse_address(to, "--to")
    target = parse_target(smtp, SCHEMES, Tls.none)
    out = Output("lab.mail", json=json, color=color, quiet=quiet)
    messages = seeding.strange() if odd else seeding.plain(count, address)
    for seeded in seeding.seed(target, address, messages, timeout=limit, on_event=listener(trace)):
        out.show(seeded)
    return Exit.OK


def wait(
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="In this mailbox; *: in any.", rich_help_panel=WHICH)
    ] = "*",
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject", metavar="REGEX", help="With this in its subject, in any case.", rich_help_panel=WHICH
        ),
    ] = None,
    http: Annotated[
        str,
        typer.Option(
            "--http",
            metavar="URL",
            envvar="NETKIT_LAB_HTTP",
            show_envvar=True,
            help="Where the lab tells of its mail.",
            rich_help_panel=WHERE,
        ),
    ] = "http://127.0.0.1:8080",
    limit: Annotated[float, timeout("10s")] = 10.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Wait for a message in a running lab.

    One that is there already will do. JSON keys: id, time, size, sender, recipients, helo, user, body, smtputf8, ret,
    envid, notify, subject, date, message_id, from, to, cc.

    Exit: 0 it is there, 1 or 5 this is no lab, 3 nothing is there, 4 no such message came in time.

    $ netkit lab wait --to ann@lab.test --subject 'your order' --json
    """
    from netkit.lab.mail import wait as waiting
    from netkit.net.address import parse_endpoint
    from netkit.net.deadline import Deadline

    try:
        pattern = re.compile(subject, re.IGNORECASE) if subject is not None else None
    except re.error as exc:
        raise BadInput(f"--subject {subject!r} is no regular expression: {exc}") from exc
    endpoint = parse_endpoint(http, port=80, schemes=("http",))
    out = Output("lab.mail", json=json, color=color, quiet=quiet)
    whose = "a message" if to == "*" else f"a message to {to}"
    with Waiting(out, f"waiting for {whose}"):
        found = waiting.wait(
            endpoint, mailbox=to, subject=pattern, deadline=Deadline.after(limit), on_event=listener(trace)
        )
    out.show(Seen(found))
    return Exit.OK
