"""The lab's SMTP without a socket: every split gives the same answers, and only CRLF.CRLF ends a message."""

from base64 import b64encode

import pytest

from netkit.mail.smtp.server import MAX_ERRORS, MAX_LINE, Envelope, Smtp

TALK = (
    b"EHLO me\r\nMAIL FROM:<a@x.test> SIZE=9\r\nRCPT TO:<b@y.test>\r\nRCPT TO:<c@y.test>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..\r\na\n.\nb\r\n.\r\nNOOP\r\nQUIT\r\n"
)


def session(**options: object) -> tuple[Smtp, list[Envelope]]:
    taken: list[Envelope] = []

    def deliver(envelope: Envelope) -> str:
        taken.append(envelope)
        return "id1"

    defaults = {"host": "lab.test", "max_size": 1000, "offers_tls": True}
    return Smtp(deliver, **{**defaults, **options}), taken  # type: ignore[arg-type]


def codes(answers: bytes) -> list[bytes]:
    return [line[:3] for line in answers.splitlines() if line[3:4] != b"-"]


def test_every_split() -> None:
    for cut in range(len(TALK)):
        smtp, taken = session()
        answers = smtp.feed(TALK[:cut]) + smtp.feed(TALK[cut:])
        assert codes(answers) == [b"250", b"250", b"250", b"250", b"354", b"250", b"250", b"221"]
        assert taken == [
            Envelope("me", "a@x.test", ("b@y.test", "c@y.test"), b"Subject: x\r\n\r\n.\r\na\n.\nb\r\n", None)
        ]
        assert smtp.closed


def test_lmtp_answers_for_each_recipient() -> None:
    smtp, taken = session(lmtp=True)
    talk = TALK.replace(b"EHLO", b"LHLO")
    assert codes(smtp.feed(talk))[4:7] == [b"354", b"250", b"250"]
    assert len(taken) == 1
    assert codes(smtp.feed(b"")) == []
    assert codes(session(lmtp=True)[0].feed(b"EHLO me\r\n")) == [b"500"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"MAIL FROM:<a@x.test>", b"503"),
        (b"RCPT TO:<a@x.test>", b"503"),
        (b"DATA", b"503"),
        (b"EHLO", b"501"),
        (b"NONSENSE", b"500"),
        (b"NOOP a\nRSET", b"500"),
        (b"AUTH GSSAPI", b"504"),
    ],
)
def test_refused(line: bytes, code: bytes) -> None:
    assert codes(session()[0].feed(line + b"\r\n")) == [code]


@pytest.mark.parametrize("path", [b"a@x", b"<a@x", b"<a b@x>", b"<a@x>junk", b"<a@x> ", b""])
def test_bad_paths(path: bytes) -> None:
    smtp, _ = session()
    smtp.feed(b"EHLO me\r\n")
    code = b"250" if path == b"<a@x> " else b"501"
    assert codes(smtp.feed(b"MAIL FROM:" + path + b"\r\n")) == [code]


def test_limits() -> None:
    smtp, taken = session()
    assert codes(smtp.feed(b"EHLO me\r\nMAIL FROM:<> SIZE=1001\r\n")) == [b"250", b"552"]
    assert codes(smtp.feed(b"MAIL FROM:<>\r\nRCPT TO:<b@y>\r\nDATA\r\n")) == [b"250", b"250", b"354"]
    for _ in range(100):
        assert smtp.feed(b"x" * 100 + b"\r\n") == b""
    assert codes(smtp.feed(b".\r\n")) == [b"552"]
    assert taken == []
    assert codes(smtp.feed(b"MAIL FROM:<>\r\nRCPT TO:<" + b"x" * 320 + b"@y>\r\n")) == [b"250", b"501"]
    assert codes(smtp.feed(b"x" * (MAX_LINE + 1))) == [b"500"]
    assert smtp.closed
    smtp, _ = session()
    assert codes(smtp.feed(b"X\r\n" * MAX_ERRORS))[-1] == b"421"
    assert smtp.closed


def test_what_came_in_the_clear_is_no_command_under_tls() -> None:
    smtp, _ = session()
    assert codes(smtp.feed(b"EHLO me\r\nSTARTTLS\r\nMAIL FROM:<a@x>\r\n")) == [b"250", b"220"]
    assert smtp.starts_tls
    smtp.secured()
    assert codes(smtp.feed(b"MAIL FROM:<a@x>\r\n")) == [b"503"]  # EHLO is forgotten as well
    assert b"STARTTLS" not in smtp.feed(b"EHLO me\r\n")


def test_auth() -> None:
    plain = b64encode(b"\0ann\0secret")
    for talk in (
        b"AUTH PLAIN " + plain + b"\r\n",
        b"AUTH PLAIN\r\n" + plain + b"\r\n",
        b"AUTH LOGIN\r\n" + b64encode(b"ann") + b"\r\n" + b64encode(b"secret") + b"\r\n",
        b"AUTH LOGIN " + b64encode(b"ann") + b"\r\n" + b64encode(b"secret") + b"\r\n",
    ):
        assert codes(session()[0].feed(b"EHLO me\r\n" + talk))[-1] == b"235"
    for name in (b"CRAM-MD5", b"SCRAM-SHA-256", b"XOAUTH2"):  # each exchange is in tests/mail/sasl
        assert codes(session()[0].feed(b"EHLO me\r\nAUTH %s\r\n" % name))[-1] == b"334"
    for response in (b"*", b"!!!", b64encode(b"ann"), b64encode(b"\0\0x"), b64encode(b"\xff\0a\0b")):
        assert codes(session()[0].feed(b"EHLO me\r\nAUTH PLAIN\r\n" + response + b"\r\n"))[-1][:1] == b"5"
