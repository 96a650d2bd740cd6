"""Saving what waits: from the lab hundreds at once, and from servers that refuse, lie, hang up or never end."""

import os
import smtplib
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from netkit.errors import LocalFailure, PeerError
from netkit.lab import running
from netkit.mail.maildir import Maildir
from netkit.mail.mbox import Mbox
from netkit.mail.pop3 import save as saving
from netkit.mail.pop3.save import Saved, save
from netkit.mail.pop3.session import SCHEMES, Session, open_session
from netkit.mail.target import parse_target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from tests.conftest import MS

CAPA = b"+OK\r\nUIDL\r\n.\r\n"
PIPELINING = b"+OK\r\nUIDL\r\nPIPELINING\r\n.\r\n"
FIVE = [
    b"+OK\r\n" + b"".join(b"%d 9\r\n" % n for n in range(1, 6)) + b".\r\n",
    b"+OK\r\n" + b"".join(b"%d u%d\r\n" % (n, n) for n in range(1, 6)) + b".\r\n",
]


def open_to(address: str) -> Session:
    target = parse_target(address, SCHEMES)
    return open_session(target, security=Security(None), deadline=Deadline.after(10_000 * MS))


def message(n: int) -> bytes:
    return b"+OK\r\nSubject: %d\r\n\r\n..\r\n.\r\n" % n


def saved(session: Session, box: Maildir | Mbox, **options: Any) -> tuple[list[Saved], Exception | None]:
    """The rows until it broke off, and what broke it off."""
    rows: list[Saved] = []
    try:
        with box:
            for row in save(session, session.list(), box, **options):
                rows.append(row)
    except (PeerError, LocalFailure) as exc:
        return rows, exc
    return rows, None


def texts(folder: Path) -> list[bytes]:
    return [
        one.read_bytes() for one in sorted(folder.rglob("*"), key=lambda path: path.stat().st_mtime_ns) if one.is_file()
    ]


@pytest.fixture(scope="module")
def lab() -> Iterator[Mapping[str, str]]:
    with running(bind=["127.0.0.1"]) as running_lab:
        yield running_lab.environment


@pytest.mark.parametrize("window", [1, 7, 300])
def test_every_message_in_one_session(lab: Mapping[str, str], tmp_path: Path, window: int) -> None:
    host, _, port = lab["NETKIT_LAB_SMTP"].rpartition(":")
    sent = [b"Subject: %d\r\n\r\n.\r\n..\r\n%b\r\n" % (n, b"x" * 1000 * n) for n in range(1, 31)]
    user = f"window{window}@lab.test"
    with smtplib.SMTP(host, int(port)) as client:
        for one in sent:
            client.sendmail("a@lab.test", [user], one)
    with open_to(lab["NETKIT_LAB_POP3"]) as session:
        session.login(user, "netkit", listing=True)
        rows, error = saved(session, Maildir(str(tmp_path / "in")), window=window)
        session.quit()
    assert error is None
    assert [Path(row.file or "").read_bytes() for row in rows] == [one.replace(b"\r\n", b"\n") for one in sent]
    assert [(row.n, row.size) for row in rows] == [(n, len(one)) for n, one in enumerate(sent, 1)]


def test_one_refused_message_ends_nothing(scripted: Callable[..., Any], tmp_path: Path) -> None:
    answers = [message(1), message(2), b"-ERR [SYS/TEMP] locked\r\n", message(4), message(5)]
    with open_to(scripted([b"+OK\r\n", CAPA, *FIVE, *answers]).address) as session:
        rows, error = saved(session, Maildir(str(tmp_path / "in")))
    assert error is None
    assert [(row.n, row.uidl, row.size, row.error and (row.error.message, row.error.exit)) for row in rows] == [
        (1, "u1", 17, None),
        (2, "u2", 17, None),
        (3, "u3", None, ("message 3: [SYS/TEMP] locked", 9)),
        (4, "u4", 17, None),
        (5, "u5", 17, None),
    ]
    assert texts(tmp_path) == [b"Subject: %d\n\n.\n" % n for n in (1, 2, 4, 5)]


