"""A download that can be continued: NAME.part, and NAME.part.json beside it, which says what it is a part of.

The order of writing makes a part that holds anything be what the file beside it says, whenever the process ends: the
part is emptied, the facts are written, then the first byte. So a part with bytes and without facts is not ours, and is
left alone. Both are gone when the file has its name. (After a power cut a part may hold less than was written to it
and the facts not know; a checksum tells.)
"""

import json
import os
import stat
from contextlib import suppress
from typing import Any, NamedTuple

from netkit.errors import LocalFailure
from netkit.http.resume import Seen
from netkit.net.download import Download

MAX_FACTS = 128 * 1024  # bytes of NAME.part.json: a URL of 64 KiB and a few words
SCHEMA = "netkit.part/1"


class Facts(NamedTuple):
    """What a part is of. url: as asked for, secrets masked."""

    url: str
    seen: Seen


class Part(Download):
    """`begin` writes from the first byte on, `take_over` goes on."""

    @property
    def facts_path(self) -> str:
        return f"{self.part}.json"

    def begin(self, facts: Facts) -> None:
        """An empty part with these facts. Raises LocalFailure."""
        self.open()
        if self.direct:
            return
        data = {
            "schema": SCHEMA,
            "url": facts.url,
            "etag": facts.seen.etag,
            "last_modified": facts.seen.last_modified,
            "date_is_strong": facts.seen.date_is_strong,
            "size": facts.seen.total,
            "encoded": facts.seen.encoded,
        }
        try:
            with suppress(FileNotFoundError):
                os.unlink(self.facts_path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC  # never through a link, never into another file
            with open(os.open(self.facts_path, flags, 0o600), "w", encoding="ascii") as file:
                json.dump(data, file)
        except OSError as exc:
            raise self.failure(exc, f"{self.part_name}.json") from exc

    def take_over(self, *, orphans: bool = False) -> Facts | None:
        """What the part that is there is of, which is open from now on; None where there is none, or an empty one.

        Raises LocalFailure: another process writes it, or it has no facts and so is not ours. orphans: take that, too.
        """
        if not self.reopen() or not self.size:
            return None
        facts = self._facts()
        if facts is None and not orphans:
            name = self.part_name
            raise LocalFailure(
                f"{name} is there, and no {name}.json that says what it is a part of",
                kind="unknown_part",
                hint="-c with --checksum goes on with it; else move it away",
            )
        return facts or Facts("", Seen())

    def _facts(self) -> Facts | None:
        """None for what is missing, no plain file, or not what `begin` writes."""
        try:
            fd = os.open(self.facts_path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(fd, "rb") as file:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    return None
                data = json.loads(file.read(MAX_FACTS))
        except (OSError, ValueError, RecursionError):
            return None
        return _checked(data)

    def forget(self) -> None:
        """The facts are of no use any more."""
        if not self.direct:
            with suppress(OSError):
                os.unlink(self.facts_path)

    def close(self) -> str | None:
        was_open, name = self._fd is not None, super().close()
        if was_open and name is None:
            self.forget()
        return name


def _checked(data: Any) -> Facts | None:
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        return None
    kinds = {
        "url": str,
        "etag": str | None,
        "last_modified": str | None,
        "date_is_strong": bool,
        "size": int | None,
        "encoded": bool,
    }
    if not all(name in data and isinstance(data[name], kind) for name, kind in kinds.items()):
        return None
    return Facts(
        data["url"],
        Seen(data["etag"], data["last_modified"], data["date_is_strong"], data["size"], data["encoded"]),
    )
