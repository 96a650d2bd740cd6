"""A message taken apart: its header fields and its parts, with their names and their content decoded.

RFC 2045, 2046 (multiparts), 2183 (dispositions), 2231 (parameters). Nothing here fails, whatever the bytes are: what is
broken is read as far as it goes. Time is linear in the size, memory is the parts that are asked for.

The standard `email` parser asks every open boundary about every line: 600 kB with 200 boundaries take it 2.6 s, here
MAX_DEPTH bounds that.
"""

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from netkit.mail.charset import codec, read
from netkit.mail.header_text import decode, raw_text, unfold

MAX_PARTS = 1000  # the rest of a message is left out
MAX_DEPTH = 20  # multiparts in multiparts; what is deeper is one part
MAX_HEADER = 256 * 1024  # bytes of a header block that are looked at
MAX_FIELDS = 1000
MAX_VALUE = 16 * 1024  # bytes of a field with parameters
MAX_PARAMETERS = 100
MAX_TAIL = 200  # bytes of white space behind a boundary
MULTIPART = "multipart/"


class Part(NamedTuple):
    """A part that holds no others. start, end: where its body is in the message, still encoded.

    kind: "text/plain", in lower case. disposition: "attachment", "inline" or another word, "" for none. name: the
    file's, as it was sent, "" for none. id: of Content-ID, without its brackets.
    """

    kind: str
    charset: str
    encoding: str
    disposition: str
    name: str
    id: str
    start: int
    end: int

    @property
    def attached(self) -> bool:
        """Whether it is meant to be a file beside the message."""
        return self.disposition == "attachment" or bool(self.name)


class Parts(NamedTuple):
    """cut: there were more than MAX_PARTS."""

    parts: tuple[Part, ...]
    cut: bool


def header_fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[str, bytes]]:
    """(name, all behind the colon) of each field, at most MAX_FIELDS; lines that are no field are passed over."""
    head = data[start : body_start(data, start, end)]
    name, first, here = "", 0, 0
    count = 0
    while here < len(head) and count < MAX_FIELDS:
        after = head.find(b"\n", here) + 1 or len(head)
        if not head.startswith((b" ", b"\t"), here):
            if name:
                yield name, head[first:here].rstrip(b"\r\n")
                count += 1
            colon = head.find(b":", here, after)
            name = head[here:colon].rstrip(b" \t").decode("latin-1") if colon > here else ""
            first = colon + 1
        here = after
    if name and count < MAX_FIELDS:
        yield name, head[first:here].rstrip(b"\r\n")


def body_start(data: bytes, start: int = 0, end: int | None = None) -> int:
    """Where the body begins: behind the first empty line, or at the end of what is looked at for one."""
    stop = min(len(data) if end is None else end, start + MAX_HEADER)
    for blank in (b"\r\n", b"\n"):
        if data.startswith(blank, start, stop):
            return start + len(blank)
    places = [(place, blank) for blank in (b"\r\n\r\n", b"\n\n") if (place := data.find(blank, start, stop)) >= 0]
    if not places:
        return stop
    place, blank = min(places)
    return place + len(blank)


def parts(data: bytes) -> Parts:
    """The parts of a message, in their order."""
    found: list[Part] = []
    # (start, end, depth, whether the parent is a digest) of what is still to be looked at, the next one last
    waiting = [(0, len(data), 0, False)]
    while waiting and len(found) < MAX_PARTS:
        start, end, depth, digest = waiting.pop()
        part, boundary = _describe(data, start, end, digest)
        inner = _split(data, part, boundary) if boundary and depth < MAX_DEPTH else []
        if inner:
            in_digest = part.kind == "multipart/digest"
            waiting += [(first, last, depth + 1, in_digest) for first, last in reversed(inner)]
        else:
            found.append(part)
    return Parts(tuple(found), bool(waiting))


def content(data: bytes, part: Part) -> bytes:
    """The part's bytes, decoded as well as they can be."""
    raw = data[part.start : part.end]
    if part.encoding == "base64":
        plain = _not_base64().sub(b"", raw)
        whole = plain[: len(plain) - (len(plain) % 4 == 1)]  # a single character is 6 bits, no byte
        try:
            return a2b_base64(whole + b"=" * (-len(whole) % 4))
        except Error:
            return b""
    return a2b_qp(raw) if part.encoding == "quoted-printable" else raw


