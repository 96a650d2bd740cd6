"""`netkit pop3` against Dovecot: plain, STLS, POP3S, every way to log in, 300 messages at once, deletion."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from netkit.errors import AuthRefused
from netkit.mail.pop3.session import SCHEMES, open_session
from netkit.mail.target import parse_target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from tests.conftest import MS
from tests.peers.dovecot import PASSWORD, Dovecot, dovecot, token

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ENVIRONMENT = {"NETKIT_PASSWORD": PASSWORD}
HEAD = b"From: =?utf-8?q?Ann?= <a@x.test>\nDate: Fri, 2 Jan 2026 03:04:05 +0000\nSubject: =?utf-8?q?caf=C3=A9?=\n"
ODD = HEAD + b"\n.\n..x\n"


@pytest.fixture(scope="module")
def server(program: Callable[[str], str]) -> Iterator[Dovecot]:
    if os.geteuid():
        pytest.skip("Dovecot needs root to change users")
    boxes = {
        "many": [b"Subject: number %d\n\nbody\n" % number for number in range(1, 301)],
        "odd": [ODD],
        "gone": [b"Subject: a\n\n", b"Subject: b\n\n"],
        "empty": [],
    }
    with dovecot(program("dovecot"), boxes) as running:
        yield running


def test_three_hundred_subjects(netkit: Run, server: Dovecot) -> None:
    for options in ([], ["--window", "1"], ["--window", "2000"], ["--via", "retr"]):
        done = netkit(
            "pop3", "subjects", server.plain, "--user", "many", "--fields", "subject", *options, env=ENVIRONMENT
        )
        assert done.stdout.splitlines() == [f"number {number}" for number in range(1, 301)]
        assert (done.stderr, done.returncode) == ("", 0)


def test_stls_and_pop3s(netkit: Run, server: Dovecot) -> None:
    for target, options in ((server.plain, ["--tls", "starttls"]), (f"pop3s://{server.tls}", [])):
        done = netkit(
            "pop3", "subjects", target, "--user", "odd", "--cacert", server.ca, "--json", *options, env=ENVIRONMENT
        )
        found = json.loads(done.stdout)
        assert (found["subject"], found["from"], found["date"]) == ("café", "Ann", "2026-01-02T03:04:05.000Z")
    refused = netkit("pop3", "subjects", f"pop3s://{server.tls}", "--user", "odd", env=ENVIRONMENT)
    assert (refused.returncode, refused.stdout) == (6, "")


def test_the_message_is_exact(netkit: Run, server: Dovecot) -> None:
    done = netkit("pop3", "get", server.plain, "1", "--user", "odd", env=ENVIRONMENT, text=False)
    assert done.stdout == ODD.replace(b"\n", b"\r\n")  # type: ignore[comparison-overlap]


def test_wrong_password_and_apop(netkit: Run, server: Dovecot) -> None:
    wrong = netkit("pop3", "stat", server.plain, "--user", "odd", env={"NETKIT_PASSWORD": "wrong"})
    assert (wrong.returncode, wrong.stdout) == (7, "")
    assert netkit("pop3", "stat", server.plain, "--user", "odd", "--apop", env=ENVIRONMENT).returncode == 0


def test_delete(netkit: Run, server: Dovecot) -> None:
    lines = netkit("pop3", "list", server.plain, "--user", "gone", env=ENVIRONMENT).stdout.splitlines()
    number, _, uidl = lines[0].split("\t")
    done = netkit("pop3", "delete", server.plain, f"{number}={uidl}", "--user", "gone", env=ENVIRONMENT)
    assert done.returncode == 0
    left = netkit("pop3", "list", server.plain, "--user", "gone", env=ENVIRONMENT).stdout.splitlines()
    assert [line.split("\t")[2] for line in left] == [lines[1].split("\t")[2]]


def test_an_empty_mailbox(netkit: Run, server: Dovecot) -> None:
    done = netkit("pop3", "subjects", server.plain, "--user", "empty", env=ENVIRONMENT)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    "name", [None, "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "USER"]
)
def test_every_way_in(server: Dovecot, name: str | None) -> None:
    def log_in(user: str, secret: str) -> tuple[int, int]:
        target = parse_target(server.plain, SCHEMES)
        with open_session(target, security=Security(), deadline=Deadline.after(20_000 * MS)) as session:
            if name == "USER":
                del session.capabilities["SASL"]
            bearer = name in ("OAUTHBEARER", "XOAUTH2")
            session.login(user, secret, auth=None if name == "USER" else name, bearer=bearer)
            found = session.stat()
            session.quit()
        return found

    with_token = name in ("OAUTHBEARER", "XOAUTH2")
    assert log_in("odd", token("odd") if with_token else PASSWORD) == (1, len(ODD) + ODD.count(b"\n"))
    with pytest.raises(AuthRefused) as caught:
        log_in("odd", token("odd", b"another key") if with_token else "wrong")
    assert caught.value.message.startswith(f"{server.plain} does not let odd in: [AUTH] Authentication failed.")
    if with_token:
        status = "401" if name == "XOAUTH2" else "invalid_token"
        assert f'"status":"{status}"' in caught.value.message
