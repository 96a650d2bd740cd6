"""Every error netkit raises on purpose, and the exit code the command line gives each.

    NetkitError
    ├── No            1  the peer answered, and the answer is no; or a check that was asked for does not hold
    ├── BadInput      2  what the user wrote cannot be used; nothing was sent
    ├── Unreachable   3  no such host, refused, reset before an answer, no route
    ├── TimedOut      4  a deadline passed
    ├── PeerError     5  the peer broke the protocol or off in the middle, or a limit was hit
    ├── Insecure      6  TLS or certificate failure, downgrade, plaintext secret refused
    ├── AuthRefused   7  credentials refused
    ├── Temporary     9  the server failed or asks to come back
    ├── Unknown      10  it may or may not have been done
    └── LocalFailure 11  this machine: address in use, permission, disk full, a facility that is missing

The user's mistake, the network, the peer and this machine are different classes, so a caller can tell whom to blame.
A foreign exception is translated once, where it arises, with `raise ... from`. What is none of these is a bug (70).
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """The one table of exit codes; its meanings are in `MEANINGS`."""

    OK = 0
    NO = 1
    USAGE = 2
    UNREACHABLE = 3
    TIMEOUT = 4
    PROTOCOL = 5
    SECURITY = 6
    AUTH = 7
    PARTIAL = 8
    TEMPORARY = 9
    UNKNOWN = 10
    LOCAL = 11
    BUG = 70
    INTERRUPTED = 130
    CLOSED = 141


MEANINGS: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.NO: "the peer answered, and the answer is no; or a check asked for does not hold",
    Exit.USAGE: "bad input; nothing was sent",
    Exit.UNREACHABLE: "no such host, refused, reset before an answer, no route",
    Exit.TIMEOUT: "a deadline passed",
    Exit.PROTOCOL: "the peer broke the protocol or off in the middle, or a limit was hit",
    Exit.SECURITY: "TLS or certificate failure, downgrade, plaintext secret refused",
    Exit.AUTH: "credentials refused",
    Exit.PARTIAL: "some of it done, some not",
    Exit.TEMPORARY: "the server failed or asks to come back: worth trying again",
    Exit.UNKNOWN: "it may or may not have been done",
    Exit.LOCAL: "this machine: address in use, permission, disk full, missing facility",
    Exit.BUG: "netkit's own fault; `--trace` keeps the traceback",
    Exit.INTERRUPTED: "interrupted",
    Exit.CLOSED: "stdout closed by its reader",
}


def combine(codes: Iterable[int]) -> Exit:
    """The exit code of several targets: the one they all share, else 8 (partial)."""
    different = set(codes)
    if len(different) > 1:
        return Exit.PARTIAL
    return Exit(different.pop()) if different else Exit.OK


class NetkitError(Exception):
    """Base of all errors; `message` says what failed, with what and why, `hint` what to do about it.

    `kind` is a stable word for programs (the `error.kind` of JSON output).
    """

    exit: ClassVar[Exit] = Exit.BUG
    default_kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, kind: str = "", hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or self.default_kind
        self.hint = hint


class No(NetkitError):
    exit = Exit.NO
    default_kind = "no"


class BadInput(NetkitError, ValueError):
    exit = Exit.USAGE
    default_kind = "bad_input"


class Unreachable(NetkitError):
    exit = Exit.UNREACHABLE
    default_kind = "unreachable"


class TimedOut(NetkitError):
    exit = Exit.TIMEOUT
    default_kind = "timeout"


class PeerError(NetkitError):
    exit = Exit.PROTOCOL
    default_kind = "protocol"


class Insecure(NetkitError):
    exit = Exit.SECURITY
    default_kind = "security"


class AuthRefused(NetkitError):
    exit = Exit.AUTH
    default_kind = "auth"


class Temporary(NetkitError):
    exit = Exit.TEMPORARY
    default_kind = "temporary"


class Unknown(NetkitError):
    exit = Exit.UNKNOWN
    default_kind = "unknown"


class LocalFailure(NetkitError):
    exit = Exit.LOCAL
    default_kind = "local"
