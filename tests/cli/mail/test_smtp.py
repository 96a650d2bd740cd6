"""`netkit smtp` as people call it: outcomes, JSON, what goes where, exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.warm import Process

Netkit = Callable[..., Any]
KEYS = [
    "time", "outcome", "target", "address", "stage", "tls", "ehlo", "auth", "pipelined", "sender", "recipients", "data",
    "bytes", "attempts", "timings", "warnings", "error",
]  # fmt: skip
TEXT = ("--from", "ann@x.test", "--subject", "hi", "--text", "Hello")


@pytest.fixture
def send(netkit: Netkit, lab: Mapping[str, str]) -> Netkit:
    def run(*args: str, **options: Any) -> Any:
        return netkit("smtp", "send", lab["NETKIT_LAB_SMTP"], *args, **options)

    return run


@pytest.fixture
def fetched(netkit: Netkit, lab: Mapping[str, str]) -> Callable[[str], bytes]:
    """The last message in a mailbox of the lab."""

    def get(mailbox: str) -> bytes:
        import poplib

        host, _, port = lab["NETKIT_LAB_POP3"].rpartition(":")
        client = poplib.POP3(host, int(port))
        client.user(mailbox)
        client.pass_("any")
        count, _size = client.stat()
        lines = client.retr(count)[1]
        client.quit()
        return b"\r\n".join(lines) + b"\r\n"

    return get


def test_a_line_a_recipient(send: Netkit, fetched: Callable[[str], bytes]) -> None:
    done = send(*TEXT, "--to", "Bob <bob@x.test>", "--cc", "cara@x.test", "--bcc", "dan@x.test")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["accepted", f"{name}@x.test"] for name in ("bob", "cara", "dan")]
    assert all(row[2].startswith("250 2.0.0 queued as ") for row in rows)
    assert (done.stderr, done.returncode) == ("", 0)
    message = fetched("dan@x.test")
    assert b"To: Bob <bob@x.test>\r\nCc: cara@x.test\r\n" in message
    assert b"dan@" not in message


def test_json(send: Netkit) -> None:
    done = send(*TEXT, "--to", "bob@x.test", "--json")
    (document,) = map(json.loads, done.stdout.splitlines())
    assert list(document) == KEYS
    assert document["outcome"] == "accepted"
    assert document["recipients"][0]["address"] == "bob@x.test"
    assert document["data"]["queue_id"].startswith("lab")
    steps = ["connect", "greeting", "ehlo", "tls", "auth", "envelope", "data", "total"]
    assert list(document["timings"]) == [f"{step}_ms" for step in steps]
    assert document["error"] is None


def test_a_header_alone_is_remarked(send: Netkit) -> None:
    done = send("--from", "a@x.test", "--to", "bob@x.test", "--subject", "hi")
    said = "netkit: no --text: the message has a header alone\nhint: --text - reads standard input\n"
    assert (done.stderr, done.returncode) == (said, 0)
    assert send("--from", "a@x.test", "--to", "bob@x.test", "--text", "").stderr == ""


def test_some_refused_some_deferred(netkit: Netkit) -> None:
    words = ("--from", "a@x.test", "--to", "a@x.test,b@bad.test,c@later.test", "--text", "x", "--json")
    command = f"{sys.executable} -m netkit smtp send $NETKIT_LAB_SMTP {' '.join(words)}"
    faults = ("--on", "rcpt *@bad.test", "550 5.1.1 no", "--on", "rcpt *@later.test", "451 4.7.1 later")
    done = netkit("lab", *faults, "--", "sh", "-c", command)
    (document,) = map(json.loads, done.stdout.splitlines())
    assert [(one["status"], one["code"], one["enhanced"]) for one in document["recipients"]] == [
        ("accepted", 250, "2.0.0"),
        ("refused", 550, "5.1.1"),
        ("deferred", 451, "4.7.1"),
    ]
    assert document["outcome"] == "partial"
    assert done.returncode == 8


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no sender"),
        (("--from", "a@x.test"), "no recipient"),
        (("--from", "a@x.test,b@x.test", "--to", "b@x.test"), "one sender, not several"),
        (("--from", "a@x.test", "--to", "b@x>\r\nRCPT TO:<e@x"), "--to: a line break at position 5"),
        (("--from", "a@x.test", "--to", "a@b@c"), "has two @"),
        ((*TEXT, "--to", "b@x.test", "--subject", "x\nBcc: e@x"), "--subject: a line break at position 2"),
        ((*TEXT, "--to", "b@x.test", "--subject", "A =?UTF-8?Q?=0A?=B"), "hides a control character (U+000A)"),
        ((*TEXT, "--to", "b@x.test", "--header", "X: a\nBcc: e@x"), "--header X: a line break at position 2"),
        ((*TEXT, "--to", "b@x.test", "--header", "Bcc: e@x"), "netkit writes that field itself"),
        ((*TEXT, "--to", "b@x.test", "--header", "nonsense"), "has no colon"),
        (("--from", "a@x.test", "--to", "b@x.test", "--raw", "-"), "the message is empty"),
        (("--from", "a@x.test", "--to", "b@x.test c@x.test"), "several have commas between"),
        ((*TEXT, "--to", "b@x.test", "--raw", "-"), "--subject does not go with it"),
        ((*TEXT, "--to", "b@x.test", "--html", "-", "--text", "-"), "can be one of"),
        ((*TEXT, "-t"), "-t takes the recipients from the message that --raw sends"),
        ((*TEXT, "--to", "b@x.test", "--attach", "/dev/null;color=red"), "'color=red' is not one of"),
        ((*TEXT, "--to", "b@x.test", "--attach", "/dev/null;type=nonsense"), "no media type"),
        ((*TEXT, "--to", "b@x.test", "--dsn", "sometimes"), "there is no 'sometimes'"),
        ((*TEXT, "--to", "b@x.test", "--dsn", "never,delay"), "never excludes the others"),
        ((*TEXT, "--to", "b@x.test", "--mx"), "it takes no TARGET"),
        ((*TEXT, "--to", "b@x.test", "--wire"), "--wire goes with --dry-run"),
        ((*TEXT, "--to", "b@x.test", "--helo", "a b"), "is no name"),
        ((*TEXT, "--to", "b@x.test", "--auth", "plain"), "a login needs the user it is for"),
        ((*TEXT, "--to", "b@x.test", "--cacert", "x.pem"), "is spoken to without"),
        ((*TEXT, "--to", "b@x.test", "--stop-after", "mail", "--drop-after", "mail"), "give one"),
        ((*TEXT, "--to", "b@x.test", "--dkim-key", "k.pem"), "needs both"),
    ],
)
def test_bad_input_is_told_before_anything_is_sent(netkit: Netkit, args: tuple[str, ...], said: str) -> None:
    done = netkit("smtp", "send", "127.0.0.1:1", *args)
    assert said in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)


@pytest.mark.parametrize("target", [None, "smtp://u:p@h", "h:0", "http://h", "fd:3"])
def test_no_server(netkit: Netkit, target: str | None) -> None:
    done = netkit("smtp", "send", *([target] if target else []), *TEXT, "--to", "b@x.test")
    assert done.returncode == 2
    assert "p@" not in done.stderr


def test_unreadable_attachment(send: Netkit) -> None:
    done = send(*TEXT, "--to", "b@x.test", "--attach", "/nonexistent/file")
    assert done.returncode == 11
    assert "cannot read /nonexistent/file" in done.stderr


def test_nobody_there(netkit: Netkit) -> None:
    done = netkit("smtp", "send", "127.0.0.1:1", *TEXT, "--to", "b@x.test", "--json", "--count", "3")
    assert done.stderr == "netkit: stopped there: 2 of 3 messages were not tried\n"
    (document,) = map(json.loads, done.stdout.splitlines())
    assert list(document) == KEYS
    assert (document["outcome"], document["error"]["kind"]) == ("failed", "refused")
    assert document["recipients"] == [
        {"address": "b@x.test", "status": "unsent", "code": None, "enhanced": None, "text": None}
    ]
    assert done.returncode == 3


def test_a_dry_run_connects_to_nobody(netkit: Netkit) -> None:
    done = netkit("smtp", "send", *TEXT, "--to", "b@x.test", "--dry-run")
    assert done.stdout.endswith("\n\nHello\n")
    assert "Subject: hi\n" in done.stdout
    wire = netkit("smtp", "send", *TEXT[:4], "--text", ".", "--to", "b@x.test", "--dry-run", "--wire", text=False)
    assert wire.stdout.endswith(b"\r\n\r\n..\r\n.\r\n")


def test_raw_from_standard_input(send: Netkit, fetched: Callable[[str], bytes], tmp_path: Path) -> None:
    message = b"From: ann@x.test\nTo: raw@x.test\nBcc: unseen@x.test\n\n.\ncaf\xe9\n"
    file = tmp_path / "m.eml"
    file.write_bytes(message)
    with file.open("rb") as stdin:
        done = send("--raw", "-", "-t", stdin=stdin)
    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [
        ["accepted", "raw@x.test"],
        ["accepted", "unseen@x.test"],
    ]
    wanted = message.replace(b"Bcc: unseen@x.test\n", b"").replace(b"\n", b"\r\n")
    assert fetched("unseen@x.test").endswith(wanted)
    assert fetched("raw@x.test").endswith(wanted)


def test_attachments_arrive(send: Netkit, fetched: Callable[[str], bytes], tmp_path: Path) -> None:
    import email
    import email.policy

    file = tmp_path / "ä.bin"
    file.write_bytes(os.urandom(200_000))
    assert send(*TEXT, "--to", "att@x.test", "--attach", str(file)).returncode == 0
    found = email.message_from_bytes(fetched("att@x.test"), policy=email.policy.default)
    (part,) = found.iter_attachments()
    assert part.get_filename() == "ä.bin"
    assert part.get_payload(decode=True) == file.read_bytes()


def test_many_over_one_connection(send: Netkit) -> None:
    done = send(*TEXT, "--to", "many@x.test", "--count", "20", "--json")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["outcome"] for one in documents] == ["accepted"] * 20
    assert len({one["data"]["queue_id"] for one in documents}) == 20


def test_to_the_exchangers_of_each_domain(netkit: Netkit, lab: Mapping[str, str]) -> None:
    port = lab["NETKIT_LAB_SMTP"].rpartition(":")[2]
    asked = ("--mx", "--dns", lab["NETKIT_LAB_DNS"], "--mx-port", port)
    to = "a@www.lab.test,b@nosuch.lab.test,c@nullmx.lab.test,d@WWW.lab.test"
    done = netkit("smtp", "send", *TEXT, "--to", to, *asked, "--json", env={"NETKIT_SMTP": lab["NETKIT_LAB_SMTP"]})
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["outcome"], (one["error"] or {}).get("kind"), len(one["recipients"])) for one in documents] == [
        ("accepted", None, 2),  # without an MX the domain itself, by its second address: nothing listens on ::1
        ("failed", "no_domain", 1),
        ("failed", "null_mx", 1),
    ]
    assert f"cannot connect to [::1]:{port}" in done.stderr
    assert done.returncode == 8


def test_tls_and_login(netkit: Netkit, lab: Mapping[str, str]) -> None:
    target = f"smtp://ann@{lab['NETKIT_LAB_SMTP']}"
    words = (*TEXT, "--to", "tls@x.test", "--tls", "starttls")
    secret = {"NETKIT_PASSWORD": "netkit"}
    done = netkit("smtp", "send", target, *words, "--cacert", lab["NETKIT_LAB_CA"], "--json", env=secret)
    (document,) = map(json.loads, done.stdout.splitlines())
    assert document["auth"] == "SCRAM-SHA-256"
    assert document["tls"]["verified"] is True
    assert document["tls"]["version"] == "TLSv1.3"
    assert done.returncode == 0
    refused = netkit("smtp", "send", target, *words, env=secret)
    assert "does not trust" in refused.stderr
    assert refused.returncode == 6


def test_lmtp(netkit: Netkit, lab: Mapping[str, str]) -> None:
    done = netkit("smtp", "send", f"lmtp://{lab['NETKIT_LAB_LMTP']}", *TEXT, "--to", "a@x.test,b@x.test")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["accepted", "accepted"]


def test_up_to_a_stage(send: Netkit) -> None:
    done = send("--stop-after", "banner")
    assert done.stdout.startswith("reached\tbanner\t220 lab.test")
    done = send("--stop-after", "ehlo")
    assert done.stdout.startswith("reached\tehlo\tPIPELINING; SIZE ")
    assert done.returncode == 0
    done = send(*TEXT, "--to", "b@x.test", "--stop-after", "rcpt")
    assert done.stdout == "accepted\tb@x.test\t250 2.1.5 recipient ok\n"


def test_what_ends_early_under_tls_is_described_too(send: Netkit, lab: Mapping[str, str], tmp_path: Path) -> None:
    words = ("--tls", "starttls", "--cacert", lab["NETKIT_LAB_CA"], "--json")
    done = send("--stop-after", "tls", *words)
    document = json.loads(done.stdout)
    assert (document["outcome"], document["tls"]["version"], done.returncode) == ("reached", "TLSv1.3", 0)
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(64 * 1024 * 1024)  # as sparse as it can be: nothing of it is sent
    done = send(*TEXT, "--to", "b@x.test", "--attach", str(big), *words)
    document = json.loads(done.stdout)
    assert (document["error"]["kind"], document["tls"]["verified"], done.returncode) == ("too_big", True, 1)


@pytest.fixture
def hostile() -> Iterator[tuple[str, threading.Event]]:
    """Says things with control characters, and never answers a message."""
    listener = socket.create_server(("127.0.0.1", 0))
    waiting = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with suppress(ConnectionError), client, client.makefile("rb") as lines:
            client.sendall(b"220 \x1b]0;title\x07there\r\n")
            for line in lines:
                if line.startswith(b"DATA"):
                    client.sendall(b"354 go\r\n")
                    while lines.readline() not in (b".\r\n", b""):
                        pass
                    waiting.set()
                elif not waiting.is_set():
                    client.sendall(b"250 \x1b[31m\xc2\x9bok [/foo] \xe2\x80\xaegpj\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}", waiting
    listener.close()
    thread.join(10)


def test_nothing_from_a_server_reaches_the_terminal(terminal: Any, hostile: tuple[str, threading.Event]) -> None:
    done = terminal("smtp", "send", hostile[0], *TEXT, "--to", "b@x.test", "--stop-after", "rcpt")
    text = "\n".join(done.lines)
    assert "\\x1b[31m\\x9bok [/foo] \\u202egpj" in text
    assert "\x9b" not in done.text
    assert "\x1b]0" not in done.text


def test_interrupted_when_it_may_have_arrived(hostile: tuple[str, threading.Event]) -> None:
    address, waiting = hostile
    argv = ["smtp", "send", address, *TEXT, "--to", "b@x.test"]
    with Process(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert waiting.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (out, process.returncode) == ("", 130)
    assert err == "netkit: interrupted before the answer to the whole message: it may have been delivered\n"
