"""Messages by RETR into a maildir or an mbox: pipelined, streaming, and one that is refused ends nothing.

A message is told when it is on the disk. Several that come at once go there at once: the disk takes a moment for each
time, in which a server would wait for its answers to be read. The first is asked for alone, as in `subjects`.
"""

from collections.abc import Iterator, Sequence
from time import monotonic
from types import TracebackType
from typing import NamedTuple, Protocol

from netkit.errors import NetkitError, PeerError
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.session import WINDOW, Command, Session, refusal

MAX_MESSAGE = 1024**3  # bytes; what a server that never ends a message may take of the disk
SILENCE = 120.0  # seconds: a large mailbox takes its time, and a server that says nothing for so long will not go on
# What may have come and not be on the disk yet, or not be told: messages (a maildir has as many files open), bytes, and
# seconds since the one before was told.
BATCH, BATCH_BYTES, BATCH_SECONDS = 64, 8 * 1024 * 1024, 0.2


class Draft(Protocol):
    def __enter__(self) -> "Draft": ...
    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def write(self, data: bytes) -> None: ...
    def commit(self) -> str:
        """It is whole; the file that has it once it is settled."""
        ...


class Box(Protocol):
    """A maildir or an mbox; leaving it takes away what is not settled."""

    @property
    def name(self) -> str: ...
    def __enter__(self) -> "Box": ...
    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def draft(self) -> Draft: ...
    def settle(self) -> None:
        """Everything that is whole is on the disk, names included."""
        ...


class Saved(NamedTuple):
    """A message and the file that has it; size: its bytes as they came, None if they did not. error: why."""

    n: int
    uidl: str | None
    size: int | None
    file: str | None
    error: NetkitError | None


def save(session: Session, messages: Sequence[Listed], box: Box, *, window: int = WINDOW) -> Iterator[Saved]:
    """A row for each message, in the order given, once it is on the disk or refused.

    Raises what ends the session, and LocalFailure when the box takes no more; what came before is saved and told.
    """
    session.wire.idle = SILENCE
    rows = _rows(session, messages, box, window)
    batch: list[Saved] = []
    size, since = 0, monotonic()
    broken: NetkitError | None = None
    while True:
        try:
            row = next(rows, None)
        except NetkitError as exc:
            row, broken = None, exc
        if row is not None:
            batch.append(row)
            size += row.size or 0
            if len(batch) < BATCH and size < BATCH_BYTES and monotonic() - since < BATCH_SECONDS:
                continue
        box.settle()
        yield from batch
        if broken is not None:
            raise broken
        if row is None:
            return
        batch.clear()
        size, since = 0, monotonic()


def _rows(session: Session, messages: Sequence[Listed], box: Box, window: int) -> Iterator[Saved]:
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
