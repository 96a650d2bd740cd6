"""What the sockets of an echo server have of it: the faults on purpose, and the buffer that all streams read into."""

from collections.abc import Sequence
from random import Random
from typing import Unpack

from netkit.echo.server.faults import Faults
from netkit.echo.server.server import Options, Server
from netkit.net.listen import Listening

BUFFER = 256 * 1024  # what one read takes at most: a bulk stream gains up to here, not beyond
SMALL = 4 * 1024  # the same when clients that do not read hold PENDING bytes between them
PENDING = 64 * 1024 * 1024


class Echoing(Server):
    """faults: see there; seed: of their randomness. For the rest see Server."""

    def __init__(
        self, listening: Sequence[Listening], faults: Faults, seed: int | None, **options: Unpack[Options]
    ) -> None:
        self.faults = faults
        self.random = Random(seed)
        self.pending = 0  # bytes received and not sent yet, of all streams
        self._large = memoryview(bytearray(BUFFER))
        self.view = self.buffer = self._large
        super().__init__(listening, **options)

    def blocked(self, change: int) -> None:
        """Account for bytes that wait for a client to read; when all together are too many, reads become small."""
        self.pending += change
        full = self.pending > PENDING
        if full != (self.buffer is not self._large):
            self.buffer = self._large[:SMALL] if full else self._large
