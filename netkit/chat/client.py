"""A plain client: nc, telnet, or a program that sends lines and reads lines."""

import hmac
import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING

from netkit.chat import commands
from netkit.chat.entry import UNSENT, Kind
from netkit.chat.limits import COST, PASSWORD_SECONDS, PASSWORD_TRIES, WARN_AFTER, Bucket
from netkit.chat.member import Member
from netkit.chat.protocol import Line, Lines
from netkit.chat.text import safe
from netkit.net.loop import GONE, READ, WRITE
from netkit.net.reasons import would_block

if TYPE_CHECKING:
    from netkit.chat.hub import Hub

GREETING = b"You're connected to the Python chatserver\r\n"
READ_SIZE = 64 * 1024
TUTORIAL_READ = 100  # bytes that the tutorial's server reads, and relays, at once
# What a browser sends first: a page of another site could make it talk here (as it did to Redis).
HTTP = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"PATCH ", b"DELETE ", b"TRACE ", b"CONNECT ")


class Client(Member):
    """password: what its first line has to be, None for no matter what."""

    def __init__(self, hub: "Hub", sock: socket.socket, peer: str, host: str, id: int, password: bytes | None) -> None:
        self._lines = Lines(hub.limits.max_line)
        rate = hub.limits.rate if not hub.tutorial else None
        self._bucket = Bucket(rate, hub.loop.now) if rate is not None else None
        self._held: deque[Line] = deque()  # lines over the rate, which wait
        self._holding_since: float | None = None
        self._warned = False
        self._first = True
        self._ended = False  # it has closed its side
        self._password = password
        self._tries = 0
        self._in = False
        self._handshake = isinstance(sock, ssl.SSLSocket)
        super().__init__(hub, sock, peer, host, id)
        if not self._handshake:
            self._begin()

    def _begin(self) -> None:
        if self._password is not None:
            self.tell(self.hub.words("password?"))
            self.hub.loop.later(PASSWORD_SECONDS, self._too_late)
        else:
            self._let_in()

    def _let_in(self) -> None:
        self._in = True
        self.tell(GREETING)
        if self.fd >= 0:
            self.hub.came(self)
            if self.hub.limits.replay and self.fd >= 0:
                commands.run(self, f"history {self.hub.limits.replay}")

    def _too_late(self) -> None:
        if not self._in and self.fd >= 0:
            self.hub.dismiss(self, "password", "no password came")

    def ready(self, events: int) -> None:
        if self._handshake:
            self._shake_hands()
        else:
            super().ready(events)

    def _shake_hands(self) -> None:
        assert self.tls is not None
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.hub.loop.change(self.fd, READ)
        except ssl.SSLWantWriteError:
            self.hub.loop.change(self.fd, WRITE)
        except OSError as exc:
            self.close("tls", str(getattr(exc, "reason", None) or exc).lower().replace("_", " "))
        else:
            self._handshake = False
            self._events = READ
            self.hub.loop.change(self.fd, READ)
            self._begin()

    @property
    def wants_more(self) -> bool:
        return self.closing is None and not self._held and not self._ended

    def read(self, events: int) -> None:
        if not self.wants_more:
            if events & GONE:
                self.close("reset")
            return
        try:
            data = self.socket.recv(TUTORIAL_READ if self.hub.tutorial else READ_SIZE)
        except OSError as exc:
            if not would_block(exc):
                self.lost(exc)
            return
        self.last = self.hub.loop.now
        self.received += len(data)
        self.hub.counts.bytes_in += len(data)
        if self.hub.tutorial:
            self._relay(data)
            return
        if data:
            if self._first and data.startswith(HTTP):
                self.hub.dismiss(self, "http", "this is a chat for plain clients; a browser wants the port of --web")
                return
            self._first = False
            lines = self._lines.feed(data)
            if self._lines.reply:
                reply, self._lines.reply = self._lines.reply, b""
                self.tell(reply)
        else:
            lines = self._lines.end()
            self._ended = True
        self._held.extend(lines)
        self._take()
        if self.tls is not None and self.fd >= 0 and self.tls.pending():
            self.hub.loop.later(0, lambda: self.read(READ) if self.fd >= 0 else None)

    def _relay(self, chunk: bytes) -> None:
        """As the tutorial does: what came in a read, whatever it is."""
        if chunk:
            self.hub.publish("say", self, chunk, b"")
        else:
            self.close("eof")

    def _take(self) -> None:
        """Say what is held, as far as the rate allows."""
        while self._held and self.fd >= 0 and self.closing is None:
            if self._bucket is not None:
                cost = 1 + len(self._held[0].text) // COST
                pause = self._bucket.take(cost, self.hub.loop.now)
                if pause:
                    self._hold(pause)
                    return
            self._holding_since, self._warned = None, False
            self._line(self._held.popleft())
        if self.fd >= 0:
            self._want()
            if self._ended and self.closing is None:
                self.close_when_done("eof")

    def _hold(self, pause: float) -> None:
        now = self.hub.loop.now
        if self._holding_since is None:
            self._holding_since = now
        elif not self._warned and now - self._holding_since > WARN_AFTER:
            self._warned = True
            self.inform(f"slow down: {self.hub.limits.rate:g} lines a second are taken, the others wait")
            self.hub.log("limit", self, reason="rate", lines=len(self._held))
        self._want()
        self.hub.loop.later(pause, self._resume)

    def _resume(self) -> None:
        if self.fd >= 0:
            self._take()

    def _line(self, line: Line) -> None:
        if not self._in:
            self._check(line.text)
            return
        self.hub.counts.lines_in += 1
        text = line.text
        if text[:1] == b"/":
            if text[:2] != b"//":
                commands.run(self, safe(text[1:]).decode())
                return
            text = text[1:]
        self.speak("say", safe(text), line.end)

    def _check(self, text: bytes) -> None:
        assert self._password is not None
        if hmac.compare_digest(text, self._password):
            self._let_in()
            return
        self._tries += 1
        if self._tries >= PASSWORD_TRIES:
            self.hub.dismiss(self, "password", "that is not the password")
        else:
            self.tell(self.hub.words("that is not the password; again?"))

    def speak(self, kind: Kind, text: bytes, end: bytes) -> None:
        if self.muted_until > self.hub.loop.now:
            self.inform(f"you are muted for {self.muted_until - self.hub.loop.now:.0f} s more")
        elif not self.hub.publish(kind, self, text, end):
            self.inform(UNSENT)

    def inform(self, text: str) -> None:
        self.tell(self.hub.words(text))

    def skipped(self, units: int) -> bytes:
        return self.hub.words(f"{units} {'line' if units == 1 else 'lines'} skipped: you did not read them in time")
