"""POP3's answers without a socket: bytes in, events out, whatever the split; every limit has its name here.

An answer cannot be read without knowing the command: the same `+OK` stands alone after DELE and begins a body after
TOP. So each command is announced with `expect` before its answer is due, and answers come in that order. A body comes
in pieces, so that a message of any size passes; whoever keeps them decides how much.
"""

from collections import deque
from typing import NamedTuple

from netkit.errors import PeerError
from netkit.mail.command_line import command_line
from netkit.mail.dots import DotReader

MAX_STATUS = 4096  # bytes of a status line; RFC 2449 section 4 says 512, servers quote subjects and paths
MAX_COMMAND = 255  # bytes of a command with its CRLF (RFC 2449 section 4)


class Status(NamedTuple):
    """`+OK` or `-ERR`, the text behind it, and whether a body follows."""

    ok: bool
    text: bytes
    has_body: bool = False


class Data(NamedTuple):
    """A piece of a body, its dots taken out, its line ends as they came."""

    data: bytes


class End(NamedTuple):
    """A body is complete."""


class Challenge(NamedTuple):
    """`+ ` and base64: the server's turn in a login by SASL (RFC 5034 section 4). data: decoded."""

    data: bytes


Event = Status | Data | End | Challenge


class Replies:
    """Takes what the server sends and gives the events of the announced answers, in order."""

    def __init__(self) -> None:
        self._buffer = b""
        self._body: DotReader | None = None
        self._expected: deque[bool] = deque()
        self._in_login = False

    def expect(self, body: bool = False, *, login: bool = False) -> None:
        """One more answer is due; body: an `+OK` has one. login: it may be a challenge, and nothing else is due."""
        self._expected.append(body)
        self._in_login = login

    @property
    def due(self) -> int:
        return len(self._expected)

    @property
    def pending(self) -> bytes:
        """What came and belongs to no finished event."""
        return self._buffer

    def feed(self, data: bytes) -> list[Event]:
        """The events that the bytes complete. Raises PeerError for what is no POP3."""
        events: list[Event] = []
        self._buffer += data
        while self._buffer:
            if self._body is not None:
                piece = self._body.feed(self._buffer)
                self._buffer = piece.rest
                if piece.data:
                    events.append(Data(piece.data))
                if not piece.done:
                    break
                self._body = None
                self._expected.popleft()
                events.append(End())
                continue
            if not self._expected:
                break
            line, newline, rest = self._buffer.partition(b"\n")
            if len(line) > MAX_STATUS:
                raise PeerError(f"the server's answer is a line of more than {MAX_STATUS} bytes", kind="line_too_long")
            if not newline:
                break
            self._buffer = rest
            events.append(self._status(line.removesuffix(b"\r")))
        return events

    def _status(self, line: bytes) -> Status | Challenge:
        body = self._expected[0]
        if self._in_login and (line == b"+" or line.startswith(b"+ ")):
            from binascii import a2b_base64  # a library of its own, for logins by SASL alone

            self._expected.popleft()
            try:
                return Challenge(a2b_base64(line[2:].strip(), strict_mode=True))
            except ValueError as exc:
                raise PeerError("the server's challenge is no base64", kind="sasl") from exc
        if line[:3].upper() == b"+OK":
            if body:
                self._body = DotReader()
            else:
                self._expected.popleft()
            return Status(True, line[3:].strip(), body)
        if line[:4].upper() == b"-ERR":
            self._expected.popleft()
            return Status(False, line[4:].strip())
        said = line[:60].decode("utf-8", "backslashreplace")
        raise PeerError(f"not POP3: {said!r} where +OK or -ERR is due", kind="not_pop3", hint=what_else(line))


def response_code(text: bytes) -> str:
    """The code in front of an answer's text (RFC 2449 section 8), as IN-USE or SYS/TEMP; "" if there is none."""
    if not text.startswith(b"["):
        return ""
    word, bracket, _ = text[1:].partition(b"]")
    return word.decode("ascii", "replace").upper() if bracket else ""


def what_else(line: bytes) -> str | None:
    """Which protocol the line belongs to, for whoever has mistaken the port."""
    if line[:1] in (b"\x15", b"\x16") and line[1:2] == b"\x03":
        return "the server speaks TLS at once: write pop3s://"
    if line[:5] == b"HTTP/" or line[:2] == b"<!":
        return "this is a web server"
    if line[:3] in (b"220", b"554", b"421"):
        return "this is an SMTP or FTP server"
    if line[:4] in (b"* OK", b"* BY"):
        return "this is an IMAP server; POP3 has port 110 or 995"
    return None


def command(*words: str) -> bytes:
    """A command line. Raises BadInput for what a line cannot hold: a control character, or too many bytes."""
    return command_line(words, MAX_COMMAND, "a POP3")
