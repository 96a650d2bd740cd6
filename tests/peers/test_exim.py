"""`smtp send` to a real Exim: another implementation of pipelining, BDAT, SMTPUTF8 and DSN than Postfix's."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netkit.errors import Exit
from netkit.mail.mailbox import Mailbox
from netkit.mail.message.compose import Attachment, Composer
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.transaction import Dsn
from netkit.mail.target import Tls
from tests.peers.exim import Exim, exim
from tests.peers.smtp_client import MANNER, SENDER, send, words

BY_DATA = MANNER._replace(chunking=False)


@pytest.fixture(scope="module")
def server(program: Callable[[str], str]) -> Iterator[Exim]:
    path = program("exim4")
    if os.geteuid():
        pytest.skip("Exim needs root to change users")
    with exim(path) as running:
        yield running


def test_an_attachment_arrives_to_the_byte(server: Exim, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 2000 + b"\n.\n")
    composer = Composer(
        sender=Mailbox("Ann", SENDER),
        to=[Mailbox("Bée", "b@y.test")],
        subject="café " * 40,
        text=b".\n..\n.x\n\n" + b"long " * 1000,
        attachments=[Attachment(str(tmp_path / "a.bin"))],
    )
    for manner in (MANNER, BY_DATA):
        message = composer.message()
        (done,) = send(server.plain, "b@y.test", message=message, manner=manner)
        assert done.exit == Exit.OK
        sent = b"".join(message.chunks()).replace(b"\r\n", b"\n")
        (got,) = server.arrived(sent[: sent.index(b"From: ")])  # its Date and Message-ID
        head, found, _ = got.partition(sent)
        assert found == sent
        assert done.queue_id is not None
        assert done.queue_id.encode() in head


def test_twenty_messages_each_recipient_with_its_outcome(server: Exim) -> None:
    to = ("refused@y.test", "b@y.test", "deferred@y.test")
    for manner in (MANNER, BY_DATA):
        done = send(server.plain, *to, count=20, manner=manner)
        assert words(done) == [["refused", "accepted", "deferred"]] * 20
        assert {one.pipelined for one in done} == {True}
        assert [one.exit for one in done] == [Exit.PARTIAL] * 20
        assert done[0].recipients[0].reply == Reply(550, None, ("no such user",))


def test_the_whole_message_is_refused(server: Exim) -> None:
    for manner in (MANNER, BY_DATA):
        done = send(server.plain, "b@y.test", "c@y.test", count=2, subject="spam", manner=manner)
        assert words(done) == [["refused", "refused"]] * 2
        assert {one.recipients[0].reply for one in done} == {Reply(550, None, ("this is spam",))}


def test_tls(server: Exim) -> None:
    for target, tls in ((server.plain, Tls.starttls), (f"smtps://{server.tls}", Tls.auto)):
        (done,) = send(target, "b@y.test", tls=tls, ca=server.ca)
        assert done.exit == Exit.OK
        assert done.tls is not None
        assert (done.tls.version, done.tls.verified) == ("TLSv1.3", True)
    (refused,) = send(f"smtps://{server.tls}", "b@y.test")
    assert (refused.exit, words([refused])) == (Exit.SECURITY, [["unsent"]])


def test_smtputf8_and_a_delivery_report(server: Exim) -> None:
    (done,) = send(server.plain, "jürgen@exämple.test", dsn=Dsn(("success",), "hdrs", "order12"))
    assert done.exit == Exit.OK
    (got,) = server.arrived("Envelope-to: jürgen@xn--exmple-cua.test".encode())
    assert "\nTo: jürgen@xn--exmple-cua.test\n".encode() in got
    (report,) = server.arrived(b"\nOriginal-Envelope-ID: order12\n")
    assert b"\nAction: delivered\n" in report
    assert rb"Original-Recipient: utf-8;j\x{FC}rgen@xn--exmple-cua.test" in report
