"""Twice the input is at most twice the work, whatever a sender made up: lines of Python run are counted, not time.

What one call of a pattern does cannot be counted, so the process may use only so much of the CPU for a long value: a
quadratic pattern takes half a minute where these take half a second.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from netkit.errors import BadInput
from netkit.mail.charset import _CODECS
from netkit.mail.header_address import addresses
from netkit.mail.header_date import date
from netkit.mail.header_text import decode, subject
from netkit.mail.mailbox import parse_mailboxes
from netkit.mail.message.raw import fields
from netkit.mail.smtp.protocol import Reply, extensions

Read = Callable[[bytes], object]


def written(raw: bytes) -> None:
    """An address as a user writes it: `<` and `;` leave no plain one."""
    for end in (";", "<", "<a@b.test>;"):
        with pytest.raises(BadInput):
            parse_mailboxes(raw.decode("latin-1") + end, "--to")


def cut(raw: bytes) -> None:
    list(fields(b"a: b\r\n" + raw))


def offers(raw: bytes) -> None:
    extensions(Reply(250, None, ("x", *raw.decode("latin-1").split("\n"))))


MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
LONG = 300_000  # bytes
LIMIT = 8_000 * MS  # of CPU time

HOSTILE: list[tuple[Read, bytes]] = [
    *(
        (decode, piece)
        for piece in (b"=?", b"=?a?Q?", b"=?a?Q?a", b"=?a?Q??", b"=?utf-8?Q?=C3?= ", b"=?x?B?=A?=", b"?=")
    ),
    *(
        (decode, piece)
        for piece in (b"\r", b"\n", b"\r\n ", b" ", b"\xff", b"\xc3\xa9", b"=?a?b?YQ?= \xff", b"=?" + b"x" * 75)
    ),
    *(
        (addresses, piece)
        for piece in (b"(", b"()", b")", b'"', b'\\"', b'"\\', b'< "\\< \\" ', b"<", b"<>", b"<(", b"a<b")
    ),
    *(
        (addresses, piece)
        for piece in (b"@", b"a@", b":", b"a:", b"@:", b"[", b"a@b,", b",", b"=?", b"=?a?q?", b"a ", b'" ')
    ),
    *((addresses, piece) for piece in (b"(\\", b'("', b"<@", b"<@a:", b"(<>", b"\r\n ", b"a@b (c) ", b"\\(", b"\\")),
    *((date, piece) for piece in (b"(", b"1 ", b"a", b" ", b"1 Jan")),
    *((written, piece) for piece in (b" ", b"a ", b"\\a", b'"a" ', b'""', b"\xa0", b"a@b.test <")),
    *((cut, piece) for piece in (b" \n", b" b\r\n", b"a\n", b"a:\n", b"\n")),
    *((offers, piece) for piece in (b"AUTH a\n", b"AUTH ", b"AUTH=\n", b"a\n")),
    *((subject, piece) for piece in (b"a", b":", b"a:", b"a:\n", b" \n", b"a\n ", b"\r", b"From ")),
]
IDS = [f"{read.__name__}-{piece[:12]!r}" for read, piece in HOSTILE]


def lines_run(read: Read, raw: bytes) -> int:
    count = 0

    def trace(frame: FrameType, event: str, value: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(raw)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(("read", "piece"), HOSTILE, ids=IDS)
def test_twice_the_input_is_twice_the_work(read: Read, piece: bytes) -> None:
    read(piece)  # patterns are compiled
    once, twice = lines_run(read, piece * 200), lines_run(read, piece * 400)
    assert twice <= 2 * once + 20


@pytest.fixture
def limited() -> Iterator[None]:
    def too_long(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"more than {LIMIT} s of CPU time")

    before, tracer = signal.signal(signal.SIGVTALRM, too_long), sys.gettrace()
    sys.settrace(None)  # coverage would take three quarters of the time, and sees the same lines with short values
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    sys.settrace(tracer)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(("read", "piece"), HOSTILE, ids=IDS)
def test_a_long_value(read: Read, piece: bytes) -> None:
    read(piece * (LONG // (2 if read is addresses else 1) // len(piece)))


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("how", ["Q", "B"])
@pytest.mark.parametrize("body", [b"A", b"=", b"=4", b"+", b"?", b"A==", b"=1B", b"\xff", b"A?"])
def test_a_long_word(how: str, body: bytes) -> None:
    decode(b"=?utf-8?%b?%b?=" % (how.encode(), body * (LONG // len(body))))


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("charset", sorted(name for name in _CODECS if not name.startswith(("cp1", "iso8859", "mac"))))
def test_a_long_word_in_any_charset(charset: str) -> None:
    for body in (b"=FF", b"+", b"~", b"=1B$", b"=80="):
        decode(b"=?%b?Q?%b?=" % (charset.encode(), body * (LONG // 5 // len(body))))
