"""`netkit pop3` as people call it: rows, JSON, state, exit codes."""

import json
import os
import re
import signal
import smtplib
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.warm import Process

Netkit = Callable[..., Any]
PASSWORD = {"NETKIT_PASSWORD": "netkit"}
KEYS = [
    "time", "n", "uidl", "size", "date", "from", "subject", "subject_raw", "charset", "defects", "error",
]  # fmt: skip


@pytest.fixture
def pop3(netkit: Netkit, lab: Mapping[str, str], tmp_path: Path) -> Netkit:
    """pop3("subjects", "--new", user="a@lab.test")"""

    def run(command: str, *args: str, user: str | None = None, **options: Any) -> Any:
        target = f"pop3://{user}@{lab['NETKIT_LAB_POP3']}" if user else lab["NETKIT_LAB_POP3"]
        environment = {**PASSWORD, "COLUMNS": "120", "XDG_STATE_HOME": str(tmp_path / "state")}
        return netkit("pop3", command, target, *args, env=environment, **options)

    return run


@pytest.fixture
def mail(lab: Mapping[str, str]) -> Callable[..., None]:
    def send(to: str, *messages: bytes) -> None:
        host, _, port = lab["NETKIT_LAB_SMTP"].rpartition(":")
        with smtplib.SMTP(host, int(port)) as client:
            for message in messages:
                client.sendmail("ann@lab.test", [to], message)

    return send


def test_rows_in_a_pipe(pop3: Netkit, mail: Callable[..., None]) -> None:
    date = b"Date: Fri, 2 Jan 2026 03:04:05 +0100\r\n"
    mail(
        "rows@lab.test", b"From: Ann <a@x>\r\n" + date + b"Subject: =?utf-8?q?caf=C3=A9=09x?=\r\n\r\n", b"X: y\r\n\r\n"
    )
    done = pop3("subjects", user="rows@lab.test")
    assert done.stdout == "1\t2026-01-02 03:04+01:00\tAnn\tcafé x\n2\t-\t\t\n"
    assert (done.stderr, done.returncode) == ("", 0)
    assert pop3("subjects", "--fields", "subject,n", "--last", "1", user="rows@lab.test").stdout == "\t2\n"
    assert pop3("subjects", "--grep", "CAF", "--fields", "n", user="rows@lab.test").stdout == "1\n"
    assert pop3("subjects", "--reverse", "--fields", "n", user="rows@lab.test").stdout == "2\n1\n"
    assert pop3("subjects", "--range", "2-9", "--fields", "n", user="rows@lab.test").stdout == "2\n"
    assert pop3("subjects", "--since", "2026-02-01", "--fields", "n", user="rows@lab.test").stdout == "2\n"


def test_json_keeps_what_came(pop3: Netkit, mail: Callable[..., None]) -> None:
    mail("json@lab.test", b"Subject: =?utf-8?q?caf=C3=A9=09x?=\r\n\r\n")
    found = json.loads(pop3("subjects", "--json", user="json@lab.test").stdout)
    assert list(found) == KEYS
    assert found["subject"] == "café\tx"
    assert found["subject_raw"] == "=?utf-8?q?caf=C3=A9=09x?="
    assert (found["charset"], found["date"], found["error"]) == ("utf-8", None, None)


def test_an_empty_mailbox_is_no_error(pop3: Netkit) -> None:
    done = pop3("subjects", user="nobody@lab.test")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert pop3("stat", user="nobody@lab.test").stdout == "0\t0\n"


