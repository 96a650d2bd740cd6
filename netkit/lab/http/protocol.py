"""HTTP/1.1 as a server sees it: bytes into requests, responses into bytes; no sockets and no clock.

It is written here because the lab must also send what no library lets one send. As a reader it is strict: a request
that two servers could understand differently (RFC 9112 section 11.2: two lengths, length and chunked, bare CR or LF,
space before a colon, folded lines) is refused with the status that says why. Every part has a limit with a name.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

MAX_REQUEST_LINE = 8 * 1024  # what RFC 9112 section 3 asks for at least
MAX_HEAD = 64 * 1024  # request line and fields
MAX_FIELDS = 100
MAX_BODY = 1024 * 1024  # the lab has no use for uploads
MAX_CHUNK_LINE = 256
MAX_BLANK_LINES = 4  # in front of a request line; RFC 9112 2.2 asks for one

Header = tuple[str, str]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")
_VERSION = re.compile(r"HTTP/(\d)\.(\d)")
_NO_BODY = (204, 304)


class BadRequest(Exception):
    """The request cannot be served; the connection ends after the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whole. `headers` keep their order, their case and repeated names; text is latin-1."""

    method: str
    target: str
    version: tuple[int, int]
    headers: tuple[Header, ...]
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """The field's value, repeated ones joined by commas (RFC 9110 5.3)."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None

    @property
    def keep_alive(self) -> bool:
        words = {word.strip().lower() for word in (self.get("connection") or "").split(",")}
        return "close" not in words and (self.version >= (1, 1) or "keep-alive" in words)

    @property
    def path(self) -> str:
        """The target's path as it was written, of the origin form and of the absolute form."""
        target = self.target.partition("?")[0]
        return "/" + target.partition("://")[2].partition("/")[2] if "://" in target else target

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters behind "?", decoded, "+" as a space."""
        pairs = []
        for pair in self.target.partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            if pair:
                pairs.append((unquote(name.replace("+", " ")), unquote(value.replace("+", " "))))
        return pairs


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer.

    body: the bytes, or where they come from; then `length` is their number, None for chunks. reason: the status
    line's text, the usual one if None. interim: 1xx responses in front. delay: seconds to wait before. raw: what to
    send in place of a response, after which the connection ends; abort: it ends with a reset.
    """

    status: int = 200
    headers: Sequence[Header] = ()
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    reason: str | None = None
    interim: Sequence[tuple[int, Sequence[Header]]] = ()
    trailers: Sequence[Header] = ()
    delay: float = 0.0
    raw: AsyncIterator[bytes] | None = None
    abort: bool = False


class RequestReader:
    """Turns bytes into requests: `receive(data)`, then `next_request()` until it gives None."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._blank_lines = 0
        self._head: Request | None = None
        self._remaining: int | None = None  # octets of a body with a length; None while in chunks
        self._body = bytearray()
        self._trailers = 0
        self._in_trailers = False

    @property
    def started(self) -> bool:
        """Whether part of a request is here."""
        return bool(self._buffer or self._head)

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body."""
        head = self._head
        return bool(head and head.version >= (1, 1) and (head.get("expect") or "").lower() == "100-continue")

    def receive(self, data: bytes) -> None:
        self._buffer += data

    def next_request(self) -> Request | None:
        """The next whole request, None when more bytes are needed. Raises BadRequest."""
        if self._head is None:
            head = self._read_head()
            if head is None:
                return None
            self._head = head
            self._remaining = self._body_length(head)
        done = self._read_chunks() if self._remaining is None else self._read_length()
        if not done:
            return None
        head, body = self._head, bytes(self._body)
        self._head, self._trailers, self._in_trailers = None, 0, False
        self._body.clear()
        return Request(head.method, head.target, head.version, head.headers, body)

    def _read_head(self) -> Request | None:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
            self._blank_lines += 1
            if self._blank_lines > MAX_BLANK_LINES:
                raise BadRequest(400, f"there are more than {MAX_BLANK_LINES} blank lines in front of a request")
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            first = self._buffer.find(b"\r\n")
            if (first if first >= 0 else len(self._buffer)) > MAX_REQUEST_LINE:
                raise BadRequest(414, f"the request line is longer than {MAX_REQUEST_LINE} octets")
            if len(self._buffer) > MAX_HEAD:
                raise BadRequest(431, f"the header is longer than {MAX_HEAD} octets")
            return None
        if end > MAX_HEAD:
            raise BadRequest(431, f"the header is longer than {MAX_HEAD} octets")
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        self._searched = self._blank_lines = 0
        if len(lines[0]) > MAX_REQUEST_LINE:
            raise BadRequest(414, f"the request line is longer than {MAX_REQUEST_LINE} octets")
        if len(lines) - 1 > MAX_FIELDS:
            raise BadRequest(431, f"there are more than {MAX_FIELDS} header fields")
        method, target, version = _request_line(lines[0])
        request = Request(method, target, version, tuple(_field(line) for line in lines[1:]))
        hosts = [value for name, value in request.headers if name.lower() == "host"]
        if len(hosts) > 1 or (not hosts and version >= (1, 1)):
            raise BadRequest(400, f"there are {len(hosts)} Host fields, there must be one (RFC 9112 3.2)")
        return request

    def _body_length(self, head: Request) -> int | None:
        lengths = [value for name, value in head.headers if name.lower() == "content-length"]
        coding = head.get("transfer-encoding")
        if coding is not None:
            if lengths:
                raise BadRequest(400, "both Content-Length and Transfer-Encoding (RFC 9112 6.1)")
            if head.version < (1, 1):
                raise BadRequest(400, "Transfer-Encoding in HTTP/1.0 (RFC 9112 6.1)")
            if coding.lower() != "chunked":
                raise BadRequest(501, "only the chunked transfer coding is known here")
            return None
        if not lengths:
            return 0
        if len(set(lengths)) > 1:
            raise BadRequest(400, "Content-Length differs from Content-Length")
        if not (lengths[0].isascii() and lengths[0].isdecimal()):
            raise BadRequest(400, "Content-Length is no number")
        if len(lengths[0]) > 15 or int(lengths[0]) > MAX_BODY:
            raise BadRequest(413, f"a body has at most {MAX_BODY} octets here")
        return int(lengths[0])

    def _read_length(self) -> bool:
        assert self._remaining is not None
        taken = self._buffer[: self._remaining]
        self._body += taken
        del self._buffer[: len(taken)]
        self._remaining -= len(taken)
        return self._remaining == 0

    def _read_chunks(self) -> bool:
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0 and len(self._buffer) > (MAX_HEAD if self._in_trailers else MAX_CHUNK_LINE):
                raise BadRequest(400, "a chunk's line is too long")
            if end < 0:
                return False
            line = bytes(self._buffer[:end]).decode("latin-1")
            if self._in_trailers:
                del self._buffer[: end + 2]
                if not line:
                    return True
                self._trailers += 1
                if self._trailers > MAX_FIELDS:
                    raise BadRequest(431, f"there are more than {MAX_FIELDS} trailer fields")
                _field(line)
                continue
            if end > MAX_CHUNK_LINE:
                raise BadRequest(400, "a chunk's line is too long")
            digits = line.partition(";")[0].rstrip("\t ")
            if not re.fullmatch(r"[0-9A-Fa-f]{1,8}", digits) or not _VALUE.fullmatch(line):
                raise BadRequest(400, "a chunk's size is no hexadecimal number")
            size = int(digits, 16)
            if len(self._body) + size > MAX_BODY:
                raise BadRequest(413, f"a body has at most {MAX_BODY} octets here")
            if size == 0:
                del self._buffer[: end + 2]
                self._in_trailers = True
                continue
            if len(self._buffer) < end + 2 + size + 2:
                return False
            if self._buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise BadRequest(400, "a chunk is longer than its size")
            self._body += self._buffer[end + 2 : end + 2 + size]
            del self._buffer[: end + 4 + size]


