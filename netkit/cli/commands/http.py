"""`netkit http get` and `netkit http head`; their options are groups in cli/http_request, _route, _save and _output."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from netkit.cli.groups import grouped
from netkit.cli.http_checks import BodyChecking, Checking
from netkit.cli.http_output import Keeping, Showing
from netkit.cli.http_request import Asking, Login, Redirects
from netkit.cli.http_route import Way
from netkit.cli.http_save import Retrying, Saving
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import write_bytes, write_data
from netkit.cli.run import say
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, combine

if TYPE_CHECKING:
    from netkit.http.request import Request
    from netkit.http.result import Response

Urls = Annotated[list[str], typer.Argument(metavar="URL...", help="https:// if not written; http:// for this machine.")]


class Fetching(NamedTuple):
    """What every fetch takes."""

    asking: Asking
    login: Login
    redirects: Redirects
    way: Way
    checking: Checking
    retrying: Retrying

    def requests(
        self,
        method: Literal["GET", "HEAD"],
        urls: list[str],
        showing: Showing,
        *,
        body: Sequence[str] = (),
        **saving: Any,
    ) -> "list[Request]":
        """One for each URL, all of them made before anything is sent. Raises BadInput, LocalFailure, Insecure."""
        from netkit.http.request import Request
        from netkit.http.url import parse_url

        asking, login, redirects, way, checking, retrying = self
        pairs = asking.pairs
        targets = [parse_url(url, query=pairs) for url in urls]
        common = {
            "headers": asking.headers(),
            "digest_auth": login.digest,
            "cookie": asking.cookies(),
            "jar": asking.jar(),
            "timeout": retrying.timeout(way.limits.timeout, saves=bool(saving.get("save"))),
            "follow": not redirects.no_follow,
            "max_redirects": redirects.max_redirects,
            "allow_downgrade": redirects.allow_downgrade,
            "trust_redirects": redirects.trust_redirects,
            "fail": not checking.no_fail,
            "checks": checking.checks(body),
            "retry": retrying.policy(),
            "route": way.route(),
            "proxies": way.through.proxies(),
            "overrides": way.connection.overrides(),
            "dns_servers": way.connection.dns_servers(),
            "show_secrets": showing.show_secrets,
            **saving,
        }
        secret = login.credentials()
        return [Request(target, method, **common, **secret.keywords(target.host)) for target in targets]


@grouped
def get(
    urls: Urls,
    fetching: Fetching,
    body_checking: BodyChecking,
    saving: Saving,
    keeping: Keeping,
    showing: Showing,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Fetch URLs: body, facts of each hop, timing.

    In a pipe: the decoded body alone, as it comes. At a terminal: hops, TLS, headers, the body made readable, a
    waterfall of the phases. Standard input is never read. The password of -u comes from --password-cmd, -file or -fd,
    from NETKIT_PASSWORD, or a prompt. http_proxy, https_proxy, all_proxy and no_proxy are honoured as curl does.

    A file is written as FILE.part and renamed when it is whole. -o FILE replaces a file of that name; -O never does,
    and never leaves the folder, whatever the server calls it. -c goes on with FILE.part where the server's ETag or date
    shows that it is still the same file, and begins anew where not. --retry does so by itself.

    Exit: 0 for 2xx and 304, 1 for 4xx, a redirect not followed, another checksum or a check that does not hold, 2 bad
    input, 3 unreachable, 4 timeout, 5 malformed, truncated or too big, 6 TLS, 7 for 401 and 407, 9 for 429 and 5xx,
    11 cannot write; 8 if URLs differ.

    $ netkit http get https://example.org/
    $ netkit http get -o page.html https://example.org/ --timeout 10s
    $ netkit http get -O -c --retry 5 https://example.org/large.iso
    $ netkit http get --expect-status 200 --slo total=500ms https://example.org/
    $ netkit http get -u joe --digest --cookie-jar jar https://example.org/
    $ netkit http get --proxy socks5h://127.0.0.1:9050 https://example.org/
    """
    out = Output("http", json=json, color=color, quiet=quiet)
    more = saving.keywords(urls=len(urls), digest=json)
    if more["save"] and fetching.checking.no_fail:
        raise BadInput("--no-fail has no use with -o or -O, which save the body of a 2xx reply alone")
    more["max_body"] = keeping.max_body
    requests = fetching.requests("GET", urls, showing, body=body_checking.expect_body, **more)
    return _run(requests, showing, out, trace, raw=keeping.raw)


@grouped
def head(
    urls: Urls,
    fetching: Fetching,
    showing: Showing,
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
    requests = fetching.requests("HEAD", urls, showing)
    return _run(requests, showing, Output("http", json=json, color=color, quiet=quiet), trace)


def _run(requests: "list[Request]", showing: Showing, out: Output, trace: str, *, raw: bool = False) -> Exit:
    from netkit.cli.output.http import View
    from netkit.http.client import fetch

    wanted = showing.sections(requests[0].method, out)
    streams = out.form is Form.PLAIN and wanted == {"body"}
    on_event = listener(trace)
    codes: list[Exit] = []
    for request in requests:
        target = request.url
        if target.guessed and out.form is Form.HUMAN:
            out.note(f"{target.for_people}")
        with Meter(out, _name(request)) as meter:
            response = fetch(
                request,
                sink=write_bytes if streams else None,
                on_progress=meter.update if meter.wanted else None,
                on_event=on_event,
                on_pause=lambda pause: out.note(f"netkit: {pause.why}"),
            )
        view = View(response, wanted, raw=raw, chosen=showing.verbose or showing.show is not None)
        if out.form is Form.HUMAN:
            from netkit.cli.output.http_rich import print_view

            if codes and not wanted <= {"body"}:
                out.console.print()  # between one URL's facts and the next one's
            print_view(out.console, view)
            sys.stdout.flush()
        elif out.form is Form.JSON:
            out.show(view)
        elif not streams:
            _plain(view)
        if wanted == {"body"} and out.form is not Form.JSON:
            _named(request, response)
        for warning in response.warnings:
            out.note(f"netkit: warning: {target}: {warning.message}")
        if response.error and response.error.kind != "check_failed":
            out.error(response.error)
        for check in response.checks if out.form is not Form.HUMAN or wanted <= {"body"} else ():
            if check.ok is False:
                say(f"netkit: {response.final_url}: {check.message}")
        if response.error and response.error.kind == "check_failed" and response.error.hint:
            say(f"hint: {response.error.hint}")
        codes.append(response.exit_code)
        if request.jar is not None:
            request.jar.save()
    return combine(codes)


def _named(request: "Request", response: "Response") -> None:
    """Print what the server called the file, which nobody knew before."""
    if request.save and request.save.file is None and response.body.saved_to:
        write_data(os.fsencode(f"{response.body.saved_to}\n"))


def _name(request: "Request") -> str:
    """What a progress bar calls it: the file, where there is one."""
    if request.save is None:
        return ""
    from netkit.http.filename import name_for

    return os.path.basename(request.save.file or "") or name_for(request.url, None, None)


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
