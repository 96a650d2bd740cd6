"""`smtp send` to a real Postfix that forbids what smugglers do: messages arrive to the byte, by DATA and by BDAT."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netkit.errors import Exit, No
from netkit.mail.mailbox import Mailbox
from netkit.mail.message.compose import Attachment, Composer
from netkit.mail.message.content import BareNewline, Message
from netkit.mail.message.raw import Raw, from_file
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.findings import Level
from netkit.mail.smtp.check.server import check_server
from netkit.mail.smtp.protocol import Reply
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.smtp.transaction import Dsn
from netkit.mail.target import Tls, parse_target
from netkit.net.deadline import Deadline
from tests.peers.postfix import LIMIT, Postfix, postfix
from tests.peers.smtp_client import MANNER, SENDER, send, words

Run = Callable[..., "subprocess.CompletedProcess[str]"]
BY_DATA = MANNER._replace(chunking=False)
PATIENCE = 0.5  # seconds for an answer that must not come
ONE_BY_ONE = MANNER._replace(chunking=False, pipelining=False)


@pytest.fixture(scope="module")
def server(program: Callable[[str], str]) -> Iterator[Postfix]:
    program("postfix")
    if os.geteuid():
        pytest.skip("Postfix needs root to change users")
    with postfix() as running:
        yield running


def whole(message: Message) -> bytes:
    """As a maildir has it."""
    return b"".join(message.chunks()).replace(b"\r\n", b"\n")


@pytest.mark.parametrize("size", [20_000, 1_000_000])
def test_an_attachment_arrives_to_the_byte(server: Postfix, tmp_path: Path, size: int) -> None:
    (tmp_path / "a file.bin").write_bytes(bytes(range(256)) * (size // 256) + b"\n.\n")
    composer = Composer(
        sender=Mailbox("Ann", SENDER),
        to=[Mailbox("Bée", "b@y.test")],
        subject="café " * 40,
        text=b".\n..\n.x\n\n" + b"long " * 1000,
        html="<p>é</p>".encode(),
        attachments=[Attachment(str(tmp_path / "a file.bin"))],
    )
    for target, manner in ((server.plain, MANNER), (server.plain, BY_DATA), (server.old, MANNER)):
        message = composer.message()
        (done,) = send(target, "b@y.test", message=message, manner=manner)
        assert done.exit == Exit.OK
        sent = whole(message)
        (got,) = server.arrived(sent[: sent.index(b"From: ")])  # its Date and Message-ID
        head, found, _ = got.partition(sent)
        assert found == sent
        assert head.startswith(b"Return-Path: <ann@x.test>\n")
        assert done.queue_id is not None
        assert done.queue_id.encode() in head


def test_twenty_messages_through_one_session(server: Postfix) -> None:
    for number, (target, manner, pipelined) in enumerate(
        (
            (server.plain, MANNER, True),
            (server.plain, BY_DATA, True),
            (server.plain, ONE_BY_ONE, True),
            (server.old, MANNER, False),
        )
    ):
        text = b"run %d of twenty\n" % number
        done = send(target, "b@y.test", "c@y.test", count=20, text=text, manner=manner)
        assert words(done) == [["accepted", "accepted"]] * 20
        assert {one.pipelined for one in done} == {pipelined}
        assert len({one.queue_id for one in done}) == 20


def test_each_recipient_has_its_outcome(server: Postfix, netkit: Run) -> None:
    to = ("refused@y.test", "b@y.test", "deferred@y.test")
    for manner in (MANNER, BY_DATA, ONE_BY_ONE):
        done = send(server.plain, *to, count=2, manner=manner)
        assert words(done) == [["refused", "accepted", "deferred"]] * 2
        assert [one.exit for one in done] == [Exit.PARTIAL] * 2
    refused = "5.1.1 <refused@y.test>: Recipient address rejected: no such user"
    assert done[0].recipients[0].reply == Reply(550, "5.1.1", (refused,))
    abort = MANNER._replace(all_or_none=True)
    assert words(send(server.plain, *to, count=2, manner=abort)) == [["refused", "unsent", "deferred"]] * 2
    for target, manner in ((server.plain, MANNER), (server.plain, BY_DATA), (server.old, MANNER)):
        for address, code in (("refused@y.test", Exit.NO), ("deferred@y.test", Exit.TEMPORARY)):
            assert [one.exit for one in send(target, address, count=2, manner=manner)] == [code, code]
    options = ["--from", SENDER, "--to", ",".join(to), "--subject", "s", "--json"]
    process = netkit("smtp", "send", server.plain, *options)
    document = json.loads(process.stdout)
    assert (process.returncode, document["outcome"]) == (8, "partial")
    assert [one["code"] for one in document["recipients"]] == [550, 250, 451]


def test_tls(server: Postfix) -> None:
    for target, tls in ((server.plain, Tls.starttls), (f"smtps://{server.tls}", Tls.auto)):
        done = send(target, "b@y.test", count=3, tls=tls, ca=server.ca)
        assert words(done) == [["accepted"]] * 3
        assert done[0].tls is not None
        assert (done[0].tls.version, done[0].tls.verified) == ("TLSv1.3", True)
        (refused,) = send(target, "b@y.test", tls=tls)
        assert (refused.exit, words([refused])) == (Exit.SECURITY, [["unsent"]])


def test_the_size_that_it_announces(server: Postfix) -> None:
    (done,) = send(server.plain, "b@y.test", text=b"x" * 75 * (LIMIT // 75) + b"\n")
    assert isinstance(done.error, No)
    assert (done.error.kind, done.exit, words([done])) == ("too_big", Exit.NO, [["unsent"]])


def test_smtputf8(server: Postfix) -> None:
    (done,) = send(server.plain, "jürgen@exämple.test", text="grüße\n".encode())
    assert done.exit == Exit.OK
    (got,) = server.arrived("Delivered-To: jürgen@xn--exmple-cua.test".encode())
    assert "\nTo: jürgen@xn--exmple-cua.test\n".encode() in got
    (refused,) = send(server.old, "jürgen@exämple.test")
    assert isinstance(refused.error, No)
    assert (refused.error.kind, refused.exit) == ("no_smtputf8", Exit.NO)


def test_delivery_reports(server: Postfix) -> None:
    dsn = Dsn(("success", "failure"), "hdrs", "order=12+3")
    (done,) = send(server.plain, "a+b@y.test", dsn=dsn)
    assert (done.exit, done.warnings) == (Exit.OK, ())
    (report,) = server.arrived(b"\nOriginal-Envelope-Id: order=12+3\n")
    assert b"\nOriginal-Recipient: rfc822;a+b@y.test\nAction: delivered\n" in report
    assert b"\nContent-Type: text/rfc822-headers\n" in report
    (done,) = send(server.old, "a+b@y.test", dsn=dsn)
    assert (done.exit, len(done.warnings)) == (Exit.OK, 1)


def test_raw_bytes(server: Postfix, tmp_path: Path) -> None:
    path = tmp_path / "message"
    head = b"From: ann@x.test\nDate: Fri, 2 Jan 2026 03:04:05 +0000\nMessage-ID: <1@x.test>\n"
    path.write_bytes(head + "Subject: räw\n\n.\n..\n\rlone\rCR\n.\nend".encode())
    raw = Raw(from_file(str(path)))
    for manner in (MANNER, BY_DATA):
        (done,) = send(server.plain, f"raw{manner.chunking}@y.test", message=raw.message(utf8=False), manner=manner)
        assert done.exit == Exit.OK
        (got,) = server.arrived(b"Delivered-To: raw%s@y.test" % str(manner.chunking).encode())
        assert got.endswith(head + "Subject: räw\n\n.\n..\n\nlone\nCR\n.\nend\n".encode())
    smuggled = Raw(from_file(str(path)), bare=BareNewline.send).message(utf8=False)
    for manner in (MANNER, BY_DATA):
        (done,) = send(server.plain, "raw@y.test", message=smuggled, manner=manner)
        assert (words([done]), done.exit) == ([["refused"]], Exit.NO)
    (done,) = send(server.old, "raw@y.test", message=raw.message(utf8=False))
    assert isinstance(done.error, No)
    assert done.error.kind == "no_8bitmime"


def test_smtp_check_finds_what_this_postfix_does(server: Postfix) -> None:
    """Its TLS is as old as its clients like, it relays for loopback, and no probe gets through."""
    recipients = ("b@y.test", "refused@y.test", "deferred@y.test")
    asked = Asked(cacert=server.ca, rcpt=recipients, relay=True, probe=True, patience=PATIENCE)
    by_id = {}
    for name, url in (("plain", f"smtp://{server.plain}"), ("tls", f"smtps://{server.tls}"), ("old", server.old)):
        target = parse_target(url, SCHEMES)
        report = check_server(Place(url, target.endpoint.host, (target,)), asked, Deadline.after(60))
        by_id[name] = {one.id: one for one in report.findings}
    usual = ["ehlo.size-small", "tls.old-version", "rcpt.refused", "rcpt.deferred", "relay.open"]
    bad = {
        name: [one.id for one in found.values() if one.level in (Level.warn, Level.fail)]
        for name, found in by_id.items()
    }
    assert bad == {
        "plain": usual,
        "tls": usual,
        "old": [usual[0], "ehlo.no-pipelining", "ehlo.no-8bitmime", *usual[1:]],
    }
    assert by_id["plain"]["banner.greeting"].message == "mx.test ESMTP Postfix"
    assert by_id["plain"]["tls.versions"].data["accepted"] == ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]
    assert set(by_id["plain"]["probe.end-of-data"].data["forms"].values()) == {"taken as text"}
    assert by_id["plain"]["probe.starttls-clean"].message == "a command behind STARTTLS is thrown away"
    assert by_id["plain"]["probe.cr-clean"].data["code"] == 250
    assert by_id["plain"]["probe.long-line"].data["code"] == 250
    assert by_id["tls"]["probe.skipped"].data == {"probe": "STARTTLS injection"}
