"""`netkit http get` and `netkit http head`; their options are groups in request, route, save and output beside this."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from netkit.cli.commands.http.checks import BodyChecking, Checking
from netkit.cli.commands.http.many import Crowd, Make
from netkit.cli.commands.http.output import Keeping, Showing
from netkit.cli.commands.http.request import Asking, Login, Redirects
from netkit.cli.commands.http.route import Way
from netkit.cli.commands.http.sampling import Sampler
from netkit.cli.commands.http.save import Retrying, Saving
from netkit.cli.commands.http.telling import Telling
from netkit.cli.groups import NONE, Group, grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace
from netkit.cli.output.meter import Meter
from netkit.cli.output.sink import Output
from netkit.cli.output.stdout import bytes_writer
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit

if TYPE_CHECKING:
    from netkit.http.request import Request

Method = Literal["GET", "HEAD"]


class Targets(Group):
    urls: Annotated[
        list[str], typer.Argument(metavar="[URL]...", help="https:// if not written; http:// for this machine.")
    ] = NONE


class Fetching(Group):
    """What every fetch takes."""

    asking: Asking
    login: Login
    redirects: Redirects
    way: Way
    checking: Checking
    retrying: Retrying

    def maker(self, method: Method, showing: Showing, *, body: Sequence[str] = (), **saving: Any) -> Make:
        """What makes the request for a URL. Raises BadInput, LocalFailure, Insecure, as does what it gives."""
        from netkit.http.request import Request
        from netkit.http.url import parse_url

        asking, redirects, way, checking = self.asking, self.redirects, self.way, self.checking
        pairs = asking.pairs
        common: dict[str, Any] = {
            "headers": asking.headers(),
            "digest_auth": self.login.digest,
            "cookie": asking.cookies(),
            "jar": asking.jar(),
            "timeout": self.retrying.timeout(way.limits.timeout, saves=bool(saving.get("save"))),
            "follow": not redirects.no_follow,
            "max_redirects": redirects.most,
            "allow_downgrade": redirects.allow_downgrade,
            "trust_redirects": redirects.trust_redirects,
            "fail": not checking.no_fail,
            "checks": checking.checks(body),
            "retry": self.retrying.policy(),
            "route": way.route(),
            "proxies": way.through.proxies(),
            "overrides": way.connection.overrides(),
            "dns_servers": way.connection.dns_servers(),
            "show_secrets": showing.show_secrets,
            **saving,
        }
        secret = self.login.credentials()

        def make(url: str) -> "Request":
            target = parse_url(url, query=pairs)
            return Request(target, method, **common, **secret.keywords(target.host))

        return make


@grouped
def get(
    targets: Targets,
    fetching: Fetching,
    body_checking: BodyChecking,
    saving: Saving,
    keeping: Keeping,
    showing: Showing,
    crowd: Crowd,
    sampler: Sampler,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Fetch URLs: body, facts of each hop, timing.

    In a pipe: the decoded body alone, as it comes. At a terminal: hops, TLS, headers, the body made readable, a
    waterfall of the phases. Standard input is read for -i - alone. The password of -u comes from --password-cmd, -file
    or -fd, from NETKIT_PASSWORD, or a prompt. http_proxy, https_proxy, all_proxy and no_proxy are honoured as curl
    does.

    A file is written as FILE.part and renamed when it is whole. -o FILE replaces a file of that name; -O never does,
    and never leaves the folder, whatever the server calls it. -c goes on with FILE.part where the server's ETag or date
    shows that it is still the same file, and begins anew where not. --retry does so by itself.

    Exit: 0 for 2xx and 304, 1 for 4xx, a redirect not followed, another checksum or a check that does not hold, 2 bad
    input, 3 unreachable, 4 timeout, 5 malformed, truncated or too big, 6 TLS, 7 for 401 and 407, 9 for 429 and 5xx,
    11 cannot write; 8 if URLs differ.

    $ netkit http get https://example.org/
    $ netkit http get -o page.html https://example.org/ --timeout 10s
    $ netkit http get -O -c --retry 5 https://example.org/large.iso
    $ netkit http get --json --parallel 32 -i urls.txt
    $ netkit http get --count 20 --interval 500ms https://example.org/
    $ netkit http get --expect-status 200 --slo total=500ms https://example.org/
    $ netkit http get -u joe --digest --cookie-jar jar https://example.org/
    $ netkit http get --proxy socks5h://127.0.0.1:9050 https://example.org/
    """
    out = Output(sampler.family, json=json, color=color, quiet=quiet)
    more = saving.keywords(one=crowd.is_one(targets.urls), digest=json)
    if more["save"] and fetching.checking.no_fail:
        raise BadInput("--no-fail has no use with -o or -O, which save the body of a 2xx reply alone")
    if more["save"] and sampler.wanted:
        raise BadInput("--count saves nothing, so -o and -O do not go with it")
    make = fetching.maker("GET", showing, body=body_checking.expect_body, max_body=keeping.octets(**more), **more)
    telling = Telling("GET", showing, out, raw=keeping.raw, save=more["save"])
    return _run(targets.urls, make, telling, crowd, sampler, trace)


@grouped
def head(
    targets: Targets,
    fetching: Fetching,
    showing: Showing,
    crowd: Crowd,
    sampler: Sampler,
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
    out = Output(sampler.family, json=json, color=color, quiet=quiet)
    return _run(targets.urls, fetching.maker("HEAD", showing), Telling("HEAD", showing, out), crowd, sampler, trace)


def _run(urls: list[str], make: Make, telling: Telling, crowd: Crowd, sampler: Sampler, trace: str) -> Exit:
    out, on_event = telling.out, listener(trace)
    write = bytes_writer() if telling.streams else None
    if not crowd.is_one(urls):
        if sampler.wanted:
            raise BadInput("--count takes one URL")
        from netkit.cli.commands.http import many

        return many.run(urls, make, crowd, telling, write=write, on_event=on_event)
    request = make(urls[0])
    if sampler.wanted:
        from netkit.cli.commands.http import sampling

        if (crowd.parallel or 1) > 1:
            raise BadInput("--count asks once at a time; --parallel is for several URLs")
        if telling.chosen or telling.raw:
            raise BadInput("--count shows statistics: --show, -v and --raw have nothing to choose")
        return _kept(request, sampling.run(request, sampler, out, on_event))
    from netkit.http.client import fetch

    with Meter(out, telling.name(request)) as meter:
        telling.meter = meter
        response = fetch(
            request,
            sink=write,
            live=telling.live(request),
            on_progress=meter.update if meter.wanted else None,
            on_event=on_event,
            on_pause=telling.pause,
        )
    return _kept(request, telling.tell(response))


def _kept(request: "Request", code: Exit) -> Exit:
    """The code, once the cookies are saved. Raises LocalFailure."""
    if request.jar is not None:
        request.jar.save()
    return code
