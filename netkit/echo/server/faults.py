"""Faults on purpose, for testing clients: what goes wrong, and how often."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple


class Faults(NamedTuple):
    """delay: seconds before an echo. drop, duplicate, reorder: shares (0 to 1) of datagrams. corrupt: share of
    datagrams, or of reads from a stream, in which one bit is flipped. reset_after: bytes that a stream gets back before
    it is reset.
    """

    delay: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    reset_after: int | None = None

    @property
    def on_streams(self) -> bool:
        return bool(self.delay or self.corrupt or self.reset_after is not None)

    @property
    def on_datagrams(self) -> bool:
        return bool(self.delay or self.drop or self.duplicate or self.reorder or self.corrupt)


def flipped(data: bytes, random: Random) -> bytes:
    """The data with one bit changed; nothing has no bit."""
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def copies(data: bytes, faults: Faults, random: Random) -> Iterator[bytes]:
    """What is sent back for one datagram: nothing, itself, or two of it, whole or not."""
    if random.random() < faults.drop:
        return
    for _ in range(2 if random.random() < faults.duplicate else 1):
        yield flipped(data, random) if random.random() < faults.corrupt else data
