"""`netkit http get` and `netkit http head`."""

import sys
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

from netkit.cli.options import OUTPUT, TIME, Color, ColorOption, Json, Quiet, Trace, parse_duration, parse_size
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import write_bytes
from netkit.cli.secret import Credentials
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, NetkitError, combine

REQUEST, AUTH, REDIRECTS, CONNECTION, TLS = "Request", "Credentials", "Redirects", "Connection", "TLS"
DOWNLOAD_TIMEOUT = 3600.0  # seconds of -o without --timeout: half a minute is for pages, not for files


class Version(StrEnum):
    auto = "auto"
    http10 = "1.0"
    http11 = "1.1"
    http2 = "2"
    http3 = "3"


def _option(*names: str, help: str, panel: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, metavar=metavar, **more)


Urls = Annotated[list[str], typer.Argument(metavar="URL...", help="https:// if not written; http:// for this machine.")]
Headers = Annotated[
    list[str],
    _option(
        "--header", "-H", help="Send a header 'N: v'; 'N:' leaves one out. Repeatable.", panel=REQUEST, metavar="HEADER"
    ),
]
Query = Annotated[
    list[str], _option("--query", help="Add K=V to the query, encoded. Repeatable.", panel=REQUEST, metavar="K=V")
]
Agent = Annotated[str | None, _option("--user-agent", "-A", help="Call yourself so.", panel=REQUEST, metavar="TEXT")]
User = Annotated[
    str | None, _option("--auth", "-u", help="Basic authentication as this user.", panel=AUTH, metavar="USER")
]
PasswordCmd = Annotated[
    str | None, _option("--password-cmd", help="A command that prints the password.", panel=AUTH, metavar="CMD")
]
PasswordFile = Annotated[
    str | None, _option("--password-file", help="A file with the password.", panel=AUTH, metavar="FILE")
]
PasswordFd = Annotated[
    int | None, _option("--password-fd", help="A descriptor to read the password from.", panel=AUTH, metavar="N")
]
BearerCmd = Annotated[
    str | None, _option("--bearer-cmd", help="A command that prints a bearer token.", panel=AUTH, metavar="CMD")
]
BearerFile = Annotated[
    str | None, _option("--bearer-file", help="A file with a bearer token.", panel=AUTH, metavar="FILE")
]
Netrc = Annotated[bool, _option("--netrc", help="Take user and password from ~/.netrc.", panel=AUTH)]
MaxRedirects = Annotated[
    int, _option("--max-redirects", metavar="N", help="Follow so many.", panel=REDIRECTS, min=0, max=1000)
]
NoFollow = Annotated[bool, _option("--no-follow", help="Follow none; a redirect is exit 1.", panel=REDIRECTS)]
Downgrade = Annotated[bool, _option("--allow-downgrade", help="Follow https to http, too.", panel=REDIRECTS)]
Http = Annotated[Version, _option("--http", help="The HTTP version.", panel=CONNECTION)]
Four = Annotated[bool, _option("-4", help="IPv4 addresses alone.", panel=CONNECTION)]
Six = Annotated[bool, _option("-6", help="IPv6 addresses alone.", panel=CONNECTION)]
Insecure = Annotated[bool, _option("--insecure", "-k", help="Do not verify certificates.", panel=TLS)]
CaCert = Annotated[str | None, _option("--cacert", help="Trust these certificates (PEM).", panel=TLS, metavar="FILE")]
Timeout = Annotated[
    float | None,
    _option(
        "--timeout",
        help="Give up after this long, all told.  [default: 30s; 1h with -o]",
        panel=TIME,
        metavar="DURATION",
        parser=parse_duration,
    ),
]
ConnectTimeout = Annotated[
    float | None,
    _option(
        "--connect-timeout",
        help="Give up connecting after this long.",
        panel=TIME,
        metavar="DURATION",
        parser=parse_duration,
    ),
]
Show = Annotated[
    str | None,
    _option("--show", help="Show these: headers,body,timing,tls,request.", panel=OUTPUT, metavar="PARTS"),
]
MaxBody = Annotated[
    int,
    _option(
        "--max-body",
        help="Show so much of a body, also in --json.",
        panel=OUTPUT,
        metavar="SIZE",
        parser=parse_size,
        show_default="10M",
    ),
]
Save = Annotated[
    str | None,
    _option("--output", "-o", help="Save the body of a 2xx reply: whole, or not at all.", panel=OUTPUT, metavar="FILE"),
]