@pytest.mark.parametrize("half", [b"", b"+OK\r\nSubject: 3\r\nhal", b"+OK\r\nSubject: 3\r\n\r\n.\r", b"junk\r\n"])
@pytest.mark.parametrize("box", [Maildir, Mbox])
def test_what_breaks_off_in_the_third(
    scripted: Callable[..., Any], tmp_path: Path, half: bytes, box: type[Maildir | Mbox]
) -> None:
    server = scripted([b"+OK\r\n", CAPA, *FIVE, message(1), message(2), half, None])
    with open_to(server.address) as session:
        rows, error = saved(session, box(str(tmp_path / "in")))
    assert [row.n for row in rows] == [1, 2]
    assert isinstance(error, PeerError)
    assert error.kind == ("not_pop3" if half == b"junk\r\n" else "closed")
    left = texts(tmp_path)
    assert [one for text in left for one in text.splitlines() if one.startswith(b"Subject")] == [
        b"Subject: 1",
        b"Subject: 2",
    ]
    assert len(left) == (2 if box is Maildir else 1)


def test_the_first_is_asked_for_alone_until_one_has_come(scripted: Callable[..., Any], tmp_path: Path) -> None:
    """Dovecot ends a session after 20 refused commands in a row."""
    script = [b"+OK\r\n", PIPELINING, *FIVE, b"-ERR 1\r\n", message(2), message(3), message(4), message(5)]
    server = scripted(script)
    with open_to(server.address) as session:
        rows, _ = saved(session, Maildir(str(tmp_path / "in")))
    assert [row.error is None for row in rows] == [False, True, True, True, True]
    server.close()
    assert server.heard[-5:] == [b"RETR %d\r\n" % n for n in range(1, 6)]


def test_a_message_without_end_has_a_limit(
    scripted: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "MAX_MESSAGE", 200_000)
    server = scripted([b"+OK\r\n", CAPA, *FIVE, b"+OK\r\n" + b"From " * 100_000])
    with open_to(server.address) as session:
        rows, error = saved(session, Mbox(str(tmp_path / "mail")))
    assert (rows, str(error)) == ([], "message 1 has more than 200000 bytes")
    assert list(tmp_path.iterdir()) == []


def test_a_server_is_no_path(scripted: Callable[..., Any], tmp_path: Path) -> None:
    listing = [b"+OK\r\n1 1\r\n2 1\r\n.\r\n", b"+OK\r\n1 ../../x\r\n2 a/b\0c\r\n.\r\n"]
    answers = [b"+OK ../../y\r\nSubject: ../../z\r\n\r\n.\r\n", message(2)]
    with open_to(scripted([b"+OK\r\n", CAPA, *listing, *answers]).address) as session:
        rows, error = saved(session, Maildir(str(tmp_path / "in")))
    assert error is None
    assert [row.uidl for row in rows] == ["../../x", None]
    assert {Path(row.file or "").parent for row in rows} == {tmp_path / "in/new"}
    assert len(texts(tmp_path)) == 2


def test_a_box_that_takes_no_more_ends_the_run(scripted: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(b"")
    (tmp_path / "mail.lock").write_bytes(b"")
    with open_to(scripted([b"+OK\r\n", CAPA, *FIVE, message(1), message(2), None]).address) as session:
        rows, error = saved(session, Mbox(str(tmp_path / "mail"), wait=0))
    assert (rows, isinstance(error, LocalFailure)) == ([], True)


@pytest.mark.parametrize("box", [Maildir, Mbox])
def test_a_large_message_takes_no_memory(
    scripted: Callable[..., Any], tmp_path: Path, box: type[Maildir | Mbox]
) -> None:
    text = b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * 20_000
    listing = [b"+OK\r\n1 9\r\n.\r\n", b"+OK\r\n1 a\r\n.\r\n"]
    with open_to(scripted([b"+OK\r\n", CAPA, *listing, b"+OK\r\n" + text + b".\r\n"]).address) as session:
        waiting = session.list()
        tracemalloc.start()
        with box(str(tmp_path / "in")) as opened:
            (row,) = save(session, waiting, opened)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert row.size == len(text)
    assert most < 4 * 1024 * 1024


def test_several_go_to_the_disk_at_once(
    lab: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(saving, "BATCH", 3)
    monkeypatch.setattr(saving, "BATCH_SECONDS", 1e9)
    with open_to(lab["NETKIT_LAB_POP3"]) as session, Mbox(str(tmp_path / "mail")) as box:
        session.login("odd@lab.test", "netkit")
        rows = save(session, session.list()[:7], box)
        told = [(next(rows).n, (tmp_path / "mail").read_bytes().count(b"\nSubject: ")) for _ in range(7)]
        assert next(rows, None) is None
    assert told == [(1, 3), (2, 3), (3, 3), (4, 6), (5, 6), (6, 6), (7, 7)]
    assert len(synced) == 4  # the folder once, when the file was made
