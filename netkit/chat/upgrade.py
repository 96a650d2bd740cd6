"""SIGUSR2: the same command line is started anew, and takes everything over while nobody notices but a moment's pause.

Until the new process has said that it can, the old one serves; when it does not start, or not as far as that, the old
one goes on and says so. Who speaks TLS, or is a browser, is told to come again.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from netkit.chat.event import event
from netkit.chat.handover import GO, READY, SECONDS, TAKEN, VARIABLE, Groups, send
from netkit.net.loop import Timer

if TYPE_CHECKING:
    from netkit.chat.server import ChatServer

START_SECONDS = 30.0  # for the new process to be ready, and for the bus to be
AGAIN = 0.02  # between two looks whether the bus is
COME_AGAIN = "the server is replaced, come again"


class Upgrade:
    """groups: the listening sockets by name. handed: told the new process's id when it goes on. never: why it cannot
    be, "" when it can."""

    def __init__(self, server: "ChatServer", groups: Groups, handed: Callable[[int], None], *, never: str = "") -> None:
        self._never = never
        self._server = server
        self._groups = groups
        self._handed = handed
        self._channel: socket.socket | None = None
        self._pid = 0
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Start the new process; all else comes when it is ready."""
        if self._channel is not None or self._server.draining:
            return
        if self._never:
            self._say("failed", self._never)
            return
        self._channel, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            environment = {**os.environ, VARIABLE: str(theirs.fileno())}
            try:
                argv = [sys.executable, *sys.orig_argv[1:]]
                # A signal that comes before the new one has its handler waits for that, and does not end it.
                self._pid = os.posix_spawn(sys.executable, argv, environment, setsigmask=[signal.SIGUSR2])
            except OSError as exc:
                self._fail(f"cannot start {sys.executable}: {exc.strerror}")
                return
        self._server.loop.add(self._channel.fileno(), self._ready)
        self._timer = self._server.loop.later(START_SECONDS, self._late)

    def _ready(self, events: int) -> None:
        assert self._channel is not None
        self._server.loop.remove(self._channel.fileno())
        try:
            self._channel.settimeout(SECONDS)
            if self._channel.recv(1) != READY:
                raise EOFError("it ended before it was ready")
        except (OSError, EOFError) as exc:
            self._fail(str(exc))
            return
        self._hand_over()

    def _late(self) -> None:
        self._fail(self._server.hub.bus.hold_up() or f"not ready in {START_SECONDS:g} s")

    def _hand_over(self) -> None:
        """As soon as nothing is under way on the bus that this process alone could finish."""
        if self._channel is None:  # it was too late
            return
        if self._server.draining:
            self._fail("this one stops")
            return
        bus = self._server.hub.bus
        bus.catch_up()
        if bus.hold_up():
            self._server.loop.later(AGAIN, self._hand_over)
            return
        try:
            self._server.dismiss_others("upgrade", COME_AGAIN)
            send(self._channel, self._server, self._groups)
            if self._channel.recv(1) != TAKEN:
                raise EOFError("it did not take over")
        except (OSError, EOFError) as exc:
            self._fail(str(exc))
            bus.go_on()
            return
        pid, self._pid = self._pid, 0
        self._say("upgrade", f"process {pid} goes on")
        self._server.let_go()
        self._handed(pid)
        with suppress(OSError):  # it has gone: there is nobody left to tell
            self._channel.sendall(GO)
        self._channel.close()

    def _fail(self, why: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._channel is not None:
            if self._pid:
                self._server.loop.remove(self._channel.fileno())
            self._channel.close()
            self._channel = None
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._pid = 0
        self._say("failed", why)

    def _say(self, reason: str, detail: str) -> None:
        self._server.log(event("upgrade", node=self._server.hub.node, reason=reason, detail=detail))
