"""Which messages were shown or saved before: their UIDLs, under the user's state directory, one file for each mailbox
and each place that messages are saved to.

A UIDL stays the same for as long as a message waits (RFC 1939 section 7). Those that are gone from the server are
forgotten, so a file does not grow. Nothing that a server says becomes part of a path: the name is a digest.
"""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

from netkit.errors import LocalFailure
from netkit.net.whole_file import write_whole


def state_file(user: str, server: str, place: str = "") -> Path:
    """place: where messages are saved to; without one, those that were shown."""
    from platformdirs import user_state_path

    which = f"{user}\0{server}" + (f"\0{place}" if place else "")
    name = hashlib.sha256(which.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return user_state_path("netkit") / "pop3" / f"{name}.json"


def load(path: Path) -> frozenset[str]:
    """The UIDLs seen; none without a file. Raises LocalFailure for one that is damaged, rather than show all again."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as exc:
        raise _failure(path, exc) from exc
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _failure(path, ValueError("not a list of UIDLs"))
    return frozenset(found)


def store(path: Path, uidls: Collection[str]) -> None:
    """Raises LocalFailure."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, json.dumps(sorted(uidls)).encode(), mode=0o600, durable=True)
    except OSError as exc:
        raise _failure(path, exc) from exc


def _failure(path: Path, exc: Exception) -> LocalFailure:
    reason = getattr(exc, "strerror", None) or str(exc)
    return LocalFailure(f"{path}: cannot keep which messages are new: {reason}", kind="state")
