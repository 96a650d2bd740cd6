"""The lab's mail on the disk (`--dir`): one maildir, a file for each message, read back when the lab starts again.

A file is written as netkit.mail.maildir does it. Its name is the time, the process and a number: nothing in it comes
from a peer, and neither does a folder, so all recipients share one maildir. The envelope is the file's first line, as
JSON in ASCII. Lines end in LF where that loses nothing. Files that something else put there are read as well; nobody
knows whom they are for, so they are in the mailbox `*` alone.

Not here: syncing to the disk, which would cost more than all the rest, and the removal of a message from one of
several mailboxes, which is forgotten at the end.
"""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from netkit.errors import BadInput, LocalFailure
from netkit.mail import maildir
from netkit.mail.smtp.server import MAX_RECIPIENTS, Envelope
from netkit.mail.smtp.server_parameters import MailParameters, RcptParameters

FIELD = b"X-Netkit-Envelope: "
MAX_FILE = 80 * 1024 * 1024  # bytes: a message of the largest size, and an envelope of a thousand recipients
_NAME = re.compile(r"(\d{1,10})\.M(\d{6})")
_ID = re.compile(r"lab\d{8}")


class Found(NamedTuple):
    """A message that was there. id: what the lab called it, None for one that it did not write."""

    file: str
    id: str | None
    envelope: Envelope
    time: datetime


class Maildir:
    """Made when the lab starts. Raises BadInput for a folder that is something else, LocalFailure."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._number = 0
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            there = set(os.listdir(folder))
            if there and not there >= set(maildir.FOLDERS):
                raise BadInput(
                    f"--dir {folder}: there are files in it, and it is no maildir",
                    hint="name a new folder, or an empty one",
                )
            for name in maildir.FOLDERS:
                os.makedirs(os.path.join(folder, name), mode=0o700, exist_ok=True)
        except OSError as exc:
            raise self._failure(exc) from exc
        self._box = maildir.Maildir(folder, durable=False, exact=True)

    def read(self) -> Iterator[Found]:
        """What is there, in the order of the names. Raises LocalFailure."""
        try:
            folders = [os.path.join(self._folder, name) for name in ("cur", "new")]
            files = [os.path.join(folder, name) for folder in folders for name in os.listdir(folder)]
            for file in sorted(files, key=os.path.basename):
                name = os.path.basename(file)
                data = None if name.startswith(".") else _content(file)
                if data is not None:
                    named = _NAME.match(name)
                    seconds = int(named[1]) + int(named[2]) / 1e6 if named else os.stat(file).st_mtime
                    yield Found(file, *_parse(data), datetime.fromtimestamp(seconds, UTC))
        except OSError as exc:
            raise self._failure(exc) from exc

    def write(self, uidl: str, envelope: Envelope, time: datetime) -> str:
        """The file that has the message now. Raises LocalFailure."""
        self._number += 1
        name = f"{int(time.timestamp()):010}.M{time.microsecond:06}P{os.getpid()}Q{self._number:06}.lab"
        try:
            with self._box, self._box.draft(name) as draft:
                draft.write(_file(uidl, envelope))
                file = draft.commit()
                self._box.settle()
        except LocalFailure as exc:
            raise LocalFailure(f"--dir {self._folder}: {exc.message}", kind="maildir") from exc
        return file

    def _failure(self, exc: OSError) -> LocalFailure:
        return LocalFailure(f"--dir {self._folder}: {exc.filename or ''}: {exc.strerror}", kind="maildir")


def _content(file: str) -> bytes | None:
    """Of a file, and of nothing that only looks like one."""
    if not stat.S_ISREG(os.lstat(file).st_mode):
        return None
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        return opened.read() if os.fstat(opened.fileno()).st_size <= MAX_FILE else None


def _file(uidl: str, envelope: Envelope) -> bytes:
    document = envelope._asdict()
    data: bytes = document.pop("data")
    plain = data.replace(b"\r\n", b"\n")
    exact = plain.count(b"\n") != data.count(b"\r\n") or b"\r" in plain  # a lone CR or LF would not come back as it was
    document |= {"id": uidl, "exact": exact, "asked": envelope.asked._asdict()}
    document["asked_for"] = [asked._asdict() for asked in envelope.asked_for]
    return FIELD + json.dumps(document).encode("ascii") + b"\n" + (data if exact else plain)


def _parse(data: bytes) -> tuple[str | None, Envelope]:
    if data.startswith(FIELD):
        line, _, rest = data.partition(b"\n")
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            told = json.loads(line[len(FIELD) :])
            rest = rest if told["exact"] else rest.replace(b"\n", b"\r\n")
            uidl = told["id"] if _ID.fullmatch(told["id"]) else None
            return uidl, _envelope(told, rest)
    return None, Envelope("", "", (), data if b"\r\n" in data else data.replace(b"\n", b"\r\n"), None)


def _envelope(told: dict[str, Any], data: bytes) -> Envelope:
    """Raises ValueError, TypeError, KeyError for what the lab did not write."""
    recipients = tuple(map(_text, told["recipients"]))
    if len(recipients) > MAX_RECIPIENTS:
        raise ValueError
    asked = MailParameters(**told["asked"])
    asked_for = tuple(
        RcptParameters(tuple(map(_text, each["notify"])), each["orcpt"] and _text(each["orcpt"]))
        for each in told["asked_for"]
    )
    for value in (asked.body, asked.ret, asked.envid, told["user"]):
        _text(value or "")
    return Envelope(_text(told["helo"]), _text(told["sender"]), recipients, data, told["user"], asked, asked_for)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
