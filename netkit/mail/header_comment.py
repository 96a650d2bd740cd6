"""Comments of structured header fields (RFC 5322 3.2.2): in parentheses, nested, with backslashes."""

import re
from functools import cache


def comment_end(raw: bytes, start: int) -> int:
    """The place behind the comment that begins at `start` with "(", or -1 when it never ends."""
    depth = 0
    for found in _step().finditer(raw, start):
        if found[0] == b"(":
            depth += 1
        elif found[0] == b")":
            depth -= 1
            if not depth:
                return found.end()
    return -1


def unquote(raw: bytes) -> bytes:
    """Without the backslashes of quoted pairs (RFC 5322 3.2.1)."""
    return _pair().sub(rb"\1", raw) if b"\\" in raw else raw


def without_comments(raw: bytes) -> bytes:
    """Each comment is one space; one that never ends takes the rest with it."""
    out = []
    here = 0
    while (start := raw.find(b"(", here)) >= 0:
        out.append(raw[here:start])
        here = comment_end(raw, start)
        if here < 0:
            return b" ".join(out)
    return b" ".join([*out, raw[here:]])


@cache
def _step() -> re.Pattern[bytes]:
    return re.compile(rb"\\.|[()]", re.DOTALL)


@cache
def _pair() -> re.Pattern[bytes]:
    return re.compile(rb"\\(.)", re.DOTALL)
