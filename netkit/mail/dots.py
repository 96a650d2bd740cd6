"""The framing that SMTP's DATA and POP3's long answers share: lines end in CRLF, a lone dot ends the whole.

A line that begins with a dot gets another in front (RFC 5321 4.5.2, RFC 1939 section 3). Only CRLF.CRLF is an end:
taking LF.LF for one as well is how a message smuggles commands (CVE-2023-51764). Everything here works on pieces as
they come and holds back no more than four bytes, so a message of any size passes in constant memory.
"""

import re
from typing import NamedTuple

END = b"\r\n.\r\n"
_NEWLINE = re.compile(rb"\r\n|\r|\n")


class Piece(NamedTuple):
    """What a DotReader made of its input; rest is what came behind the end."""

    data: bytes
    done: bool
    rest: bytes


class DotReader:
    """Takes the dots out again. After `done` the reader is used up."""

    def __init__(self) -> None:
        self._held = b"\r\n"  # as if a line had just ended
        self._skip = 2  # of what comes out: those two bytes were not sent

    def feed(self, data: bytes) -> Piece:
        held = self._held + data
        end = held.find(END)
        if end >= 0:
            return Piece(self._out(held[: end + 2]), True, held[end + len(END) :])
        cut = len(held)
        for size in range(min(4, cut), 0, -1):
            if held.endswith(END[:size]):
                cut -= size
                break
        self._held = held[cut:]
        return Piece(self._out(held[:cut]), False, b"")

    def _out(self, piece: bytes) -> bytes:
        out = piece.replace(b"\r\n.", b"\r\n")
        skipped = min(self._skip, len(out))
        self._skip -= skipped
        return out[skipped:]


class DotWriter:
    """Puts the dots in; what it is given has CRLF line ends alone."""

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def feed(self, data: bytes) -> bytes:
        if not data:
            return b""
        whole = self._tail + data
        out = whole.replace(b"\r\n.", b"\r\n..")[len(self._tail) :]
        self._tail = whole[-2:]
        return out

    def end(self) -> bytes:
        """The final dot, behind a line end if there is none yet."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


class Newlines:
    """Every CRLF, lone CR and lone LF becomes a CRLF."""

    def __init__(self) -> None:
        self._cr = False

    def feed(self, data: bytes) -> bytes:
        if self._cr:
            data = b"\r" + data
        self._cr = data.endswith(b"\r")
        return _NEWLINE.sub(b"\r\n", data[:-1] if self._cr else data)

    def end(self) -> bytes:
        out = b"\r\n" if self._cr else b""
        self._cr = False
        return out
