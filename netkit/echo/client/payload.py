"""What a probe carries: who sent it and which one it is, then a pattern that shows where it was changed."""

import os
import struct
from random import Random

MAGIC = b"nkE1"
HEADER = struct.Struct("!4sIQ")  # magic, run, sequence number
PATTERNS = ("random", "seq", "text")
TEXT = bytes(range(32, 127))  # RFC 864's characters, in their order


class Payloads:
    """The probes of one run, each of `size` bytes. Those that are too small for the header carry what fits."""

    def __init__(self, size: int, pattern: str) -> None:
        self.size = size
        self.run = int.from_bytes(os.urandom(4), "big")
        if pattern == "random":
            self._filler = Random(self.run).randbytes(size)
        else:
            unit = TEXT if pattern == "text" else bytes(range(256))
            self._filler = (unit * (size // len(unit) + 1))[:size]
        self.numbered = size >= HEADER.size

    def make(self, number: int) -> bytes:
        if not self.numbered:
            return number.to_bytes(8, "big")[8 - min(self.size, 8) :] + self._filler[min(self.size, 8) :]
        return HEADER.pack(MAGIC, self.run, number) + self._filler[HEADER.size :]

    def number_of(self, data: bytes) -> int | None:
        """Which probe of this run a reply is to; None when it does not say."""
        if self.numbered and len(data) >= HEADER.size:
            magic, run, number = HEADER.unpack_from(data)
            if magic == MAGIC and run == self.run:
                return int(number)
        return None


def first_difference(expected: bytes, got: bytes) -> int | None:
    """The offset of the first byte that differs, or where the shorter one ends; None when they are equal."""
    if expected == got:
        return None
    low, high = 0, min(len(expected), len(got))
    if expected[:high] == got[:high]:
        return high
    while high - low > 1:  # equal up to low, different before high
        half = (low + high) // 2
        if expected[low:half] == got[low:half]:
            low = half
        else:
            high = half
    return low
