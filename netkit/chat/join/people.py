"""Who is there, as far as the lines tell; and what a word that is half typed could become."""

import re
from collections.abc import Iterable

from netkit.chat.join.received import Received

MAX_PEOPLE = 2000  # names that are remembered, the latest; a server may make up any number
COMMANDS = ("help", "history", "ignore", "join", "me", "msg", "nick", "ping", "quit", "rooms", "who")
WITH_NAME = ("/msg", "/ignore", "/kick", "/ban", "/mute")  # commands whose first word is somebody

_COUNT = re.compile(rb"(\d{1,6}) in \S{1,80}")
_LISTED = re.compile(rb"  (\S{1,80})(?: on .*)?")


class People:
    def __init__(self) -> None:
        self._seen: dict[str, None] = {}  # the latest last
        self._listed = 0  # names that /who still owes

    def heard(self, one: Received) -> None:
        """Learn from a line."""
        if one.kind in ("say", "me", "private", "join"):
            self._add(one.name)
        elif one.kind == "leave":
            self._seen.pop(one.name, None)
        elif one.kind == "nick":
            self._seen.pop(one.name, None)
            self._add(one.text.decode("utf-8", "backslashreplace"))
        elif one.kind == "notice":
            self._who(one.text)

    def known(self, names: Iterable[str]) -> None:
        """These are there; whoever spoke comes before them all the same."""
        for name in names:
            if name not in self._seen and name.isprintable() and len(self._seen) < MAX_PEOPLE:
                self._seen = {name: None, **self._seen}

    def _who(self, text: bytes) -> None:
        """`* 2 in lobby`, then `*   name` twice."""
        if found := _COUNT.fullmatch(text):
            self._listed = int(found[1])
        elif self._listed and (found := _LISTED.fullmatch(text)):
            self._listed -= 1
            self._add(found[1].decode("utf-8", "backslashreplace"))
        else:
            self._listed = 0

    def _add(self, name: str) -> None:
        if not name.isprintable():  # it would be put into what is typed
            return
        self._seen.pop(name, None)
        self._seen[name] = None
        if len(self._seen) > MAX_PEOPLE:
            del self._seen[next(iter(self._seen))]

    @property
    def names(self) -> list[str]:
        """The latest first."""
        return list(reversed(self._seen))

    def complete(self, before: str) -> tuple[int, list[str]]:
        """What the text before the cursor may become: how many characters of it are replaced, and by what.

        The one who spoke last comes first; at the beginning of a line a name gets a colon, as one addresses somebody.
        """
        word = before.rpartition(" ")[2]
        start = before[: len(before) - len(word)]
        if not start and word.startswith("/"):
            return len(word), [f"/{name} " for name in COMMANDS if name.startswith(word[1:].lower())]
        to_command = start.strip().lower() in WITH_NAME
        end = " " if start or to_command else ": "
        return len(word), [name + end for name in _matching(self.names, word)]


def _matching(names: Iterable[str], word: str) -> list[str]:
    folded = word.casefold()
    return [name for name in names if name.casefold().startswith(folded)]


def mentions(text: bytes, nick: str) -> bool:
    """Whether the nick stands in it as a word of its own, in any case."""
    pattern = rf"(?<![\w-]){re.escape(nick)}(?![\w-])"
    return re.search(pattern, text.decode("utf-8", "replace"), re.IGNORECASE) is not None
