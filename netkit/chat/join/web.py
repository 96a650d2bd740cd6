"""How one talks with the page's server over WebSocket: JSON messages, each line with its place in the order of all.

So a connection that is lost costs nothing: the next one says where it was, and gets what was said since, or is told
that it is not kept. What one said oneself does not come back, as with plain lines; a line of which the server has not
said that it took it, and which is not among those that come, is told as perhaps not said.

`websockets` (60 ms of CPU) frames the messages; `netkit.chat.web_frames` and `netkit.chat.browser` say what they are.
"""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from netkit.chat.entry import Entry, line
from netkit.chat.join.farewell import failure
from netkit.chat.join.opening import REFUSED
from netkit.chat.join.received import Received, parse
from netkit.chat.join.talk import MAX_NAME, Wanted
from netkit.errors import AuthRefused, NetkitError, No, PeerError, Temporary

MAX_MESSAGE = 2 * 1024 * 1024  # bytes; a server sends a room's last second, or 32 kB of what was missed
MAX_LATE = 5000  # lines that are kept while what was missed is still coming
MAX_PENDING = 200  # lines that the server has not said it took, from which on no more should be said
MAX_OWN = 50  # connections that we remember as ours
PATH = "/ws"
SPOKEN = ("say", "me", "join", "leave", "nick")
_SILENT = logging.Logger("websockets", logging.CRITICAL + 1)  # the client says itself what goes wrong

CLOSED: dict[int, type[NetkitError]] = {
    1002: PeerError, 1003: PeerError, 1007: PeerError, 1008: PeerError, 1009: PeerError,
    1013: Temporary, 4001: No, 4003: No, 4004: AuthRefused,
}  # fmt: skip


