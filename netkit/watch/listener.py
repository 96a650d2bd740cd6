"""A listening socket; what it accepts is watched under its label."""

import errno
import socket
from collections.abc import Callable

from netkit.net.address import text_of
from netkit.net.loop import READ
from netkit.watch.opening import place_of
from netkit.watch.source import Source, Watch
from netkit.watch.target import Target

ACCEPTS = 16  # in a turn
SUM_SECONDS = 1.0
PAUSE = 0.2  # seconds without accepting when descriptors or memory have run out: it would fail again at once
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener(Source):
    """on_client: gets this, each client, and where that comes from."""

    def __init__(
        self,
        watch: Watch,
        target: Target,
        sock: socket.socket,
        on_client: "Callable[[Listener, socket.socket, str], None]",
    ) -> None:
        super().__init__(watch, target)
        self.socket = sock
        self.fd = sock.fileno()
        self._on_client = on_client
        self._refused = 0  # since the last that was told
        self._summing = False

    def start(self) -> None:
        self.state = "open"
        self.loop.add(self.fd, self._ready)
        self.tell("listening", detail=place_of(self.socket))
        self.watch.opened(self)

    def _ready(self, events: int) -> None:
        for _ in range(ACCEPTS):
            if self.fd < 0:  # what was accepted has said enough
                return
            try:
                client, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in EXHAUSTED:
                    self.tell("error", detail=f"cannot accept: {exc.strerror}")
                    self.loop.change(self.fd, 0)
                    self.loop.later(PAUSE, lambda: self.loop.change(self.fd, READ) if self.fd >= 0 else None)
                    return
                continue
            self._on_client(self, client, text_of(address))

    def refuse(self, why: str) -> None:
        """Tell that one was not let in; those of the next second are told in sum, for a flood must not be one here."""
        if self._summing:
            self._refused += 1
            return
        self._summing = True
        self.tell("refused", detail=why)
        self.loop.later(SUM_SECONDS, self._sum_up)

    def _sum_up(self) -> None:
        self._summing = False
        if self._refused and not self.done:
            self.tell("refused", detail=f"{self._refused} more")
        self._refused = 0

    def close(self) -> None:
        if self.fd >= 0:
            self.loop.remove(self.fd)
            self.fd = -1
            self.socket.close()
