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

from netkit.chat.bus import LocalBus
from netkit.chat.event import event
from netkit.chat.handover import GO, READY, SECONDS, TAKEN, VARIABLE, Groups, send
from netkit.net.loop import Timer

if TYPE_CHECKING:
    from netkit.chat.server import ChatServer

START_SECONDS = 30.0  # for the new process to be ready
COME_AGAIN = "the server is replaced, come again"


class Upgrade:
    """groups: the listening sockets by name. handed: told the new process's id when it goes on."""

    def __init__(self, server: "ChatServer", groups: Groups, handed: Callable[[int], None]) -> None:
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
        if not isinstance(self._server.hub.bus, LocalBus):
            self._say("failed", "not with --bus: stop this node, and start it again")
            return
        self._channel, theirs = socket.socketpair()
        with theirs:
            theirs.set_inheritable(True)
            environment = {**os.environ, VARIABLE: str(theirs.fileno())}
            try:
                self._pid = os.posix_spawn(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
            except OSError as exc:
                self._fail(f"cannot start {sys.executable}: {exc.strerror}")
                return
        self._server.loop.add(self._channel.fileno(), self._ready)
        self._timer = self._server.loop.later(START_SECONDS, lambda: self._fail(f"not ready in {START_SECONDS:g} s"))

    def _ready(self, events: int) -> None:
        assert self._channel is not None
        self._server.loop.remove(self._channel.fileno())
        if self._server.draining:
            self._fail("this one stops")
            return
        try:
            self._channel.settimeout(SECONDS)
            if self._channel.recv(1) != READY:
                raise EOFError("it ended before it was ready")
            self._server.dismiss_others("upgrade", COME_AGAIN)
            send(self._channel, self._server, self._groups)
            if self._channel.recv(1) != TAKEN:
                raise EOFError("it did not take over")
        except (OSError, EOFError) as exc:
            self._fail(str(exc))
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
