"""The options of `netkit http` that say what is asked for, as whom, and how far redirects are followed."""

from typing import TYPE_CHECKING, Annotated

from netkit.cli.groups import NONE, Group
from netkit.cli.options import option
from netkit.cli.secret import Credentials
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.http.headers import Header
    from netkit.net.cookies import CookieJar

REQUEST, AUTH, REDIRECTS = "Request", "Credentials", "Redirects"
MAX_REDIRECTS = 10


class Asking(Group):
    """What the request says."""

    header: Annotated[
        list[str],
        option(
            "--header",
            "-H",
            help="Send a header 'N: v'; 'N:' leaves one out; @FILE has one a line.",
            panel=REQUEST,
            metavar="HEADER",
        ),
    ] = NONE
    query: Annotated[
        list[str], option("--query", help="Add K=V to the query, encoded. Repeatable.", panel=REQUEST, metavar="K=V")
    ] = NONE
    user_agent: Annotated[
        str | None, option("--user-agent", "-A", help="Call yourself so.", panel=REQUEST, metavar="TEXT")
    ] = None

    cookie: Annotated[
        list[str],
        option(
            "--cookie", help="Send a cookie, to the first host alone. Repeatable.", panel=REQUEST, metavar="NAME=VALUE"
        ),
    ] = NONE
    cookie_jar: Annotated[
        str | None, option("--cookie-jar", help="Keep cookies in this file.", panel=REQUEST, metavar="FILE")
    ] = None
    range: Annotated[
        str | None,
        option("--range", help="Ask for these bytes: 0-99, 100-, or -100.", panel=REQUEST, metavar="BYTES"),
    ] = None
    accept_encoding: Annotated[
        str | None,
        option("--accept-encoding", help="Take these codings: gzip, br;q=0.5.", panel=REQUEST, metavar="CODINGS"),
    ] = None

    def headers(self) -> "tuple[Header, ...]":
        """Raises BadInput."""
        from netkit.http.headers import Header, parse_encodings, parse_header, parse_range

        made = [parse_header(f"User-Agent: {self.user_agent}")] if self.user_agent is not None else []
        if self.range is not None:
            made.append(parse_range(self.range))
        if self.accept_encoding is not None:
            made.append(parse_encodings(self.accept_encoding))
        elif self.range is not None:  # a part of what is encoded cannot be decoded
            made.append(Header("Accept-Encoding", "identity"))
        given = [parse_header(text) for one in self.header for text in (_lines(one) if one[:1] == "@" else (one,))]
        names = {one.name.lower() for one in given}
        return (*(one for one in made if one.name.lower() not in names), *given)

    def cookies(self) -> str | None:
        """As a Cookie header has them. Raises BadInput."""
        if not self.cookie:
            return None
        from netkit.http.headers import parse_cookie

        return "; ".join(map(parse_cookie, self.cookie))

    def jar(self) -> "CookieJar | None":
        """Raises BadInput, LocalFailure."""
        if self.cookie_jar is None:
            return None
        from netkit.net.cookies import CookieJar

        return CookieJar(self.cookie_jar)

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """Of the query. Raises BadInput."""
        return [_pair(text) for text in self.query]


class Login(Group):
    """Who asks, and where the secret for it is."""

    auth: Annotated[
        str | None, option("--auth", "-u", help="Log in as this user, by Basic.", panel=AUTH, metavar="USER")
    ] = None
    digest: Annotated[bool, option("--digest", help="Digest authentication, not Basic.", panel=AUTH)] = False
    password_cmd: Annotated[
        str | None, option("--password-cmd", help="A command that prints the password.", panel=AUTH, metavar="CMD")
    ] = None
    password_file: Annotated[
        str | None, option("--password-file", help="A file with the password.", panel=AUTH, metavar="FILE")
    ] = None
    password_fd: Annotated[
        int | None, option("--password-fd", help="A descriptor to read the password from.", panel=AUTH, metavar="N")
    ] = None
    bearer_cmd: Annotated[
        str | None, option("--bearer-cmd", help="A command that prints a bearer token.", panel=AUTH, metavar="CMD")
    ] = None
    bearer_file: Annotated[
        str | None, option("--bearer-file", help="A file with a bearer token.", panel=AUTH, metavar="FILE")
    ] = None
    netrc: Annotated[bool, option("--netrc", help="Take user and password from ~/.netrc.", panel=AUTH)] = False

    netrc_file: Annotated[
        str | None, option("--netrc-file", help="Take them from this file.", panel=AUTH, metavar="FILE")
    ] = None

    def credentials(self) -> Credentials:
        """Read now: commands run, files are read, the terminal is asked. Raises BadInput, LocalFailure."""
        return Credentials(
            self.auth,
            self.password_cmd,
            self.password_file,
            self.password_fd,
            self.bearer_cmd,
            self.bearer_file,
            self.netrc,
            self.netrc_file,
        )


class Redirects(Group):
    max_redirects: Annotated[
        int | None,
        option("--max-redirects", metavar="N", help="Follow so many.", panel=REDIRECTS, min=0, max=1000, default="10"),
    ] = None
    no_follow: Annotated[bool, option("--no-follow", help="Follow none; a redirect is exit 1.", panel=REDIRECTS)] = (
        False
    )
    allow_downgrade: Annotated[
        bool, option("--allow-downgrade", help="Follow https to http, too.", panel=REDIRECTS)
    ] = False
    trust_redirects: Annotated[
        bool, option("--trust-redirects", help="Secrets go along to other hosts.", panel=REDIRECTS)
    ] = False

    @property
    def most(self) -> int:
        """How many are followed. Raises BadInput for an option that is of no use beside another."""
        given = {
            "--max-redirects": self.max_redirects is not None,
            "--allow-downgrade": self.allow_downgrade,
            "--trust-redirects": self.trust_redirects,
        }
        if self.no_follow and (first := next((name for name, on in given.items() if on), None)):
            raise BadInput(f"--no-follow follows no redirect: {first} does not go with it")
        return MAX_REDIRECTS if self.max_redirects is None else self.max_redirects


def _lines(text: str) -> list[str]:
    """Of `@FILE`, which keeps a secret out of the list of processes. Raises BadInput, LocalFailure."""
    from netkit.http.headers import MAX_HEADER
    from netkit.net.text_file import read_text

    found = read_text(text[1:], "file of headers", limit=16 * MAX_HEADER, errors="surrogateescape")
    return [line for line in found.replace("\r\n", "\n").split("\n") if line.strip()]


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise BadInput(f"--query {text!r}: the name is empty", hint="write --query name=value")
    return name, value if equals else None
