"""`netkit pop3 save`, and what `--uid` selects in every command: called in this process, on the lab and on scripts."""

import json
import re
import smtplib
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.commands.mail.pop3 import subjects
from netkit.cli.commands.mail.pop3_delete import delete
from netkit.cli.commands.mail.pop3_messages import get, list_messages
from netkit.cli.commands.mail.pop3_save import save
from netkit.cli.options import Color
from netkit.errors import BadInput, Exit, LocalFailure, NetkitError, No, Unknown
from tests.mail.conftest import Scripted

Run = Callable[..., tuple[int, str, str]]
KEYS = ["time", "n", "uidl", "size", "file", "error"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CAPA = b"+OK\r\nUIDL\r\n.\r\n"
LOGIN = [b"+OK\r\n", CAPA, b"+OK\r\n", b"+OK\r\n"]
TWO = [b"+OK\r\n1 5\r\n2 5\r\n.\r\n", b"+OK\r\n1 a\r\n2 b\r\n.\r\n"]
MESSAGE = b"+OK\r\nX: y\r\n\r\n.\r\n"


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETKIT_PASSWORD", "netkit")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def attempt(command: Callable[..., Exit], target: str, **options: Any) -> Exit:
    return command(target=target, **options)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """run(save, target, mbox="x"): exit code, standard output, standard error."""

    def call(command: Callable[..., Exit], target: str, **options: Any) -> tuple[int, str, str]:
        try:
            code = command(target=target, **options)
        except NetkitError as exc:
            code = exc.exit
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def box(lab: Mapping[str, str]) -> Callable[..., tuple[str, list[str]]]:
    """A mailbox with these messages: its target, and their UIDLs."""

    def make(user: str, *messages: bytes) -> tuple[str, list[str]]:
        host, _, port = lab["NETKIT_LAB_SMTP"].rpartition(":")
        ids = []
        with smtplib.SMTP(host, int(port)) as client:
            for message in messages:
                client.ehlo_or_helo_if_needed()
                client.mail("ann@lab.test")
                client.rcpt(user)
                ids.append(client.data(message)[1].decode().rpartition(" ")[2])
        return f"pop3://{user}@{lab['NETKIT_LAB_POP3']}", ids

    return make


def test_every_object_has_its_time(run: Run, box: Callable[..., Any]) -> None:
    target, (one, two) = box("times@lab.test", b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n")
    listed = run(list_messages, target, json=True)[1].splitlines()
    gone = run(delete, target, json=True, uid=[one, two])[1].splitlines()
    assert [list(json.loads(line)) for line in listed] == [["time", "n", "size", "uidl"]] * 2
    assert [list(json.loads(line)) for line in gone] == [["time", "n", "uidl", "deleted", "error"]] * 2
    assert all(TIME.fullmatch(json.loads(line)["time"]) for line in (*listed, *gone))


def test_rows(run: Run, box: Callable[..., Any], tmp_path: Path) -> None:
    target, (one, two) = box("rows@lab.test", b"Subject: 1\r\n\r\nFrom x\r\n", b"Subject: 2\r\n\r\n")
    code, out, err = run(save, target, maildir="in")
    (first, second) = sorted((tmp_path / "in/new").iterdir())
    assert (code, err) == (0, "")
    assert out == f"1\t{one}\tsaved\t22\tin/new/{first.name}\n2\t{two}\tsaved\t14\tin/new/{second.name}\n"
    assert first.read_bytes() == b"Subject: 1\n\nFrom x\n"
    code, out, err = run(save, target, mbox="mail", json=True, first=1)
    assert [list(json.loads(line)) for line in out.splitlines()] == [KEYS]
    found = json.loads(out)
    assert TIME.fullmatch(found.pop("time"))
    assert found == {"n": 1, "uidl": one, "size": 22, "file": "mail", "error": None}
    assert (tmp_path / "mail").read_bytes().splitlines()[1:] == [b"Subject: 1", b"", b">From x", b""]
    assert run(save, target, mbox="mail", span="2-9")[1] == f"2\t{two}\tsaved\t14\tmail\n"
    assert run(save, target, mbox="mail", last=1)[1] == f"2\t{two}\tsaved\t14\tmail\n"
    assert (tmp_path / "mail").read_bytes().count(b"From MAILER-DAEMON ") == 3
    assert run(save, f"pop3://nobody@lab.test@{target.rpartition('@')[2]}", mbox="none") == (0, "", "")
    assert not (tmp_path / "none").exists()


def test_new_is_what_is_not_there_yet(run: Run, box: Callable[..., Any]) -> None:
    target, _ = box("again@lab.test", b"Subject: 1\r\n\r\n")
    assert len(run(save, target, mbox="a", new=True)[1].splitlines()) == 1
    assert run(save, target, mbox="a", new=True) == (0, "", "")
    assert len(run(save, target, mbox="b", new=True)[1].splitlines()) == 1
    box("again@lab.test", b"Subject: 2\r\n\r\n")
    assert run(save, target, mbox="./a", new=True)[1].startswith("2\t")
    assert run(subjects, target, new=True, fields="n")[1] == "1\n2\n"


def test_delete_follows_the_disk(run: Run, box: Callable[..., Any], tmp_path: Path) -> None:
    target, (one, two) = box("moved@lab.test", b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n")
    (tmp_path / "mail").write_text("no mbox")
    with pytest.raises(BadInput):
        attempt(save, target, mbox="mail", delete=True)
    assert len(run(list_messages, target)[1].splitlines()) == 2
    code, out, _ = run(save, target, mbox="moved", delete=True, first=1)
    assert (code, out) == (0, f"1\t{one}\tsaved\t14\tmoved\n1\t{one}\tdeleted\n")
    assert run(list_messages, target)[1] == f"1\t14\t{two}\n"


def test_uid(run: Run, box: Callable[..., Any], tmp_path: Path) -> None:
    target, (one, two, three) = box("uid@lab.test", *(b"Subject: %d\r\n\r\n" % n for n in (1, 2, 3)))
    gone = "netkit: no message has the UIDL gone\nhint: netkit pop3 list shows what is there\n"
    assert run(subjects, target, uid=[three, one], fields="n") == (0, "1\n3\n", "")
    assert run(subjects, target, uid=["gone", two], fields="n") == (8, "2\n", gone)
    assert run(save, target, uid=[two], mbox="mail") == (0, f"2\t{two}\tsaved\t14\tmail\n", "")
    assert run(save, target, uid=["gone"], mbox="mail") == (1, "", gone)
    assert run(get, target, uid=["gone", two, two], output="file", json=True)[0::2] == (8, gone)
    assert (tmp_path / "file").read_bytes() == b"Subject: 2\r\n\r\n"
    assert run(get, target, numbers=[3], uid=[one], output="file")[0] == 0
    assert (tmp_path / "file").read_bytes() == b"Subject: 3\r\n\r\nSubject: 1\r\n\r\n"
    with pytest.raises(No, match="no message has the UIDL gone"):
        attempt(delete, target, uid=[one, "gone"])
    assert run(delete, target, uid=[one], messages=[f"1={one}", f"3={three}"]) == (
        0,
        f"1\t{one}\tdeleted\n3\t{three}\tdeleted\n",
        "",
    )
    assert run(list_messages, target)[1] == f"1\t14\t{two}\n"


def scripted(*script: bytes | None) -> closing[Scripted]:
    return closing(Scripted(script))


def test_one_uidl_for_two_messages(run: Run) -> None:
    twice = [TWO[0], b"+OK\r\n1 a\r\n2 a\r\n.\r\n"]
    with scripted(*LOGIN, *twice, MESSAGE, MESSAGE, b"+OK\r\n") as server:
        assert run(save, server.address, user="u", uid=["a"], mbox="mail")[0] == 0
    with scripted(*LOGIN, *twice) as server, pytest.raises(No, match="2 messages have the UIDL a"):
        attempt(delete, server.address, user="u", uid=["a"])
    assert server.heard[-1] == b"UIDL\r\n"


def test_a_refused_message(run: Run) -> None:
    with scripted(*LOGIN, *TWO, MESSAGE, b"-ERR \x1b[1m\tlocked\r\n", b"+OK\r\n") as server:
        code, out, err = run(save, server.address, user="u", mbox="mail", new=True)
    assert (code, err) == (8, "netkit: message 2: \\x1b[1m\\x09locked\n")
    assert out == "1\ta\tsaved\t8\tmail\n2\tb\tmessage 2: \x1b[1m locked\t-\t-\n"
    with scripted(*LOGIN, *TWO, MESSAGE, b"+OK\r\n") as server:
        assert run(save, server.address, user="u", mbox="mail", json=True, uid=["a", "c"])[0] == 8


@pytest.mark.parametrize("last", [b"-ERR no\r\n", None])
def test_new_waits_for_quit(run: Run, tmp_path: Path, last: bytes | None) -> None:
    with scripted(*LOGIN, *TWO, MESSAGE, MESSAGE, last) as server:
        assert run(save, server.address, user="u", mbox="mail", new=True)[0] in (1, 5)
    assert not (tmp_path / "state").exists()
    with scripted(*LOGIN, *TWO, MESSAGE, MESSAGE, last) as server:  # nothing hangs on it
        code, _, err = run(save, server.address, user="u", mbox="mail")
    assert (code, "(all that was asked for had come)" in err) == (0, True)


def test_delete_without_an_answer_to_quit_is_unknown(run: Run) -> None:
    script = [*LOGIN, *TWO, MESSAGE, MESSAGE, b"+OK\r\n", b"-ERR no\r\n"]
    with scripted(*script, None) as server, pytest.raises(Unknown, match="may be deleted or not"):
        attempt(save, server.address, user="u", mbox="mail", delete=True)
    with scripted(*script, b"+OK\r\n") as server:
        code, out, _ = run(save, server.address, user="u", mbox="mail", delete=True)
    assert (code, out.splitlines()[-2:]) == (8, ["1\ta\tdeleted", "2\tb\tno"])
    assert server.heard[-3:] == [b"DELE 1\r\n", b"DELE 2\r\n", b"QUIT\r\n"]


def test_a_break_deletes_nothing(run: Run) -> None:
    with scripted(*LOGIN, *TWO, MESSAGE, b"+OK\r\nhalf", None) as server:
        code, out, _ = run(save, server.address, user="u", mbox="mail", delete=True)
    assert (code, out) == (5, "1\ta\tsaved\t8\tmail\n")
    assert server.heard[-1] == b"RETR 2\r\n"


@pytest.mark.parametrize("options", [{"new": True}, {"delete": True}])
def test_without_uidl(options: dict[str, bool]) -> None:
    with scripted(*LOGIN, TWO[0], b"-ERR\r\n") as server, pytest.raises(No) as caught:
        attempt(save, server.address, user="u", mbox="mail", **options)
    assert caught.value.kind == "no_uidl"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (save, {}),
        (save, {"maildir": "a", "mbox": "b"}),
        (save, {"mbox": "a", "uid": ["x"], "first": 1}),
        (save, {"mbox": "a", "uid": ["x y"]}),
        (save, {"mbox": "."}),
        (get, {}),
        (get, {"uid": ["x" * 71]}),
        (delete, {}),
        (delete, {"uid": ["é"]}),
        (subjects, {"uid": ["x"], "follow": 1.0}),
    ],
)
def test_bad_input_is_told_before_anything_is_sent(command: Callable[..., Exit], options: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        attempt(command, "127.0.0.1:1", user="u", **options)


def test_a_missing_folder() -> None:
    for options in ({"mbox": "no/mail"}, {"maildir": "no/mail"}):
        with pytest.raises(LocalFailure):
            attempt(save, "127.0.0.1:1", user="u", **options)


def test_rows_on_a_terminal(run: Run) -> None:
    with scripted(*LOGIN, *TWO, MESSAGE, b"-ERR \x1b[1mlocked\r\n", b"+OK\r\n") as server:
        code, out, err = run(save, server.address, user="u", mbox="mail", color=Color.always)
    assert (code, err) == (8, "")
    assert "mail" in out
    assert "not saved: message 2: \\x1b[1mlocked" in out
