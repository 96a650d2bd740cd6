"""An mbox grows by whole messages alone, under two locks; `mailbox` reads it and holds the same locks."""

import errno
import fcntl
import mailbox
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.mail.mbox import SPOOL, Mbox


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.asctime", lambda _: "Fri Jan  2 12:00:00 2026")


LINE = b"From MAILER-DAEMON Fri Jan  2 12:00:00 2026\n"


def put(box: Mbox, *pieces: bytes) -> str:
    with box.draft() as draft:
        for piece in pieces:
            draft.write(piece)
        file = draft.commit()
    box.settle()
    return file


def put_half(box: Mbox) -> None:
    with box.draft() as draft:
        draft.write(b"half a mess")
        raise KeyboardInterrupt


def test_messages(tmp_path: Path) -> None:
    file = tmp_path / "mail"
    box = Mbox(str(file))
    assert not file.exists()
    assert put(box, b"Subject: a\r\n\r\nFrom b\r", b"\n>From c\r\n") == str(file)
    put(box, b"no end")
    put(box)
    one, two = b"Subject: a\n\n>From b\n>>From c\n\n", b"no end\n\n"
    assert file.read_bytes() == LINE + one + LINE + two + LINE + b"\n"
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(mailbox.mbox(str(file))) as found:
        assert [message["Subject"] for message in found] == ["a", None, None]
    assert os.listdir(tmp_path) == ["mail"]


@pytest.mark.parametrize(("end", "gap"), [(b"", b"\n\n"), (b"\n", b"\n"), (b"\n\n", b"")])
def test_a_file_that_is_there(tmp_path: Path, end: bytes, gap: bytes) -> None:
    file, link = tmp_path / "mail", tmp_path / "link"
    file.write_bytes(LINE + b"\nx" + end)
    link.symlink_to(file)
    put(Mbox(str(link)), b"y\r\n")
    assert file.read_bytes() == LINE + b"\nx" + end + gap + LINE + b"y\n\n"


def test_a_long_message_is_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "mail"
    put(Mbox(str(file)), *(b"x" * 65534 + b"\r\n" for _ in range(SPOOL // 65536 + 2)))
    assert file.read_bytes() == LINE + (b"x" * 65534 + b"\n") * (SPOOL // 65536 + 2) + b"\n"


def test_several_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mail"
    with Mbox(str(file)) as box:
        box.settle()
        with pytest.raises(KeyboardInterrupt):
            put_half(box)
        box.settle()
        assert not file.exists()
        for text in (b"one\r\n", b"two\r\n"):
            with box.draft() as draft:
                draft.write(text)
                assert draft.commit() == str(file)
        with pytest.raises(KeyboardInterrupt):
            put_half(box)
        assert not file.exists()
        put(box, b"three")
        with box.draft() as draft:
            draft.commit()
    assert file.read_bytes() == LINE + b"one\n\n" + LINE + b"two\n\n" + LINE + b"three\n\n"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_breaks_off_is_cut_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    file = tmp_path / "mail"
    put(Mbox(str(file)), b"one\r\n")
    before = file.read_bytes()

    def full(fd: int) -> None:
        assert file.stat().st_size > len(before)
        raise error

    monkeypatch.setattr(os, "fsync", full)
    with Mbox(str(file)) as box, pytest.raises((LocalFailure, KeyboardInterrupt)):
        put(box, b"two\r\n")
    assert file.read_bytes() == before
    with Mbox(str(file)) as box, pytest.raises(KeyboardInterrupt):
        put_half(box)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["mail"]


def test_others_hold_it(tmp_path: Path) -> None:
    file = tmp_path / "mail"
    file.write_bytes(LINE + b"\n\n")
    box = Mbox(str(file), wait=0.0)
    text = LINE + b"x\n\n"
    lock = tmp_path / "mail.lock"
    lock.write_text("1")
    with pytest.raises(LocalFailure) as caught:
        put(box, b"x")
    assert (caught.value.kind, caught.value.hint) == ("locked", f"if no program is at work on it, remove {lock}")
    lock.unlink()
    code = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    argv = [sys.executable, "-c", code, str(file)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LocalFailure) as caught:
            put(box, b"x")
        other.communicate(b"\n")
    assert (caught.value.message, caught.value.hint) == (f"{file} is locked by another program", None)
    assert file.read_bytes() == LINE + b"\n\n"
    box.settle()  # what could not be appended is still there
    assert file.read_bytes() == LINE + b"\n\n" + text * 2


def test_it_is_locked_while_a_message_is_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mail"
    seen: list[tuple[int, bytes]] = []

    def look(fd: int) -> None:
        if seen:  # the folder's turn
            return
        code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, check=False)
        seen.append((done.returncode, (tmp_path / "mail.lock").read_bytes()))

    monkeypatch.setattr(os, "fsync", look)
    put(Mbox(str(file)), b"x")
    assert seen == [(1, b"%d\n" % os.getpid())]
    with file.open("r+b") as again:
        fcntl.lockf(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_another_file_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail program writes the file anew and renames it: what is appended to the old one would be lost."""
    file, fresh = tmp_path / "mail", tmp_path / "fresh"
    file.write_bytes(LINE + b"\n\n")
    fresh.write_bytes(LINE + b"\nnew\n\n")
    lockf = fcntl.lockf

    def replaced(fd: int, how: int) -> None:
        if fresh.exists():
            fresh.rename(file)
        lockf(fd, how)

    monkeypatch.setattr(fcntl, "lockf", replaced)
    put(Mbox(str(file)), b"x\r\n")
    assert file.read_bytes() == LINE + b"\nnew\n\n" + LINE + b"x\n\n"


def test_where_there_can_be_no_dotlock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mail"
    file.write_bytes(LINE + b"\n\n")
    opened = os.open

    def denied(path: str, *args: int) -> int:
        if str(path).endswith(".lock"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(os, "open", denied)
    put(Mbox(str(file)), b"x\r\n")
    assert file.read_bytes().endswith(b"x\n\n")


def test_what_is_no_mbox(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("Dear diary")
    os.mkfifo(tmp_path / "pipe")
    for name, error in ((".", BadInput), ("notes", BadInput), ("pipe", BadInput), ("missing/mail", LocalFailure)):
        with pytest.raises(error):
            Mbox(str(tmp_path / name))
    assert (tmp_path / "notes").read_text() == "Dear diary"
