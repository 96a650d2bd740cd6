"""`netkit lab` and `netkit tour`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netkit.cli.groups import NONE, Group, grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, option, parse_duration
from netkit.cli.output.sink import Form, Output
from netkit.cli.server_options import LISTEN, Bind, Telling
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, No

if TYPE_CHECKING:
    from netkit.lab.event import Event
    from netkit.lab.mail.faults import Rule

FAULTS = "What goes wrong with mail, on purpose"


class Failing(Group):
    on: Annotated[
        list[Any],
        option(
            "--on",
            click_type=(str, str),  # Typer knows no list of pairs, what is below it does
            metavar="PLACE REPLY",
            help="Say this in place of the answer, as in --on 'rcpt *@bad.test' '550 5.1.1 no'; repeatable.",
            panel=FAULTS,
        ),
    ] = NONE
    delay: Annotated[
        list[str],
        option(
            "--delay",
            metavar="PLACE=DURATION",
            help="Answer so much later, as in --delay dot=500ms; repeatable.",
            panel=FAULTS,
        ),
    ] = NONE
    drop: Annotated[
        list[str],
        option(
            "--drop",
            metavar="PLACE",
            help="Hang up in place of an answer, as in --drop 'retr#3'; repeatable.",
            panel=FAULTS,
        ),
    ] = NONE

    def rules(self) -> "list[Rule]":
        """Raises BadInput."""
        from netkit.lab.mail import faults

        return [
            *(faults.on(place, reply) for place, reply in self.on),
            *(faults.delay(place, seconds) for place, seconds in map(_delay, self.delay)),
            *(faults.drop(place) for place in self.drop),
        ]


@grouped
def lab(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND [ARG..]]", help="Run this with NETKIT_LAB_* set, and end with its exit code."
        ),
    ] = None,
    *,
    bind: Bind = NONE,
    port: Annotated[
        list[str],
        typer.Option(
            "--port",
            "-p",
            metavar="NAME=PORT",
            help="Listen on this port; repeatable. A bare 0: free ones for every service.",
            show_default="dns=5300, dns-tls=8530, http=8080, https=8443, echo=45000, hello=45001, chat=2626, "
            "chat-web=8026, smtp=2525, lmtp=2424, pop3=2110; free ones with a COMMAND",
            rich_help_panel=LISTEN,
        ),
    ] = [],
    zone: Annotated[
        list[Path],
        typer.Option(
            "--zone", metavar="FILE", help="Serve this zone file as well; repeatable.", rich_help_panel=LISTEN
        ),
    ] = [],
    maildir: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            metavar="DIRECTORY",
            help="Keep mail in this maildir as well; what is there is read at the start.",
            show_default=False,
            rich_help_panel=LISTEN,
        ),
    ] = None,
    failing: Failing,
    telling: Telling,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit | int:
    """Run DNS, HTTP, mail, echo, hello and chat servers on loopback.

    With a COMMAND: it runs with NETKIT_LAB_DNS, NETKIT_LAB_DNS_TLS, NETKIT_LAB_ROOT (the root of DNS above it, unless
    --bind says where), NETKIT_LAB_ROOT_ANCHOR (its DNSSEC key), NETKIT_LAB_HTTP, NETKIT_LAB_HTTPS (which has DNS at
    /dns-query), NETKIT_LAB_ECHO, NETKIT_LAB_HELLO, NETKIT_LAB_CHAT, NETKIT_LAB_CHAT_WEB (its page, where websockets is
    installed), NETKIT_LAB_SMTP, NETKIT_LAB_LMTP, NETKIT_LAB_POP3, NETKIT_LAB_MAIL (a page of what came in),
    NETKIT_LAB_CA (a PEM file to trust), NETKIT_LAB_ANCHOR (the DNSSEC key of signed.test) and NETKIT_LAB_ZONE in its
    environment, and its exit code is netkit's (128+N when signal N ended it).

    Without: serves until Ctrl-C and logs every query and request.

    `netkit lab seed` puts messages into a mailbox of a running lab, `netkit lab wait` waits for one.

    A PLACE is [SERVICE.]STAGE[#COUNT] [PATTERN]: a service is smtp, lmtp or pop3; a stage is banner, ehlo, starttls,
    auth, mail, rcpt, data, dot or quit, or a command of POP3; a count, such as #1, #2-4 or #3-, says which of all that
    come; a pattern is compared with the address, or with what else the command is about.

    $ netkit lab -- pytest
    $ netkit lab --on 'rcpt *@bad.test' '550 5.1.1 no' --dir mail
    """
    from contextlib import ExitStack

    from netkit.cli.output.unread import UnreadLog

    rules = failing.rules()
    from netkit.lab.lab import FREE, PORTS, Lab  # dnspython, asyncio, ssl, cryptography: 150 ms, not for `tour --list`
    from netkit.lab.run import run_command, serve
    from netkit.lab.service import parse_ports
    from netkit.net.inherit import inherited

    ready = telling.ready()
    ports = {**(FREE if command else PORTS), **parse_ports(port, PORTS)}
    out = Output("lab.lab", json=json, color=color, quiet=quiet)
    with ExitStack() as stack:
        log = None
        if not command and not (quiet and out.form is Form.HUMAN):
            log = UnreadLog(out.show, _unwritten)
            stack.callback(log.close)
        servers = Lab(
            bind=bind,
            ports=ports,
            zones=zone,
            inherited=inherited(),
            faults=rules,
            maildir=os.fspath(maildir) if maildir else None,
            on_log=log.write if log else None,
            on_event=listener(trace),
        )
        if command:
            return run_command(servers, command, ready=ready)
        serve(servers, ready=ready, attach=log.attach if log else None)
    return Exit.OK


def _unwritten(number: int) -> "Event":
    from datetime import UTC, datetime

    from netkit.lab.event import Event

    summary = f"{number} events are missing here: standard output was not read"
    return Event(datetime.now(UTC), "lab", "limit", summary=summary, data={"reason": "log", "times": number})


def _delay(text: str) -> tuple[str, float]:
    place, equals, duration = text.rpartition("=")
    if not equals:
        raise BadInput(f"--delay {text!r}: write PLACE=DURATION, as in dot=500ms")
    try:
        return place, parse_duration(duration)
    except typer.BadParameter as exc:
        raise BadInput(f"--delay {text!r}: {exc.message}") from None


def tour(
    step: Annotated[list[str], typer.Option("--step", metavar="NAME", help="Run this step alone; repeatable.")] = [],
    contents: Annotated[bool, typer.Option("--list", help="List the steps and run none.")] = False,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """See every command at work on the lab.

    Starts the lab on free ports and runs each command against it: the tutorial's listing, the command, what it
    printed, and its exit code. Ends with 1 when a step is not as expected, so it is a check of the installation too.

    $ netkit tour --step smtp-send --step pop3-subjects
    """
    from netkit.lab import tour as guide

    steps = guide.find_steps(step)
    out = Output("lab.tour", json=json, color=color, quiet=quiet)
    if contents:
        for each in guide.contents(steps):
            out.show(each)
        return Exit.OK
    human = out.form is Form.HUMAN
    columns = max(20, out.console.width - 4) if human else 80
    failed, left_out = [], []
    for done in guide.tour(steps, colored=human, columns=columns):
        out.show(done)
        if isinstance(done, guide.LeftOut):
            left_out.append(done)
        elif done.failure:
            failed.append(done.step.name)
    if failed:
        raise No(f"{len(failed)} of {len(steps)} steps are not as expected: {', '.join(failed)}")
    ran = len(steps) - len(left_out)
    out.note(f"{ran} step{'s' * (ran != 1)}, all as expected")
    for one in left_out:
        out.note(f"left out: {one.step.name}, {one.why}", one.hint)
    return Exit.OK