def test_new_shows_a_message_once(pop3: Netkit, mail: Callable[..., None], tmp_path: Path) -> None:
    mail("new@lab.test", b"Subject: one\r\n\r\n")
    fields = ("--new", "--fields", "subject")
    assert pop3("subjects", *fields, user="new@lab.test").stdout == "one\n"
    mail("new@lab.test", b"Subject: two\r\n\r\n")
    assert pop3("subjects", *fields, user="new@lab.test").stdout == "two\n"
    assert pop3("subjects", *fields, user="new@lab.test").stdout == ""
    (state,) = (tmp_path / "state/netkit/pop3").iterdir()
    mail("new@lab.test", b"Subject: three\r\n\r\n", b"Subject: four\r\n\r\n")
    assert pop3("subjects", *fields, "--grep", "four", user="new@lab.test").stdout == "four\n"
    assert pop3("subjects", *fields, user="new@lab.test").stdout == "three\n"  # what was not shown is still new
    state.write_text("{")
    done = pop3("subjects", *fields, user="new@lab.test")
    assert done.returncode == 11
    assert str(state) in done.stderr


def test_get_and_delete(pop3: Netkit, mail: Callable[..., None], tmp_path: Path) -> None:
    message = b"Subject: one\r\n\r\n.\r\n..x\r\n"
    mail("get@lab.test", message)
    assert pop3("get", "1", user="get@lab.test", text=False).stdout == message
    done = pop3("get", "1", "7", "-o", str(tmp_path / "mail"), "--json", user="get@lab.test")
    there, missing = map(json.loads, done.stdout.splitlines())
    assert there.pop("time").endswith("Z")
    assert there == {"n": 1, "uidl": None, "size": len(message), "file": str(tmp_path / "mail"), "error": None}
    assert (missing["n"], missing["file"], missing["error"]["kind"]) == (7, None, "no")
    assert (tmp_path / "mail").read_bytes() == message
    assert (done.returncode, "RETR 7: no such message" in done.stderr) == (8, True)
    assert pop3("get", "8", "9", "-o", str(tmp_path / "mail"), user="get@lab.test").returncode == 1
    assert (tmp_path / "mail").read_bytes() == message  # nothing came, so nothing is replaced
    number, size, uidl = pop3("list", user="get@lab.test").stdout.split()
    assert (number, size) == ("1", str(len(message)))
    assert pop3("delete", "1", user="get@lab.test").returncode == 2
    wrong = pop3("delete", "1=other", user="get@lab.test")
    assert (wrong.returncode, uidl in wrong.stderr) == (1, True)
    assert pop3("delete", f"1={uidl}", user="get@lab.test").stdout == f"1\t{uidl}\tdeleted\n"
    assert pop3("list", user="get@lab.test").stdout == ""


def test_which_are_listed_and_fetched(pop3: Netkit, mail: Callable[..., None]) -> None:
    mail("which@lab.test", b"one\r\n", b"two\r\n", b"three\r\n")
    assert pop3("list", "--last", "1", user="which@lab.test").stdout.startswith("3\t7\t")
    done = pop3("list", "--uid", "other", user="which@lab.test")
    assert (done.stdout, done.returncode) == ("", 1)
    assert pop3("get", "--last", "2", user="which@lab.test").stdout == "two\nthree\n"
    assert pop3("get", "--range", "3-", user="which@lab.test").stdout == "three\n"
    assert pop3("get", "--range", "2", user="which@lab.test").stdout == "two\n"
    assert pop3("get", "--range", "1-2", user="which@lab.test").stdout == "one\ntwo\n"
    assert pop3("get", "--last", "1", user="nobody@lab.test").returncode == 0
    assert "numbers go with --uid" in pop3("get", "1", "--last", "1", user="which@lab.test").stderr


def test_numbers_alone_where_the_environment_names_the_server(
    netkit: Netkit, mail: Callable[..., None], lab: Mapping[str, str]
) -> None:
    mail("env@lab.test", b"one\r\n", b"two\r\n")
    env = {**PASSWORD, "NETKIT_POP3": f"pop3://env@lab.test@{lab['NETKIT_LAB_POP3']}"}
    assert netkit("pop3", "get", "2", "1", env=env).stdout == "two\none\n"
    pair = "=".join(netkit("pop3", "list", "--last", "1", env=env).stdout.split()[::2])
    assert netkit("pop3", "delete", pair, env=env).stdout == pair.replace("=", "\t") + "\tdeleted\n"


