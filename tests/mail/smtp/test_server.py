"""The lab's SMTP without a socket: every split gives the same answers, and only CRLF.CRLF ends a message."""

from base64 import b64encode

import pytest

from netkit.mail.smtp.server import MAX_ERRORS, MAX_LINE, Envelope, Smtp
from netkit.mail.smtp.server_parameters import MailParameters, RcptParameters

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
            Envelope(
                *("me", "a@x.test", ("b@y.test", "c@y.test"), b"Subject: x\r\n\r\n.\r\na\n.\nb\r\n", None),
                MailParameters(size=9),
            )
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


HELLO = b"EHLO me\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"


def test_what_is_asked_of_notifications_is_kept() -> None:
    smtp, taken = session()
    talk = (
        b"EHLO me\r\nMAIL FROM:<a@x.test> BODY=8bitmime ret=hdrs ENVID=QQ+2B314159 AUTH=<> SMTPUTF8\r\n"
        b"RCPT TO:<b@y.test> NOTIFY=success,DELAY ORCPT=rfc822;Bob+3Dx@y.test\r\nRCPT TO:<c@y.test>\r\n"
        b"RCPT TO:<d@y.test> NOTIFY=NEVER ORCPT=utf-8;j\xc3\xbc\\x{F6}@y.test\r\nDATA\r\n.\r\n"
    )
    assert codes(smtp.feed(talk)) == [*4 * [b"250"], b"250", b"354", b"250"]
    assert taken[0].asked == MailParameters(None, "8BITMIME", True, "HDRS", "QQ+314159")
    assert taken[0].asked_for == (
        RcptParameters(("SUCCESS", "DELAY"), "rfc822;Bob=x@y.test"),
        RcptParameters(),
        RcptParameters(("NEVER",), "utf-8;jüö@y.test"),
    )
    smtp.feed(b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n.\r\n")
    assert taken[1][5:] == (MailParameters(), ())  # nothing is left of the message before


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"MAIL FROM:<a@x> RET=SOME", b"501"),
        (b"MAIL FROM:<a@x> RET=FULL RET=FULL", b"501"),
        (b"MAIL FROM:<a@x> RET", b"501"),
        (b"MAIL FROM:<a@x> ENVID=", b"501"),
        (b"MAIL FROM:<a@x> ENVID=a=b", b"501"),
        (b"MAIL FROM:<a@x> ENVID=a+0Ab", b"501"),
        (b"MAIL FROM:<a@x> ENVID=a+E9", b"501"),
        (b"MAIL FROM:<a@x> ENVID=a+2", b"501"),
        (b"MAIL FROM:<a@x> ENVID=" + b"x" * 101, b"501"),
        (b"MAIL FROM:<a@x> SIZE=-1", b"501"),
        (b"MAIL FROM:<a@x> SIZE=\xd9\xa1", b"501"),
        (b"MAIL FROM:<a@x> BODY=BINARYMIME", b"501"),
        (b"MAIL FROM:<a@x> SMTPUTF8=yes", b"501"),
        (b"MAIL FROM:<a@x> NOTIFY=NEVER", b"555"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> RET=FULL", b"555"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> NOTIFY=NEVER,DELAY", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> NOTIFY=DELAY,DELAY", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> NOTIFY=DELAY,", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> ORCPT=b@y", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> ORCPT=rfc822;", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> ORCPT=;b@y", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> ORCPT=utf-8;\\x{110000}", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> ORCPT=utf-8;\\x{1B}", b"501"),
        (b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y> ORCPT=rfc822;" + b"x" * 500, b"501"),
    ],
)
def test_bad_parameters(line: bytes, code: bytes) -> None:
    smtp, _ = session()
    smtp.feed(b"EHLO me\r\n")
    assert codes(smtp.feed(line + b"\r\n"))[-1] == code


def test_chunks_at_every_split() -> None:
    talk = HELLO + b"BDAT 6\r\n.\r\nQUIBDAT 0\r\nBDAT 7 LAST\r\nT\r\n.\r\n\nNOOP\r\nQUIT\r\n"
    for cut in range(len(talk)):
        smtp, taken = session()
        answers = smtp.feed(talk[:cut]) + smtp.feed(talk[cut:])
        assert codes(answers) == [*3 * [b"250"], b"250", b"250", b"250", b"250", b"221"]
        assert [envelope.data for envelope in taken] == [b".\r\nQUIT\r\n.\r\n\n"]
        assert smtp.closed


def test_an_empty_message_in_one_chunk() -> None:
    smtp, taken = session()
    assert codes(smtp.feed(HELLO + b"bdat 0 last\r\n"))[-1] == b"250"
    assert [envelope.data for envelope in taken] == [b""]


def test_chunks_that_are_refused_are_read_all_the_same() -> None:
    smtp, taken = session(max_size=10)
    assert codes(smtp.feed(b"EHLO me\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n"))[1:] == [b"503", b"250"]
    smtp.feed(b"RSET\r\n" + HELLO)
    chunk = b"x" * 5 + b"\r\n"
    pipelined = b"BDAT 7\r\n" + chunk + b"BDAT 4\r\nRSETBDAT 7 LAST\r\n" + chunk
    assert codes(smtp.feed(pipelined)) == [b"250", b"552", b"503"]
    assert codes(smtp.feed(b"DATA\r\nMAIL FROM:<a@x>\r\n")) == [b"503", b"503"]
    assert codes(smtp.feed(b"RSET\r\n" + HELLO[9:] + b"BDAT 7 LAST\r\n" + chunk)) == [*3 * [b"250"], b"250"]
    assert [envelope.data for envelope in taken] == [chunk]
    assert codes(smtp.feed(HELLO[9:] + b"BDAT 0\r\nDATA\r\nRCPT TO:<c@y>\r\n"))[2:] == [b"250", b"503", b"503"]


@pytest.mark.parametrize("size", [b"", b"x", b"-1", b"1 FIRST", b"1 LAST x", b"1" * 21])
def test_a_chunk_without_a_size_ends_the_session(size: bytes) -> None:
    smtp, _ = session()
    assert codes(smtp.feed(HELLO + b"BDAT " + size + b"\r\nQUIT\r\n"))[3:] == [b"501"]
    assert smtp.closed


def test_lmtp_answers_a_last_chunk_for_each_recipient() -> None:
    smtp, _ = session(lmtp=True, max_size=5)
    two = b"LHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\n"
    assert codes(smtp.feed(two + b"BDAT 1\r\nxBDAT 1 LAST\r\ny"))[4:] == [b"250", b"250", b"250"]
    assert codes(smtp.feed(two + b"BDAT 9 LAST\r\n123456789"))[4:] == [b"552", b"552"]


def test_every_answer_has_its_status_code() -> None:
    """RFC 2034 section 4: all but the greeting, those to EHLO and HELO, and 3xx."""
    smtp, _ = session()
    talk = b"HELP\r\nNOOP\r\nRCPT\r\nMAIL\r\nDATA\r\nVRFY x\r\nRSET\r\n" + HELLO[9:] + b"DATA\r\nx\r\n.\r\n"
    smtp.feed(b"EHLO me\r\n")
    for line in smtp.feed(talk + b"BDAT 1\r\nxAUTH X\r\nSTARTTLS\r\n").splitlines():
        assert line.startswith(b"354 ") or line[4:6] == line[:1] + b"."
