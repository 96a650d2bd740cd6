"""Failures on purpose: which places they hold at, and what a session makes of them."""

import smtplib
import socket

import pytest

from netkit.errors import BadInput
from netkit.lab import running
from netkit.lab.lab import Lab
from netkit.lab.mail import faults
from netkit.lab.mail.faults import Rules
from netkit.mail.fault import NONE, Fault
from netkit.mail.smtp.server import Envelope, Smtp


def test_a_place_is_a_stage_a_count_and_a_pattern() -> None:
    rules = Rules([faults.on("RCPT *@bad.test", "550 5.1.1 no"), faults.on("rcpt", "250 yes")])
    assert rules.find("smtp", "rcpt", ("x@BAD.test",)) == Fault("550 5.1.1 no")
    assert rules.find("lmtp", "rcpt", ("x@good.test",)) == Fault("250 yes")
    assert rules.find("smtp", "mail", ("x@bad.test",)) == NONE
    assert rules.find("pop3", "rcpt", ("x@bad.test",)) == NONE


@pytest.mark.parametrize(
    ("count", "hold"),
    [("#1", "1"), ("#2", "2"), ("#2-3", "23"), ("#3-", "34"), ("#-2", "12"), ("", "1234")],
)
def test_counts(count: str, hold: str) -> None:
    rules = Rules([faults.drop(f"mail{count} *@x")])
    found = ""
    for number in "1234":
        assert not rules.find("smtp", "mail", ("a@other",)).drop  # what the pattern leaves out does not count
        found += number if rules.find("smtp", "mail", ("a@x",)).drop else ""
    assert found == hold


def test_rules_add_up() -> None:
    rules = Rules([faults.delay("smtp.quit", 2.0), faults.delay("quit", 1.0), faults.on("quit", "-ERR no")])
    assert rules.find("smtp", "quit", ("",)) == Fault(wait=2.0)
    assert rules.find("pop3", "quit", ("",)) == Fault("-ERR no", 1.0)


