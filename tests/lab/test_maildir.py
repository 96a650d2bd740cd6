"""Mail that outlives the lab: exact to the byte, under its id, whatever else is in the folder."""

import os
import re
import smtplib
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.lab import running
from netkit.lab.mail import maildir as module
from netkit.lab.mail import store as limits
from netkit.lab.mail.maildir import Maildir
from netkit.lab.mail.store import Store
from netkit.mail.smtp.server import Envelope
from netkit.mail.smtp.server_parameters import MailParameters, RcptParameters

FULL = Envelope(
    *("me", 'a"/../ @x', ("Ann@x.test", "../../etc/passwd@x", "jü@x"), b"Subject: x\r\n\r\n.\r\ncaf\xe9\r\n", "user"),
    MailParameters(9, "8BITMIME", True, "FULL", "e1"),
    (RcptParameters(("NEVER",), "rfc822;a@x"), RcptParameters(), RcptParameters()),
)


def kept(folder: Path) -> list[tuple[str, Envelope]]:
    return [(each.id, each.envelope) for each in Store(Maildir(str(folder))).mailbox("*")]


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    store = Store(Maildir(str(folder)))
    sent = [
        FULL,
        *(FULL._replace(data=data) for data in (b"", b"lone \n", b"lone \r", b"no end", b"\r\r\n", b"\x00" * 9)),
    ]
    ids = [store.deliver(each) for each in sent]
    assert kept(folder) == list(zip(ids, sent, strict=True))
    again = Store(Maildir(str(folder)))
    assert [each.data for each in again.open("ann@x.test")] == [each.data for each in sent]
    assert again.mailbox("*")[0].time == store.mailbox("*")[0].time
    assert int((again.deliver(FULL) or "")[3:]) == int((ids[-1] or "")[3:]) + 1


def test_nothing_of_a_peer_is_in_a_path_and_lines_end_in_lf(tmp_path: Path) -> None:
    store = Store(Maildir(str(tmp_path)))
    store.deliver(FULL)
    (file,) = (tmp_path / "new").iterdir()
    assert re.fullmatch(r"\d{10}\.M\d{6}P\d+Q000001\.lab", file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    line, _, rest = file.read_bytes().partition(b"\n")
    assert line.startswith(b"X-Netkit-Envelope: {")
    assert line.isascii()
    assert rest == b"Subject: x\n\n.\ncaf\xe9\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["cur", "new", "tmp", file.name])


def test_a_message_that_is_in_no_mailbox_any_more_is_gone(tmp_path: Path) -> None:
    store = Store(Maildir(str(tmp_path)))
    queued = store.deliver(FULL) or ""
    store.delete("ann@x.test", [queued])
    assert len(kept(tmp_path)) == 1
    store.delete("*", [queued])
    assert kept(tmp_path) == []
    store.deliver(FULL)
    for file in (tmp_path / "new").iterdir():
        file.unlink()
    store.delete("*", [store.mailbox("*")[0].id])
    assert store.mailbox("*") == ()


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"", b"Subject: x\n\ny\n"),
        (b"X-Netkit-Envelope: {\n", b"y\n"),
        (b"X-Netkit-Envelope: []\n", b"y\n"),
        (b"X-Netkit-Envelope: " + b"[" * 100_000 + b"\n", b""),
        (b'X-Netkit-Envelope: {"id": 1, "exact": true}\n', b""),
        (b'X-Netkit-Envelope: {"id": "lab00000099", "exact": true, "recipients": [1]}\n', b""),
        (b'X-Netkit-Envelope: {"id": "lab00000099", "exact": true, "recipients": [], "asked": {"x": 1}}\n', b""),
    ],
)
def test_what_something_else_put_there_is_everybodys(tmp_path: Path, line: bytes, data: bytes) -> None:
    Maildir(str(tmp_path))
    (tmp_path / "cur" / "1.foreign:2,S").write_bytes(line + data)
    assert [envelope for _, envelope in kept(tmp_path)] == [
        Envelope("", "", (), (line + data).replace(b"\n", b"\r\n"), None)
    ]


def test_what_is_no_message_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(Maildir(str(tmp_path)))
    queued = store.deliver(FULL)
    os.mkfifo(tmp_path / "new" / "2.fifo")
    (tmp_path / "new" / ".hidden").write_bytes(b"x")
    (tmp_path / "new" / "3.folder").mkdir()
    (tmp_path / "new" / "3.link").symlink_to("/etc/passwd")
    monkeypatch.setattr(module, "MAX_FILE", 1000)
    (tmp_path / "new" / "4.big").write_bytes(b"x" * 1001)
    assert [uidl for uidl, _ in kept(tmp_path)] == [queued]


def test_two_files_of_one_id_are_two_messages(tmp_path: Path) -> None:
    Store(Maildir(str(tmp_path))).deliver(FULL)
    (file,) = (tmp_path / "new").iterdir()
    (tmp_path / "cur" / "copy").write_bytes(file.read_bytes())
    assert len({uidl for uidl, _ in kept(tmp_path)}) == 2


def test_more_than_the_lab_holds_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(Maildir(str(tmp_path)))
    store.deliver(FULL)
    store.deliver(FULL)
    monkeypatch.setattr(limits, "MAX_MESSAGES", 68)
    store = Store(Maildir(str(tmp_path)))
    assert (len(store.mailbox("*")), store.left_out) == (1, 1)


def test_folders_that_will_not_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadInput, match="it is no maildir"):
        Maildir(str(tmp_path))
    with pytest.raises(LocalFailure, match="File exists"):
        Maildir(str(tmp_path / "file"))


def test_a_message_that_cannot_be_written_is_refused_for_now(tmp_path: Path) -> None:
    with running(bind=["127.0.0.1"], maildir=str(tmp_path / "mail")) as lab:
        endpoint = lab.listening["smtp"][0].endpoint
        with smtplib.SMTP(endpoint.host, endpoint.port, timeout=20) as client:
            assert client.sendmail("a@x", ["b@y"], b"Subject: x\r\n\r\n") == {}
            (tmp_path / "mail" / "tmp").rmdir()
            with pytest.raises(smtplib.SMTPDataError) as caught:
                client.sendmail("a@x", ["b@y"], b"Subject: x\r\n\r\n")
            assert caught.value.smtp_code == 452
        assert len(lab.store.mailbox("b@y")) == 1
