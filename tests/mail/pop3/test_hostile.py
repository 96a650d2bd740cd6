"""Servers written to do harm, or that break in the middle: bounded memory, an end in time, what came before is kept."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from netkit.errors import NetkitError, PeerError, TimedOut
from netkit.mail.mbox import Mbox
from netkit.mail.pop3 import save as saving
from netkit.mail.pop3.save import save
from netkit.mail.pop3.session import SCHEMES, Session, open_session
from netkit.mail.pop3.subjects import Row, subjects
from netkit.mail.target import parse_target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from tests.conftest import MS

GREETING, CAPA = b"+OK\r\n", b"+OK\r\nTOP\r\nUIDL\r\n.\r\n"
FIVE = [
    b"+OK\r\n" + b"".join(b"%d 9\r\n" % n for n in range(1, 6)) + b".\r\n",
    b"+OK\r\n" + b"".join(b"%d u%d\r\n" % (n, n) for n in range(1, 6)) + b".\r\n",
]
MEMORY = 50  # MiB that a client may take, whatever a server sends


def open_to(address: str, seconds: float = 20_000) -> Session:
    deadline = Deadline.after(seconds * MS)
    return open_session(parse_target(address, SCHEMES), security=Security(None), deadline=deadline)


def top(n: int) -> bytes:
    return b"+OK\r\nSubject: %d\r\n\r\n.\r\n" % n


def rows(session: Session) -> tuple[list[Row], NetkitError | None]:
    """The rows until it broke off, and what broke it off."""
    found: list[Row] = []
    try:
        for row in subjects(session, session.list()):
            found.append(row)
    except NetkitError as exc:
        return found, exc
    return found, None


@contextmanager
def endless(*answers: bytes, forever: bytes, piece: int = 65536) -> Iterator[str]:
    """Answers so many lines, the greeting first, and behind the last answer sends without end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                try:
                    for number, answer in enumerate(answers):
                        if number:
                            lines.readline()
                        client.sendall(answer)
                    for data in repeat(forever * (piece // len(forever))):
                        client.sendall(data)
                except OSError:  # the client has had enough
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(20)
        assert not thread.is_alive()


def test_one_of_five_is_refused(scripted: Callable[..., Any]) -> None:
    server = scripted([GREETING, CAPA, *FIVE, top(1), top(2), b"-ERR gone\r\n", top(4), top(5)])
    with open_to(server.address) as session:
        found, error = rows(session)
    assert error is None
    assert [(row.n, row.subject) for row in found if row.error is None] == [(1, "1"), (2, "2"), (4, "4"), (5, "5")]
    assert [(row.n, row.error.exit) for row in found if row.error is not None] == [(3, 1)]


@pytest.mark.parametrize(
    ("third", "kind"),
    [
        ([b"+OK\r\nSubj", None], "closed"),
        ([b"+OK\r\nSubject: 3\r\n\r\n.", None], "closed"),
        ([b"+OK", None], "closed"),
        ([None], "closed"),
        ([b"junk\r\n"], "not_pop3"),
        ([b"+OKAY" + b"x" * 5000], "line_too_long"),
        ([top(3) + b"+OK\r\n.\r\n"], "unasked"),
        ([top(3) + b"-ERR\r\n"], "unasked"),
    ],
)
def test_it_breaks_in_the_third_of_five(scripted: Callable[..., Any], third: list[bytes | None], kind: str) -> None:
    with open_to(scripted([GREETING, CAPA, *FIVE, top(1), top(2), *third]).address) as session:
        found, error = rows(session)
    assert [row.subject for row in found] == ["1", "2", "3"][: 3 if kind == "unasked" else 2]
    assert isinstance(error, PeerError)
    assert error.kind == kind


def test_silence_in_the_third_of_five(
    scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_to(scripted([GREETING, CAPA, *FIVE, top(1), top(2), b"+OK\r\n"]).address, seconds=1000) as session:
        found, error = rows(session)
    assert ([row.subject for row in found], type(error)) == (["1", "2"], TimedOut)
    monkeypatch.setattr(saving, "SILENCE", 1000 * MS)
    server = scripted([GREETING, CAPA, *FIVE, top(1), top(2), b"+OK\r\n"])
    with open_to(server.address, seconds=1e6) as session, Mbox(str(tmp_path / "mail")) as box:
        saved = save(session, session.list(), box)
        assert [next(saved).n, next(saved).n] == [1, 2]
        with pytest.raises(TimedOut) as caught:
            next(saved)
    assert caught.value.message == f"{server.address}: nothing came for {1000 * MS:g} s"
    assert (tmp_path / "mail").read_bytes().count(b"\nSubject: ") == 2


def test_odd_messages_are_rows(scripted: Callable[..., Any]) -> None:
    """Without an empty line, header alone, empty, LF alone."""
    bodies = [b"Subject: a\r\nno header\r\n", b"Subject: b\r\n", b"", b"X: y\nSubject: d\n\nbody\r\n", b"\r\n"]
    server = scripted([GREETING, CAPA, *FIVE, *(b"+OK\r\n" + body + b".\r\n" for body in bodies)])
    with open_to(server.address) as session:
        found, error = rows(session)
    assert error is None
    assert [row.subject for row in found] == ["a", "b", None, "d", None]


@pytest.mark.parametrize("forever", [b"1 1\r\n", b"1", b"\r\n", b"x" * 1000 + b"\r\n", b"..\r\n"])
def test_a_listing_without_end(forever: bytes) -> None:
    with (
        endless(GREETING, CAPA, b"+OK\r\n", forever=forever) as address,
        open_to(address) as session,
        pytest.raises(PeerError) as caught,
    ):
        session.list()
    assert caught.value.message == f"{address}: an answer of more than {16 * 1024 * 1024} bytes"


@pytest.mark.parametrize("answers", [(b"",), (GREETING, b""), (GREETING, b"+OK\r\n")])
def test_before_anybody_is_logged_in(answers: tuple[bytes, ...]) -> None:
    with endless(*answers, forever=b"+OK ") as address, pytest.raises(PeerError) as caught:
        open_to(address)
    assert caught.value.kind == ("too_long" if answers[-1] == b"+OK\r\n" else "line_too_long")


@pytest.mark.parametrize("piece", [1, 65536])
def test_a_header_without_end_takes_until_the_deadline(piece: int) -> None:
    """One byte at a time extends nothing, and a stream that never pauses is no reason not to look at the clock."""
    with (
        endless(GREETING, CAPA, *FIVE, b"+OK\r\n", forever=b"x", piece=piece) as address,
        open_to(address, seconds=300) as session,
    ):
        found, error = rows(session)
    assert (found, type(error)) == ([], TimedOut)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="what a process took is told by Linux's /proc")
@pytest.mark.parametrize(
    ("command", "answers", "forever", "code"),
    [
        (["list"], [b"+OK\r\n"] * 3, b"1 1\r\n", 5),
        (["subjects", "--timeout", "1"], [*[b"+OK\r\n"] * 2, *FIVE, b"+OK\r\nSubject: "], b"x", 4),
    ],
)
def test_memory(command: list[str], answers: list[bytes], forever: bytes, code: int) -> None:
    """As a process of its own, which tells what it took at most."""
    program = (
        "import sys; from netkit.__main__ import main; sys.argv = sys.argv[1:]; code = main();"
        "print(code, *(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    with endless(GREETING, CAPA, *answers, forever=forever) as address:
        argv = [sys.executable, "-c", program, "-", "pop3", command[0], f"pop3://u@{address}", *command[1:]]
        done = subprocess.run(
            argv,
            env={"NETKIT_PASSWORD": "x", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
    ended, taken = map(int, done.stdout.split()[-2:])
    assert ended == code, done.stderr
    assert taken < MEMORY * 1024
