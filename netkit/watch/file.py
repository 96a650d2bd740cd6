"""Files, FIFOs, terminals and inherited pipes."""

import errno
import os
import stat

from netkit.net.loop import READ
from netkit.net.reasons import reason_of, would_block
from netkit.watch.source import Source, Watch
from netkit.watch.target import Target


class File(Source):
    """A file, FIFO, terminal or inherited pipe. Flags of a descriptor that is not ours are never changed.

    A regular file is always ready, and epoll(7) refuses it: it is read in slices between the turns.
    """

    def __init__(self, watch: Watch, target: Target, fd: int, *, own: bool) -> None:
        super().__init__(watch, target)
        self.fd = fd
        self._own = own
        self._always = stat.S_ISREG(os.fstat(fd).st_mode)

    def start(self) -> None:
        self.state = "open"
        self.tell("open")
        if self._always:
            self.loop.later(0, self._slice)
        else:
            try:
                self.loop.add(self.fd, self._ready)
            except (PermissionError, FileExistsError):  # the null device, or a descriptor that is watched already
                self._always = True
                self.loop.later(0, self._slice)
        self.watch.opened(self)

    def _slice(self) -> None:
        if not self.done:
            self._ready(READ)
            if not self.done:
                self.loop.later(0, self._slice)

    def _ready(self, events: int) -> None:
        try:
            data = os.read(self.fd, self.slice)
        except OSError as exc:
            if not would_block(exc):
                self.ended("close" if exc.errno == errno.EIO else "error", reason_of(exc))  # EIO: the terminal is gone
            return
        if data:
            self.came(data)
        else:
            self.ended("close")

    def close(self) -> None:
        if self.fd >= 0:
            if not self._always:
                self.loop.remove(self.fd)
            if self._own:
                os.close(self.fd)
            self.fd = -1
