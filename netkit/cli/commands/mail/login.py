"""The options that the mail commands share: which server, how it is trusted, who logs in and with what.

An OAuth token is a secret as a password is, and never an option's value; it comes from a command, which can renew it,
a file, or NETKIT_TOKEN.
"""

import os
from enum import StrEnum
from typing import Annotated, NamedTuple

from netkit.cli.groups import Group
from netkit.cli.options import family_of, of_version, option, trusting, unverified
from netkit.cli.secret import SERVER, Password, find_password, read_secret
from netkit.errors import BadInput
from netkit.mail.target import Target, Tls
from netkit.net.tls_client import Security


class Auth(StrEnum):
    scram_sha_256 = "scram-sha-256"
    scram_sha_1 = "scram-sha-1"
    cram_md5 = "cram-md5"
    plain = "plain"
    login = "login"
    oauthbearer = "oauthbearer"
    xoauth2 = "xoauth2"


WITH_TOKEN = (Auth.oauthbearer, Auth.xoauth2)


class Secret(NamedTuple):
    """bearer: the text is a token, not a password. auth: the mechanism asked for."""

    text: str
    bearer: bool
    auth: str | None


class Credentials(Group):
    """Who logs in to a mail server, and with what."""

    user: Annotated[str | None, option("--user", metavar="USER", help="Log in as this user.", panel=SERVER)] = None
    auth: Annotated[
        Auth | None, option("--auth", help="By this SASL mechanism; unasked: the strongest.", panel=SERVER)
    ] = None
    password: Password
    token_cmd: Annotated[
        str | None, option("--token-cmd", metavar="CMD", help="A command that prints an OAuth token.", panel=SERVER)
    ] = None
    token_file: Annotated[
        str | None, option("--token-file", metavar="FILE", help="A file with an OAuth token.", panel=SERVER)
    ] = None

    @property
    def given(self) -> bool:
        """Whether there is anything beside the user's name."""
        return self.auth is not None or self.password.given or self.token_given

    @property
    def token_given(self) -> bool:
        return self.token_cmd is not None or self.token_file is not None

    def name(self, target: Target) -> str | None:
        """The user, by the option or in the URL. Raises BadInput for two."""
        if self.user is not None and target.user is not None and self.user != target.user:
            raise BadInput(f"--user {self.user} and {target.user} in the URL are two users: use one of them")
        return self.user or target.user

    def secret(self, user: str) -> Secret:
        """The password or the token, as the options say. Raises BadInput, LocalFailure."""
        auth = self.auth
        with_token = self.token_given or auth in WITH_TOKEN
        if with_token and self.password.given:
            raise BadInput("a password and a token are two ways to log in, and --auth says which: give one of them")
        if self.token_given and auth is not None and auth not in WITH_TOKEN:
            raise BadInput(f"--auth {auth} takes a password, not a token")
        if not with_token:
            return Secret(find_password(user, **self.password.sources), False, auth)
        token = read_secret("token", command=self.token_cmd, file=self.token_file) or os.environ.get("NETKIT_TOKEN")
        if not token:
            hint = "--token-cmd, --token-file or NETKIT_TOKEN brings it"
            raise BadInput("the token is empty" if self.token_given else f"--auth {auth} takes a token", hint=hint)
        return Secret(token.strip(), True, auth)


class Verifying(Group):
    """How the certificate of a mail server is verified."""

    cacert: Annotated[str | None, trusting(SERVER)] = None
    insecure: Annotated[bool, unverified(SERVER)] = False

    def of(self, target: Target) -> Security:
        """Raises BadInput for what would verify nothing."""
        if target.tls is Tls.none and (self.cacert or self.insecure):
            raise BadInput(
                f"--cacert and --insecure are for TLS, and {target.name} is spoken to without",
                hint="--tls starttls asks for it",
            )
        return self.security

    @property
    def security(self) -> Security:
        return Security(self.cacert, self.insecure)


class Family(Group):
    four: Annotated[bool, of_version(4, SERVER)] = False
    six: Annotated[bool, of_version(6, SERVER)] = False

    @property
    def number(self) -> int:
        """AF_INET, AF_INET6 or AF_UNSPEC. Raises BadInput."""
        return family_of(self.four, self.six)
