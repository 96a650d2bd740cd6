"""SMTP's and LMTP's answers and commands for a client, without a socket (RFC 5321 4.2, RFC 2033); any split.

Answers come in the order of the commands, one each, whatever was pipelined (RFC 2920 3.1); an answer of several lines
is one answer. Every limit has its name here.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from netkit.errors import PeerError
from netkit.mail.command_line import command_line

MAX_LINE = 4096  # bytes of an answer's line; RFC 5321 4.5.3.1.5 says 512, servers quote addresses and links
MAX_REPLY = 64 * 1024  # bytes of one answer with all its lines: a long EHLO has 2 kB
MAX_COMMAND = 2048  # bytes of a command with its CRLF: RFC 5321 has 512, SMTPUTF8 and DSN parameters add to it
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class Reply(NamedTuple):
    """One answer. lines: their text, without codes and line ends; enhanced: RFC 3463's code, "5.1.1", None without."""

    code: int
    enhanced: str | None
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one line, the enhanced code left out."""
        bare = (_ENHANCED.sub("", line, count=1) if self.enhanced else line for line in self.lines)
        return " ".join(line.strip() for line in bare if line.strip())

    @property
    def ok(self) -> bool:
        return self.code < 300

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return " ".join(word for word in (str(self.code), self.enhanced, self.text) if word)


class Replies:
    """Takes what the server sends and gives whole answers."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []
        self._code = b""
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether something came that is no whole answer."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The answers that the bytes complete, each before what follows it is looked at. Raises PeerError for what is
        no SMTP."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if len(line) > MAX_LINE:
                raise too_long()
            if reply := self._take(line.removesuffix(b"\r")):
                yield reply
        if len(self._buffer) > MAX_LINE:
            raise too_long()
        if looks_foreign(self._buffer):  # a TLS alert has no line end
            raise not_smtp(self._buffer)

    def _take(self, line: bytes) -> Reply | None:
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise not_smtp(line)
        code, dash, text = parts[1], parts[2], parts[3] or b""
        if self._lines and code != self._code:
            raise PeerError(f"one answer of the server has two codes, {self._code.decode()} and {code.decode()}")
        self._code = code
        self._lines.append(text.decode("utf-8", "backslashreplace"))
        self._size += len(line)
        if self._size > MAX_REPLY:
            raise PeerError(f"an answer of the server is more than {MAX_REPLY} bytes long", kind="too_long")
        if dash == b"-":
            return None
        lines = tuple(self._lines)
        enhanced = _ENHANCED.match(lines[-1])
        same_class = enhanced is not None and enhanced[1][0] == code.decode()[0]
        self._lines.clear()
        self._size = 0
        return Reply(int(code), enhanced[1] if enhanced and same_class else None, lines)


def too_long() -> PeerError:
    return PeerError(f"the server's answer is a line of more than {MAX_LINE} bytes", kind="line_too_long")


def looks_foreign(line: bytes) -> bool:
    return line[:1] in (b"\x15", b"\x16") and line[1:2] == b"\x03"


def not_smtp(line: bytes) -> PeerError:
    said = line[:60].decode("utf-8", "backslashreplace")
    return PeerError(
        f"not an SMTP server: {said!r} where an answer with a code is due", kind="not_smtp", hint=what_else(line)
    )


def what_else(line: bytes) -> str | None:
    """Which protocol the line belongs to, for whoever has mistaken the port."""
    if looks_foreign(line):
        return "the server speaks TLS at once: write smtps://, or --tls implicit"
    if line[:5] == b"HTTP/" or line[:2] == b"<!":
        return "this is a web server"
    if line[:3] == b"+OK":
        return "this is a POP3 server; SMTP has port 25, 465 or 587"
    if line[:4] in (b"* OK", b"* BY"):
        return "this is an IMAP server; SMTP has port 25, 465 or 587"
    if line[:4] == b"SSH-":
        return "this is an SSH server"
    return None


def command(*words: str) -> bytes:
    """A command line. Raises BadInput for what a line cannot hold: a control character, or too many bytes."""
    return command_line(words, MAX_COMMAND, "an SMTP")


def extensions(reply: Reply) -> dict[str, tuple[str, ...]]:
    """What an answer to EHLO offers: keyword in capitals -> its parameters. `AUTH=LOGIN` of old servers is AUTH too."""
    found: dict[str, dict[str, None]] = {}
    for line in reply.lines[1:]:
        words = line.split()
        if words:
            keyword, mark, first = words[0].upper().partition("=")
            words[1:1] = [first] if mark else []
            found.setdefault(keyword, {}).update(dict.fromkeys(words[1:]))
    return {keyword: tuple(words) for keyword, words in found.items()}
