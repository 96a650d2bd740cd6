"""A message as whoever sends it sees it: what a server is told before, and the bytes."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple


class BareNewline(StrEnum):
    """What becomes of a lone CR or LF."""

    fix = "fix"
    reject = "reject"
    send = "send"


class Content(NamedTuple):
    """size: bytes, CRLF counted, dots not. eight_bit: it has bytes over 127. utf8: an address in it, or in its
    envelope, is not ASCII, so that SMTPUTF8 is needed."""

    size: int
    eight_bit: bool = False
    utf8: bool = False


class Message(NamedTuple):
    """chunks: its bytes with CRLF line ends, any number of times."""

    content: Content
    chunks: Callable[[], Iterator[bytes]]
