"""`netkit smtp check`."""

import socket
from collections.abc import Iterator
from typing import Annotated

import typer

from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, parse_duration, timeout
from netkit.cli.output.sink import Output
from netkit.cli.output.waiting import Waiting
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, NetkitError, combine
from netkit.mail.mailbox import parse_domain, parse_mailboxes, refuse_control
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.findings import TABLE, FailOn, Report, verdict
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import Target, Tls, parse_target

SERVER, TESTS, DOMAIN = "Server", "What is tried besides", "Domain"


def check(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET|DOMAIN...",
            help="HOST:PORT, an IP address or a URL (smtp://, submission://, smtps://, lmtp://) is a server; a bare "
            "name is a domain, whose MX hosts are checked.",
            show_default=False,
        ),
    ] = [],
    rcpt: Annotated[
        list[str],
        typer.Option("--rcpt", metavar="ADDRESS", help="Ask about this recipient, as far as RCPT; several.",
                     rich_help_panel=TESTS),
    ] = [],
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The sender for --rcpt.", show_default="<>",
                          rich_help_panel=TESTS)
    ] = "",
    relay_test: Annotated[
        bool,
        typer.Option("--relay-test", help="Does it relay, from a stranger to a stranger? As far as RCPT.",
                     rich_help_panel=TESTS),
    ] = False,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="For servers of your own: smuggling and injection. Opens messages to --rcpt or the postmaster and "
            "breaks them off; a server that fails the probe delivers them.",
            rich_help_panel=TESTS,
        ),
    ] = False,
    patience: Annotated[
        float,
        typer.Option("--patience", parser=parse_duration, metavar="DURATION",
                     help="With --probe: how long to wait for an answer that must not come.", show_default="3s",
                     rich_help_panel=TESTS),
    ] = 3.0,
    tls: Annotated[
        Tls,
        typer.Option("--tls", help="auto: at once on port 465, else STARTTLS.", rich_help_panel=SERVER),
    ] = Tls.auto,
    cacert: Annotated[
        str | None,
        typer.Option("--cacert", metavar="FILE", help="Trust these certificates (PEM).", rich_help_panel=SERVER),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Do not check certificates.", rich_help_panel=SERVER)
    ] = False,
    four: Annotated[bool, typer.Option("-4", help="IPv4 addresses alone.", rich_help_panel=SERVER)] = False,
    six: Annotated[bool, typer.Option("-6", help="IPv6 addresses alone.", rich_help_panel=SERVER)] = False,
    helo: Annotated[
        str | None, typer.Option("--helo", metavar="NAME", help="Instead of [own address].", rich_help_panel=SERVER)
    ] = None,
    dns: Annotated[
        str | None,
        typer.Option("--dns", metavar="SERVER", help="Ask this DNS server, and believe its AD flag.",
                     rich_help_panel=DOMAIN),
    ] = None,
    mx_port: Annotated[
        int, typer.Option("--mx-port", metavar="N", min=1, max=65535, help="Of MX hosts.", rich_help_panel=DOMAIN)
    ] = 25,
    policy_port: Annotated[
        int,
        typer.Option("--policy-port", metavar="N", min=1, max=65535, help="Of the MTA-STS policy.",
                     rich_help_panel=DOMAIN),
    ] = 443,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="The level from which on a check does not hold.", rich_help_panel="Exit")
    ] = FailOn.fail,
    list_: Annotated[bool, typer.Option("--list", help="List all ids, and connect to nobody.")] = False,
    seconds: Annotated[float, timeout("60s")] = 60.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:  # fmt: skip
    """Check mail servers and domains: TLS, MX, DANE, MTA-STS; no mail is sent.

    Each finding has a level (ok, info, warn, fail) and an id that stays what it is: --list has them all. A server is
    asked about its greeting, EHLO before and after TLS, its certificate and the versions of TLS; a domain about its MX
    hosts, their addresses, PTR and TLSA records, and what it publishes for MTA-STS, TLS-RPT, SPF and DMARC. --timeout
    holds for each target with all its servers. -q shows warn and fail alone.

    Exit: 0 the check holds, 1 it does not (--fail-on), 2 bad input, 3 unreachable, 4 timeout, 5 no SMTP, 6 no TLS,
    8 several targets that end differently, 9 the server or DNS asks to come back.

    $ netkit smtp check example.org
    $ netkit smtp check mail.example.org:587 --json
    """
    out = Output("mail.smtp_check", json=json, color=color, quiet=quiet)
    if list_:
        for kind in TABLE:
            out.show(kind)
        return Exit.OK
    if not targets:
        raise BadInput("no target", hint="HOST:PORT, a URL, or a domain; --list shows what can be found")
    if four and six:
        raise BadInput("-4 and -6 exclude each other")
    if helo is not None:
        refuse_control(helo, "--helo")
        if " " in helo or not helo:
            raise BadInput(f"--helo: {helo!r} is no name")
    asked = Asked(
        tls=tls,
        cacert=cacert,
        insecure=insecure,
        helo=helo,
        sender=parse_mailboxes(sender, "--from")[0].address if sender else "",
        rcpt=tuple(one.address for text in rcpt for one in parse_mailboxes(text, "--rcpt")),
        relay=relay_test,
        probe=probe,
        dns=(dns,) if dns is not None else (),
        port=mx_port,
        policy_port=policy_port,
        patience=patience,
        timeout=seconds,
        family=socket.AF_INET if four else socket.AF_INET6 if six else socket.AF_UNSPEC,
        on_event=listener(trace),
    )
    wanted = [(text, parse(text, tls)) for text in targets]
    codes = []
    for text, place in wanted:
        reports: list[Report] = []
        try:
            with Waiting(out, f"checking {text}") as waiting:
                for report in reports_of(text, place, asked):
                    reports.append(report)
                    with waiting.aside():
                        out.show(report)
            codes.append(verdict(reports, fail_on))
        except BadInput:
            raise
        except NetkitError as exc:
            out.error(exc)
            codes.append(Exit(exc.exit))
    return combine(codes)


def parse(text: str, tls: Tls) -> Target | str:
    """The server that the text names, or the domain in A-labels. Raises BadInput."""
    if "://" not in text and "@" in text:
        raise BadInput(f"{text}: an address is no target", hint=f"{text.rpartition('@')[2]} --rcpt {text}")
    if is_domain(text):
        return parse_domain(text, "DOMAIN")
    return parse_target(text, SCHEMES, tls)


def is_domain(text: str) -> bool:
    from netkit.net.hostname import is_ipv4

    return not (":" in text or "/" in text or text == "localhost" or text[:1] == "[" or is_ipv4(text))


def reports_of(text: str, place: Target | str, asked: Asked) -> Iterator[Report]:
    if isinstance(place, str):
        from netkit.mail.smtp.check.domain import check_domain  # with all that asks DNS

        yield from check_domain(place, text, asked)
        return
    from netkit.mail.smtp.check.server import check_server
    from netkit.net.deadline import Deadline

    yield check_server(Place(text, place.endpoint.host, (place,)), asked, Deadline.after(asked.timeout))
