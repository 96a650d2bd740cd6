"""Endpoints that break HTTP on purpose, each in one way, to see what a client makes of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from netkit.lab.http.call import Call, Refused
from netkit.lab.http.protocol import Response

ENDLESS = 64 * 1024 * 1024  # where an answer without an end does end
HANG_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Malformed:
    """What is wrong, the bytes sent in place of a response, and how the connection ends."""

    summary: str
    pieces: tuple[bytes, ...]
    abort: bool = False
    repeat: bytes = b""  # sent again and again up to ENDLESS
    hang: bool = False  # keep the connection open afterwards


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED: Mapping[str, Malformed] = {
    "empty": Malformed("closes without a byte", ()),
    "reset": Malformed("resets without a byte", (), abort=True),
    "reset-in-body": Malformed("resets inside the body", (OK + b"Content-Length: 10\r\n\r\nhalf",), abort=True),
    "silent": Malformed("never answers", (), hang=True),
    "stall": Malformed("stops inside the body", (OK + b"Content-Length: 10\r\n\r\nhalf",), hang=True),
    "half-header": Malformed("closes inside the header", (OK + b"Content-Le",)),
    "http-0.9": Malformed("no status line, just a body", (b"<h1>hello</h1>\n",)),
    "garbage": Malformed("no HTTP at all", (bytes(range(256)),)),
    "ssh": Malformed("another protocol", (b"SSH-2.0-OpenSSH_9.6\r\n",)),
    "bad-version": Malformed("HTTP/9.9", (b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",)),
    "bad-status": Malformed("a status that is no number", (b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",)),
    "status-0": Malformed("status 000", (b"HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n",)),
    "no-colon": Malformed("a header without a colon", (OK + b"Broken\r\nContent-Length: 2\r\n\r\nok",)),
    "space-before-colon": Malformed("space before a colon", (OK + b"Content-Length : 2\r\n\r\nok",)),
    "folded": Malformed("a folded header", (OK + b"X-Folded: one\r\n two\r\nContent-Length: 2\r\n\r\nok",)),
    "nul-in-header": Malformed("NUL in a header", (OK + b"X-Nul: a\0b\r\nContent-Length: 2\r\n\r\nok",)),
    "bare-lf": Malformed("lines that end in LF alone", (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",)),
    "two-lengths": Malformed("two lengths", (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",)),
    "negative-length": Malformed("a length below zero", (OK + b"Content-Length: -1\r\n\r\nok",)),
    "huge-length": Malformed("a length of 2^64", (OK + b"Content-Length: 18446744073709551616\r\n\r\nok",)),
    "length-and-chunked": Malformed(
        "a length and chunks", (OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",)
    ),
    "unknown-coding": Malformed("a coding nobody knows", (OK + b"Content-Encoding: squash\r\n\r\nok",)),
    "bad-chunk": Malformed("a chunk size that is no number", (CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",)),
    "huge-chunk": Malformed("a chunk of 2^64", (CHUNKED + b"10000000000000000\r\nok",)),
    "long-chunk": Malformed("a chunk longer than its size", (CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",)),
    "no-last-chunk": Malformed("chunks without an end", (CHUNKED + b"2\r\nok\r\n",)),
    "too-long": Malformed("more bytes than the length says", (OK + b"Content-Length: 2\r\n\r\nok and more",)),
    "second-response": Malformed(
        "two responses to one request",
        ((OK + b"Content-Length: 3\r\n\r\none") + (OK + b"Content-Length: 3\r\n\r\ntwo"),),
    ),
    "many-headers": Malformed("ten thousand headers", (OK, b"X-Many: 1\r\n" * 10_000, b"Content-Length: 0\r\n\r\n")),
    "huge-header": Malformed(
        "a header of 1 MiB", (OK + b"X-Huge: ", b"x" * (1 << 20), b"\r\nContent-Length: 0\r\n\r\n")
    ),
    "endless-header": Malformed("headers without an end", (OK,), repeat=b"X-More: " + b"x" * 1000 + b"\r\n"),
    "endless-body": Malformed("a body without an end", (OK + b"\r\n",), repeat=b"more " * 1000),
    "endless-interim": Malformed("1xx without an end", (), repeat=b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
    "escape-in-reason": Malformed(
        "ESC in the status line", (b"HTTP/1.1 200 \x1b[31mOK\r\nContent-Length: 2\r\n\r\nok",)
    ),
    "bad-location": Malformed(
        "a redirect to nowhere", (b"HTTP/1.1 302 Found\r\nLocation: http://[::bad/\r\nContent-Length: 0\r\n\r\n",)
    ),
    "file-location": Malformed(
        "a redirect to a file", (b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",)
    ),
    "no-location": Malformed("a redirect without a Location", (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",)),
}


def malformed(call: Call) -> Response:
    found = MALFORMED.get(call.parts["kind"])
    if found is None:
        raise Refused("kind is one of " + ", ".join(MALFORMED), 404)
    return Response(raw=_send(found), abort=found.abort)


async def _send(what: Malformed) -> AsyncIterator[bytes]:
    for piece in what.pieces:
        yield piece
    if what.repeat:
        for _ in range(ENDLESS // len(what.repeat)):
            yield what.repeat
    if what.hang:
        await asyncio.sleep(HANG_SECONDS)


def truncated(call: Call) -> Response:
    async def half() -> AsyncIterator[bytes]:
        yield b"x" * 500

    return Response(200, [("Content-Type", "text/plain")], half(), 1000)
