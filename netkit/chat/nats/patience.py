"""Tells everybody when messages are held, since the broker is away or takes none, and when they go on."""

from time import monotonic

from netkit.chat.bus import Here
from netkit.chat.nats.stream import Writer
from netkit.net.loop import Loop, Timer


class Patience:
    """seconds: that it may take before people should know. down_since: in monotonic time, None while it is there."""

    def __init__(self, loop: Loop, seconds: float, writer: Writer) -> None:
        self.here: Here
        self.down_since: float | None = None
        self.ending = False  # nobody is told any more
        self._loop, self._seconds, self._writer = loop, seconds, writer
        self._timer: Timer | None = None
        self._told = False

    def arm(self) -> None:
        """Something was said, or the broker is gone."""
        if self._timer is None:
            self._timer = self._loop.later(self._seconds, self._look)

    def _look(self) -> None:
        """Whether it is time; looked at again as long as it may be."""
        self._timer = None
        began = [one for one in (self.down_since, self._writer.since) if one is not None]
        if self._told or self.ending or not began:
            return
        left = min(began) + self._seconds - monotonic()
        if left > 0:
            self._timer = self._loop.later(left, self._look)
        else:
            self._told = True
            self.here.log("bus", reason="held", lines=self._writer.held)
            self.here.announce("messages are held: the other machines cannot be reached")

    def over(self) -> None:
        """The broker is there, and has everything."""
        if self._told:
            self._told = False
            self.here.log("bus", reason="on")
            self._loop.soon(lambda: self.here.announce("messages go on"))
