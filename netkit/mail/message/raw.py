"""A message that was made elsewhere: its bytes are kept, but for line ends; `-t` takes the recipients from its header.

Lone CR and LF become CRLF: on the wire each of them is a way to smuggle a second message (CVE-2023-51764). The header
is held in memory, the rest is read twice: once for its size and what is in it, once to be sent.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import BinaryIO

from netkit.errors import BadInput, LocalFailure
from netkit.mail.dots import Newlines
from netkit.mail.header_address import addresses
from netkit.mail.mailbox import parse_address
from netkit.mail.message.body import opened
from netkit.mail.message.content import BareNewline, Content, Message

PIECE = 64 * 1024
MAX_HEADER = 1024 * 1024  # bytes
MAX_LINE = 998  # bytes of a line without its end, RFC 5321 4.5.3.1.6
_HEADER_END = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")


Source = Callable[[], AbstractContextManager[BinaryIO]]


class Raw:
    """A message from a file. Raises BadInput for one that may not be sent, LocalFailure for one that cannot be read."""

    def __init__(
        self,
        source: Source,
        *,
        bare: BareNewline = BareNewline.fix,
        long_lines: bool = False,
        without: Sequence[bytes] = (),
    ) -> None:
        """source: opens the message, any number of times. without: fields that are left out, in lower case."""
        self._source = source
        self._bare = bare
        with source() as stream:
            head = stream.read(MAX_HEADER + 1)
        if not head:
            raise BadInput("the message is empty", hint="what should have written it has written nothing")
        self._body_at = _body_start(head)
        head = head[: self._body_at]
        if bare is BareNewline.fix:
            lines = Newlines()
            head = lines.feed(head) + lines.end()
        self._fields = list(fields(head))
        if without and any(name in without for name, _ in self._fields):
            ending = b"\r\n" if head.endswith((b"\r\n\r\n", b"\n\n")) else b""
            head = b"".join(whole for name, whole in self._fields if name not in without) + ending
        self._head = head.partition(b"\n")[2] if head.startswith(b"From ") else head  # an mbox has that line
        scan = Scan(bare, long_lines)
        for piece in self.chunks():
            scan.feed(piece)
        self.content = Content(scan.size, eight_bit=scan.eight_bit)

    def message(self, *, utf8: bool) -> Message:
        """utf8: an address of the envelope needs SMTPUTF8."""
        return Message(self.content._replace(utf8=utf8), self.chunks)

    def mailboxes(self, name: bytes) -> list[str]:
        """The addresses in all fields of that name, checked."""
        found = []
        for one, whole in self._fields:
            if one == name:
                for box in addresses(whole.partition(b":")[2], limit=None):  # whoever is left out gets no mail
                    found.append(parse_address(box.address, f"{name.decode().capitalize()} of the message"))
        return found

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they are sent; a line end at the end."""
        lines = Newlines()
        last = self._head
        yield self._head
        with self._source() as stream:
            stream.seek(self._body_at)
            while piece := stream.read(PIECE):
                if self._bare is BareNewline.fix:
                    piece = lines.feed(piece)
                if piece:
                    last = piece[-2:] if len(piece) > 1 else last[-1:] + piece
                    yield piece
        if rest := lines.end():
            yield rest
        elif not last.endswith(b"\r\n"):
            yield b"\r\n"


def _body_start(head: bytes) -> int:
    """Where the header has ended, its empty line with it."""
    if head.startswith((b"\r\n", b"\n", b"\r")):
        return 2 if head.startswith(b"\r\n") else 1
    found = _HEADER_END.search(head)
    if found is None and len(head) > MAX_HEADER:
        raise BadInput(f"the message has no empty line within {MAX_HEADER} bytes: is that a message?")
    return found.end() if found else len(head)


def fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name in lower case, the whole field with its line ends) of each; lines that are no field have the name b""."""
    name, whole = b"", list[bytes]()
    for line in head.splitlines(keepends=True):
        if not line.strip(b"\r\n"):
            break
        if line[:1] in b" \t" and whole:
            whole.append(line)
            continue
        if whole:
            yield name, b"".join(whole)
        name, whole = line.partition(b":")[0].strip(b" \t").lower() if b":" in line else b"", [line]
    if whole:
        yield name, b"".join(whole)


class Scan:
    """What a message has in it, found as its bytes pass. Raises BadInput for what may not be sent."""

    def __init__(self, bare: BareNewline, long_lines: bool) -> None:
        self.size = 0
        self.eight_bit = False
        self._bare = bare
        self._long_lines = long_lines
        self._line = 1
        self._tail = b""

    def feed(self, data: bytes) -> None:
        self.size += len(data)
        self.eight_bit = self.eight_bit or not data.isascii()
        if self._long_lines and self._bare is not BareNewline.reject:
            return
        lines = (self._tail + data).split(b"\r\n")
        self._tail = lines.pop()
        for number, line in enumerate(lines, self._line):
            self._check(number, line)
        self._line += len(lines)
        if len(self._tail) > MAX_LINE + 1:
            self._check(self._line, self._tail[:-1])
            self._tail = self._tail[-1:]

    def _check(self, number: int, line: bytes) -> None:
        if self._bare is BareNewline.reject and (b"\r" in line or b"\n" in line):
            lone = "LF" if b"\n" in line else "CR"
            raise BadInput(
                f"line {number} of the message has a lone {lone}", hint="--bare-newline=fix makes a line end of it"
            )
        if len(line) > MAX_LINE and not self._long_lines:
            raise BadInput(
                f"line {number} of the message has {len(line)} bytes, the limit is {MAX_LINE}",
                hint="--allow-long-lines sends it all the same; --text and --html encode such lines",
            )


@contextmanager
def standard_input() -> Iterator[Source]:
    """Standard input, put into a file without a name, since it is read twice. Raises LocalFailure."""
    with tempfile.TemporaryFile() as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool)
        except OSError as exc:
            raise LocalFailure(f"cannot keep standard input: {exc.strerror}", kind="unreadable") from exc
        yield partial(_again, spool)


@contextmanager
def _again(spool: BinaryIO) -> Iterator[BinaryIO]:
    spool.seek(0)
    yield spool


def from_file(path: str) -> Source:
    return partial(opened, path)
