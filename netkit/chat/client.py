"""A plain client: nc, telnet, or a program that sends lines and reads lines."""

import hmac
import re
import socket
import ssl
from collections import deque
from contextlib import suppress
from typing import Any

from netkit.chat import commands
from netkit.chat.entry import UNSENT, Kind
from netkit.chat.hub import Hub
from netkit.chat.limits import COST, GOODBYE, HANDSHAKE_SECONDS, PASSWORD_SECONDS, PASSWORD_TRIES, WARN_AFTER, Bucket
from netkit.chat.member import Member
from netkit.chat.protocol import Line, Lines
from netkit.chat.text import safe
from netkit.net.loop import GONE, READ, WRITE
from netkit.net.reasons import would_block

GREETING = b"You're connected to the Python chatserver\r\n"
READ_SIZE = 8 * 1024  # of newlines alone it makes 8192 lines that wait, 600 kB
TUTORIAL_READ = 100  # bytes that the tutorial's server reads, and relays, at once
LAST_BUFFER = 96 * 1024  # of the kernel for one who is put out: a line more than SEND_BUFFER


class Client(Member):
    """password: what its first line has to be, None for no matter what. saved: what it was in another process."""

    __slots__ = (
        "_bucket", "_ended", "_first", "_handshake", "_held", "_holding_since", "_in", "_lines", "_password", "_warned",
    )  # fmt: skip
    hub: Hub

    def __init__(
        self,
        hub: Hub,
        sock: socket.socket,
        peer: str,
        host: str,
        id: int,
        password: bytes | None,
        saved: "dict[str, Any] | None" = None,
    ) -> None:
        self._lines = Lines(hub.limits.max_line)
        self._bucket: Bucket | None = None  # since its first line, where there is a rate
        self._held: deque[Line] | None = None  # lines over the rate, which wait
        self._holding_since: float | None = None
        self._warned = False
        self._first = True  # nothing but its first line is to come
        self._ended = False  # it has closed its side
        self._password = password
        self._in = False
        self._handshake = isinstance(sock, ssl.SSLSocket)
        super().__init__(hub, sock, peer, host, id)
        if self._handshake:
            hub.loop.later(HANDSHAKE_SECONDS, self._no_hands)
        elif saved is not None:
            self.resume(saved)
        else:
            self._begin()

    def save(self) -> "dict[str, Any]":
        rest, command, escaped, skip_end = self._lines.save()
        return super().save() | {
            "id": self.id,
            "peer": self.peer,
            "host": self.host,
            "in": self._in,
            "first": self._first,
            "ended": self._ended,
            "held": [[line.text.decode("latin-1"), line.end.decode("latin-1")] for line in self._held or ()],
            "lines": [rest.decode("latin-1"), command.decode("latin-1"), escaped, skip_end],
        }

    def resume(self, saved: "dict[str, Any]") -> None:
        self._in, self._first, self._ended = saved["in"], saved["first"], saved["ended"]
        if saved["held"]:
            self._held = deque(Line(text.encode("latin-1"), end.encode("latin-1")) for text, end in saved["held"])
        rest, command, escaped, skip_end = saved["lines"]
        self._lines.resume(rest.encode("latin-1"), command.encode("latin-1"), escaped, skip_end)
        super().resume(saved)
        if not self._in:
            self.hub.loop.later(PASSWORD_SECONDS, self._too_late)
        if self._held or self._ended:
            self.hub.loop.later(0, self._resume)

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
                commands.run(self.hub, self, f"history {self.hub.limits.replay}")

    def _too_late(self) -> None:
        if not self._in and self.fd >= 0:
            self.hub.dismiss(self, "password", "no password came")

    def _no_hands(self) -> None:
        if self._handshake:
            self.close("tls", f"no handshake in {HANDSHAKE_SECONDS:g} s")

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
            lines = self._lines.feed(data)
            if self._first and lines:
                self._first = False
                if is_request(lines[0].text, self.hub.limits.max_line):
                    self.hub.dismiss(
                        self, "http", "this is a chat for plain clients; a browser wants the port of --web"
                    )
                    return
            if self._lines.reply:
                reply, self._lines.reply = self._lines.reply, b""
                self.tell(reply)
        else:
            lines = self._lines.end()
            self._ended = True
        if lines:
            self._held = deque(lines)
        self._take()

    def _relay(self, chunk: bytes) -> None:
        """As the tutorial does: what came in a read, whatever it is."""
        if chunk:
            self.hub.publish("say", self, chunk, b"")
        else:
            self._ended = True
            self.close_when_done("eof")

    def _take(self) -> None:
        """Say what is held, as far as the rate allows."""
        while self._held and self.fd >= 0 and self.closing is None and not self.renaming:
            if self.hub.limits.rate is not None and (pause := self._due(self._held[0])):
                self._hold(pause)
                return
            self._line(self._held.popleft())
        if not self._held:
            self._holding_since, self._warned = None, False
        if self.fd >= 0 and self.closing is None:
            self._want()
            if self._ended and not self.renaming:
                self.close_when_done("eof")
                self.hub.loop.later(GOODBYE, lambda: self.close("eof"))
            elif self.tls is not None and self.tls.pending() and self.wants_more:
                # A part of a record is here already: the socket will not say so.
                self.hub.loop.later(0, lambda: self.read(READ) if self.fd >= 0 else None)

    def _due(self, line: Line) -> float:
        """Seconds until the rate lets the line pass, 0.0 when it does."""
        now = self.hub.loop.now
        if self._bucket is None:
            assert self.hub.limits.rate is not None
            self._bucket = Bucket(self.hub.limits.rate, now)
        return self._bucket.take(1 + len(line.text) // COST, now)

    def _hold(self, pause: float) -> None:
        assert self._held
        now = self.hub.loop.now
        if self._holding_since is None:
            self._holding_since = now
        elif not self._warned and now - self._holding_since > WARN_AFTER:
            self._warned = True
            self.inform(f"slow down: {self.hub.limits.rate:g} lines a second are taken, the others wait")
            self.hub.log("limit", self, reason="rate", lines=len(self._held))
        self._want()
        self.hub.loop.later(pause, self._resume)

    def renamed(self) -> None:
        waited, self.renaming = self.renaming and bool(self._held or self._ended), False
        if waited:
            self.hub.loop.soon(self._resume)

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
                commands.run(self.hub, self, safe(text[1:]).decode())
                return
            text = text[1:]
        self.speak("say", safe(text), line.end)

    def _check(self, text: bytes) -> None:
        assert self._password is not None
        if hmac.compare_digest(text, self._password):
            self.tries = 0
            self._let_in()
            return
        self.tries += 1
        if self.tries >= PASSWORD_TRIES:
            self.hub.dismiss(self, "password", "that is not the password")
        else:
            self.tell(self.hub.words("that is not the password; again?"))

    def speak(self, kind: Kind, text: bytes, end: bytes) -> None:
        if not self.muted() and not self.hub.publish(kind, self, text, end):
            self.inform(UNSENT)

    def inform(self, text: str) -> None:
        self.tell(self.hub.words(text))

    def tell(self, data: bytes) -> None:
        if not self._handshake:
            super().tell(data)

    def close_when_done(self, reason: str) -> None:
        if self._handshake:
            self.close(reason)
        else:
            super().close_when_done(reason)

    def last_words(self, finish: bytes, text: str) -> None:
        super().last_words(finish, text)
        if self._open:
            finish = bytes(self._pending[: self._pending.find(b"\n") + 1])
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LAST_BUFFER)
            self.send(finish + self.hub.words(text))

    def skipped(self, units: int) -> bytes:
        return self.hub.words(f"{units} {'line' if units == 1 else 'lines'} skipped: you did not read them in time")


def is_request(line: bytes, longest: int) -> bool:
    """Whether a client's first line is HTTP's: a page of another site could make a browser talk here (as to Redis)."""
    if re.fullmatch(rb"[A-Z]+ \S+ HTTP/\d.*", line, re.DOTALL):
        return True
    return len(line) >= longest - 3 and bool(re.match(rb"(?:GET|POST|PUT|HEAD|OPTIONS|PATCH|DELETE) [/h]", line))