def test_capa(pop3: Netkit, lab: Mapping[str, str]) -> None:
    assert "PIPELINING" in pop3("capa").stdout.splitlines()
    done = pop3("capa", "--tls", "starttls", "--cacert", lab["NETKIT_LAB_CA"], "--json")
    found = json.loads(done.stdout)
    assert found["tls"].startswith("TLSv1.")
    assert "STLS" in found["clear_capabilities"]
    assert "STLS" not in found["capabilities"]
    assert pop3("capa", "--tls", "starttls").returncode == 6


@pytest.mark.parametrize(
    "args",
    [
        ("subjects", "h", "--range", "9-3"),
        ("subjects", "h", "--range", "x"),
        ("subjects", "h", "--last", "1", "--first", "1"),
        ("subjects", "h", "--fields", "n,colour"),
        ("subjects", "h", "--since", "yesterday"),
        ("subjects", "h", "--grep", "("),
        ("subjects", "h", "--via", "imap"),
        ("subjects", "pop3://a:b@h"),
        ("subjects", "--user", "a", "pop3://b@h"),
        ("subjects", "h"),
        ("subjects", "h:0", "--user", "a"),
        ("get", "h", "0"),
        ("get", "h", "1", "--json"),
        ("delete", "h", "x=y"),
        ("capa", "127.0.0.1:1", "--cacert", "ca.pem"),
        ("stat", "127.0.0.1:1", "--user", "a", "--insecure"),
    ],
)
def test_bad_input_is_told_before_anything_is_sent(netkit: Netkit, args: tuple[str, ...]) -> None:
    done = netkit("pop3", *args, env=PASSWORD)
    assert done.returncode == 2, done.stderr
    keys = [list(json.loads(line)) for line in done.stdout.splitlines()]
    assert keys == [["time", "error"]] * args.count("--json")
    assert done.stderr


def test_no_terminal_no_prompt(netkit: Netkit, lab: Mapping[str, str]) -> None:
    done = netkit("pop3", "stat", f"pop3://a@{lab['NETKIT_LAB_POP3']}")
    assert done.returncode == 2
    assert "--password-cmd" in done.stderr


def test_nobody_there(netkit: Netkit) -> None:
    done = netkit("pop3", "stat", "pop3://a@127.0.0.1:1", env=PASSWORD)
    assert (done.returncode, done.stdout) == (3, "")
    assert "127.0.0.1:1" in done.stderr


def test_odd_subjects_are_harmless_on_a_terminal(pop3: Netkit) -> None:
    text = pop3("subjects", "--color", "always", user="odd@lab.test").stdout
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", bare)
    assert "\\x1b" in bare
    assert "[/foo] [link=" in bare
    assert ":bomb:" in bare
    assert "\\u202egpj.exe" in bare


def test_the_other_views_on_a_terminal(pop3: Netkit, mail: Callable[..., None], lab: Mapping[str, str]) -> None:
    mail("view@lab.test", b"Subject:\r\n\r\n", b"X: y\r\n\r\n")

    def seen(command: str, *args: str, **options: Any) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", pop3(command, *args, "--color", "always", **options).stdout)

    assert seen("stat", user="view@lab.test").startswith("2 messages, 20 bytes   view@lab.test at 127.0.0.1:")
    assert seen("stat", "-q", user="view@lab.test") == "2 messages, 20 bytes\n"
    assert re.fullmatch(r" +1 +12  lab\d{8}\n +2 +8  lab\d{8}\n", seen("list", user="view@lab.test"))
    rows = seen("subjects", user="view@lab.test").splitlines()
    assert [row.split() for row in rows] == [["1", "-", "(empty)"], ["2", "-", "(no", "subject)"]]
    assert "deleted" in seen("delete", "1", "--yes", user="view@lab.test")
    assert "after TLS alone" not in seen("capa", "--tls", "starttls", "--cacert", lab["NETKIT_LAB_CA"])
    assert "before TLS alone" in seen("capa", "--tls", "starttls", "--cacert", lab["NETKIT_LAB_CA"])


