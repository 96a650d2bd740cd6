"""What the `pop3` commands share: the options that name a server and a user, and the session they lead to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

import typer

from netkit.cli.login import SERVER, Auth, Secret, find_secret
from netkit.cli.options import family_of, timeout
from netkit.cli.output.sink import Output
from netkit.cli.trace import listener
from netkit.errors import BadInput, NetkitError
from netkit.events import OnEvent
from netkit.mail.pop3.session import SCHEMES, Session, open_session
from netkit.mail.target import Target, Tls, parse_target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        envvar="NETKIT_POP3",
        help="HOST[:PORT], pop3://USER@HOST or pop3s://USER@HOST.",
    ),
]
Apop = Annotated[
    bool, typer.Option("--apop", help="Log in by APOP; it is no substitute for TLS.", rich_help_panel=SERVER)
]
TlsOption = Annotated[
    Tls,
    typer.Option("--tls", help="auto: at once on port 995, none on this machine, else STLS.", rich_help_panel=SERVER),
]
Timeout = Annotated[float, timeout("2m")]


class Login(NamedTuple):
    """A server and how to get in, as the options say."""

    target: Target
    security: Security
    user: str | None
    secret: Secret | None
    apop: bool
    timeout: float
    on_event: OnEvent | None
    family: int

    @contextmanager
    def session(self, *, listing: bool = False) -> Iterator[Session]:
        """A session that is logged in, where there is a user; listing: `list` is what comes next."""
        deadline = Deadline.after(self.timeout)
        opened = open_session(
            self.target, security=self.security, deadline=deadline, family=self.family, on_event=self.on_event
        )
        with opened as session:
            if self.user is not None and self.secret is not None:
                text, bearer, auth = self.secret
                session.login(self.user, text, auth=auth, bearer=bearer, apop=self.apop, listing=listing)
            yield session


def prepare(
    target: str, user: str | None, command: str | None, file: str | None, fd: int | None, auth: Auth | None,
    token_command: str | None, token_file: str | None, apop: bool, tls: Tls, cacert: str | None, insecure: bool,
    timeout: float, trace: str, four: bool, six: bool,
) -> Login:  # fmt: skip
    family = family_of(four, six)
    server, security = secured(target, tls, cacert, insecure)
    if user is not None and server.user is not None and user != server.user:
        raise BadInput(f"--user {user} and {server.user} in the URL are two users: use one of them")
    name = user or server.user
    if not name:
        raise BadInput("no user: POP3 needs one", hint="--user NAME, or pop3://NAME@HOST")
    if apop and (auth is not None or token_command is not None or token_file is not None):
        raise BadInput("--apop is a way to log in of its own, without --auth and with a password")
    secret = find_secret(
        name, auth, command=command, file=file, fd=fd, token_command=token_command, token_file=token_file
    )
    return Login(server, security, name, secret, apop, timeout, listener(trace), family)


def nobody(
    target: str, tls: Tls, cacert: str | None, insecure: bool, timeout: float, trace: str, four: bool, six: bool
) -> Login:
    """For what a server tells before anybody logs in."""
    family = family_of(four, six)
    return Login(*secured(target, tls, cacert, insecure), None, None, False, timeout, listener(trace), family)


def secured(target: str, tls: Tls, cacert: str | None, insecure: bool) -> tuple[Target, Security]:
    """The server, and how its certificate is checked. Raises BadInput for a check that would check nothing."""
    server = parse_target(target, SCHEMES, tls)
    if server.tls is Tls.none and (cacert or insecure):
        raise BadInput(
            f"--cacert and --insecure are for TLS, and {server.name} is spoken to without",
            hint="--tls starttls asks for it",
        )
    return server, Security(cacert, insecure)


def end(out: Output, session: Session, *, required: bool) -> None:
    """QUIT; an answer that does not come matters only where something hangs on it."""
    try:
        session.quit()
    except NetkitError as exc:
        if required:
            raise
        out.note(f"netkit: {exc.message} (all that was asked for had come)")
