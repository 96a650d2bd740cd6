"""`netkit smtp check`."""

from collections.abc import Iterator
from typing import Annotated

import typer

from netkit.cli.groups import NONE, Group, grouped
from netkit.cli.options import (
    Color,
    ColorOption,
    Json,
    Quiet,
    Trace,
    duration,
    family_of,
    of_version,
    option,
    timeout,
    trusting,
    unverified,
)
from netkit.cli.output.sink import Output
from netkit.cli.output.waiting import Waiting
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, NetkitError, combine
from netkit.mail.mailbox import parse_domain, parse_mailboxes, refuse_helo
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.findings import TABLE, FailOn, Report, verdict
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import Target, Tls, parse_target

SERVER, TESTS, DOMAIN = "Server", "What is tried besides", "Domain"


class Tests(Group):
    """What is tried besides, which a server may take notice of."""

    rcpt: Annotated[
        list[str],
        option("--rcpt", metavar="ADDRESS", help="Ask about this recipient, as far as RCPT; several.", panel=TESTS),
    ] = NONE
    sender: Annotated[
        str, option("--from", metavar="ADDRESS", help="The sender for --rcpt.", default="<>", panel=TESTS)
    ] = ""
    relay: Annotated[
        bool,
        option("--relay-test", help="Does it relay, from a stranger to a stranger? As far as RCPT.", panel=TESTS),
    ] = False
    probe: Annotated[
        bool,
        option(
            "--probe",
            help="For servers of your own: smuggling and injection. Opens messages to --rcpt or the postmaster and "
            "breaks them off; a server that fails the probe delivers them.",
            panel=TESTS,
        ),
    ] = False
    patience: Annotated[
        float,
        duration(
            "--patience",
            help="With --probe: how long to wait for an answer that must not come.",
            default="3s",
            panel=TESTS,
        ),
    ] = 3.0


class Reaching(Group):
    """How servers are spoken to."""

    tls: Annotated[
        Tls,
        option("--tls", help="auto: at once on port 465, else STARTTLS.", panel=SERVER),
    ] = Tls.auto
    cacert: Annotated[
        str | None,
        trusting(SERVER),
    ] = None
    insecure: Annotated[bool, unverified(SERVER)] = False
    four: Annotated[bool, of_version(4, SERVER)] = False
    six: Annotated[bool, of_version(6, SERVER)] = False
    helo: Annotated[str | None, option("--helo", metavar="NAME", help="Instead of [own address].", panel=SERVER)] = None


class Domain(Group):
    """How what a domain publishes is found."""

    server: Annotated[
        str | None,
        option("--dns", metavar="SERVER", help="Ask this DNS server, and believe its AD flag.", panel=DOMAIN),
    ] = None
    mx_port: Annotated[int, option("--mx-port", metavar="N", min=1, max=65535, help="Of MX hosts.", panel=DOMAIN)] = 25
    policy_port: Annotated[
        int,
        option("--policy-port", metavar="N", min=1, max=65535, help="Of the MTA-STS policy.", panel=DOMAIN),
    ] = 443


@grouped
def check(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET|DOMAIN...",
            help="HOST:PORT, an IP address or a URL (smtp://, submission://, smtps://, lmtp://) is a server; a bare "
            "name is a domain, whose MX hosts are checked.",
            show_default=False,
        ),
    ] = NONE,
    *,
    tests: Tests,
    reaching: Reaching,
    domain: Domain,
    fail_on: Annotated[
        FailOn, option("--fail-on", help="The level from which on a check does not hold.", panel="Exit")
    ] = FailOn.fail,
    list_: Annotated[bool, option("--list", help="List all ids, and connect to nobody.")] = False,
    timeout: Annotated[float, timeout("60s")] = 60.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
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
    family = family_of(reaching.four, reaching.six)
    if reaching.helo is not None:
        refuse_helo(reaching.helo)
    asked = Asked(
        tls=reaching.tls,
        cacert=reaching.cacert,
        insecure=reaching.insecure,
        helo=reaching.helo,
        sender=parse_mailboxes(tests.sender, "--from")[0].address if tests.sender else "",
        rcpt=tuple(one.address for text in tests.rcpt for one in parse_mailboxes(text, "--rcpt")),
        relay=tests.relay,
        probe=tests.probe,
        dns=(domain.server,) if domain.server is not None else (),
        port=domain.mx_port,
        policy_port=domain.policy_port,
        patience=tests.patience,
        timeout=timeout,
        family=family,
        on_event=listener(trace),
    )
    wanted = [(text, parse(text, reaching.tls)) for text in targets]
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