@pytest.mark.parametrize(
    ("columns", "fields", "line"),
    [
        (
            80,
            "n,date,from,subject",
            "    7  -                 Someone with a very l…  日本語 a subject that goes on …\n",
        ),
        (60, "n,date,from,subject", "    7  -                 Someone w…  日本語 a subject that …\n"),
        (60, "subject,size", "日本語 a subject that goes on and on and on and …        123\n"),
        (40, "uidl,n", "lab1                      7\n"),
    ],
)
def test_a_row_fits_the_window(columns: int, fields: str, line: str) -> None:
    from io import StringIO

    from rich.console import Console

    from netkit.cli.output.mail.pop3 import Shown
    from netkit.cli.output.mail.pop3_rich import render
    from netkit.mail.pop3.subjects import Row

    text = "日本語 a subject that goes on and on and on and on and on"
    row = Row(7, "lab1", 123, None, "Someone with a very long name", text, text.encode(), "utf-8", (), None)
    console = Console(file=StringIO(), width=columns)
    console.print(render(Shown(row, tuple(fields.split(",")))))
    assert console.file.getvalue() == line  # type: ignore[attr-defined]


def test_follow_shows_what_comes(lab: Mapping[str, str], mail: Callable[..., None]) -> None:
    mail("follow@lab.test", b"Subject: one\r\n\r\n")
    argv = ["pop3", "subjects", f"pop3://follow@lab.test@{lab['NETKIT_LAB_POP3']}"]
    argv += ["--follow", "50ms", "--fields", "subject"]
    with Process(*argv, env={**os.environ, **PASSWORD}, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "one\n"
        mail("follow@lab.test", b"Subject: two\r\n\r\n")
        assert running.stdout.readline() == "two\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
        assert running.stdout.read() == ""


def test_by_mechanism_and_by_token(netkit: Netkit, lab: Mapping[str, str], tmp_path: Path) -> None:
    target = f"pop3://auth@lab.test@{lab['NETKIT_LAB_POP3']}"
    (tmp_path / "token").write_text("ya29.abc\n")

    def stat(*args: str, **environment: str) -> tuple[str, int]:
        done = netkit("pop3", "stat", target, *args, env=environment)
        return done.stdout or done.stderr, done.returncode

    assert stat("--auth", "plain", NETKIT_PASSWORD="any") == ("0\t0\n", 0)
    assert stat("--token-file", str(tmp_path / "token")) == ("0\t0\n", 0)
    assert stat("--token-cmd", "echo t", "--auth", "xoauth2") == ("0\t0\n", 0)
    assert stat("--auth", "oauthbearer", NETKIT_TOKEN="t") == ("0\t0\n", 0)
    said, code = stat(NETKIT_PASSWORD="any")
    assert (code, said.splitlines()[1]) == (
        7, "hint: that was SCRAM-SHA-256; --auth takes another: SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN"
    )  # fmt: skip
    for args, reason in (
        (("--token-cmd", "echo t", "--password-cmd", "echo p"), "give one of them"),
        (("--auth", "xoauth2", "--password-cmd", "echo p"), "give one of them"),
        (("--token-cmd", "echo t", "--auth", "plain"), "--auth plain takes a password"),
        (("--token-cmd", "echo t", "--apop"), "--apop is a way to log in of its own"),
        (("--token-cmd", "echo"), "the token is empty"),
        (("--token-cmd", "echo a b"), "the token is empty or holds what no token does"),
        (("--auth", "xoauth2"), "hint: --token-cmd, --token-file or NETKIT_TOKEN brings it"),
        (("--auth", "ntlm"), "ntlm"),
    ):
        said, code = stat(*args)
        assert (code, reason in said) == (2, True), said


def test_one_family_of_addresses_alone(pop3: Netkit) -> None:
    assert pop3("capa", "-4").returncode == 0
    assert pop3("capa", "-6").returncode == 3
    assert pop3("capa", "-4", "-6").returncode == 2
