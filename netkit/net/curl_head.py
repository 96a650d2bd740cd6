"""Reads the lines of a response's head, and says what is wrong with them, or odd. libcurl takes more than it should."""

import re

from netkit.errors import PeerError
from netkit.net.hop import Head, Warn

MAX_ODD = 10  # headers of one exchange that are told of as odd; a server may send 5,000

_STATUS_LINE = re.compile(rb"HTTP/([0-9](?:\.[0-9])?) ([0-9]{3})(?: (.*))?")
_TLS = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")  # a record of RFC 8446 section 5.1
_LENGTH = re.compile(r"([0-9]{1,18})(?:\s*,\s*\1)*")


def status_line(line: bytes, url: str) -> tuple[str, int, str]:
    """(version, status, reason). Raises PeerError."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise PeerError(f"{url}: malformed status line: {line[:80].decode('latin-1')!r}", kind="malformed")
    return found[1].decode(), int(found[2]), (found[3] or b"").decode("latin-1").strip()


def no_http(data: bytes, url: str) -> PeerError:
    """The error of an answer that has no head: another protocol's, TLS more often than not."""
    if _TLS.match(data):
        return PeerError(f"{url}: the answer is TLS, not HTTP", kind="malformed", hint="https:// instead of http://")
    begin = data.partition(b"\n")[0][:60].rstrip(b"\r").decode("latin-1")
    shown = repr(begin) if begin else "an empty line"
    return PeerError(f"{url}: the answer is HTTP/0.9, or no HTTP at all: it begins with {shown}", kind="malformed")


def field(line: bytes, url: str, warnings: list[Warn]) -> tuple[str, str]:
    """(name, value); what is odd about it is added to the warnings. Raises PeerError."""
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon:
        raise PeerError(f"{url}: a header line without a colon: {name[:60]!r}", kind="malformed")
    bare = name.strip()
    if (name != bare or not name) and len(warnings) < MAX_ODD:
        what = f"space round the name of the header {bare[:60]!r}" if name else "a header without a name"
        warnings.append(Warn("header_space", what))
    return bare, value.strip(" \t")


def check(head: Head, url: str) -> list[Warn]:
    """What is odd about how it frames the body (RFC 9112 6.3). Raises PeerError."""
    lengths = head.all("content-length")
    for length in lengths:
        if not _LENGTH.fullmatch(length):
            raise PeerError(f"{url}: Content-Length {length[:40]!r} is not a size", kind="malformed")
    if lengths and head.get("transfer-encoding"):
        return [Warn("length_and_chunked", "both Content-Length and Transfer-Encoding; the latter holds")]
    return []
