"""Why a server ended the connection, by the last thing it said; and whether trying again makes sense."""

from netkit.chat.join.received import Received
from netkit.errors import (
    AuthRefused,
    BadInput,
    Insecure,
    LocalFailure,
    NetkitError,
    No,
    PeerError,
    Temporary,
    Unreachable,
)

FINAL = (AuthRefused, BadInput, Insecure, LocalFailure, No, PeerError)


def is_refusal(one: Received) -> bool:
    """Whether a server that says this first lets nobody in."""
    return one.kind == "notice" and not isinstance(failure("", one, ""), Unreachable)


def is_goodbye(last: Received | None) -> bool:
    """Whether the server ended it because we asked it to."""
    return last is not None and last.kind == "notice" and last.text == b"goodbye"


def failure(target: str, last: Received | None, reason: str) -> NetkitError:
    """The error for a connection that ended before it should. reason: what the socket says."""
    words = last.text.decode("utf-8", "backslashreplace") if last is not None and last.kind == "notice" else ""
    if words == "server full" or words.startswith("too many from your address"):
        return Temporary(f"{target}: {words}", kind="full")
    if words in ("banned", "not from your address") or words.startswith(("banned ", "kicked by ")):
        return No(f"{target}: {words}", kind="refused")
    if words.startswith("that is not the password") or words == "no password came":
        return AuthRefused(f"{target}: {words}")
    said = f"; its last words: {words}" if words else ""
    return Unreachable(f"{target}: {reason}{said}", kind="lost")


def worth_another_try(exc: NetkitError) -> bool:
    return not isinstance(exc, FINAL)
