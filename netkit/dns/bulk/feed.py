"""Lines from a descriptor as they come: a file, a pipe that is still being written, a terminal; never all at once."""

import os
import stat
from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from netkit.dns.bulk.lines import BOM, MAX_LINE
from netkit.dns.bulk.quick import HARMLESS
from netkit.dns.bulk.task import Task
from netkit.errors import LocalFailure

if TYPE_CHECKING:
    from netkit.dns.bulk.upstream import Upstream

CHUNK = 65536  # what a pipe holds, pipe(7)
_USUAL = HARMLESS + b"\n"


class Parse(Protocol):
    """Makes tasks of lines, as `lines.Lines` does."""

    @property
    def route(self) -> "Sequence[Upstream]": ...
    def usual(self, lines: Iterator[bytes], most: int, found: list[Task]) -> tuple[int, bytes | None]: ...
    def tasks(self, line: bytes) -> Iterator[Task]: ...
    def left_out(self, task: Task) -> None:
        """One of those was asked before, and is not asked again."""


class Feed:
    """Tasks out of the lines of `fd`. lines: how many of them have been taken so far, blank ones and comments too.

    unique: a question that came before is left out; each that was seen takes some 100 octets of memory.
    """

    def __init__(self, fd: int, lines: Parse, *, unique: bool = False) -> None:
        self.fd = fd
        self.parse = lines
        self.lines = 0
        self.read = 0  # octets
        self.repeated = 0
        self.ended = False  # the last octet has been read
        self.exhausted = False  # there is no task left, now and ever
        self.seen: set[Hashable] | None = set() if unique else None
        self.rest = b""  # of a line without its end
        self.waiting: Iterator[bytes] = iter(())
        self.tasks: Iterator[Task] = iter(())
        self.is_usual = False  # the lines that wait are names and nothing else
        self.number = 0
        self.always = stat.S_ISREG(os.fstat(fd).st_mode)  # can always be read, and cannot be polled, epoll(7)
        self.may_read = self.always

    def take(self, most: int) -> list[Task]:
        """At most so many tasks, as far as they have been read; reads more at most once."""
        found: list[Task] = []
        tasks, tasks_of = self.tasks, self.parse.tasks
        left = most
        while left:
            for task in tasks:
                if self.seen is not None and not task.known and self._repeats(task):
                    continue
                task.place = self.number
                self.number += 1
                found.append(task)
                left -= 1
                if not left:
                    return found
            if self.is_usual:
                before = len(found)
                count, line = self.parse.usual(self.waiting, most, found)
                for number, task in enumerate(found[before:], self.number):
                    task.place = number
                self.number += len(found) - before
                self.lines += count
                if len(found) >= most:
                    self.tasks = iter(()) if line is None else tasks_of(line)
                    return found
                left = most - len(found)
                if line is not None:
                    tasks = self.tasks = tasks_of(line)
                    continue
            else:
                line = next(self.waiting, None)
            if line is None:
                if not self._more():
                    self.exhausted = self.ended
                    break
                continue
            self.lines += 1
            if self.lines == 1:
                line = line.removeprefix(BOM)
            tasks = self.tasks = tasks_of(line)
        return found

    def remaining(self, most: int) -> list[Task]:
        """The same to the very end: waits for what is still to come."""
        found: list[Task] = []
        while not found and not self.exhausted:
            self.may_read = True
            found = self.take(most)
        return found

    @property
    def whole_lines(self) -> int:
        """How many lines have been taken to their end; a network may be in the middle."""
        task = next(self.tasks, None)
        return self.lines - (task is not None)

    def _repeats(self, task: Task) -> bool:
        assert self.seen is not None
        key = task.identity
        if key in self.seen:
            self.repeated += 1
            self.parse.left_out(task)
            return True
        self.seen.add(key)
        return False

    def _more(self) -> bool:
        """Read once; whether there is a line now."""
        if self.ended or not self.may_read:
            return False
        try:
            chunk = os.read(self.fd, CHUNK)
        except BlockingIOError:
            self.may_read = False
            return False
        except OSError as exc:
            raise LocalFailure(f"cannot read the names: {exc.strerror}", kind="unreadable") from exc
        self.may_read = self.always
        self.read += len(chunk)
        if not chunk:
            self.ended = True
            last, self.rest = self.rest, b""
            self.waiting = iter([last] if last else [])
            self.is_usual = False
            return bool(last)
        if b"\n" not in chunk:
            self.rest = (self.rest + chunk)[:MAX_LINE]
            return False  # /dev/zero has no line, and whoever asks may want to stop
        octets = self.rest + chunk
        if b"\r" in octets:
            octets = octets.replace(b"\r\n", b"\n")
        lines = octets.split(b"\n")
        self.rest = lines.pop()[:MAX_LINE]
        usual = self.seen is None and not octets.translate(None, _USUAL) and b"xn--" not in octets
        self.is_usual = usual and self.lines > 0  # the first one may have a byte order mark
        self.waiting = iter(lines) if self.is_usual else (line[:MAX_LINE] for line in lines)
        return True