def _request_line(line: str) -> tuple[str, str, tuple[int, int]]:
    words = line.split(" ")
    if len(words) != 3:
        raise BadRequest(400, "the request line is not METHOD TARGET VERSION")
    method, target, version = words
    found = _VERSION.fullmatch(version)
    if not found:
        raise BadRequest(400, "the request line does not end in an HTTP version")
    if found[1] != "1":
        raise BadRequest(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if not _TOKEN.fullmatch(method) or len(method) > 32:
        raise BadRequest(400, "the method is no token")
    if not _TARGET.fullmatch(target) or not (target.startswith("/") or re.match(r"https?://[^/]", target, re.I)):
        raise BadRequest(400, "the target is neither a path nor an absolute URL")
    return method, target, (1, int(found[2]))


def _field(line: str) -> Header:
    name, colon, value = line.partition(":")
    if line[:1] in (" ", "\t"):
        raise BadRequest(400, "a header line is folded (RFC 9112 5.2)")
    if not colon or not _TOKEN.fullmatch(name):
        raise BadRequest(400, "a header line is not NAME: VALUE")
    value = value.strip("\t ")
    if not _VALUE.fullmatch(value):
        raise BadRequest(400, "a header value has control characters")
    return name, value


def has_no_body(method: str, status: int) -> bool:
    return method == "HEAD" or status in _NO_BODY or status < 200


def is_chunked(request: Request, response: Response) -> bool:
    """Whether the body goes in chunks; HTTP/1.0 ends it with the connection instead."""
    streamed = not isinstance(response.body, bytes) and response.length is None
    return streamed and request.version >= (1, 1) and response.status not in _NO_BODY


def head_bytes(status: int, headers: Sequence[Header], *, reason: str | None = None) -> bytes:
    """A status line and fields. Raises ValueError for a name or value that would end its line."""
    if reason is None:
        try:
            reason = HTTPStatus(status).phrase
        except ValueError:
            reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}"]
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or any(char in value for char in "\r\n\0"):
            raise ValueError(f"header {name!r} cannot be sent")
        lines.append(f"{name}: {value}")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def framing(request: Request, response: Response, *, close: bool) -> list[Header]:
    """The fields that say where the body ends and whether the connection goes on."""
    fields: list[Header] = []
    if response.status not in _NO_BODY:
        if isinstance(response.body, bytes):
            fields.append(("Content-Length", str(len(response.body))))
        elif response.length is not None:
            fields.append(("Content-Length", str(response.length)))
        elif is_chunked(request, response):
            fields.append(("Transfer-Encoding", "chunked"))
    if close:
        fields.append(("Connection", "close"))
    elif request.version < (1, 1):
        fields.append(("Connection", "keep-alive"))
    return fields


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Sequence[Header]) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return f"0\r\n{fields}\r\n".encode("latin-1")
