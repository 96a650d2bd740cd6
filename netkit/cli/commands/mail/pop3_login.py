"""What the `pop3` commands share: the options that name a server and a user, and the session they lead to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

import typer

from netkit.cli.commands.mail.login import Credentials, Family, Secret, Verifying
from netkit.cli.groups import Group
from netkit.cli.options import option, timeout
from netkit.cli.output.sink import Output
from netkit.cli.secret import SERVER
from netkit.cli.trace import listener
from netkit.errors import BadInput, NetkitError
from netkit.events import OnEvent
from netkit.mail.pop3.session import SCHEMES, Session, open_session
from netkit.mail.target import Target, Tls, parse_target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

POP3 = "NETKIT_POP3"  # where it names the server, the first word may be a message
TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        envvar=POP3,
        help="HOST[:PORT], pop3://USER@HOST or pop3s://USER@HOST.",
    ),
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


class Server(Group):
    """How the server is spoken to, beside its name."""

    tls: Annotated[
        Tls, option("--tls", help="auto: at once on port 995, none on this machine, else STLS.", panel=SERVER)
    ] = Tls.auto
    verifying: Verifying
    family: Family

    def nobody(self, target: str, timeout: float, trace: str) -> Login:
        """For what a server tells before anybody logs in. Raises BadInput."""
        family = self.family.number
        server = parse_target(target, SCHEMES, self.tls)
        return Login(server, self.verifying.of(server), None, None, False, timeout, listener(trace), family)


class Access(Group):
    """The server, and who logs in there."""

    credentials: Credentials
    apop: Annotated[bool, option("--apop", help="Log in by APOP; it is no substitute for TLS.", panel=SERVER)] = False
    server: Server

    def login(self, target: str, timeout: float, trace: str) -> Login:
        """Raises BadInput, LocalFailure."""
        found = self.server.nobody(target, timeout, trace)
        who = self.credentials
        name = who.name(found.target)
        if not name:
            raise BadInput("no user: POP3 needs one", hint="--user NAME, or pop3://NAME@HOST")
        if self.apop and (who.auth is not None or who.token_given):
            raise BadInput("--apop is a way to log in of its own, without --auth and with a password")
        return found._replace(user=name, secret=who.secret(name), apop=self.apop)


def end(out: Output, session: Session, *, required: bool) -> None:
    """QUIT; an answer that does not come matters only where something hangs on it."""
    try:
        session.quit()
    except NetkitError as exc:
        if required:
            raise
        out.note(f"netkit: {exc.message} (all that was asked for had come)")
