"""Logging in to a mail server: the options for the mechanism, the password and the token, and what they lead to.

An OAuth token is a secret as a password is, and never an option's value; it comes from a command, which can renew it,
a file, or NETKIT_TOKEN.
"""

import os
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

from netkit.cli.secret import find_password, read_secret
from netkit.errors import BadInput

SERVER = "Server and login"


class Auth(StrEnum):
    scram_sha_256 = "scram-sha-256"
    scram_sha_1 = "scram-sha-1"
    cram_md5 = "cram-md5"
    plain = "plain"
    login = "login"
    oauthbearer = "oauthbearer"
    xoauth2 = "xoauth2"


WITH_TOKEN = (Auth.oauthbearer, Auth.xoauth2)

User = Annotated[
    str | None, typer.Option("--user", metavar="USER", help="Log in as this user.", rich_help_panel=SERVER)
]
AuthOption = Annotated[
    Auth | None,
    typer.Option("--auth", help="By this SASL mechanism; unasked: the strongest.", rich_help_panel=SERVER),
]
PasswordCmd = Annotated[
    str | None,
    typer.Option("--password-cmd", metavar="CMD", help="A command that prints the password.", rich_help_panel=SERVER),
]
PasswordFile = Annotated[
    str | None,
    typer.Option("--password-file", metavar="FILE", help="A file with the password.", rich_help_panel=SERVER),
]
PasswordFd = Annotated[
    int | None,
    typer.Option("--password-fd", metavar="N", help="A descriptor to read the password from.", rich_help_panel=SERVER),
]
TokenCmd = Annotated[
    str | None,
    typer.Option("--token-cmd", metavar="CMD", help="A command that prints an OAuth token.", rich_help_panel=SERVER),
]
TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", metavar="FILE", help="A file with an OAuth token.", rich_help_panel=SERVER),
]
CaCert = Annotated[
    str | None,
    typer.Option("--cacert", metavar="FILE", help="Trust these certificates (PEM).", rich_help_panel=SERVER),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not verify certificates.", rich_help_panel=SERVER)]
Four = Annotated[bool, typer.Option("-4", help="IPv4 addresses alone.", rich_help_panel=SERVER)]
Six = Annotated[bool, typer.Option("-6", help="IPv6 addresses alone.", rich_help_panel=SERVER)]


class Secret(NamedTuple):
    """bearer: the text is a token, not a password. auth: the mechanism asked for."""

    text: str
    bearer: bool
    auth: str | None


def find_secret(
    user: str, auth: Auth | None, *, command: str | None, file: str | None, fd: int | None,
    token_command: str | None, token_file: str | None,
) -> Secret:  # fmt: skip
    """The password or the token, as the options say. Raises BadInput, LocalFailure."""
    given = token_command is not None or token_file is not None
    with_token = given or auth in WITH_TOKEN
    if with_token and (command is not None or file is not None or fd is not None):
        raise BadInput("a password and a token are two ways to log in, and --auth says which: give one of them")
    if given and auth is not None and auth not in WITH_TOKEN:
        raise BadInput(f"--auth {auth} takes a password, not a token")
    if not with_token:
        return Secret(find_password(user, command=command, file=file, fd=fd), False, auth)
    token = read_secret("token", command=token_command, file=token_file) or os.environ.get("NETKIT_TOKEN")
    if not token:
        hint = "--token-cmd, --token-file or NETKIT_TOKEN brings it"
        raise BadInput("the token is empty" if given else f"--auth {auth} takes a token", hint=hint)
    return Secret(token.strip(), True, auth)
