"""What a message is made of: texts in memory, files that are read again each time they are sent, and what holds them.

Each says its size before it is sent and gives its bytes in pieces with CRLF line ends, so that a file of any size
passes in constant memory. Nothing here has a byte over 127: texts are quoted-printable or base64, files base64.
"""

import os
import stat
from binascii import b2a_base64, b2a_qp
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol

from netkit.errors import BadInput, LocalFailure
from netkit.mail.dots import Newlines
from netkit.mail.message.header import parameter

LINE = 57  # bytes that make a base64 line of 76 characters
PIECE = LINE * 1000
MAX_NAME = 255  # bytes of a file's name, as file systems have it, of a media type, of a cid: each stands in one line


class Body(Protocol):
    """A MIME entity: its header, and its content."""

    size: int

    def chunks(self) -> Iterator[bytes]:
        """Header, empty line and content; a line end at the end."""


class TextBody:
    """A text in UTF-8, encoded so that every line is short and 7 bit."""

    def __init__(self, text: bytes, subtype: str) -> None:
        """text: UTF-8, any line ends."""
        lines = Newlines()
        text = lines.feed(text) + lines.end()
        if text and not text.endswith(b"\r\n"):
            text += b"\r\n"
        plain = text.isascii() and b"\0" not in text
        if plain and all(len(line) <= 76 for line in text.split(b"\r\n")):
            encoding, body = "7bit", text
        elif _odd(text) * 3 > len(text):
            encoding, body = "base64", base64_lines(text)
        else:
            encoding, body = "quoted-printable", quoted(text)
        charset = "us-ascii" if plain else "utf-8"
        head = f"Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        self._data = head.encode() + body
        self.size = len(self._data)

    def chunks(self) -> Iterator[bytes]:
        yield self._data


class FileBody:
    """A file in base64. inline: shown in the text that names its cid, not offered beside it."""

    def __init__(self, path: str, kind: str, name: str, *, cid: str | None = None) -> None:
        """Raises LocalFailure where it cannot be read, BadInput for what is no file."""
        for what, value in (("name", name), ("type", kind), ("cid", cid or "")):
            if len(value.encode()) > MAX_NAME:
                raise BadInput(f"{path}: a {what} of more than {MAX_NAME} bytes")
        self.path = path
        with opened(path) as stream:
            found = os.fstat(stream.fileno())
        disposition = "attachment" if cid is None else "inline"
        head = (
            f"Content-Type: {kind}\r\n"
            f"Content-Transfer-Encoding: base64\r\n"
            f"Content-Disposition: {disposition}{parameter('filename', name)}\r\n"
        )
        if cid is not None:
            head += f"Content-ID: <{cid}>\r\n"
        self._head = head.encode() + b"\r\n"
        full, rest = divmod(found.st_size, LINE)
        self.size = len(self._head) + full * 78 + (-(-rest // 3) * 4 + 2 if rest else 0)

    def chunks(self) -> Iterator[bytes]:
        yield self._head
        with opened(self.path) as stream:
            while piece := stream.read(PIECE):
                yield base64_lines(piece)


class Multipart:
    """Several in one. kind: mixed, alternative or related. boundary: a line that none of them has."""

    def __init__(self, kind: str, parts: Sequence[Body], boundary: str) -> None:
        self._parts = parts
        self._head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        self._between = f"--{boundary}\r\n".encode()
        self._end = f"--{boundary}--\r\n".encode()
        self.size = len(self._head) + sum(len(self._between) + one.size + 2 for one in parts) + len(self._end)

    def chunks(self) -> Iterator[bytes]:
        yield self._head
        for part in self._parts:
            yield self._between
            yield from part.chunks()
            yield b"\r\n"  # it belongs to the boundary (RFC 2046 5.1.1)
        yield self._end


def base64_lines(data: bytes) -> bytes:
    """Lines of 76 characters; data is a multiple of LINE, or the end."""
    return b"".join(b2a_base64(data[at : at + LINE])[:-1] + b"\r\n" for at in range(0, len(data), LINE))


def quoted(text: bytes) -> bytes:
    """Quoted-printable (RFC 2045 6.7) of lines that end in CRLF."""
    return b2a_qp(text, istext=True)


def _odd(text: bytes) -> int:
    """Bytes that quoted-printable makes three of."""
    return sum(byte > 126 or (byte < 32 and byte not in b"\r\n\t") for byte in text[: 256 * 1024])


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A regular file: its size is told before it is sent. Raises LocalFailure."""
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for whoever writes into it.
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except (OSError, ValueError) as exc:
        raise LocalFailure(f"cannot read {path}: {getattr(exc, 'strerror', None) or exc}", kind="unreadable") from exc
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise LocalFailure(f"cannot send {path}: it is no regular file", kind="unreadable")
        try:
            yield stream
        except OSError as exc:
            raise LocalFailure(f"cannot read {path}: {exc.strerror or exc}", kind="unreadable") from exc
