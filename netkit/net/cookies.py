"""A file of cookies as Mozilla's, wget and curl have it, and the cookies that one command sends and is sent.

One cookie a line: domain, TRUE when its subdomains get it, path, TRUE when it is for TLS alone, expiry in seconds of
the epoch (0: of a session, which lasts as long as the file), name, value, between tabs; `#HttpOnly_` before the
domain, other lines with # are comments. Whom a cookie goes to and who may set it (RFC 6265: domain, path, Secure, the
prefixes __Host- and __Secure-, no cookie for a public suffix) is libcurl's to decide, which is held to that by
hundreds of tests and has the list of public suffixes; http.cookiejar has neither the list nor the prefixes, and
imports 40 ms of urllib. Here are the file, which is written aside and renamed, and the way in and out of libcurl.
"""

import os
import re
from pathlib import Path
from typing import Any, TypeAlias

from netkit.errors import BadInput, LocalFailure
from netkit.net.text_file import read_text

MAX_FILE = 4 * 1024 * 1024  # octets; browsers stop at 3,000 cookies of 4 KiB, and hold far less
MAX_DOMAIN = 180  # cookies of one domain, as Chromium has it (RFC 6265 6.1: at least 50); the oldest make room
HEADER = "# Netscape HTTP Cookie File\n# Whoever can read it can act as you.\n\n"

Lines: TypeAlias = dict[tuple[str, str, str], str]  # by (domain, path, name)

_HTTP_ONLY = "#HttpOnly_"
_FIELDS = 7
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class CookieJar:
    """The cookies of a file; `save` writes them back. Use one for all the fetches of a command."""

    def __init__(self, file: str) -> None:
        """Raises BadInput for what is no file of cookies, LocalFailure when it cannot be read or is in no folder."""
        self.file = Path(file)
        self.cookies: Lines = {}
        self._read()
        self._saved = dict(self.cookies)

    def _read(self) -> None:
        if self.file.is_dir():
            raise BadInput(f"{self.file} is a folder", hint="--cookie-jar takes the name of a file")
        if not self.file.absolute().parent.is_dir():
            raise LocalFailure(f"cannot write {self.file}: there is no folder {self.file.parent}", kind="write")
        found = read_text(
            self.file, "file of cookies", limit=MAX_FILE, missing="", errors="surrogateescape", kind="read"
        )
        for number, line in enumerate(found.split("\n"), 1):
            text = line.rstrip("\r")
            if not text.strip() or (text.startswith("#") and not text.startswith(_HTTP_ONLY)):
                continue
            fields = text.split("\t")
            if len(fields) == _FIELDS - 1:
                fields.append("")  # an empty value, the tab before it lost
            if len(fields) != _FIELDS or not re.fullmatch(r"-?\d{1,18}", fields[4]) or _CONTROL.search(text):
                raise BadInput(
                    f"{self.file}: line {number} is no cookie",
                    hint="a line has domain, TRUE or FALSE, path, TRUE or FALSE, expiry, name and value between tabs",
                )
            self.cookies[_key(fields)] = "\t".join(fields)

    def hand_to(self, curl: Any) -> Lines:
        """Make these the cookies of a handle, whatever it had before; returned for `take_from`."""
        curl.setopt(curl.COOKIEFILE, "")  # cookies on, no file
        curl.setopt(curl.COOKIELIST, "ALL")
        for line in self.cookies.values():
            curl.setopt(curl.COOKIELIST, line.encode("utf-8", "surrogateescape"))
        return dict(self.cookies)

    def take_from(self, curl: Any, given: Lines) -> None:
        """What the handle has now that was not given to it, and what it has no more: a server or time ended that.

        By what has changed, since other handles may have been sent cookies meanwhile. A server cannot fill the file: of
        its cookies the oldest make room for more than MAX_DOMAIN, and what is beyond MAX_FILE is not taken.
        """
        lines = (raw.decode("utf-8", "surrogateescape") for raw in curl.getinfo_raw(curl.INFO_COOKIELIST))
        now = {_key(line.split("\t")): line for line in lines}
        for key in given.keys() - now.keys():
            self.cookies.pop(key, None)
        new = {key: line for key, line in now.items() if given.get(key) != line}
        if not new:
            return
        self.cookies |= new
        for domain in {key[0] for key in new}:
            of_it = [key for key in self.cookies if key[0] == domain]
            for key in of_it[: max(0, len(of_it) - MAX_DOMAIN)]:
                del self.cookies[key]
        excess = len(self._data()) - MAX_FILE
        while excess > 0 and new:
            key, line = new.popitem()
            if self.cookies.pop(key, None) is not None:
                excess -= len(line.encode("utf-8", "surrogateescape")) + 1

    def save(self) -> None:
        """Aside and renamed, for nobody else's eyes; left alone when nothing has changed. Raises LocalFailure."""
        if self.cookies == self._saved and self.file.exists():
            return
        from netkit.net.whole_file import write_whole

        data = self._data()
        target = Path(os.path.realpath(self.file))  # through a link, to the file it names
        try:
            if target.exists() and not target.is_file():
                target.write_bytes(data)  # a device, as /dev/null: nothing to put in its place
            else:
                write_whole(target, data, mode=0o600)
        except OSError as exc:
            raise LocalFailure(f"cannot write {self.file}: {exc.strerror}", kind="write") from exc
        self._saved = dict(self.cookies)

    def _data(self) -> bytes:
        text = HEADER + "".join(f"{line}\n" for line in self.cookies.values())
        return text.encode("utf-8", "surrogateescape")


def _key(fields: list[str]) -> tuple[str, str, str]:
    domain = fields[0].removeprefix(_HTTP_ONLY).lower()
    return domain, fields[2], fields[5]