def get(
    urls: Urls,
    header: Headers = [],
    query: Query = [],
    user_agent: Agent = None,
    auth: User = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    bearer_cmd: BearerCmd = None,
    bearer_file: BearerFile = None,
    netrc: Netrc = False,
    max_redirects: MaxRedirects = 10,
    no_follow: NoFollow = False,
    allow_downgrade: Downgrade = False,
    http: Http = Version.auto,
    ipv4: Four = False,
    ipv6: Six = False,
    insecure: Insecure = False,
    cacert: CaCert = None,
    timeout: Timeout = None,
    connect_timeout: ConnectTimeout = None,
    output: Save = None,
    show: Show = None,
    max_body: MaxBody = 10485760,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Fetch URLs: body, facts of each hop, timing.

    In a pipe: the decoded body alone, as it comes. At a terminal: hops, TLS, headers, the body made readable, a
    waterfall of the phases. Standard input is never read. The password of -u comes from --password-cmd, -file or -fd,
    from NETKIT_PASSWORD, or a prompt.

    Exit: 0 for 2xx and 304, 1 for 4xx or a redirect not followed, 2 bad input, 3 unreachable, 4 timeout, 5 malformed or
    truncated, 6 TLS, 7 for 401 and 407, 9 for 429 and 5xx, 11 cannot write; 8 if URLs differ.

    $ netkit http get https://example.org/
    $ netkit http get -o page.html https://example.org/ --timeout 10s
    """
    secret = Credentials(auth, password_cmd, password_file, password_fd, bearer_cmd, bearer_file, netrc)
    if output is not None and len(urls) > 1:
        raise BadInput("-o takes one URL: its file can hold one body")
    route = _route(http, ipv4, ipv6, insecure, cacert, connect_timeout)
    common = _options(header, user_agent, max_redirects, no_follow, allow_downgrade) | {"route": route}
    timeout = timeout or (30.0 if output is None else DOWNLOAD_TIMEOUT)
    common |= {"timeout": timeout, "max_body": max_body, "output": output}
    return _run("GET", urls, query, secret, common, Output("http", json=json, color=color, quiet=quiet), show, trace)


def head(
    urls: Urls,
    header: Headers = [],
    query: Query = [],
    user_agent: Agent = None,
    auth: User = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    bearer_cmd: BearerCmd = None,
    bearer_file: BearerFile = None,
    netrc: Netrc = False,
    max_redirects: MaxRedirects = 10,
    no_follow: NoFollow = False,
    allow_downgrade: Downgrade = False,
    http: Http = Version.auto,
    ipv4: Four = False,
    ipv6: Six = False,
    insecure: Insecure = False,
    cacert: CaCert = None,
    timeout: Timeout = None,
    connect_timeout: ConnectTimeout = None,
    show: Show = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Fetch the headers of URLs.

    Prints the status line and the headers of the last hop, in the order and case they came in. Options and exit codes
    are those of `netkit http get`.

    $ netkit http head https://example.org/
    """
    secret = Credentials(auth, password_cmd, password_file, password_fd, bearer_cmd, bearer_file, netrc)
    route = _route(http, ipv4, ipv6, insecure, cacert, connect_timeout)
    common = _options(header, user_agent, max_redirects, no_follow, allow_downgrade) | {"route": route}
    common |= {"timeout": timeout or 30.0}
    return _run("HEAD", urls, query, secret, common, Output("http", json=json, color=color, quiet=quiet), show, trace)


def _options(
    header: list[str], user_agent: str | None, max_redirects: int, no_follow: bool, allow_downgrade: bool
) -> dict[str, Any]:
    """What the requests for all URLs have in common."""
    from netkit.http.headers import parse_header

    agent = [parse_header(f"User-Agent: {user_agent}")] if user_agent is not None else []
    return {
        "headers": (*agent, *map(parse_header, header)),
        "max_redirects": max_redirects,
        "follow": not no_follow,
        "allow_downgrade": allow_downgrade,
    }


def _route(
    http: Version, ipv4: bool, ipv6: bool, insecure: bool, cacert: str | None, connect_timeout: float | None
) -> Any:
    from netkit.net.hop import Route

    if ipv4 and ipv6:
        raise BadInput("-4 and -6 exclude each other")
    return Route(http.value, 4 if ipv4 else 6 if ipv6 else 0, insecure, cacert, connect_timeout)


def _run(
    method: Literal["GET", "HEAD"],
    urls: list[str],
    query: list[str],
    secret: Credentials,
    common: dict[str, Any],
    out: Output,
    show: str | None,
    trace: str,
) -> Exit:
    from netkit.cli.output.http import View
    from netkit.http.client import fetch
    from netkit.http.request import Request
    from netkit.http.url import parse_url

    pairs = [_pair(text) for text in query]
    requests = [  # all of them, before anything is sent
        Request(target, method, **common, **secret.keywords(target.host))
        for target in (parse_url(url, query=pairs) for url in urls)
    ]
    wanted = _sections(method, show, out)
    streams = out.form is Form.PLAIN and wanted == {"body"}
    on_event = listener(trace)
    codes: list[Exit] = []
    for request in requests:
        target = request.url
        if target.guessed and out.form is Form.HUMAN:
            out.note(f"{target.for_people}")
        with Meter(out) as meter:
            response = fetch(
                request,
                sink=write_bytes if streams else None,
                on_progress=meter.update if meter.wanted else None,
                on_event=on_event,
            )
        view = View(response, wanted)
        if out.form is Form.HUMAN:
            from netkit.cli.output.http_rich import print_view

            print_view(out.console, view)
            sys.stdout.flush()
        elif out.form is Form.JSON:
            out.show(view)
        elif not streams:
            _plain(view)
        for warning in response.warnings:
            out.note(f"netkit: warning: {target}: {warning.message}")
        if response.error:
            out.error(_with_part(response.error, response.body.part))
        codes.append(response.exit_code)
    return combine(codes)


def _with_part(error: NetkitError, part: str | None) -> NetkitError:
    if part and not error.hint:
        error.hint = f"{part} holds what came until then"
    return error


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise BadInput(f"--query {text!r}: the name is empty", hint="write --query name=value")
    return name, value if equals else None


def _sections(method: str, show: str | None, out: Output) -> frozenset[str]:
    from netkit.cli.output.http import SECTIONS

    if show is None:
        if out.form is Form.HUMAN and not out.quiet:
            return frozenset({"headers", "body", "tls", "timing"})
        return frozenset({"body" if method == "GET" else "headers"})
    wanted = frozenset(word.strip() for word in show.split(",") if word.strip())
    if unknown := wanted - set(SECTIONS):
        raise BadInput(f"--show {sorted(unknown)[0]!r}: the parts are {', '.join(SECTIONS)}")
    return wanted


def _plain(view: Any) -> None:
    """The sections with the body between them, as bytes: nothing of it is changed."""
    from netkit.cli.output.http import after, before

    write_bytes("".join(f"{line}\n" for line in before(view)).encode("latin-1", "replace"))
    facts = "".join(f"{line}\n" for line in after(view)).encode("utf-8", "surrogateescape")
    if "body" in view.sections and (content := view.response.body.content):
        write_bytes(content)
        if facts and not content.endswith(b"\n"):
            write_bytes(b"\n")
    write_bytes(facts)