def text(data: bytes, part: Part) -> str:
    """The part's text, its line ends as LF; U+FFFD stands for what its charset does not have."""
    decoded = content(data, part)
    known = codec(part.charset) if part.charset else None
    found = read(decoded, known)[0] if known and known != "ascii" else raw_text(decoded)[0]
    return found.replace("\r\n", "\n").replace("\r", "\n")


def parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """The value of a field such as Content-Type in lower case, and its parameters, RFC 2231 put together."""
    line = unfold(raw[:MAX_VALUE])
    value = line.partition(b";")[0].strip().lower().decode("latin-1")
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for count, found in enumerate(_parameter().finditer(line)):
        if count >= MAX_PARAMETERS:
            break
        quoted = found[2].startswith(b'"') and found[2].endswith(b'"') and len(found[2]) > 1
        given = re.sub(rb"\\(.)", rb"\1", found[2][1:-1], flags=re.DOTALL) if quoted else found[2].strip()
        name = found[1].lower().decode("latin-1")
        if split := re.fullmatch(r"([^*]+)(?:\*(\d{1,3}))?(\*)?", name):
            if split[2] is None and split[3] is None:
                plain.setdefault(name, decode(given).text)
            else:
                pieces.setdefault(split[1], {}).setdefault(int(split[2] or 0), (given, bool(split[3])))
    return value, plain | {name: _joined(found) for name, found in pieces.items()}


def _joined(pieces: dict[int, tuple[bytes, bool]]) -> str:
    """A value in pieces, some of them percent-encoded in the charset that the first one names (RFC 2231 section 4)."""
    charset = ""
    out = b""
    for number in range(len(pieces)):
        if number not in pieces:
            break
        given, encoded = pieces[number]
        if encoded and not number and given.count(b"'") >= 2:
            name, _, given = given.split(b"'", 2)
            charset = name.decode("latin-1")
        out += unquote_to_bytes(given) if encoded else given
    known = codec(charset) if charset else None
    return read(out, known)[0] if known else raw_text(out)[0]


def _describe(data: bytes, start: int, end: int, digest: bool) -> tuple[Part, bytes]:
    """The part that begins there, and the boundary of what it holds, b"" for none."""
    fields: dict[str, bytes] = {}
    for name, raw in header_fields(data, start, end):
        fields.setdefault(name.lower(), raw)
    kind, told = parameters(fields.get("content-type", b""))
    if "/" not in kind:
        kind = "message/rfc822" if digest else "text/plain"
    disposition, more = parameters(fields.get("content-disposition", b""))
    encoding = fields.get("content-transfer-encoding", b"").strip().lower().decode("latin-1")
    name = more.get("filename") or told.get("name") or ""
    uid = fields.get("content-id", b"").strip().strip(b"<>").decode("latin-1")
    body = body_start(data, start, end)
    part = Part(kind, told.get("charset", ""), encoding, disposition, name, uid, body, end)
    boundary = told.get("boundary", "") if kind.startswith(MULTIPART) else ""
    return part, boundary.encode("utf-8", "replace")


def _split(data: bytes, part: Part, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts of a multipart begin and end (RFC 2046 5.1.1); it may lack its last boundary."""
    mark = b"--" + boundary
    found: list[tuple[int, int]] = []
    start, here = -1, part.start
    while (place := data.find(mark, here, part.end)) >= 0 and len(found) <= MAX_PARTS:
        here = place + len(mark)
        behind = data[here : min(here + MAX_TAIL, part.end)]
        line, newline, _ = behind.partition(b"\n")
        tail = line.strip(b" \t\r")
        ends = bool(newline) or here + len(behind) == part.end
        if (place > part.start and data[place - 1 : place] != b"\n") or tail not in (b"", b"--") or not ends:
            continue  # inside a line, or the boundary of another part that begins in the same way
        if start >= 0:
            before = place - 1 if place > start else place
            before -= before > start and data[before - 1 : before] == b"\r"
            found.append((start, max(before, start)))
        if tail:
            return found
        start = here = here + len(line) + len(newline)
    if start >= 0:
        found.append((start, part.end))
    return found


@cache
def _parameter() -> re.Pattern[bytes]:
    return re.compile(rb';\s*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*+"|[^;]*)', re.DOTALL)


@cache
def _not_base64() -> re.Pattern[bytes]:
    return re.compile(rb"[^A-Za-z0-9+/]+")
