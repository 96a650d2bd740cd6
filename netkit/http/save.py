"""Saves one body to a file over as many requests as it takes: names it, continues a part, checks it, renames it.

`http/resume` decides what an answer means and `http/filename` what the file is called; `http/part` is the file. A file
that the user named (-o) is replaced when the new one is whole; one that the server named never is, but gets a number.
"""

import os
import stat
from collections.abc import Generator, Iterator
from itertools import chain
from typing import NamedTuple

from netkit.errors import BadInput, LocalFailure, NetkitError, PeerError
from netkit.http.checksum import Checksum, Digests
from netkit.http.filename import name_for, numbered
from netkit.http.part import Facts, Part
from netkit.http.resume import ANEW, Append, Restart, Seen, Whole, ask, decide, moment, seen
from netkit.http.resume import Part as Held
from netkit.http.url import Url
from netkit.net.hop import Head, OnBody, Pause, Warn, is_secret

COPIES = 999  # file.1 to file.999
NO_BODY = {204, 205}


class Save(NamedTuple):
    """Where a body goes.

    file: its name; None for the server's own, in `folder`. resume: go on with a part, and leave a whole file alone.
    overwrite: replace a file that has the server's name. mtime: give it the time of Last-Modified.
    """

    file: str | None = None
    folder: str | None = None
    resume: bool = False
    overwrite: bool = False
    mtime: bool = False

    @property
    def path(self) -> str | None:
        """The file where its name is known. Raises BadInput."""
        if self.file is None:
            return None
        if self.file == "-":
            raise BadInput("-o -: without -o the body goes to standard output", hint="./- is a file of that name")
        if self.folder is not None and os.path.isabs(self.file):
            raise BadInput(f"-o {self.file} and -d {self.folder} are two folders")
        return os.path.join(self.folder, self.file) if self.folder else self.file


