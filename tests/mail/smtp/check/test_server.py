"""Every finding about a server, each produced by a server that is wrong in just this way."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netkit.errors import Exit, PeerError, TimedOut, Unreachable
from netkit.mail.smtp.check.asked import Asked, Place
from netkit.mail.smtp.check.findings import FailOn, Finding, Level, Report, verdict
from netkit.mail.smtp.check.server import check_server
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import Tls, parse_target
from netkit.net.ca import Authority, Leaf
from netkit.net.deadline import Deadline
from netkit.net.tls_server import from_leaf
from tests.mail.smtp.check.conftest import HOST, OFFERS, Behaviour, Check, Fake, only
from tests.mail.smtp.check.produced import bad, by_id, produces
from tests.ports import find_free_port

Findings = Sequence[Finding]
CLEAR = ("PIPELINING", "8BITMIME")  # no STARTTLS


@produces("banner.greeting", "tls.session", "tls.certificate", "tls.versions", "ehlo.extensions")
def test_a_sound_server(check: Check) -> Findings:
    report = check(Behaviour())
    found = by_id(report.findings)
    assert bad(report.findings) == []
    assert found["banner.greeting"].data["text"] == "mx.test ESMTP"
    assert found["tls.session"].data["version"] == "TLS 1.3"
    certificate = found["tls.certificate"]
    assert certificate.level is Level.ok
    assert (certificate.data["names"], certificate.data["days_left"]) == ([HOST], 29)
    assert certificate.data["subject"] == f"CN={HOST},O=netkit lab"
    assert found["tls.versions"].data == {
        "accepted": ["TLS 1.2", "TLS 1.3"],
        "refused": ["TLS 1.0", "TLS 1.1"],
        "untried": [],
    }
    assert found["ehlo.extensions"].data == {
        "offered": ["PIPELINING", "8BITMIME", "SIZE 50000000"],
        "missing": ["SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"],
    }
    assert (report.error, verdict([report], FailOn.warn)) == (None, Exit.OK)
    return report.findings


# --- connection and greeting


@produces("connect.failed")
def test_nobody_there() -> Findings:
    port = find_free_port()
    target = parse_target(f"127.0.0.1:{port}", SCHEMES)
    report = check_server(Place("x", "", (target,)), Asked(), Deadline.after(10))
    assert isinstance(report.error, Unreachable)
    assert report.findings[0].data == {"kind": "refused"}
    assert verdict([report], FailOn.never) is Exit.UNREACHABLE
    return report.findings


@produces("connect.address-failed")
@pytest.mark.parametrize("first", [True, False])
def test_one_address_of_two(
    fake: Callable[[Behaviour], Fake], cacert: str, context: ssl.SSLContext, first: bool
) -> Findings:
    server = fake(Behaviour(context=context))
    good = parse_target(server.address, SCHEMES)
    dead = parse_target(f"127.0.0.99:{server.port}", SCHEMES)
    place = Place("x", HOST, (dead, good) if first else (good, dead), mx_of="x.test")
    report = check_server(place, Asked(cacert=cacert), Deadline.after(20))
    assert bad(report.findings) == ["connect.address-failed"]
    assert by_id(report.findings)["connect.address-failed"].data == {"address": dead.name}
    assert (report.host, report.address) == (HOST, server.address)
    return report.findings


@produces("banner.no-name")
def test_a_greeting_without_a_name(check: Check) -> Findings:
    report = check(Behaviour(greeting=b"220 Hello\r\n"))
    assert by_id(report.findings)["banner.no-name"].data == {"text": "Hello"}
    return report.findings


@produces("banner.refused")
@pytest.mark.parametrize(("code", "exit"), [(421, Exit.TEMPORARY), (554, Exit.NO)])
def test_a_greeting_that_refuses(check: Check, code: int, exit: Exit) -> Findings:
    report = check(Behaviour(greeting=f"{code} 4.3.2 go away\r\n".encode()))
    (found,) = report.findings
    assert (found.data["code"], verdict([report], FailOn.fail)) == (code, exit)
    return report.findings


@produces("banner.not-smtp")
@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "this is a web server"),
        (b"\x00\xff" * 40 + b"\r\n", "not an SMTP server"),
        (b"220-" + b"x" * 5000, "a line of more than 4096 bytes"),
    ],
)
def test_a_greeting_that_is_none(check: Check, greeting: bytes, words: str) -> Findings:
    report = check(Behaviour(greeting=greeting))
    assert words in report.findings[0].message
    assert isinstance(report.error, PeerError)
    assert verdict([report], FailOn.never) is Exit.PROTOCOL
    return report.findings


@produces("session.broke-off")
def test_a_server_that_hangs_up(check: Check) -> Findings:
    report = check(Behaviour(greeting=None))
    assert verdict([report], FailOn.fail) is Exit.PROTOCOL
    return report.findings


@produces("session.broke-off")
def test_a_silent_server(check: Check) -> Findings:
    report = check(Behaviour(greeting=b""), seconds=0.6)
    assert isinstance(report.error, TimedOut)
    assert verdict([report], FailOn.fail) is Exit.TIMEOUT
    return report.findings


# --- EHLO


@produces("ehlo.failed")
@pytest.mark.parametrize(
    "answer",
    [
        b"554 no\r\n",
        None,
        b"250-" + b"x" * 5000,
        b"250-more\r\n" * 20_000,
        b"250-a\r\n550 b\r\n",
        b"\x16\x03\x01\x00",
    ],
    ids=["refused", "closes", "long line", "endless", "two codes", "garbage"],
)
def test_no_ehlo(check: Check, answer: bytes | None) -> Findings:
    report = check(Behaviour(replies={"EHLO": answer, "HELO": answer}))
    assert report.error is not None
    assert [one.id for one in report.findings] == ["banner.greeting", "ehlo.failed"]
    return report.findings


@produces("ehlo.helo-only")
def test_helo_alone(check: Check) -> Findings:
    report = check(Behaviour(replies={"EHLO": b"502 no\r\n"}))
    assert bad(report.findings) == ["ehlo.helo-only", "tls.not-offered"]
    return report.findings


@produces("ehlo.auth-in-clear", "ehlo.changed")
def test_what_tls_changes(check: Check) -> Findings:
    report = check(Behaviour(offers=(*OFFERS, "AUTH PLAIN CRAM-MD5"), under_tls=(*OFFERS[:2], "AUTH PLAIN")))
    found = by_id(report.findings)
    assert found["ehlo.auth-in-clear"].data == {"auth": ["PLAIN"]}
    assert found["ehlo.changed"].data == {"new": ["AUTH PLAIN"], "gone": ["AUTH PLAIN CRAM-MD5", "SIZE 50000000"]}
    assert found["ehlo.changed"].message == "under TLS +AUTH PLAIN -AUTH PLAIN CRAM-MD5 -SIZE 50000000"
    return report.findings


def test_a_mechanism_that_hides_the_secret_may_stand_in_the_clear(check: Check) -> None:
    assert bad(check(Behaviour(offers=(*OFFERS, "AUTH SCRAM-SHA-256"))).findings) == []


@produces("ehlo.starttls-again", "ehlo.size-small", "ehlo.no-pipelining", "ehlo.no-8bitmime")
def test_odd_offers(check: Check) -> Findings:
    report = check(Behaviour(under_tls=("STARTTLS", "SIZE 1000000")))
    found = by_id(report.findings)
    assert found["ehlo.size-small"].data == {"size": 1_000_000}
    return report.findings


@produces("ehlo.no-auth")
def test_submission_without_auth(cacert: str, context: ssl.SSLContext) -> Findings:
    from netkit.mail.smtp.check.ehlo import judge_offers
    from netkit.mail.smtp.session import Session

    class Offers(Session):
        def __init__(self) -> None:
            self.esmtp, self.offered, self.clear_offered = True, {"PIPELINING": (), "8BITMIME": ()}, {}
            self.wire = None  # type: ignore[assignment]

    assert bad(judge_offers(Offers(), submission=False, tls=True)) == []
    return list(judge_offers(Offers(), submission=True, tls=True))


# --- TLS


@produces("tls.none")
def test_tls_not_asked_for(check: Check) -> Findings:
    report = check(Behaviour(), tls=Tls.none)
    assert bad(report.findings) == []
    assert [one.id for one in report.findings] == ["banner.greeting", "ehlo.extensions", "tls.none"]
    return report.findings


@produces("tls.not-offered")
@pytest.mark.parametrize(("tls", "level"), [(Tls.auto, Level.warn), (Tls.starttls, Level.fail)])
def test_no_starttls(check: Check, tls: Tls, level: Level) -> Findings:
    report = check(Behaviour(offers=CLEAR), tls=tls)
    assert by_id(report.findings)["tls.not-offered"].level is level
    assert report.error is None
    return report.findings


@produces("tls.refused")
def test_starttls_refused(check: Check) -> Findings:
    report = check(Behaviour(replies={"STARTTLS": b"454 4.7.0 later\r\n"}))
    assert by_id(report.findings)["tls.refused"].data == {"text": "454 4.7.0 later"}
    return report.findings


@produces("tls.injected")
def test_more_behind_the_answer_to_starttls(check: Check) -> Findings:
    report = check(Behaviour(replies={"STARTTLS": b"220 go\r\n250 INJECTED\r\n"}))
    assert bad(report.findings) == ["tls.injected"]
    return report.findings


@produces("tls.handshake")
@pytest.mark.parametrize("implicit", [True, False])
def test_no_handshake(check: Check, implicit: bool) -> Findings:
    """A server that says STARTTLS and goes on in the clear, or speaks no TLS where it is due."""
    behaviour = Behaviour(replies={} if implicit else {"STARTTLS": b"220 go\r\n"})
    behaviour.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate
    report = check(behaviour, scheme="smtps" if implicit else "smtp")
    assert bad(report.findings)[-1] == "tls.handshake"
    assert verdict([report], FailOn.fail) is (Exit.SECURITY if implicit else Exit.NO)
    return report.findings


def test_implicit_tls(check: Check) -> None:
    report = check(Behaviour(implicit=True, offers=CLEAR), scheme="smtps")
    assert bad(report.findings) == []
    found = by_id(report.findings)
    assert found["tls.versions"].data["accepted"] == ["TLS 1.2", "TLS 1.3"]
    assert "ehlo.changed" not in found


@produces("tls.old-version")
def test_old_versions_as_well(check: Check, leaf: Leaf) -> Findings:
    report = check(Behaviour(context=only(leaf, "TLSv1", "TLSv1_2")))
    found = by_id(report.findings)
    assert found["tls.versions"].data == {
        "accepted": ["TLS 1.0", "TLS 1.1", "TLS 1.2"],
        "refused": ["TLS 1.3"],
        "untried": [],
    }
    assert found["tls.old-version"].data == {"versions": ["TLS 1.0", "TLS 1.1"]}
    assert bad(report.findings) == ["tls.old-version"]
    return report.findings


@produces("tls.only-old", "tls.handshake")
def test_old_versions_alone(check: Check, leaf: Leaf) -> Findings:
    report = check(Behaviour(context=only(leaf, "TLSv1", "TLSv1_1")))
    assert by_id(report.findings)["tls.only-old"].data == {"versions": ["TLS 1.0", "TLS 1.1"]}
    return report.findings


# --- certificates


@produces("tls.expired")
def test_expired(check: Check, authority: Authority) -> Findings:
    report = check(Behaviour(context=from_leaf(authority.expired([HOST]))))
    assert bad(report.findings) == ["tls.expired"]
    assert by_id(report.findings)["tls.expired"].message.startswith("the certificate expired 1 day ago (valid ")
    assert by_id(report.findings)["tls.certificate"].level is Level.info
    assert "rcpt.accepted" not in by_id(report.findings)
    return report.findings


@produces("tls.expired", "tls.name-mismatch")
def test_all_that_is_wrong_is_told(check: Check, authority: Authority) -> Findings:
    report = check(Behaviour(context=from_leaf(authority.expired(["other.test"]))), rcpt=("a@b.test",))
    assert set(bad(report.findings)) == {"tls.expired", "tls.name-mismatch"}  # OpenSSL stops at either
    assert by_id(report.findings)["tls.name-mismatch"].message == "the certificate is for other.test, not for mx.test"
    assert "rcpt.accepted" in by_id(report.findings)
    return report.findings


@produces("tls.not-yet-valid")
def test_not_yet_valid(check: Check, authority: Authority) -> Findings:
    report = check(Behaviour(context=from_leaf(authority.not_yet_valid([HOST]))))
    assert bad(report.findings) == ["tls.not-yet-valid"]
    return report.findings


@produces("tls.self-signed", "tls.unverified")
def test_self_signed(check: Check, authority: Authority) -> Findings:
    context = from_leaf(authority.issue([HOST], self_signed=True))
    refused = check(Behaviour(context=context))
    assert bad(refused.findings) == ["tls.self-signed"]
    let_pass = check(Behaviour(context=context), insecure=True)
    assert bad(let_pass.findings) == []
    return [*refused.findings, *let_pass.findings]


@produces("tls.unknown-ca")
def test_unknown_authority(check: Check) -> Findings:
    report = check(Behaviour(context=from_leaf(Authority("another CA").issue([HOST]))))
    assert bad(report.findings) == ["tls.unknown-ca"]
    assert "issued by another CA, which this machine does not trust" in by_id(report.findings)["tls.unknown-ca"].message
    return report.findings


@produces("tls.bad-certificate")
def test_a_certificate_for_clients_alone(check: Check, leaf: Leaf, tmp_path: Path) -> Findings:
    """Its own authority, trusted, and good for nothing but clients."""
    key = serialization.load_pem_private_key(leaf.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, leaf.not_before, leaf.not_after)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = replace(leaf, certificate=certificate.public_bytes(serialization.Encoding.PEM))
    file = tmp_path / "trusted.pem"
    file.write_bytes(made.certificate)
    report = check(Behaviour(context=from_leaf(made)), cacert=str(file))
    assert bad(report.findings) == ["tls.bad-certificate"]
    assert by_id(report.findings)["tls.bad-certificate"].message.startswith("the certificate was refused: ")
    return report.findings


@produces("tls.expires-soon")
@pytest.mark.parametrize(("life", "left", "soon"), [(30, 13, True), (30, 15, False), (6, 3, False), (6, 1, True)])
def test_expires_soon(check: Check, authority: Authority, life: int, left: int, soon: bool) -> Findings:
    end = datetime.now(UTC) + timedelta(days=left, hours=1)
    leaf = authority.issue([HOST], not_before=end - timedelta(days=life), not_after=end)
    report = check(Behaviour(context=from_leaf(leaf)))
    assert bad(report.findings) == (["tls.expires-soon"] if soon else [])
    fresh = Finding("tls.expires-soon", Level.warn, "not this time", {"days_left": left, "not_after": ""})
    return report.findings if soon else [fresh]


# --- recipients


@produces("rcpt.accepted", "rcpt.deferred", "rcpt.refused")
def test_recipients(check: Check) -> Findings:
    replies = {"RCPT TO:<grey@": b"450 4.7.1 later\r\n", "RCPT TO:<no@": b"550 5.1.1 who?\r\n"}
    report = check(Behaviour(replies=replies), rcpt=("yes@x.test", "grey@x.test", "no@x.test"), sender="me@y.test")
    found = by_id(report.findings)
    assert found["rcpt.deferred"].data == {"address": "grey@x.test", "code": 450, "text": "later"}
    assert found["rcpt.refused"].message == "no@x.test: 550 5.1.1 who?"
    assert bad(report.findings) == ["rcpt.deferred", "rcpt.refused"]
    return report.findings


@produces("rcpt.sender-refused")
def test_senders_that_are_refused(check: Check) -> Findings:
    report = check(Behaviour(replies={"MAIL": b"550 5.7.1 not you\r\n"}), rcpt=("yes@x.test",))
    assert by_id(report.findings)["rcpt.sender-refused"].data == {"code": 550, "text": "not you"}
    utf8 = check(Behaviour(), rcpt=("jü@x.test",))
    assert by_id(utf8.findings)["rcpt.sender-refused"].data == {"code": None, "text": None}
    return report.findings


def test_smtputf8_is_asked_for_where_an_address_needs_it(
    fake: Callable[[Behaviour], Fake], context: ssl.SSLContext
) -> None:
    server = fake(Behaviour(context=context, offers=(*OFFERS, "SMTPUTF8")))
    target = parse_target(server.address, SCHEMES)
    asked = Asked(insecure=True, rcpt=("jü@x.test",))
    report = check_server(Place("x", HOST, (target,)), asked, Deadline.after(20))
    assert "rcpt.accepted" in by_id(report.findings)
    assert b"MAIL FROM:<> SMTPUTF8" in server.heard


@produces("session.broke-off")
def test_a_server_that_hangs_up_on_rcpt(check: Check) -> Findings:
    report = check(Behaviour(replies={"RCPT": None}), rcpt=("a@x.test",))
    assert bad(report.findings) == ["session.broke-off"]
    assert report.error is None
    assert "tls.versions" in by_id(report.findings)
    return report.findings


@produces("relay.open", "relay.closed", "relay.undecided")
def test_relays(check: Check) -> Findings:
    reports = [
        check(Behaviour(replies=replies), relay=True)
        for replies in ({}, {"RCPT": b"554 5.7.1 no\r\n"}, {"MAIL": b"450 4.7.1 later\r\n"})
    ]
    assert [bad(report.findings) for report in reports] == [["relay.open"], [], ["relay.undecided"]]
    return [one for report in reports for one in report.findings]


# --- probes


@produces("probe.starttls-clean", "probe.end-of-data", "probe.cr-clean", "probe.long-line")
def test_probes_of_a_sound_server(check: Check) -> Findings:
    report = check(Behaviour(), probe=True)
    found = by_id(report.findings)
    assert bad(report.findings) == []
    assert set(found["probe.end-of-data"].data["forms"].values()) == {"taken as text"}
    assert found["probe.long-line"].data == {"code": 250, "text": "ok"}
    return report.findings


@produces("probe.starttls-injection")
def test_a_server_that_keeps_its_buffer_over_starttls(check: Check) -> Findings:
    report = check(Behaviour(keeps_buffer=True), probe=True)
    assert bad(report.findings) == ["probe.starttls-injection"]
    return report.findings


@produces("probe.bare-lf-end", "probe.lone-cr-end")
def test_smuggling(check: Check) -> Findings:
    lf = check(Behaviour(ends=(b"\n.\n", b"\n.\r\n")), probe=True, rcpt=("me@x.test",))
    # "\r\n.\r\n" has "\n.\r\n" in it: what ends a message where it should does so twice
    assert bad(lf.findings) == ["probe.bare-lf-end"]
    assert by_id(lf.findings)["probe.bare-lf-end"].data["forms"] == {
        "LF.LF": "taken as the end",
        "LF.CRLF": "taken as the end",
        "CRLF.LF": "taken as the end",
    }
    cr = check(Behaviour(ends=(b"\r.\r",)), probe=True)
    assert bad(cr.findings) == ["probe.lone-cr-end"]
    assert by_id(cr.findings)["probe.lone-cr-end"].message == "CR.CR and CR.CRLF end a message"
    return [*lf.findings, *cr.findings]


def test_a_server_that_refuses_bare_newlines(check: Check) -> None:
    report = check(Behaviour(refuses_bare=True), probe=True)
    found = by_id(report.findings)["probe.end-of-data"]
    assert found.message == "only CRLF.CRLF ends a message; LF.LF, CRLF.LF refused"
    assert found.data["forms"]["LF.LF"] == "refused"
    assert bad(report.findings) == []


@produces("probe.lone-cr", "probe.long-line-cut")
def test_lines_that_end_where_they_do_not(check: Check) -> Findings:
    cr = check(Behaviour(cr_ends_lines=True), probe=True)
    assert bad(cr.findings) == ["probe.lone-cr"]
    cut = check(Behaviour(cut=1000), probe=True)
    assert bad(cut.findings) == ["probe.long-line-cut"]
    assert by_id(cut.findings)["probe.long-line-cut"].data == {"answers": 5}
    return [*cr.findings, *cut.findings]


@produces("probe.skipped", "probe.broke-off")
def test_probes_that_cannot_be_done(check: Check) -> Findings:
    report = check(Behaviour(offers=CLEAR, replies={"RCPT": b"550 5.1.1 no\r\n", "NOOP": None}), probe=True)
    skipped = [one.message for one in report.findings if one.id == "probe.skipped"]
    assert skipped == [
        "STARTTLS injection: STARTTLS is not offered",
        "end of data: RCPT TO:<postmaster> is refused: 550 5.1.1 no",
    ]
    assert [one.data["probe"] for one in report.findings if one.id == "probe.broke-off"] == ["lone CR", "4 kB command"]
    return report.findings


def test_the_verdict() -> None:
    warned = Report("t", None, "a:1", (Finding("x", Level.warn, "", {}),))
    failed = Report("t", None, "a:1", (Finding("x", Level.fail, "", {}),))
    gone = Report("t", "h", None, (), Unreachable("x"))
    late = Report("t", "h", None, (), TimedOut("x"))
    assert [verdict([warned], level) for level in FailOn] == [Exit.NO, Exit.OK, Exit.OK]
    assert [verdict([failed, warned], level) for level in FailOn] == [Exit.NO, Exit.NO, Exit.OK]
    assert verdict([gone, gone], FailOn.never) is Exit.UNREACHABLE
    assert verdict([gone, late], FailOn.never) is Exit.NO
    assert verdict([gone, warned], FailOn.fail) is Exit.OK
