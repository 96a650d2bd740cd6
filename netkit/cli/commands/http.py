"""`netkit http get` and `netkit http head`; their options are groups in cli/http_request, http_route, http_output."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from netkit.cli.groups import grouped
from netkit.cli.http_checks import BodyChecking, Checking
from netkit.cli.http_output import DOWNLOAD_TIMEOUT, Saving, Showing
from netkit.cli.http_request import Asking, Login, Redirects
from netkit.cli.http_route import Way
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import write_bytes
from netkit.cli.run import say
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, NetkitError, combine

if TYPE_CHECKING:
    from netkit.http.request import Request

Urls = Annotated[list[str], typer.Argument(metavar="URL...", help="https:// if not written; http:// for this machine.")]


class Fetching(NamedTuple):
    """What every fetch takes."""

    asking: Asking
    login: Login
    redirects: Redirects
    way: Way
    checking: Checking

    def requests(
        self, method: Literal["GET", "HEAD"], urls: list[str], *, body: Sequence[str] = (), **saving: Any
    ) -> "list[Request]":
        """One for each URL, all of them made before anything is sent. Raises BadInput, LocalFailure."""
        from netkit.http.headers import parse_header
        from netkit.http.request import Request
        from netkit.http.url import parse_url

        secret = self.login.credentials()
        route = self.way.route()
        agent = self.asking.user_agent
        named = [parse_header(f"User-Agent: {agent}")] if agent is not None else []
        headers = (*named, *map(parse_header, self.asking.header))
        pairs = self.asking.pairs
        redirects = self.redirects
        checks = self.checking.checks(body)
        return [
            Request(
                target,
                method,
                headers=headers,
                **secret.keywords(target.host),
                follow=not redirects.no_follow,
                max_redirects=redirects.max_redirects,
                allow_downgrade=redirects.allow_downgrade,
                route=route,
                fail=not self.checking.no_fail,
                checks=checks,
                **saving,
            )
            for target in (parse_url(url, query=pairs) for url in urls)
        ]


@grouped
def get(
    urls: Urls,
    fetching: Fetching,
    body_checking: BodyChecking,
    saving: Saving,
    showing: Showing,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Fetch URLs: body, facts of each hop, timing.

    In a pipe: the decoded body alone, as it comes. At a terminal: hops, TLS, headers, the body made readable, a
    waterfall of the phases. Standard input is never read. The password of -u comes from --password-cmd, -file or -fd,
    from NETKIT_PASSWORD, or a prompt.

    Exit: 0 for 2xx and 304, 1 for 4xx, a redirect not followed or a check that does not hold, 2 bad input,
    3 unreachable, 4 timeout, 5 malformed or truncated, 6 TLS, 7 for 401 and 407, 9 for 429 and 5xx, 11 cannot write;
    8 if URLs differ.

    $ netkit http get https://example.org/
    $ netkit http get -o page.html https://example.org/ --timeout 10s
    $ netkit http get --expect-status 200 --slo total=500ms https://example.org/
    """
    output = saving.output
    if output is not None and len(urls) > 1:
        raise BadInput("-o takes one URL: its file can hold one body")
    timeout = fetching.way.limits.timeout or (30.0 if output is None else DOWNLOAD_TIMEOUT)
    if output is not None and fetching.checking.no_fail:
        raise BadInput("--no-fail has no use with -o, which saves the body of a 2xx reply alone")
    saved = {"timeout": timeout, "max_body": saving.max_body, "output": output}
    requests = fetching.requests("GET", urls, body=body_checking.expect_body, **saved)
    return _run(requests, showing, Output("http", json=json, color=color, quiet=quiet), trace, raw=saving.raw)


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
    requests = fetching.requests("HEAD", urls, timeout=fetching.way.limits.timeout or 30.0)
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
        with Meter(out) as meter:
            response = fetch(
                request,
                sink=write_bytes if streams else None,
                on_progress=meter.update if meter.wanted else None,
                on_event=on_event,
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
        for warning in response.warnings:
            out.note(f"netkit: warning: {target}: {warning.message}")
        if response.error and response.error.kind != "check_failed":
            out.error(_with_part(response.error, response.body.part))
        for check in response.checks if out.form is not Form.HUMAN or wanted <= {"body"} else ():
            if check.ok is False:
                say(f"netkit: {response.final_url}: {check.message}")
        codes.append(response.exit_code)
    return combine(codes)


def _with_part(error: NetkitError, part: str | None) -> NetkitError:
    if part and not error.hint:
        error.hint = f"{part} holds what came until then"
    return error


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
