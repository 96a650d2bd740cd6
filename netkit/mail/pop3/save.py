"""Messages by RETR into a maildir or an mbox: pipelined, streaming, and one that is refused ends nothing.

A message is told when it is on the disk. The first is asked for alone, as in `subjects`.
"""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

from netkit.errors import NetkitError, PeerError
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.session import WINDOW, Command, Session, refusal

MAX_MESSAGE = 1024**3  # bytes; what a server that never ends a message may take of the disk


class Draft(Protocol):
    def __enter__(self) -> "Draft": ...
    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def write(self, data: bytes) -> None: ...
    def commit(self) -> str:
        """Make it last; the file that has it."""
        ...


class Box(Protocol):
    """A maildir or an mbox."""

    @property
    def name(self) -> str: ...
    def draft(self) -> Draft: ...
    def settle(self) -> None:
        """Everything is on the disk, names included."""
        ...


class Saved(NamedTuple):
    """A message and the file that has it; size: its bytes as they came, None if they did not. error: why."""

    n: int
    uidl: str | None
    size: int | None
    file: str | None
    error: NetkitError | None


def save(session: Session, messages: Sequence[Listed], box: Box, *, window: int = WINDOW) -> Iterator[Saved]:
    """A row for each message, in the order given, as soon as it is saved or refused.

    Raises what ends the session, and LocalFailure when the box takes no more.
    """
    left = list(messages)
    while left:
        row = next(_fetch(session, [left.pop(0)], box, 1))
        yield row
        if row.error is None:
            break
    yield from _fetch(session, left, box, window)


def _fetch(session: Session, messages: Sequence[Listed], box: Box, window: int) -> Iterator[Saved]:
    answers = session.answers((Command(("RETR", str(one.n)), body=True) for one in messages), window)
    for (n, _, uidl), status in zip(messages, answers, strict=True):
        if not status.ok:
            yield Saved(n, uidl, None, None, refusal(f"message {n}", status.text))
            continue
        size = 0
        with box.draft() as draft:
            for piece in session.pieces():
                size += len(piece)
                if size > MAX_MESSAGE:
                    raise PeerError(f"message {n} has more than {MAX_MESSAGE} bytes", kind="too_long")
                draft.write(piece)
            file = draft.commit()
        yield Saved(n, uidl, size, file, None)
