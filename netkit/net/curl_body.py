"""Hands a body on to its sink, the small pieces that libcurl makes of it together.

It calls for each 16 KiB of HTTP/1 and each frame of HTTP/2, 200,000 times a GiB, so what a call does is what a large
body costs: passed on by themselves the pieces took a third more CPU time than curl, together the same. None waits for
the next one to come: libcurl's progress callback, which follows whatever it has read, calls `give`.
"""

from netkit.net.hop import OnBody

TOGETHER = 64 * 1024  # bytes given at once; more does not fit the processor's nearest caches
MAX_UNWANTED = 64 * 1024  # of a body nobody wants; more costs less as a new connection than to read it all


class Pieces:
    """sink: set with the head; None: the body is not wanted. received: bytes so far. enough: the sink wants no more.

    giving: the sink has a piece, and may wait for a slow reader. waiting: pieces that it has not.
    """

    def __init__(self) -> None:
        self.sink: OnBody | None = None
        self.received = 0
        self.enough = self.giving = False
        self.waiting: list[bytes] = []
        self._given = 0

    def add(self, data: bytes) -> bool:
        """False: the rest is not wanted. Raises what the sink raises."""
        self.waiting.append(data)
        self.received += len(data)
        return self.received - self._given < TOGETHER or self.give()

    def give(self) -> bool:
        """What waits, to the sink."""
        if not self.waiting or self.enough:
            return not self.enough
        data = b"".join(self.waiting)
        self.waiting.clear()
        self._given = self.received
        if self.sink is None:
            self.enough = self.received > MAX_UNWANTED
        else:
            self.giving = True
            self.enough = self.sink(data) is False
            self.giving = False
        return not self.enough