@pytest.mark.parametrize(
    ("place", "reply", "reason"),
    [
        ("rcpt", "no", "'no' is no reply"),
        ("rcpt", "99 no", "is no reply"),
        ("rcpt", "550no", "is no reply"),
        ("rcpt", "550 no\x1b", "without control characters"),
        ("rcpt", "550 no\n250 yes", "is no reply"),
        ("rcpt", "550 " + "x" * 500, "at most 500 bytes"),
        ("rcpt", "-ERR no", "no reply of SMTP's rcpt"),
        ("pop3.quit", "550 no", "no reply of POP3's quit"),
        ("recipient", "550 no", "no stage 'recipient'"),
        ("imap.quit", "550 no", "'imap' is no mail service"),
        ("lmtp.retr", "550 no", "no stage 'retr'"),
        ("rcpt#", "550 no", "a count is"),
        ("rcpt#0", "550 no", "upwards from 1"),
        ("rcpt#3-2", "550 no", "upwards from 1"),
        ("rcpt#x", "550 no", "a place is"),
        ("rcpt#1#2", "550 no", "a place is"),
        ("", "550 no", "a place is"),
    ],
)
def test_bad_places_and_replies(place: str, reply: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        faults.on(place, reply)
    assert caught.value.message.startswith(f"--on {place!r} ")


TALK = b"EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@bad>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"


def speak(*rules: faults.Rule, talk: bytes = TALK, lmtp: bool = False) -> tuple[bytes, list[Envelope], list[float]]:
    """The codes of the answers to a session at once, a space where it was dropped; what was delivered; the waits."""
    taken: list[Envelope] = []
    waits: list[float] = []
    found = Rules(rules)
    smtp = Smtp(
        lambda envelope: taken.append(envelope) or "id",  # type: ignore[func-returns-value]
        host="lab.test",
        max_size=1000,
        offers_tls=True,
        lmtp=lmtp,
        faults=lambda stage, arguments: found.find("lmtp" if lmtp else "smtp", stage, arguments),
    )
    said = smtp.greeting()
    while smtp.gate.wait:
        waits.append(smtp.gate.wait)
        smtp.gate.wait = 0
        said += smtp.greeting()
    said += smtp.feed(talk)
    while smtp.gate.wait:
        waits.append(smtp.gate.wait)
        smtp.gate.wait = 0
        said += smtp.feed(b"")
    codes = [line[:3] for line in said.splitlines() if line[3:4] != b"-"]
    return b" ".join(codes) + (b" closed" if smtp.closed else b""), taken, waits


USUAL = b"220 250 250 250 250 354 250 221 closed"


@pytest.mark.parametrize(
    ("place", "reply", "codes"),
    [
        ("banner", "421 busy", b"421 closed"),
        ("banner", "554 no", USUAL.replace(b"220", b"554")),
        ("ehlo me", "550 no", b"220 550 503 503 503 503 500 500 221 closed"),
        ("mail a@*", "451 later", b"220 250 451 503 503 503 500 500 221 closed"),
        ("rcpt c@bad", "421 4.3.2 bye", b"220 250 250 250 421 closed"),
        ("data", "554 no", b"220 250 250 250 250 554 500 500 221 closed"),
        ("dot b@y", "554 no", b"220 250 250 250 250 354 554 221 closed"),
        ("quit", "500 no", USUAL.replace(b"221 closed", b"500")),
        ("noop", "500 no", USUAL),
    ],
)
def test_replies_at_each_stage(place: str, reply: str, codes: bytes) -> None:
    said, taken, _ = speak(faults.on(place, reply))
    assert said == codes
    assert len(taken) == (b"354 250" in codes)


def test_one_wrong_recipient_of_two() -> None:
    said, taken, _ = speak(faults.on("rcpt *@bad", "550 5.1.1 no"))
    assert said == b"220 250 250 250 550 354 250 221 closed"
    assert taken[0].recipients == ("b@y",)
    said, taken, _ = speak(faults.on("dot c@*", "452 full"), talk=TALK.replace(b"EHLO", b"LHLO"), lmtp=True)
    assert said == b"220 250 250 250 250 354 250 452 221 closed"
    assert taken[0].recipients == ("b@y",)


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt#2", "data", "dot", "quit"])
def test_dropped_and_late_at_each_stage(stage: str) -> None:
    said, taken, _ = speak(faults.drop(stage))
    assert said.endswith(b" closed")
    assert USUAL.startswith(said.removesuffix(b" closed"))
    assert len(taken) == (stage == "quit")
    said, taken, waits = speak(faults.delay(stage, 5.0))
    assert (said, len(taken), waits) == (USUAL, 1, [5.0])


def test_a_refused_chunk_is_no_command() -> None:
    talk = TALK.partition(b"DATA")[0] + b"BDAT 6\r\nQUIT\r\nBDAT 1 LAST\r\nxQUIT\r\n"
    said, taken, waits = speak(faults.delay("data", 1.0), faults.on("data#1", "451 4.3.0 later"), talk=talk)
    assert said == b"220 250 250 250 250 451 503 221 closed"
    assert (taken, waits) == ([], [1.0, 1.0])


def ask(lab: Lab, name: str, *lines: bytes) -> bytes:
    endpoint = lab.listening[name][0].endpoint
    with socket.create_connection((endpoint.host, endpoint.port), timeout=20) as client:
        client.sendall(b"".join(line + b"\r\n" for line in lines))
        return client.makefile("rb").read()


def test_in_a_running_lab() -> None:
    rules = [
        faults.on("rcpt#1", "451 4.7.1 greylisted"),
        faults.delay("banner", 0.001),
        faults.delay("dot", 0.001),
        faults.on("pop3.stat", "-ERR [SYS/TEMP] no"),
        faults.drop("list"),
        faults.on("pop3.banner#2", "-ERR busy"),
    ]
    with running(bind=["127.0.0.1"], faults=rules) as lab:
        endpoint = lab.listening["smtp"][0].endpoint
        with smtplib.SMTP(endpoint.host, endpoint.port, timeout=20) as client:
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("a@x.test", "b@y.test", "Subject: x\r\n\r\n")
            assert client.sendmail("a@x.test", "b@y.test", "Subject: x\r\n\r\n") == {}
        said = ask(lab, "pop3", b"USER b@y.test", b"PASS x", b"STAT", b"LIST", b"QUIT").splitlines()
        assert [line[:4].strip() for line in said] == [b"+OK", b"+OK", b"+OK", b"-ERR"]
        assert said[2:] == [b"+OK 1 messages", b"-ERR [SYS/TEMP] no"]
        assert ask(lab, "pop3", b"QUIT").startswith(b"-ERR busy\r\n+OK")
