"""The lab's POP3 without a socket: every command in every state, and what it must not do."""

from base64 import b64encode

import pytest

from netkit.mail.pop3.server import MAX_ERRORS, MAX_LINE, MAX_RESPONSE, Message, Pop3, stamp, top

MAIL = (
    Message("a1", b"Subject: one\r\n\r\nfirst\r\n.second\r\nthird\r\n"),
    Message("b2", b"Subject: two\r\n"),
)


def session(*, offers_tls: bool = True) -> tuple[Pop3, list[tuple[str, list[str]]]]:
    deleted: list[tuple[str, list[str]]] = []

    def delete(user: str, uidls: list[str]) -> None:
        deleted.append((user, uidls))

    return Pop3(lambda user: MAIL if user == "ann" else (), delete, stamp="<1@lab>", offers_tls=offers_tls), deleted


def say(pop3: Pop3, *lines: bytes) -> list[bytes]:
    return [b"".join(pop3.line(line)) for line in lines]


def logged_in() -> tuple[Pop3, list[tuple[str, list[str]]]]:
    pop3, deleted = session()
    assert say(pop3, b"USER ann", b"PASS p w") == [b"+OK\r\n", b"+OK 2 messages\r\n"]
    return pop3, deleted


def test_greeting_and_capabilities() -> None:
    pop3, _ = session()
    assert pop3.greeting() == b"+OK the lab's POP3 server <1@lab>\r\n"
    (capa,) = say(pop3, b"CAPA")
    assert capa.startswith(b"+OK\r\n")
    assert capa.endswith(b"STLS\r\n.\r\n")
    assert b"STLS" not in say(session(offers_tls=False)[0], b"capa")[0]


def test_reading() -> None:
    pop3, _ = logged_in()
    assert say(pop3, b"STAT", b"LIST", b"LIST 2", b"UIDL", b"UIDL 1", b"NOOP") == [
        b"+OK 2 53\r\n",
        b"+OK\r\n1 39\r\n2 14\r\n.\r\n",
        b"+OK 2 14\r\n",
        b"+OK\r\n1 a1\r\n2 b2\r\n.\r\n",
        b"+OK 1 a1\r\n",
        b"+OK\r\n",
    ]
    assert say(pop3, b"RETR 1", b"TOP 1 0", b"TOP 1 2", b"TOP 2 9") == [
        b"+OK 39 octets\r\nSubject: one\r\n\r\nfirst\r\n..second\r\nthird\r\n.\r\n",
        b"+OK\r\nSubject: one\r\n\r\n.\r\n",
        b"+OK\r\nSubject: one\r\n\r\nfirst\r\n..second\r\n.\r\n",
        b"+OK\r\nSubject: two\r\n.\r\n",
    ]
    assert top(MAIL[0].data, 99) == MAIL[0].data


def test_deleting() -> None:
    pop3, deleted = logged_in()
    assert say(pop3, b"DELE 1", b"STAT", b"DELE 1", b"RSET", b"STAT", b"DELE 2", b"QUIT")[1:5] == [
        b"+OK 1 14\r\n",
        b"-ERR no such message\r\n",
        b"+OK\r\n",
        b"+OK 2 53\r\n",
    ]
    assert (deleted, pop3.closed) == ([("ann", ["b2"])], True)
    pop3, deleted = logged_in()
    say(pop3, b"DELE 1")
    assert deleted == []


@pytest.mark.parametrize(
    "line",
    [b"STAT", b"RETR 1", b"PASS x", b"USER", b"APOP ann", b"APOP ann short", b"XYZZY", b"", b"LINE", b"_CAPA"],
)
def test_refused_before_the_login(line: bytes) -> None:
    assert say(session()[0], line)[0].startswith(b"-ERR ")


@pytest.mark.parametrize(
    "line",
    [b"USER ann", b"STLS", b"RETR 0", b"RETR 3", b"RETR -1", b"RETR x", b"RETR \xc2\xb2", b"TOP 1", b"TOP 1 -1",
     b"TOP 1 9999999999", b"DELE " + b"9" * 500],
)  # fmt: skip
def test_refused_after_the_login(line: bytes) -> None:
    assert say(logged_in()[0], line)[0].startswith(b"-ERR ")


def test_apop_and_stls() -> None:
    pop3, _ = session()
    assert say(pop3, b"STLS") == [b"+OK begin\r\n"]
    assert pop3.starts_tls
    assert say(pop3, b"STLS")[0].startswith(b"-ERR")
    assert say(pop3, b"APOP ann " + b"0" * 32) == [b"+OK 2 messages\r\n"]
    assert stamp(b"x", "lab.test").endswith("@lab.test>")
    assert stamp(b"x", "h") != stamp(b"y", "h")


def test_too_many_mistakes_end_the_session() -> None:
    pop3, _ = session()
    say(pop3, *[b"X"] * (MAX_ERRORS - 1))
    assert not pop3.closed
    say(pop3, b"X")
    assert pop3.closed


def test_sasl() -> None:
    plain = b64encode(b"\0ann\0secret")
    for lines in (
        [b"AUTH PLAIN " + plain],
        [b"auth plain", plain],
        [b"AUTH LOGIN", b64encode(b"ann"), b64encode(b"x")],
    ):
        pop3, _ = session()
        assert say(pop3, *lines)[-1] == b"+OK 2 messages\r\n"
        assert (pop3.user, pop3.max_line) == ("ann", MAX_LINE)
    pop3, _ = session()
    assert b"\r\nSASL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2\r\n" in say(pop3, b"CAPA")[0]
    assert say(pop3, b"AUTH XOAUTH2") == [b"+ \r\n"]
    assert pop3.max_line == MAX_RESPONSE
    for answer, said in (
        (b"*", b"-ERR given up\r\n"),
        (b"!", b"-ERR that is no base64\r\n"),
        (b"=", b"-ERR that is no base64\r\n"),
        (b"", b"-ERR PLAIN is two NULs between three words, the user in the middle\r\n"),
    ):
        assert say(session()[0], b"AUTH PLAIN", answer) == [b"+ \r\n", said]
    assert say(session()[0], b"AUTH", b"AUTH GSSAPI")[0].startswith(b"-ERR AUTH takes one of")
    assert say(session()[0], b"AUTH CRAM-MD5 =")[0].startswith(b"-ERR CRAM-MD5 begins")
    refused = say(session()[0], b"AUTH XOAUTH2 " + b64encode(b"user=a\x01auth=Bearer \x01\x01"), b"")
    assert refused[1].startswith(b"-ERR [AUTH] ")
