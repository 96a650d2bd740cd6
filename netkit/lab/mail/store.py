"""The lab's mailboxes: one for each recipient, all in memory; with a maildir they outlive the lab.

The mailbox `*` holds everything that came in. odd@lab.test is there from the start and is not in `*`: the subjects
that other tools stumble over. A message for several recipients is kept once.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from netkit.lab.mail.maildir import Maildir
from netkit.lab.odd import SUBJECTS, message
from netkit.mail.pop3.server import Message
from netkit.mail.smtp.server import Envelope

MAX_MESSAGES = 10_000
MAX_COPIES = 100_000  # a message for a thousand recipients is a thousand entries
MAX_BYTES = 256 * 1024 * 1024
MAX_SIZE = 80 * 1024 * 1024  # bytes of one message: an attachment of 50 MiB has 69 in base64
EVERYTHING, ODD = "*", "odd@lab.test"


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as the lab keeps it; time: when it came, in UTC."""

    message: Message
    envelope: Envelope
    time: datetime

    @property
    def id(self) -> str:
        return self.message.uidl


class Store:
    """maildir: where messages are written to as well; what is there already is in the mailboxes from the start.

    watchers: each is called with every message that comes in. left_out: how many messages of the maildir were too many.
    """

    def __init__(self, maildir: Maildir | None = None) -> None:
        self._boxes: defaultdict[str, dict[str, Kept]] = defaultdict(dict)
        self._sizes: dict[str, int] = {}
        self._count = 0
        self._maildir = maildir
        self._files: dict[str, str] = {}
        self.left_out = 0
        self.watchers: set[Callable[[Kept], None]] = set()
        for name, subject in SUBJECTS:
            envelope = Envelope("lab.test", "lab@lab.test", (ODD,), message(name, subject), None)
            self._put(Kept(Message(self._next_id(), envelope.data), envelope, datetime.now(UTC)), [ODD])
        if maildir:
            self._read(maildir)

    def _read(self, maildir: Maildir) -> None:
        """Ids stay as they were: a client that leaves its mail here knows messages by them."""
        found = list(maildir.read())
        self._count = max([self._count, *(int(each.id[3:]) for each in found if each.id)])
        for file, uidl, envelope, time in found:
            if self._is_full(envelope):
                self.left_out += 1
                continue
            uidl = uidl if uidl and not self.find(uidl) else self._next_id()
            self._put(Kept(Message(uidl, envelope.data), envelope, time))
            self._files[uidl] = file

    def deliver(self, envelope: Envelope) -> str | None:
        """Put a message into its recipients' mailboxes; its id, None when the lab is full.

        Raises LocalFailure when it cannot be written to the maildir; then it is in no mailbox either.
        """
        if self._is_full(envelope):
            return None
        kept = Kept(Message(self._next_id(), envelope.data), envelope, datetime.now(UTC))
        if self._maildir:
            self._files[kept.id] = self._maildir.write(kept.id, envelope, kept.time)
        self._put(kept)
        for watcher in tuple(self.watchers):
            watcher(kept)
        return kept.id

    def open(self, user: str) -> Sequence[Message]:
        """What waits for a user now."""
        return tuple(kept.message for kept in self.mailbox(user))

    def mailbox(self, name: str) -> Sequence[Kept]:
        """What is in a mailbox, in the order in which it came."""
        return tuple(self._boxes[name.lower()].values()) if name.lower() in self._boxes else ()

    def mailboxes(self) -> dict[str, int]:
        """The number of messages in each mailbox that has any, `*` first."""
        names = sorted(name for name, box in self._boxes.items() if box and name != EVERYTHING)
        return {name: len(self._boxes[name]) for name in (EVERYTHING, *names)}

    def find(self, uidl: str) -> Kept | None:
        return self._boxes[EVERYTHING].get(uidl) or self._boxes[ODD].get(uidl)

    def delete(self, user: str, uidls: Sequence[str]) -> None:
        """Take messages out of one mailbox; out of `*`, out of all."""
        user = user.lower()
        if user not in self._boxes:
            return
        boxes = list(self._boxes.values()) if user == EVERYTHING else [self._boxes[user]]
        for uidl in uidls:
            for box in boxes:
                box.pop(uidl, None)
            if not any(uidl in box for name, box in self._boxes.items() if name != EVERYTHING):
                self._boxes[EVERYTHING].pop(uidl, None)
                self._sizes.pop(uidl, None)
                with suppress(OSError):  # who reads the maildir may have moved it
                    if file := self._files.pop(uidl, None):
                        os.unlink(file)

    def _is_full(self, envelope: Envelope) -> bool:
        copies = sum(map(len, self._boxes.values())) + len(envelope.recipients)
        size = sum(self._sizes.values()) + len(envelope.data)
        return len(self._sizes) >= MAX_MESSAGES or copies > MAX_COPIES or size > MAX_BYTES

    def _next_id(self) -> str:
        self._count += 1
        return f"lab{self._count:08d}"

    def _put(self, kept: Kept, mailboxes: Sequence[str] | None = None) -> None:
        if mailboxes is None:
            mailboxes = [EVERYTHING, *(address.lower() for address in kept.envelope.recipients)]
        self._sizes[kept.id] = len(kept.envelope.data)
        for name in mailboxes:
            self._boxes[name][kept.id] = kept
