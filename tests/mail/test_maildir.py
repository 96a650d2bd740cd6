"""A maildir gets whole messages alone, and nothing that is not one becomes one; `mailbox` reads it as well."""

import errno
import mailbox
import os
import re
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.mail.maildir import Maildir


def put(maildir: Maildir, *pieces: bytes) -> Path:
    with maildir.draft() as draft:
        for piece in pieces:
            draft.write(piece)
        file = Path(draft.commit())
    maildir.settle()
    return file


def put_half(maildir: Maildir) -> None:
    with maildir.draft() as draft:
        draft.write(b"half a mess")
        raise KeyboardInterrupt


def names(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_messages(tmp_path: Path) -> None:
    maildir = Maildir(str(tmp_path / "in"))
    assert not (tmp_path / "in").exists()
    one, two = put(maildir, b"Subject: a\r", b"\n\r\nFrom b\r\n"), put(maildir)
    assert one.read_bytes() == b"Subject: a\n\nFrom b\n"
    assert two.read_bytes() == b""
    assert names(tmp_path) == sorted(f"in/new/{path.name}" for path in (one, two))
    assert re.fullmatch(rf"\d{{10}}\.M\d{{6}}P{os.getpid()}Q1\.[^/:]+", one.name)
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o700
    assert one.stat().st_mode & 0o777 == 0o600
    assert sorted(message["Subject"] or "" for message in mailbox.Maildir(str(tmp_path / "in"))) == ["", "a"]
    put(Maildir(str(tmp_path / "in")), b"c\r\n")
    assert len(names(tmp_path)) == 3


def test_a_host_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "a/../b:c")
    assert put(Maildir(str(tmp_path / "in")), b"x").name.endswith(".a\\057..\\057b\\072c")


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    maildir = Maildir(str(tmp_path / "in"))
    with pytest.raises(KeyboardInterrupt):
        put_half(maildir)
    assert names(tmp_path) == []


def test_what_is_not_settled_is_taken_away(tmp_path: Path) -> None:
    with Maildir(str(tmp_path / "in")) as maildir:
        kept = put(maildir, b"kept")
        with maildir.draft() as draft:
            draft.commit()
        assert len(names(tmp_path)) == 2
        maildir.settle()
        assert [name for name in names(tmp_path) if "/tmp/" in name] == []
        with maildir.draft() as draft:
            draft.commit()
    assert kept.read_bytes() == b"kept"
    assert len(names(tmp_path)) == 2


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with Maildir(str(tmp_path / "in")) as maildir, pytest.raises(LocalFailure) as caught:
        put(maildir, b"x")
    assert caught.value.message == f"cannot write {tmp_path}/in: No space left on device"
    assert names(tmp_path) == []


def test_what_is_no_maildir(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, error in (("file", BadInput), (".", BadInput), ("missing/in", LocalFailure)):
        with pytest.raises(error):
            Maildir(str(tmp_path / name))
    assert names(tmp_path) == ["file"]
    (tmp_path / "empty").mkdir()
    put(Maildir(str(tmp_path / "empty")), b"x")
