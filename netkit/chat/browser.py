"""A browser: it asks for a file of the page and goes, or stays over WebSocket as a member that gets JSON.

What everybody in a room gets is one frame for all (`web_frames`); what stands here is what it says, and what is said
to it alone. The page says: hello (session, nick, room, epoch, seq, last, ignores, password), say (text, n), since
(seq), who. Who was here before says where it was, and gets what it missed, or is told that it is not kept (`replay`).
"""

import hmac
import json
import socket
from collections import deque
from contextlib import suppress
from typing import Literal, Protocol

from netkit.chat import replay
from netkit.chat.client import LAST_BUFFER, Client
from netkit.chat.commands import MAX_LISTED
from netkit.chat.hub import Hub
from netkit.chat.limits import GOODBYE, PASSWORD_SECONDS, PASSWORD_TRIES
from netkit.chat.member import Member
from netkit.chat.names import fold
from netkit.chat.protocol import Line, Lines
from netkit.chat.room import LOBBY
from netkit.chat.web_frames import message, shown
from netkit.chat.web_hello import Hello, hello_of, number
from netkit.chat.web_http import SOCKET, Site, answer
from netkit.chat.websocket import PING, BadRequest, WebSocket
from netkit.net.loop import GONE, READ
from netkit.net.reasons import would_block

READ_SIZE = 4096  # 600 of the smallest frames, 10 ms for the parser: others wait no longer
HEAD_SECONDS = 10.0
MAX_LINES = 100  # of one message
LAST = 50  # lines that are shown of a room that one comes into
ASKED = b"?"  # in place of a line end: the page asks, nobody typed it

# Why it ends, as the page is told (4000 to 4999 are the application's: RFC 6455, 7.4.2).
CODES = {
    "quit": 1000, "shutdown": 1001, "upgrade": 1012, "anew": 1012, "protocol": 1008, "flood": 1008,
    "max_conns": 1013, "per_host": 1013, "rate": 1013, "descriptors": 1013,
    "replaced": 4001, "kicked": 4003, "banned": 4003, "denied": 4003, "password": 4004, "idle": 4005, "slow": 4008,
}  # fmt: skip


class Reception(Protocol):
    """Who receives browsers. boot: names this process. password: what each has to know, None for nothing."""

    hub: Hub
    site: Site
    boot: str
    password: bytes | None

    def join(self, browser: "Browser") -> tuple[str, str] | None:
        """It is a visitor no more but a client; or the reason why not, and the word for it."""

    def session(self, browser: "Browser") -> str:
        """What proves, later, that this one comes again."""

    def replace(self, session: str, browser: "Browser") -> None:
        """Whoever comes with that session is the same page: its old connection gives way."""


