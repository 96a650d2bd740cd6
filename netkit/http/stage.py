"""One content coding undone piece by piece: what gzip, deflate, br and zstd have in common.

A body is one member or, with gzip (RFC 1952 2.2) and zstd (frames, RFC 8878 3.1), several one after the other. Each
member has a decoder of its own; what stands behind the last one is counted as junk. A subclass says what begins a
member and how its library is fed; none holds more of the output than PIECE at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Any, ClassVar

from netkit.errors import PeerError

PIECE = 256 * 1024  # bytes out at a time, so that memory does not follow the ratio
SLICE = 16 * 1024  # bytes in at a time: what is behind a member is copied once a member


class Stage(ABC):
    """Takes the coded pieces with `feed`, gives back what they decode to; `finish` says whether it was whole.

    bytes_out: counted by whoever takes the pieces. junk: bytes behind the end.
    """

    needed: ClassVar[int] = 0  # the first bytes of a member, to know it by

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine: Any = None
        self.begun = b""  # the first bytes, until there are enough
        self.ended = False  # a member is complete
        self.bytes_out = 0
        self.junk = 0

    @abstractmethod
    def begins(self, data: bytes) -> bool:
        """Whether another member begins here, behind a complete one."""

    @abstractmethod
    def open(self, data: bytes) -> Any:
        """The decoder of a member that begins so."""

    @abstractmethod
    def decode(self, engine: Any, data: bytes) -> Generator[bytes, None, bytes | None]:
        """What the data gives; returns what is left behind the member's end, None within it. Raises PeerError."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises PeerError when it is not what its name says."""
        for at in range(0, len(data), SLICE):
            yield from self._feed(data[at : at + SLICE])

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self.junk:
                self.junk += len(data)
                return
            if self.engine is None:
                self.begun += data
                if len(self.begun) < self.needed:
                    return
                data, self.begun = self.begun, b""
                if self.ended and not self.begins(data):
                    self.junk = len(data)
                    return
                self.engine, self.ended = self.open(data), False
            left = yield from self.decode(self.engine, data)
            if left is None:
                return
            self.engine, self.ended, data = None, True, left

    def finish(self) -> None:
        """Raises PeerError when the data ends in the middle."""
        if self.ended and self.engine is None:
            self.junk += len(self.begun)
            self.begun = b""
        elif not self.ended:
            raise PeerError(
                f"the {self.name} data ends in the middle: the body is cut short", kind="truncated_encoding"
            )

    def broken(self, reason: str) -> PeerError:
        words = f"the body is not {self.name} as Content-Encoding says"
        return PeerError(f"{words}: {reason}" if reason else words, kind="undecodable")
