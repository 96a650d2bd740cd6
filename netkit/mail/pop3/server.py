"""The server's side of POP3 without sockets (RFC 1939, 2449, 2595, 5034): command lines in, answers out.

Any user is let in, with any password (for SCRAM it is `netkit`): it is a mailbox for tests. PIPELINING is announced
and true, TOP and RETR are exact to the byte, a deletion counts after QUIT alone. Not here: the connection, TLS
itself, time limits.
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from netkit.mail.dots import DotWriter
from netkit.mail.sasl.outcome import Challenge, Done
from netkit.mail.sasl.server import MECHANISMS, Server, for_tests, hear, initial

MAX_LINE = 1024  # bytes of a command; RFC 2449 section 4 says 255
MAX_RESPONSE = 16 * 1024  # bytes of a line in a login by SASL: tokens are long (RFC 4954 section 4: 12,288)
MAX_ERRORS = 20  # in a row: then it is no client that reads the answers
PIECE = 64 * 1024


class Message(NamedTuple):
    """A message that waits; data: with CRLF line ends."""

    uidl: str
    data: bytes


class Pop3:
    """One session. open_mailbox: the messages of a user. delete: called with the UIDLs at QUIT.

    `line` takes one command without its line end and yields the pieces of the answer. `starts_tls` is set when the
    answer to STLS is out, `closed` after QUIT or too many mistakes.
    """

    def __init__(
        self,
        open_mailbox: Callable[[str], Sequence[Message]],
        delete: Callable[[str, list[str]], None],
        *,
        stamp: str,
        offers_tls: bool,
    ) -> None:
        self._open_mailbox = open_mailbox
        self._delete = delete
        self._stamp = stamp
        self.offers_tls = offers_tls
        self.starts_tls = False
        self.closed = False
        self.user = ""
        self._name = ""
        self._messages: Sequence[Message] | None = None
        self._deleted: set[int] = set()
        self._errors = 0
        self._login: Server | None = None  # a SASL exchange under way

    @property
    def max_line(self) -> int:
        """Bytes that the next line may have."""
        return MAX_RESPONSE if self._login else MAX_LINE

    def greeting(self) -> bytes:
        return b"+OK the lab's POP3 server %s\r\n" % self._stamp.encode()

    def line(self, line: bytes) -> Iterator[bytes]:
        words = line.decode("utf-8", "backslashreplace").split(" ", 1)
        verb, rest = words[0].upper(), words[1] if len(words) > 1 else ""
        answer = getattr(self, f"_{verb.lower()}", None) if verb in VERBS else None
        try:
            if self._login:
                yield from self._respond(self._login, line)
                return
            if answer is None:
                raise Refused(f"no such command: {verb[:20]!r}")
            if (verb in TRANSACTION) != (self._messages is not None) and verb not in ALWAYS:
                raise Refused("log in first" if verb in TRANSACTION else "you are logged in already")
            yield from answer(rest)
            self._errors = 0
        except Refused as exc:
            self._errors += 1
            yield f"-ERR {exc}\r\n".encode()
            if self._errors >= MAX_ERRORS:
                self.closed = True

    def _capa(self, rest: str) -> Iterator[bytes]:
        tls = "STLS\r\n" if self.offers_tls else ""
        sasl = f"SASL {' '.join(MECHANISMS)}\r\n"
        yield f"+OK\r\nTOP\r\nUIDL\r\nUSER\r\n{sasl}PIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n{tls}.\r\n".encode()

    def _user(self, rest: str) -> Iterator[bytes]:
        if not rest:
            raise Refused("USER takes a name")
        self._name = rest
        yield b"+OK\r\n"

    def _pass(self, rest: str) -> Iterator[bytes]:
        if not self._name:
            raise Refused("USER first")
        yield from self._let_in(self._name)

    def _apop(self, rest: str) -> Iterator[bytes]:
        name, _, digest = rest.rpartition(" ")
        if not name or len(digest) != 32:
            raise Refused("APOP takes a name and a digest")
        yield from self._let_in(name)

    def _auth(self, rest: str) -> Iterator[bytes]:
        name, _, first = rest.partition(" ")
        if name.upper() not in MECHANISMS:
            raise Refused(f"AUTH takes one of {', '.join(MECHANISMS)}")
        yield from self._respond(for_tests(name.upper()), initial(first))

    def _respond(self, login: Server, line: bytes | None) -> Iterator[bytes]:
        self._login = None
        outcome = hear(login, line)
        if isinstance(outcome, Done):
            yield from self._let_in(outcome.user)
        elif isinstance(outcome, Challenge):
            self._login = login
            yield b"+ %s\r\n" % b64encode(outcome.data)
        else:
            raise Refused(outcome.reason if outcome.malformed else f"[AUTH] {outcome.reason}")

    def _let_in(self, name: str) -> Iterator[bytes]:
        self.user = name
        self._messages = self._open_mailbox(name)
        yield f"+OK {len(self._messages)} messages\r\n".encode()

    def _stls(self, rest: str) -> Iterator[bytes]:
        if not self.offers_tls:
            raise Refused("TLS is on already")
        self.starts_tls, self.offers_tls = True, False
        yield b"+OK begin\r\n"

    def _stat(self, rest: str) -> Iterator[bytes]:
        sizes = [len(message.data) for _, message in self._left()]
        yield f"+OK {len(sizes)} {sum(sizes)}\r\n".encode()

    def _list(self, rest: str) -> Iterator[bytes]:
        yield from self._listing(rest, lambda message: str(len(message.data)))

    def _uidl(self, rest: str) -> Iterator[bytes]:
        yield from self._listing(rest, lambda message: message.uidl)

    def _listing(self, rest: str, tell: Callable[[Message], str]) -> Iterator[bytes]:
        if rest:
            number, message = self._one(rest)
            yield f"+OK {number} {tell(message)}\r\n".encode()
            return
        yield b"+OK\r\n"
        yield "".join(f"{number} {tell(message)}\r\n" for number, message in self._left()).encode()
        yield b".\r\n"

    def _retr(self, rest: str) -> Iterator[bytes]:
        _, message = self._one(rest)
        yield f"+OK {len(message.data)} octets\r\n".encode()
        yield from stuffed(message.data)

    def _top(self, rest: str) -> Iterator[bytes]:
        number, _, lines = rest.partition(" ")
        if not lines.isdecimal() or len(lines) > 9:
            raise Refused("TOP takes a message and a number of lines")
        _, message = self._one(number)
        yield b"+OK\r\n"
        yield from stuffed(top(message.data, int(lines)))

    def _dele(self, rest: str) -> Iterator[bytes]:
        number, _ = self._one(rest)
        self._deleted.add(number)
        yield b"+OK deleted when you QUIT\r\n"

    def _rset(self, rest: str) -> Iterator[bytes]:
        self._deleted.clear()
        yield b"+OK\r\n"

    def _noop(self, rest: str) -> Iterator[bytes]:
        yield b"+OK\r\n"

    def _quit(self, rest: str) -> Iterator[bytes]:
        self.closed = True
        if self._messages is not None and self._deleted:
            self._delete(self.user, [self._messages[number - 1].uidl for number in sorted(self._deleted)])
        yield b"+OK bye\r\n"

    def _left(self) -> list[tuple[int, Message]]:
        return [(n, one) for n, one in enumerate(self._messages or (), 1) if n not in self._deleted]

    def _one(self, text: str) -> tuple[int, Message]:
        number = int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else 0
        if self._messages is None or not 1 <= number <= len(self._messages) or number in self._deleted:
            raise Refused("no such message")
        return number, self._messages[number - 1]


class Refused(Exception):
    """Why a command gets -ERR."""


TRANSACTION = ("STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "RSET", "NOOP")
ALWAYS = ("CAPA", "QUIT")
VERBS = (*TRANSACTION, *ALWAYS, "USER", "PASS", "APOP", "AUTH", "STLS")


def top(data: bytes, lines: int) -> bytes:
    """The header, the empty line and so many lines of the body (RFC 1939 section 7)."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return data
    end += 4
    for _ in range(lines):
        after = data.find(b"\r\n", end)
        if after < 0:
            return data
        end = after + 2
    return data[:end]


def stuffed(data: bytes) -> Iterator[bytes]:
    writer = DotWriter()
    for start in range(0, len(data), PIECE):
        yield writer.feed(data[start : start + PIECE])
    yield writer.end()


def stamp(secret: bytes, host: str) -> str:
    """A timestamp for APOP, different for each connection (RFC 1939 section 7)."""
    return f"<{hashlib.sha256(secret).hexdigest()[:24]}@{host}>"