class Saving:
    """One body on its way to a file.

    Before each request `headers`, at its answer `take`, and at the end of all `commit`; `close` without it leaves the
    part. whole: nothing had to be fetched. again: the answer was of no use, the request must be made once more.
    """

    def __init__(
        self, save: Save, url: Url, *, checksum: Checksum | None, digests: frozenset[str], ranged: bool
    ) -> None:
        """ranged: the user asks for a range of his own. Raises BadInput, LocalFailure, before anything is sent."""
        if save.resume and ranged:
            raise BadInput("-c and a Range of your own are two")
        path = save.path
        self.ranged, self.stem = ranged, ""  # the server's name, before a number made it free
        self.save, self.url, self.checksum, self.algorithms = save, masked(url), checksum, digests
        self.part: Part | None = None
        self.held: Held | None = None  # what is asked to be continued
        self.useless: str | None = None  # why what is here cannot be
        self.range: Append | None = None
        self.seen = Seen()
        self.at = url  # where the last answer came from
        self.head: Head | None = None
        self.digests, self.hashed = Digests(digests), 0  # of the first `hashed` bytes of the part
        self.warnings: list[Warn] = []
        self.whole = self.again = self.taken = False
        self.here: int | None = None  # bytes of a whole file that has its name already
        self.resumed_from: int | None = None
        if save.folder is not None:
            try:
                os.makedirs(save.folder, exist_ok=True)
            except OSError as exc:
                raise LocalFailure(f"cannot make the folder {save.folder}: {exc.strerror}", kind="write") from exc
        if path is not None:
            self.part = Part(path)
            if self.part.direct and save.resume:
                raise BadInput(f"-c: {path} is no file that could be continued")

    # --- before a request

    def prepare(self) -> Generator[Pause, None, None]:
        """Look at what is here. Pauses of no time while a long part is read. Raises LocalFailure."""
        if self.part and self.head is None and not self.part.direct:
            self._take_over(self.part)
        if self.held and self.algorithms and self.hashed != self.held.size:
            assert self.part is not None
            self.digests, self.hashed = Digests(self.algorithms), 0
            for piece in self.part.read():
                self.digests.update(piece)
                self.hashed += len(piece)
                yield Pause(0.0)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Those of the next request that ask for the rest."""
        return (ask(self.held) or ()) if self.held else ()

    def _take_over(self, part: Part) -> bool:
        """Go on with the part that is there, if that is wanted and can be. Raises LocalFailure."""
        facts = part.take_over(orphans=self.save.resume and self.checksum is not None)
        if facts is None or not self.save.resume:
            return False
        self.seen = facts.seen if facts.url == self.url else Seen(total=facts.seen.total)
        self.offer(f"is of {facts.url}" if facts.url != self.url else "")
        return True

    def offer(self, other: str = "") -> None:
        """Continue what is here with the next request, where it can be shown to be of the same file."""
        self.held, self.useless = None, None
        if self.part and self.part.size:
            held = Held(self.part.size, self.seen, self.checksum is not None and not self.ranged)
            if ask(held):
                self.held = held
            elif self.seen.encoded:
                self.useless = "the part came in a coding"
            else:
                self.useless = f"the part {other}" if other else "the server gave no ETag or date to know the file by"

    def renew(self) -> None:
        """As before a first request, for another attempt: what is here since then is gone on with."""
        self.taken = False
        self.offer()

    # --- at its answer

    def concerns(self, head: Head) -> bool:
        """Whether the answer brings the file, or says something about the part."""
        if self.held and head.status == 416:
            return True
        return 200 <= head.status < 300 and head.status not in NO_BODY

    def take(self, head: Head, url: Url) -> OnBody | None:
        """What takes the body's pieces; None when it is not wanted. Raises PeerError, LocalFailure.

        url: where the answer came from.
        """
        self.at, self.head, self.range, self.again, self.taken = url, head, None, False, True
        if self.held:
            match decide(self.held, head):
                case Append() as found:
                    return self._append(found)
                case Whole():
                    self.whole = True
                    self.resumed_from = self.held.size
                    return None
                case Restart(why, again):
                    self.held, self.useless, self.again = None, why, again
                    if again:
                        return None
        elif head.status == 206 and not self.ranged:
            raise PeerError("206, a part of the file that nobody asked for", kind="resume")
        if self.part is None:
            self._choose(head, url)
        elif self.save.resume and not self.part.size and self._is_here(self.part.path, head):
            self.whole = True
        if self.whole or self.again:
            return None
        return self._begin(head)

    def _append(self, found: Append) -> OnBody:
        assert self.part is not None
        self.part.truncate(found.start)
        self.range, self.resumed_from = found, found.start
        return self._write

    def _begin(self, head: Head) -> OnBody:
        assert self.part is not None
        if self.useless:
            self.warnings.append(Warn("restarted", f"{self.part.part_name} is begun anew: {self.useless}"))
            self.useless = None
        self.seen, self.resumed_from = Seen() if self.ranged else seen(head), None
        self.digests, self.hashed = Digests(self.algorithms), 0
        self.part.begin(Facts(self.url, self.seen))
        return self._write

    def _write(self, data: bytes) -> None:
        assert self.part is not None
        if self.range and self.part.size + len(data) > self.range.end:
            raise PeerError(
                f"{self.at}: more bytes came than the range up to {self.range.end} has", kind="resume", hint=ANEW
            )
        self.part.write(data)
        self.digests.update(data)
        self.hashed = self.part.size

    def _choose(self, head: Head, url: Url) -> None:
        """The server's name for it, and the part of that name."""
        name = name_for(url, head.get("content-disposition"), head.get("content-type"))
        self.stem = path = os.path.join(self.save.folder or "", name)
        if self.save.resume and not os.path.isdir(path):
            self.part = Part(path, follow=False)
            if self._take_over(self.part):
                self.again = self.held is not None
                return
            self.part.close()
            if self._is_here(path, head):
                self.whole = True
                return
            self.part = None
        if self.save.overwrite and os.path.isdir(path) and not os.path.islink(path):
            raise LocalFailure(f"cannot write {path}: it is a folder", kind="write")
        for candidate in [path] if self.save.overwrite else self._names():
            if not self.save.overwrite and os.path.lexists(candidate):
                continue
            part = Part(candidate, follow=False)
            if not _is_plain(part.part) and not self.save.overwrite:
                continue
            try:
                part.take_over()
                part.open()  # which takes its lock
            except LocalFailure as exc:
                if exc.kind not in ("locked", "unknown_part") or self.save.overwrite:
                    raise
                part.close()
                continue
            self.part = part
            return
        raise LocalFailure(f"cannot write {path}: it is there, and so are its copies up to {COPIES}", kind="write")

    def _names(self) -> Iterator[str]:
        return (numbered(self.stem, number) for number in range(COPIES + 1))

    def _is_here(self, path: str, head: Head) -> bool:
        """Whether the whole file is here already: as long as the server's, and not older."""
        try:
            found = os.stat(path, follow_symlinks=False)
        except OSError:
            return False
        told = seen(head)
        date = moment(told.last_modified) if told.last_modified else None
        if not stat.S_ISREG(found.st_mode) or told.encoded or told.total != found.st_size:
            return False
        if date is not None and date > found.st_mtime:
            return False
        self.here = self.resumed_from = found.st_size
        return True

    # --- the end

    @property
    def base(self) -> int:
        """Where in the file the body of this answer begins."""
        return self.range.start if self.range else 0

    @property
    def size(self) -> int:
        """Bytes of the file that are here."""
        return self.here if self.here is not None else self.part.size if self.part else 0

    @property
    def begun(self) -> bool:
        """Whether bytes went where none can be taken back, a device or a pipe."""
        return self.part is not None and self.part.direct and self.part.size > 0

    def check_end(self) -> None:
        """Raises PeerError when the file is not whole."""
        part = self.part
        assert part is not None
        if self.range and part.size < self.range.end:
            raise PeerError(f"closed after {part.size} of {self.range.total} bytes of the file", kind="truncated")
        if self.range and self.range.end < self.range.total:
            raise PeerError(
                f"the server sent bytes up to {self.range.end} of {self.range.total} only", kind="short_range"
            )

    def commit(self) -> str:
        """Give the whole file its name, which is returned. Raises No for another checksum, LocalFailure."""
        part = self.part
        assert part is not None
        if self.here is not None and self.algorithms:
            self.digests = Digests(self.algorithms)
            for piece in self.read():
                self.digests.update(piece)
        if self.checksum:
            self.digests.check(self.checksum, part.name)
        if self.here is not None:
            part.forget()
            return part.name
        modified = self._modified()
        if self.save.file is not None or self.save.overwrite:
            part.commit(modified=modified)
        else:
            part.commit_new(chain([part.name], self._names()), modified=modified)
        part.forget()
        return part.name

    def _modified(self) -> float | None:
        if not self.save.mtime:
            return None
        found = moment((self.head.get("last-modified") if self.head else None) or self.seen.last_modified or "")
        if found is None:
            self.warnings.append(Warn("no_last_modified", "the server gave no Last-Modified for --mtime"))
        return found

    def read(self) -> Iterator[bytes]:
        """The file from its first byte on, the part or what was here already. Raises LocalFailure."""
        assert self.part is not None
        if self.here is None:
            yield from self.part.read()
            return
        try:
            with open(self.part.path, "rb") as file:
                while piece := file.read(1 << 20):
                    yield piece
        except OSError as exc:
            raise LocalFailure(f"cannot read {self.part.path}: {exc.strerror}", kind="read") from exc

    def close(self) -> str | None:
        """The name of the part that is left."""
        return self.part.close() if self.part else None

    def kept(self, part: str) -> str:
        """What is left, and how to go on."""
        can_be_continued = self.checksum is not None or self.seen.validator is not None
        return f"{part} holds what came until then" + (", -c goes on with it" if can_be_continued else "")

    def explain(self, error: NetkitError, part: str) -> None:
        if error.kind == "checksum":
            error.hint = f"{part} holds what came"
        elif error.hint is None:
            error.hint = self.kept(part)


def masked(url: Url) -> str:
    """The URL as the file beside a part keeps it: without userinfo, and what names a secret in the query masked."""
    if url.query is None:
        return str(url)
    pairs = (pair.partition("=") for pair in url.query.split("&"))
    query = "&".join(f"{name}=***" if equals and _names_secret(name) else name + equals + value
                     for name, equals, value in pairs)  # fmt: skip
    return f"{str(url).partition('?')[0]}?{query}"


def _names_secret(name: str) -> bool:
    return is_secret(name) or name.lower() in ("sig", "auth", "pass", "pwd", "code", "sas", "jwt", "session", "sid")


def _is_plain(path: str) -> bool:
    """Nothing, or a file that is no link."""
    try:
        return stat.S_ISREG(os.stat(path, follow_symlinks=False).st_mode)
    except OSError:
        return True
