"""What becomes of a stream of HTTP/2 or HTTP/3 that ends as it should not, and whether that was before an answer.

libcurl's codes do not tell: its words do, and where they name the reason of a reset (RFC 9113 section 7), it is shown.
What nghttp2 itself finds wrong with the frames is malformed, and no concern of this module, but that a body is shorter
than its Content-Length. One thing nobody here can know: RST_STREAM with NO_ERROR amid a body of no announced length is
to libcurl the same as its end, and so is H3_NO_ERROR.
"""

import re
from typing import TYPE_CHECKING

from netkit.errors import NetkitError, PeerError, Unreachable

if TYPE_CHECKING:
    from netkit.net.curl_exchange import Exchange

_RESET = re.compile(r"stream \d+ reset by (server|curl) \(error (0x[0-9a-f]+) (\w+)\)")
_SHORT = re.compile(r"received invalid frame: FRAME\[(?:DATA|HEADERS), .*eos=1.*error -532")
_DIED = "Connection died, tried "  # of requests that the server sent back untouched, over and over
_GONE = ("ERR_DRAINING", "ERR_IDLE_CLOSE")  # ngtcp2: the peer closed the connection, or fell silent
_BROKEN = "ERR_CLOSING"  # nghttp3 and ngtcp2 say of no violation which it was
_NOTHING = "was closed cleanly, but before getting"


def ended_wrong(one: "Exchange", words: str) -> NetkitError | None:
    """The error of a stream that was reset, refused or cut short; None where the words are of something else."""
    url = one.hop.url
    if _NOTHING in words:
        return Unreachable(f"{url}: empty reply: the stream was closed without an answer", kind="empty_reply")
    if words.startswith(_DIED):
        return Unreachable(
            f"{url}: the server sends every request back untouched", kind="refused_stream", hint="--retry N tries later"
        )
    if one.head is not None and _SHORT.search(words) and one.received < one.announced():
        return PeerError(f"{url}: ended after {one.so_far()} bytes of the body", kind="truncated")
    if words.endswith(_GONE):
        return reset(one)
    if words.endswith(_BROKEN):
        return PeerError(f"{url}: malformed response: it broke the rules of HTTP/3 or QUIC", kind="malformed")
    found = _RESET.search(words)
    if found is None or (found[1] == "curl" and one.listener.goaway is None):
        return None
    why = found[2] if found[3] == "unknown" else found[3]
    return reset(one, f" ({why})", hint="--http 1.1" if why == "HTTP_1_1_REQUIRED" else None)


def reset(one: "Exchange", why: str = "", *, hint: str | None = None) -> NetkitError:
    """The peer ended the exchange before its time. why: behind the message."""
    url = one.hop.url
    if one.head is not None:
        return PeerError(f"{url}: reset after {one.so_far()} bytes of the body{why}", kind="truncated", hint=hint)
    if one.status_line is None and not one.informational:
        return Unreachable(f"{url}: the connection was reset before an answer{why}", kind="reset", hint=hint)
    return PeerError(f"{url}: the connection was reset amid the headers{why}", kind="truncated", hint=hint)
