"""The lab's mailboxes: one for each recipient, all in memory, gone with the lab.

The mailbox `*` holds everything; odd@lab.test is there from the start, with the subjects that other tools stumble
over. A message for several recipients is kept once.
"""

from collections import defaultdict
from collections.abc import Sequence

from netkit.lab.odd import SUBJECTS
from netkit.mail.pop3.server import Message
from netkit.mail.smtp.server import Envelope

MAX_MESSAGES = 10_000
MAX_COPIES = 100_000  # a message for a thousand recipients is a thousand entries
MAX_BYTES = 256 * 1024 * 1024
MAX_SIZE = 64 * 1024 * 1024  # bytes of one message
EVERYTHING, ODD = "*", "odd@lab.test"


class Store:
    def __init__(self) -> None:
        self._boxes: defaultdict[str, dict[str, Message]] = defaultdict(dict)
        self._sizes: dict[str, int] = {}
        self._count = 0
        for name, subject in SUBJECTS:
            self._put(_odd(name, subject), [ODD])

    def deliver(self, envelope: Envelope) -> str | None:
        """Put a message into its recipients' mailboxes; its id, None when the lab is full."""
        copies = sum(map(len, self._boxes.values())) + len(envelope.recipients)
        size = sum(self._sizes.values()) + len(envelope.data)
        if len(self._sizes) >= MAX_MESSAGES or copies > MAX_COPIES or size > MAX_BYTES:
            return None
        return self._put(envelope.data, [address.lower() for address in envelope.recipients])

    def open(self, user: str) -> Sequence[Message]:
        """What waits for a user now."""
        return tuple(self._boxes[user.lower()].values()) if user.lower() in self._boxes else ()

    def delete(self, user: str, uidls: Sequence[str]) -> None:
        """Take messages out of one mailbox; out of `*`, out of all."""
        boxes = list(self._boxes.values()) if user == EVERYTHING else [self._boxes[user.lower()]]
        for uidl in uidls:
            for box in boxes:
                box.pop(uidl, None)
            if not any(uidl in box for name, box in self._boxes.items() if name != EVERYTHING):
                self._boxes[EVERYTHING].pop(uidl, None)
                self._sizes.pop(uidl, None)

    def _put(self, data: bytes, mailboxes: Sequence[str]) -> str:
        self._count += 1
        message = Message(f"lab{self._count:08d}", data)
        self._sizes[message.uidl] = len(data)
        for name in (*mailboxes, EVERYTHING):
            self._boxes[name][message.uidl] = message
        return message.uidl


def _odd(name: str, subject: bytes) -> bytes:
    return (
        b"From: The lab <lab@lab.test>\r\nTo: odd@lab.test\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
        b"Message-ID: <%s@lab.test>\r\nSubject: %s\r\n\r\nThis subject is odd: %s.\r\n"
        % (name.encode(), subject.strip(), name.encode())
    )
