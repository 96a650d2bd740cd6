"""The options of `netkit http` that say what is asked for, as whom, and how far redirects are followed."""

from typing import Annotated, NamedTuple

from netkit.cli.groups import NONE
from netkit.cli.options import option
from netkit.cli.secret import Credentials
from netkit.errors import BadInput

REQUEST, AUTH, REDIRECTS = "Request", "Credentials", "Redirects"


class Asking(NamedTuple):
    """What the request says."""

    header: Annotated[
        list[str],
        option(
            "--header",
            "-H",
            help="Send a header 'N: v'; 'N:' leaves one out. Repeatable.",
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

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """Of the query. Raises BadInput."""
        return [_pair(text) for text in self.query]


class Login(NamedTuple):
    """Who asks, and where the secret for it is."""

    auth: Annotated[
        str | None, option("--auth", "-u", help="Basic authentication as this user.", panel=AUTH, metavar="USER")
    ] = None
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
        )


class Redirects(NamedTuple):
    max_redirects: Annotated[
        int, option("--max-redirects", metavar="N", help="Follow so many.", panel=REDIRECTS, min=0, max=1000)
    ] = 10
    no_follow: Annotated[bool, option("--no-follow", help="Follow none; a redirect is exit 1.", panel=REDIRECTS)] = (
        False
    )
    allow_downgrade: Annotated[
        bool, option("--allow-downgrade", help="Follow https to http, too.", panel=REDIRECTS)
    ] = False


def _pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise BadInput(f"--query {text!r}: the name is empty", hint="write --query name=value")
    return name, value if equals else None
