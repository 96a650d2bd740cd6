"""Where a command gets a secret from: never an option's value, which `ps` and the shell's history show to others.

A command, a file, a descriptor, the environment, netrc, or a prompt when there is a terminal (on /dev/tty, so that
standard input is not touched). A trailing line end is not part of a secret.
"""

import os
import sys
from typing import Annotated, Any

from netkit.cli.groups import Group
from netkit.cli.options import option
from netkit.errors import BadInput, LocalFailure

SERVER = "Server and login"
MAX_SECRET = 64 * 1024  # bytes; a file that is longer is not a password


def read_secret(what: str, *, command: str | None = None, file: str | None = None, fd: int | None = None) -> str | None:
    """The first line of the one source that is given, None without one. Raises BadInput, LocalFailure."""
    if sum(source is not None for source in (command, file, fd)) > 1:
        raise BadInput(f"give one source of the {what}, not several")
    if command is not None:
        data = _output(what, command)
    elif file is not None or fd is not None:
        source: str | int = file if file is not None else fd if fd is not None else -1
        try:
            with open(source, "rb", closefd=file is not None) as stream:
                data = stream.read(MAX_SECRET + 1)
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)
            where = source if fd is None else f"descriptor {fd}"
            raise LocalFailure(f"cannot read the {what} from {where}: {reason}", kind="secret") from exc
    else:
        return None
    if len(data) > MAX_SECRET:
        raise BadInput(f"the {what} is longer than {MAX_SECRET} bytes")
    try:
        return data.decode().partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError as exc:
        raise BadInput(f"the {what} is not UTF-8") from exc


def _output(what: str, command: str) -> bytes:
    import subprocess

    done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise LocalFailure(f"the command for the {what} ended with {done.returncode}: {command}", kind="secret")
    return done.stdout


def prompt(what: str, *, hint: str) -> str:
    """Ask on the terminal; BadInput with the hint where there is none."""
    if sys.stderr.isatty():
        from getpass import getpass

        return getpass(f"{what}: ")
    raise BadInput(f"no {what} given, and no terminal to ask on", hint=hint)


def from_netrc(host: str, file: str | None = None) -> tuple[str, str] | None:
    """(user, password) of a host in the file, $NETRC or ~/.netrc, or of its default entry, None without either.

    Raises BadInput, LocalFailure.
    """
    import netrc

    path = file or os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    try:
        entry = netrc.netrc(path).authenticators(host)
    except netrc.NetrcParseError as exc:
        raise BadInput(f"{path}: {exc.msg} (line {exc.lineno})") from exc
    except OSError as exc:
        raise LocalFailure(f"cannot read {path}: {exc.strerror}", kind="secret") from exc
    return (entry[0], entry[2] or "") if entry else None


def find_passphrase(what: str, option: str, *, command: str | None, file: str | None) -> str:
    """From `--OPTION-cmd`, `--OPTION-file`, NETKIT_OPTION, or a prompt. Raises BadInput, LocalFailure."""
    variable = f"NETKIT_{option.upper().replace('-', '_')}"
    secret = read_secret(what, command=command, file=file)
    if secret is None:
        secret = os.environ.get(variable)
    if secret is None:
        secret = prompt(what, hint=f"--{option}-cmd, --{option}-file or {variable} brings it")
    return secret


class Password(Group):
    """Where a password comes from."""

    password_cmd: Annotated[
        str | None, option("--password-cmd", metavar="CMD", help="A command that prints the password.", panel=SERVER)
    ] = None
    password_file: Annotated[
        str | None, option("--password-file", metavar="FILE", help="A file with the password.", panel=SERVER)
    ] = None
    password_fd: Annotated[
        int | None, option("--password-fd", metavar="N", help="A descriptor to read the password from.", panel=SERVER)
    ] = None

    @property
    def given(self) -> bool:
        return bool(self.changed)

    @property
    def sources(self) -> dict[str, Any]:
        """As the functions here take them."""
        return {"command": self.password_cmd, "file": self.password_file, "fd": self.password_fd}


def find_password(user: str, *, command: str | None, file: str | None, fd: int | None) -> str:
    """From the option that is given, NETKIT_PASSWORD, or a prompt. Raises BadInput, LocalFailure."""
    password = read_secret("password", command=command, file=file, fd=fd)
    if password is None:
        password = os.environ.get("NETKIT_PASSWORD")
    if password is None:
        hint = "--password-cmd, --password-file, --password-fd or NETKIT_PASSWORD brings it"
        password = prompt(f"password of {user}", hint=hint)
    return password


class Credentials:
    """The credentials as the options say where to find them."""

    def __init__(
        self,
        user: str | None,
        command: str | None,
        file: str | None,
        fd: int | None,
        bearer_command: str | None,
        bearer_file: str | None,
        netrc: bool,
        netrc_file: str | None = None,
    ) -> None:
        if user is not None and ":" in user:
            raise BadInput(
                f"-u {user.partition(':')[0]}:…: a password in an option is seen by every user of this machine (ps)",
                hint="-u USER with --password-cmd, --password-file, --password-fd, NETKIT_PASSWORD, or the prompt",
            )
        if user == "":
            raise BadInput("-u '': the name of the user is empty")
        given = command is not None or file is not None or fd is not None
        if given and user is None:
            raise BadInput("a password needs the user it belongs to", hint="-u USER")
        self.netrc = netrc or netrc_file is not None
        self.netrc_file = netrc_file
        if self.netrc and user is not None:
            raise BadInput("--netrc brings its own users, -u does not go with it")
        self.auth: tuple[str, str] | None = None
        self.bearer: str | None = None
        if user is None and bearer_command is None and bearer_file is None:
            return
        self.bearer = read_secret("bearer token", command=bearer_command, file=bearer_file)
        if user is not None:
            self.auth = (user, find_password(user, command=command, file=file, fd=fd))

    def keywords(self, host: str) -> dict[str, Any]:
        auth = self.auth
        if self.netrc:
            auth = from_netrc(host, self.netrc_file)
        return {"auth": auth, "bearer": self.bearer}
