"""`smtp send` to Dovecot: its LMTP server delivers to a maildir, its submission server wants a login first."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from netkit.errors import Exit
from netkit.mail.mailbox import Mailbox
from netkit.mail.message.compose import Attachment, Composer
from netkit.mail.smtp.deliver import Login
from netkit.mail.smtp.delivery import Delivery
from netkit.mail.target import Tls
from tests.peers.daemons import arrived
from tests.peers.dovecot import PASSWORD, Dovecot, dovecot, token
from tests.peers.smtp_client import MANNER, SENDER, send, words
from tests.peers.smtp_sink import smtp_sink
from tests.ports import find_free_port

MORE = """
protocols = pop3 lmtp submission
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_max_mail_size = 1M
service lmtp {{
  unix_listener {{root}}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
"""
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")


class Servers(NamedTuple):
    lmtp: str
    submission: str
    submissions: str
    dovecot: Dovecot


@pytest.fixture(scope="module")
def servers(program: Callable[[str], str]) -> Iterator[Servers]:
    path, sink = program("dovecot"), program("smtp-sink")
    if os.geteuid():
        pytest.skip("Dovecot needs root to change users")
    lmtp, submission, submissions = find_free_port(), find_free_port(), find_free_port()
    with smtp_sink(sink) as relay:
        more = MORE.format(relay=relay.rpartition(":")[2], lmtp=lmtp, submission=submission, submissions=submissions)
        ports = (lmtp, submission, submissions)
        with dovecot(path, {}, more=more, ports=ports) as running:
            where = [f"127.0.0.1:{port}" for port in ports]
            yield Servers(f"lmtp://{where[0]}", where[1], f"smtps://{where[2]}", running)


def test_lmtp_over_tcp_and_a_unix_socket(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 1000 + b"\n.\n")
    composer = Composer(
        sender=Mailbox("", SENDER),
        to=[Mailbox("", "b"), Mailbox("", "c")],
        subject="é",
        text=b".\n..\n" + b"x" * 2000,
        attachments=[Attachment(str(tmp_path / "a.bin"))],
    )
    root = servers.dovecot.root
    for target in (servers.lmtp, f"lmtp://unix:{root}/lmtp"):
        message = composer.message()
        (done,) = send(target, "b@y.test", "c@y.test", message=message)
        assert (words([done]), done.exit, done.pipelined) == ([["accepted", "accepted"]], Exit.OK, True)
        sent = b"".join(message.chunks()).replace(b"\r\n", b"\n")
        for user in ("b", "c"):
            (got,) = arrived(root / "mail" / f"{user}@y.test" / "new", sent[: sent.index(b"From: ")])
            assert got.endswith(sent)


def test_lmtp_has_an_answer_for_each_recipient(servers: Servers) -> None:
    (servers.dovecot.root / "mail" / "broken@y.test").write_bytes(b"")
    done = send(servers.lmtp, "b@y.test", "broken@y.test", "c@y.test", count=3)
    assert words(done) == [["accepted", "deferred", "accepted"]] * 3
    assert [one.exit for one in done] == [Exit.PARTIAL] * 3


def test_every_way_to_log_in(servers: Servers) -> None:
    def attempt(mechanism: str, wrong: bool) -> Delivery:
        bearer = mechanism in ("XOAUTH2", "OAUTHBEARER")
        right, other = (token("b"), token("b", b"another key")) if bearer else (PASSWORD, "wrong")
        login = Login("b", other if wrong else right, mechanism, bearer)
        (done,) = send(servers.submission, "c@y.test", manner=MANNER._replace(login=login))
        return done

    # All at once, since Dovecot lets who was wrong wait for half a second.
    with ThreadPoolExecutor(len(MECHANISMS)) as pool:
        for mechanism, done in zip(MECHANISMS, pool.map(lambda name: attempt(name, False), MECHANISMS), strict=True):
            assert (done.auth, words([done]), done.exit) == (mechanism, [["accepted"]], Exit.OK)
        for refused in pool.map(lambda name: attempt(name, True), MECHANISMS):
            assert (words([refused]), refused.exit) == ([["unsent"]], Exit.AUTH)


def test_submission_under_tls(servers: Servers) -> None:
    manner = MANNER._replace(login=Login("b", PASSWORD))
    for target, tls in ((servers.submission, Tls.starttls), (servers.submissions, Tls.auto)):
        done = send(target, "c@y.test", count=20, tls=tls, ca=servers.dovecot.ca, manner=manner)
        assert words(done) == [["accepted"]] * 20
        assert (done[0].auth, done[0].pipelined) == ("SCRAM-SHA-256", True)
    (refused,) = send(servers.submission, "c@y.test")
    assert (words([refused]), refused.exit) == ([["refused"]], Exit.NO)