class Browser(Client):
    __slots__ = (
        "_done", "_heard", "_last", "_numbers", "_phase", "_put", "_reception", "_told_ignores", "_why", "_wire",
    )  # fmt: skip
    web = True

    def __init__(self, reception: Reception, sock: socket.socket, peer: str, host: str, id: int) -> None:
        self._reception = reception
        self._wire = WebSocket()
        self._phase: Literal["head", "hello", "entering", "in"] = "head"
        self._why = ""  # it is to go, for that reason
        self._last: bytes | None = None  # what it gets last; None when it was given
        self._heard = True  # since the last ping
        self._put = self._done = 0  # lines
        self._numbers: deque[tuple[int, int]] = deque()  # (lines, the page's number for them) until they are taken
        self._told_ignores: frozenset[str] = frozenset()
        super().__init__(reception.hub, sock, peer, host, id, reception.password)

    def _begin(self) -> None:
        self.hub.loop.later(HEAD_SECONDS, self._no_head)

    def _no_head(self) -> None:
        if self._phase == "head":
            self.close("eof")  # browsers open connections that they never use

    @property
    def wants_more(self) -> bool:
        return bool(self._why) or (not self._held and self._phase != "entering")

    def read(self, events: int) -> None:
        if not self.wants_more:
            if events & GONE:
                self.close("reset")
            return
        try:
            data = self.socket.recv(READ_SIZE)
        except OSError as exc:
            if not would_block(exc):
                self.lost(exc)
            return
        if not data:
            self.close(self._why or "eof")
            return
        self._heard = True
        self.received += len(data)
        self.hub.counts.bytes_in += len(data)
        if self._why:
            self._leaving(data)
        elif self._phase == "head":
            self._head(data)
        else:
            self._messages(data)
        if self.tls is not None and self.fd >= 0 and self.tls.pending():
            self.hub.loop.later(0, lambda: self.read(READ) if self.fd >= 0 else None)

    # HTTP.

    def _head(self, data: bytes) -> None:
        try:
            request = self._wire.head(data)
            if request is None:
                return
            upgrade = request.path.partition("?")[0] == SOCKET
            origins = request.headers.get_all("Origin") if upgrade else None
            refusal = self._reception.site.refusal(request.headers.get_all("Host"), origins)
            if refusal is not None:
                self._refuse(*refusal)
            elif upgrade:
                self._upgrade(self._wire.accept(request))
            else:
                self._part("eof", self._reception.site.page(request.method, request.path))
        except BadRequest as bad:
            self._refuse(bad.status, "protocol", bad.text)

    def _refuse(self, status: int, reason: str, text: str) -> None:
        more = "Upgrade: websocket\r\n" if status == 426 else ""
        self._part(reason, answer(status, f"{text}\n", more))

    def _upgrade(self, response: bytes) -> None:
        self._phase = "hello"
        self.tell(response)
        if word := self._reception.join(self):
            self.dismiss(*word)  # a page cannot read the status of a handshake that failed, but a close frame
        else:
            self.hub.loop.later(PASSWORD_SECONDS, self._too_late)
            self._messages(b"")  # what came right behind the request

    # What it says.

    def _messages(self, data: bytes) -> None:
        for text in self._wire.messages(data):
            if not self._why and self.fd >= 0:
                self._message(text)
        if self._why or self.fd < 0:
            return
        if self._wire.over:
            self._part("eof" if self._wire.clean else "protocol", self._wire.take())
        elif out := self._wire.take():
            self.tell(out)

    def _message(self, text: str) -> None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        kind = value.get("type") if isinstance(value, dict) else None
        if self._phase == "hello":
            if kind == "hello":
                self._hello(hello_of(value))
            else:
                self.dismiss("protocol", "hello comes first")
        elif kind == "say" and isinstance(value.get("text"), str):
            self._say(value["text"], number(value.get("n")))
        elif kind == "who" or (kind == "since" and number(value.get("seq")) is not None):
            self._hear([Line(b"who" if kind == "who" else b"%d" % value["seq"], ASKED)])
        else:
            self.dismiss("protocol", "there is no such message")

    def _say(self, text: str, n: int | None) -> None:
        self.last = self.hub.loop.now
        lines = Lines(self.hub.limits.max_line).feed(text.encode("utf-8", "replace") + b"\n")
        lines = [Line(line.text, b"\r\n") for line in lines if line.text]
        if len(lines) > MAX_LINES:
            self.inform(f"not sent: {MAX_LINES} lines at once are taken, not {len(lines)}")
            lines = []
        if n is not None:
            self._numbers.append((self._put + len(lines), n))
        self._hear(lines)

    def _hear(self, lines: list[Line]) -> None:
        self._put += len(lines)
        if lines:
            self._held = self._held or deque()
            self._held.extend(lines)
        if self._phase == "in":
            self._taken()
            self._take()

    def _line(self, line: Line) -> None:
        self._done += 1
        if self._why:
            return
        if line.end == ASKED:
            self._ask(line.text)
            return
        room = self.room
        super()._line(line)
        if self.room is not room and self.room is not None:
            self.tell(message("room", room=self.room.name))
            self._replay(replay.latest(self.room, LAST, self.hub.seq))
            self._who()
        if self.ignores != self._told_ignores:
            self._tell_ignores()
        self._taken()

    def _taken(self) -> None:
        """Tell the page which of its lines were dealt with; of others it does not know whether they arrived."""
        while self._numbers and self._numbers[0][0] <= self._done:
            self.tell(message("taken", n=self._numbers.popleft()[1]))

    # Coming in.

    def _hello(self, hello: Hello) -> None:
        given = hello.password.encode("utf-8", "replace")
        if self._password is not None and not hmac.compare_digest(given, self._password):
            self.tries += bool(given)
            word = "that is not the password" if given else ""
            if self.tries >= PASSWORD_TRIES:
                self.dismiss("password", word)
            else:
                self.tell(message("password", text=word))
            return
        self._phase = "entering"
        self._reception.replace(hello.session, self)
        self.ignores = self._told_ignores = frozenset(hello.ignores)
        if hello.nick:
            self.hub.rename(self, hello.nick, lambda why: self._enter(hello, why))
        else:
            self._enter(hello, None)

    def _enter(self, hello: Hello, why: str | None) -> None:
        if self.fd < 0 or self._why:
            return
        hub = self.hub
        fit = bool(hello.room) and hub.may_have_room(hello.room) is None
        self._phase, self._in = "in", True
        hub.came(self, hello.room if fit else LOBBY)
        if self.room is None:
            return
        self.tell(message("welcome", name=self.name, id=self.id, node=hub.node, room=self.room.name,
                          epoch=hub.bus.epoch, boot=self._reception.boot, session=self._reception.session(self),
                          line=hub.limits.max_line))  # fmt: skip
        if hello.epoch == hub.bus.epoch:
            self._since(hello.seq)
        else:
            self._replay(replay.latest(self.room, hello.last, hub.seq, gap="epoch" if hello.epoch else ""))
        self._who()
        if why is not None:
            self.inform(why)
        self._hear([])

    def _too_late(self) -> None:
        if not self._in and self.fd >= 0:
            self.dismiss("password", "no hello came, or no password")

    # What it asks.

    def _ask(self, text: bytes) -> None:
        if text == b"who":
            self._who()
        else:
            self._since(int(text))

    def _since(self, seq: int) -> None:
        if self.room is not None:
            quiet = self.hub.limits.notices != "all"
            self._replay(replay.after(self.room, seq, self.hub.seq, quiet=quiet))

    def _replay(self, page: replay.Page) -> None:
        self.tell(message("entries", entries=[shown(entry) for entry in page.entries],
                          upto=page.upto, more=page.more, gap=page.gap))  # fmt: skip

    def _who(self) -> None:
        if self.room is None:
            return
        names = [one.name for one in self.room.members.values()]
        counts = {name: len(room.members) for name, room in self.hub.rooms.items()}
        for one in self.hub.bus.elsewhere():
            counts[one.room] = counts.get(one.room, 0) + 1
            if one.room == self.room.name:
                names.append(one.name)
        self.tell(message("who", room=self.room.name, names=sorted(names)[:MAX_LISTED], count=len(names),
                          rooms=sorted(counts.items())[:MAX_LISTED]))  # fmt: skip

    # What it is told.

    def tell(self, data: bytes) -> None:
        if not self._why:  # no frame behind the one that closes
            super().tell(data)

    def inform(self, text: str) -> None:
        self.tell(message("notice", text=text))

    def skipped(self, units: int) -> bytes:
        return message("skipped")

    def last_words(self, finish: bytes, text: str) -> None:
        Member.last_words(self, finish, text)
        if not self._open:  # else it is in a frame whose end is not known any more
            with suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LAST_BUFFER)
                self.send(finish + self._wire.close(CODES["slow"], text))

    def _tell_ignores(self) -> None:
        self._told_ignores = self.ignores
        self.tell(message("ignores", names=sorted(self.ignores)))

    def ping(self) -> None:
        """Ask whether it is there; it is not when it did not answer the last time."""
        if self._phase == "head" or self._why:
            return
        self._wire.controls = 0
        if not self._heard and self.wants_more:
            self.close("ping")
        else:
            self._heard = False
            self.tell(PING)

    # Going.

    def dismiss(self, reason: str, word: str) -> None:
        if not self._why:
            self._part(reason, b"" if self._phase == "head" else self._wire.close(CODES.get(reason, 1000), word))

    def _leaving(self, data: bytes) -> None:
        """What comes now is for nobody, but it may be its half of the closing handshake."""
        if self._phase != "head" and self._last is None and not self._pending:
            self._wire.messages(data)
            if self._wire.clean:
                self.close(self._why)

    def give_way(self) -> None:
        """The same page has come again: leave its place and its name to it now."""
        if self.waiting:
            self.close("replaced")
            return
        self.dismiss("replaced", "this chat goes on elsewhere, in another tab perhaps")
        if self.nick is not None:
            self.hub.bus.release(fold(self.nick), self.hub.owner(self))
            self.nick, self.name = None, self.peer

    def _part(self, reason: str, last: bytes) -> None:
        """Give it what waits for it, then this, then wait for it to hang up: closed before, it might lose the last."""
        self._why, self._last = reason, last
        self._held = None
        self.hub.loop.later(GOODBYE, lambda: self.close(reason))
        if self.room is not None:
            self.hub.flush()  # what was said before it goes
        self.drain()

    def _drain(self) -> bool:
        if not super()._drain():
            return False
        if self._last is not None and self._why:
            self._pending += self._last
            self._last = None
            self.hub.leave_room(self)
            if not self._give_pending():
                return False
        if self._why and (self._record is None or self._record.flush()):
            if self.tls is None:
                with suppress(OSError):  # it may have gone
                    self.socket.shutdown(socket.SHUT_WR)
            elif self._phase == "head" or self._wire.clean:
                self.close(self._why)  # TLS has no such half; what it sent has been read
        return True
