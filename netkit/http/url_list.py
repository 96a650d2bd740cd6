"""A list of URLs, one a line, read as it is needed: `netkit http get -i FILE`.

Lines end with LF or CRLF; a byte order mark, blank lines and lines that begin with # are passed over. A line that is
no URL has a result of its own and stops nothing. No more than one block is held, so a list of any length, also one
that never ends, takes the same memory.
"""

import os
import select
from collections.abc import Callable, Iterator

from netkit.errors import BadInput, LocalFailure, NetkitError
from netkit.http.request import Request
from netkit.http.result import Response
from netkit.http.url import MAX_URL

BLOCK = 64 * 1024
MAX_LINE = 2 * MAX_URL  # bytes; a longer one is no URL
SHOWN = 200  # characters of a line in its result
BOM = b"\xef\xbb\xbf"


class UrlList:
    """Iterate: a Request for each line, the Response of one that cannot be sent, None while a pipe has no line yet.

    make: the request for a URL; what it raises becomes the line's result. name: of the list, for messages. The
    descriptor is the caller's to close. Raises LocalFailure when it cannot be read.
    """

    def __init__(self, fd: int, name: str, make: Callable[[str], Request], *, method: str = "GET") -> None:
        self.fd, self.name, self.make, self.method = fd, name, make, method
        self.number = 0
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def __iter__(self) -> Iterator[Request | Response | None]:
        for line in self._lines():
            if line is None:
                yield None
                continue
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(BOM)
            text = line.strip()
            if text and not text.startswith(b"#"):
                yield self._request(text)

    def _request(self, line: bytes) -> Request | Response:
        shown = line[: SHOWN + 1].decode("utf-8", "backslashreplace")
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
        try:
            if len(line) > MAX_LINE:
                raise BadInput(f"the line is longer than {MAX_LINE} bytes")
            try:
                text = line.decode()
            except UnicodeDecodeError as exc:
                raise BadInput(f"{shown!r} is not UTF-8") from exc
            return self.make(text)
        except NetkitError as exc:
            exc.message = f"{self.name}, line {self.number}: {exc.message}"
            return Response.unsent(self.method, shown, exc)

    def _lines(self) -> Iterator[bytes | None]:
        """What stands between line ends; of one that is too long its beginning alone."""
        rest, too_long = b"", False
        while True:
            while not self._poll.poll(0):
                yield None
            try:
                block = os.read(self.fd, BLOCK)
            except OSError as exc:
                raise LocalFailure(f"cannot read {self.name}: {exc.strerror}", kind="read") from exc
            if not block:
                break
            *lines, last = block.split(b"\n")
            for line in lines:
                yield rest if too_long else rest + line
                rest, too_long = b"", False
            if not too_long:
                rest += last
                too_long = len(rest) > MAX_LINE
        if rest:
            yield rest