class WebTalk:
    closes = True
    patience = None

    def __init__(self, url: str) -> None:
        self.nick: str | None = None
        self.room = ""
        self.failure: NetkitError | None = None
        self.stage = "opening"
        self.names: Callable[[Sequence[str]], None] = lambda names: None
        self._url = url
        self._wanted = Wanted()
        self._again = self._ending = False
        self._send: Callable[[bytes, bytes], None] = lambda data, secret: None
        self._protocol = self._new()
        self._session = self._epoch = ""
        self._seq = 0
        self._noticed = 0.0
        self._own: list[tuple[str, int]] = []  # who we were: (node, id)
        self._pages = 0  # pages of what was missed that still come
        self._late: list[dict[str, Any]] = []
        self._number = 0
        self._pending: dict[int, str] = {}  # lines that were not taken yet, by number
        self._unsure: list[str] = []  # those of connections before
        self._text = bytearray()

    def _new(self) -> ClientProtocol:
        return ClientProtocol(parse_uri(self._url), max_size=MAX_MESSAGE, logger=_SILENT)

    @property
    def takes_more(self) -> bool:
        return len(self._pending) < MAX_PENDING

    @property
    def busy(self) -> bool:
        return bool(self._pending)

    @property
    def said_goodbye(self) -> bool:
        return self._protocol.close_code == 1000 and self._protocol.close_reason in ("goodbye", "")

    def begin(self, send: Callable[[bytes, bytes], None], wanted: Wanted, *, again: bool) -> list[Received]:
        self._send, self._wanted, self._again = send, wanted, again
        self.failure = None
        self.stage = "opening"
        self._unsure += self._pending.values()
        self._pending, self._late, self._text = {}, [], bytearray()
        self._pages = 0
        self._protocol = self._new()
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        return []

    # What comes.

    def came(self, data: bytes) -> list[Received]:
        """Raises PeerError for what is not the protocol."""
        self._protocol.receive_data(data)
        found: list[Received] = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                found += self._frame(event)
            elif self._protocol.state is OPEN:
                self._hello("")
        self._refusal()
        self._flush()
        broken = self._protocol.parser_exc
        if broken is not None and self.failure is None and self._protocol.handshake_exc is None:
            words = str(broken)[:200] or type(broken).__name__
            self.failure = PeerError(f"the WebSocket broke: {words}", kind="websocket")
        return found

    def ended(self) -> list[Received]:
        self._protocol.receive_eof()
        self._refusal()
        return []

    def _refusal(self) -> None:
        exc = self._protocol.handshake_exc
        if exc is None or self.failure is not None:
            return
        if isinstance(exc, InvalidStatus):
            status = exc.response.status_code
            words = (exc.response.body or b"").decode("utf-8", "replace").strip()[:200]
            kind: type[NetkitError] = Temporary if status == 503 else No if status == 403 else PeerError
            self.failure = kind(f"no WebSocket here: {status} {words}".rstrip())
        elif isinstance(exc, (InvalidHandshake, EOFError)):
            self.failure = PeerError(f"no WebSocket here: {str(exc)[:200]}")

    def _frame(self, frame: Frame) -> list[Received]:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return []
        self._text += frame.data
        if len(self._text) > MAX_MESSAGE:
            raise PeerError(f"a message of more than {MAX_MESSAGE} bytes came", kind="message_too_long")
        if not frame.fin:
            return []
        text, self._text = bytes(self._text), bytearray()
        try:
            message = json.loads(text)
            kind = message["type"]
            handler = getattr(self, f"_{kind}") if kind in MESSAGES else None
            return handler(message) if handler is not None else []
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise PeerError("what came is no message of a chat") from exc

    def _password(self, message: dict[str, Any]) -> list[Received]:
        found = self._inform(str(message["text"])) if message["text"] else []
        if self.stage != "password":
            password = self._wanted.password()
            if password is not None:
                self.stage = "password"
                self._hello(password)
                return found
        elif not self._typed:
            self.failure = AuthRefused("that is not the password")
            return found
        self.stage = "asking"
        return found

    def _welcome(self, message: dict[str, Any]) -> list[Received]:
        epoch, room = str(message["epoch"]), str(message["room"])[:MAX_NAME]
        if self._epoch != epoch:
            self._own, self._seq = [], 0
        me = (str(message["node"]), int(message["id"]))
        self._own = [*self._own, me][-MAX_OWN:]
        self._epoch, self._session, self.room = epoch, str(message["session"]), room
        self._pages = 1
        self.stage = "open"
        self._named(str(message["name"]))
        if self._wanted.strict and not self._again and self._wanted.room not in (None, room):
            self.failure = No(f"--room {self._wanted.room}: there can be no such room", kind="room")
        return [] if self._again else self._inform(f"you are {message['name']} in {room}")

    def _entries(self, message: dict[str, Any]) -> list[Received]:
        entries = message["entries"]
        if "upto" not in message:
            if self._pages:
                self._late += entries[: MAX_LATE - len(self._late)]
                return []
            return self._shown(entries)
        found = [Received("gap")] if message["gap"] and self._again else []
        found += self._shown(entries)
        self._seq = max(self._seq, int(message["upto"]))
        self._pages = max(0, self._pages - 1)
        if message["more"]:
            self._since()
        if not self._pages:
            late, self._late = self._late, []
            found += self._shown(late)
            for text in self._unsure:
                found += self._inform(f"perhaps not said: {text}")
            self._unsure = []
        return found

    def _shown(self, entries: list[dict[str, Any]]) -> list[Received]:
        found = []
        for each in entries:
            seq, kind, name, text = int(each["seq"]), str(each["kind"]), str(each["name"]), str(each["text"])
            if seq and seq <= self._seq:
                continue  # it came before
            self._seq = max(self._seq, seq)
            if (str(each["node"]), int(each["id"])) in self._own and kind in SPOKEN:
                self._came_back(kind, text)
                continue
            when = float(each["time"])
            if not seq:  # a word of the server to all
                if when <= self._noticed:
                    continue
                self._noticed = when
            known: Any = kind if kind in SPOKEN else "notice"
            said = Entry(known, self.room, _one_line(name).decode(), _one_line(text))
            found.append(Received(known, line(said), said.name, said.text, self.room, when, seq or None))
        return found

    def _came_back(self, kind: str, text: str) -> None:
        """An own entry: so it was said."""
        if kind == "nick":
            self._named(text)
        said = f"/me {text}" if kind == "me" else text
        for one in (said, f"/{said}"):
            if one in self._unsure:
                self._unsure.remove(one)
                return

    def _notice(self, message: dict[str, Any]) -> list[Received]:
        text = str(message["text"])
        nick = self._wanted.nick
        if self._wanted.strict and not self._again and nick is not None and self.nick != nick and (
            REFUSED.fullmatch(text.encode())
        ):  # fmt: skip
            self.failure = No(f"--nick {nick}: {text}", kind="nick")
        return self._inform(text)

    def _room(self, message: dict[str, Any]) -> list[Received]:
        self.room, self._seq, self._pages, self._late = str(message["room"])[:MAX_NAME], 0, 1, []
        return []

    def _who(self, message: dict[str, Any]) -> list[Received]:
        self.names([str(one) for one in message["names"]])
        return []

    def _taken(self, message: dict[str, Any]) -> list[Received]:
        self._pending.pop(int(message["n"]), None)
        if self._ending and not self._pending:
            self._close()
        return []

    def _skipped(self, message: dict[str, Any]) -> list[Received]:
        self._since()
        return []

    def _inform(self, text: str) -> list[Received]:
        return [parse(b"* %b\r\n" % _one_line(text))._replace(room=self.room)]

    def _named(self, name: str) -> None:
        if name.isprintable() and len(name) <= MAX_NAME:
            self.nick = None if ":" in name else name

    # What is said.

    _typed = False

    def waited(self) -> None:
        pass

    def typed(self, password: str) -> None:
        self._typed = True
        self.stage = "password"
        self._hello(password)

    def said(self, line: bytes) -> bytes:
        text = line.decode("utf-8", "replace")
        self._number += 1
        self._pending[self._number] = text
        self._message("say", text=text, n=self._number)
        return b"".join(self._protocol.data_to_send())

    def finish(self) -> None:
        """Nothing more is said; when all is taken, it ends: what is held back for the rate would be lost."""
        self._ending = True
        if not self._pending:
            self._close()

    def verdict(self, target: str, reason: str) -> NetkitError:
        code, words = self._protocol.close_code, self._protocol.close_reason or ""
        if self.failure is not None:
            return self.failure
        kind = CLOSED.get(code or 0)
        if kind is not None and self._protocol.close_rcvd is not None:
            return kind(f"{target}: {words or f'closed with {code}'}")
        last = parse(f"* {words}\n".encode()) if words else None
        return failure(target, last, reason)

    def _hello(self, password: str) -> None:
        wanted = self._wanted
        self._message(
            "hello", session=self._session, nick=self.nick or wanted.nick or "", room=self.room or wanted.room or "",
            epoch=self._epoch, seq=self._seq, last=0, ignores=[], password=password,
        )  # fmt: skip
        self._flush(password)

    def _since(self) -> None:
        self._pages += 1
        self._message("since", seq=self._seq)

    def _message(self, type: str, **fields: object) -> None:
        if self._protocol.state is OPEN:
            self._protocol.send_text(json.dumps({"type": type, **fields}).encode())

    def _close(self) -> None:
        if self._protocol.state is OPEN:
            self._protocol.send_close(1000)
        self._flush()

    def _flush(self, secret: str = "") -> None:
        """Send what waits; the mask of a frame stands in it, so one with a secret is one as a whole."""
        data = b"".join(self._protocol.data_to_send())
        if data:
            self._send(data, data if secret else b"")


MESSAGES = ("welcome", "entries", "who", "room", "password", "notice", "skipped", "taken")


def _one_line(text: str) -> bytes:
    """As it would come in a line: a line end in it is one no more."""
    return text.encode("utf-8", "replace").replace(b"\r", b"\\r").replace(b"\n", b"\\n")
