"""SMTP's answers: any split, any truncation, every limit; commands that cannot be two."""

import pytest

from netkit.errors import BadInput, PeerError
from netkit.mail.smtp.protocol import MAX_COMMAND, MAX_LINE, MAX_REPLY, Replies, Reply, command, extensions

STREAM = (
    b"220 mx.test ESMTP\r\n250-mx.test\r\n250-SIZE 1000\r\n250 DSN\r\n550 5.1.1 <a@b>: no such user\r\n354\r\n"
    b"451-4.7.1 later,\r\n451 4.7.1 please\r\n250 2.0.0 Ok: queued as 4ABC\n"
)
REPLIES = [
    Reply(220, None, ("mx.test ESMTP",)),
    Reply(250, None, ("mx.test", "SIZE 1000", "DSN")),
    Reply(550, "5.1.1", ("5.1.1 <a@b>: no such user",)),
    Reply(354, None, ("",)),
    Reply(451, "4.7.1", ("4.7.1 later,", "4.7.1 please")),
    Reply(250, "2.0.0", ("2.0.0 Ok: queued as 4ABC",)),
]


def test_every_split() -> None:
    for place in range(len(STREAM) + 1):
        replies = Replies()
        assert [*replies.feed(STREAM[:place]), *replies.feed(STREAM[place:])] == REPLIES
        assert not replies.pending


def test_byte_by_byte_and_every_truncation() -> None:
    replies = Replies()
    found: list[Reply] = []
    for place in range(len(STREAM)):
        found += replies.feed(STREAM[place : place + 1])
        assert found == REPLIES[: len(found)]
    assert found == REPLIES


def test_text_and_words() -> None:
    assert REPLIES[4].text == "later, please"
    assert str(REPLIES[2]) == "550 5.1.1 <a@b>: no such user"
    assert [one.ok for one in REPLIES] == [True, True, False, False, False, True]
    assert [one.temporary for one in REPLIES] == [False, False, False, False, True, False]


def test_an_enhanced_code_of_another_class_is_text() -> None:
    (reply,) = Replies().feed(b"250 5.1.1 fine\r\n")
    assert (reply.enhanced, reply.text) == (None, "5.1.1 fine")


def test_limits() -> None:
    with pytest.raises(PeerError, match=f"more than {MAX_LINE} bytes"):
        list(Replies().feed(b"250 " + b"x" * MAX_LINE))
    with pytest.raises(PeerError, match=f"more than {MAX_REPLY} bytes"):
        list(Replies().feed((b"250-" + b"x" * 100 + b"\r\n") * (MAX_REPLY // 100)))


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x0a", "smtps://"),
        (b"\x16\x03\x03\x00\x7a", "smtps://"),
        (b"HTTP/1.1 400 Bad Request\r\n", "web server"),
        (b"<!DOCTYPE html>\r\n", "web server"),
        (b"+OK POP3 ready\r\n", "POP3"),
        (b"* OK IMAP4rev1 ready\r\n", "IMAP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
    ],
)
def test_another_protocol_is_named(said: bytes, hint: str) -> None:
    with pytest.raises(PeerError, match="not an SMTP server") as caught:
        list(Replies().feed(said))
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("line", [b"", b"25 ok", b"999 ok", b"250xok", b"abc", b"\x00\x00\x00", b"250_ok"])
def test_what_is_no_answer(line: bytes) -> None:
    with pytest.raises(PeerError, match="not an SMTP server"):
        list(Replies().feed(line + b"\r\n"))


def test_one_answer_has_one_code() -> None:
    with pytest.raises(PeerError, match="two codes, 250 and 550"):
        list(Replies().feed(b"250-a\r\n550 b\r\n"))


def test_extensions() -> None:
    (reply,) = Replies().feed(b"250-mx\r\n250-AUTH PLAIN\r\n250-AUTH=LOGIN PLAIN\r\n250-\r\n250 size 7\r\n")
    assert extensions(reply) == {"AUTH": ("PLAIN", "LOGIN"), "SIZE": ("7",)}


@pytest.mark.parametrize("bad", ["a\r\nRSET", "a\nb", "a\rb", "a\0b", "a\x7fb"])
def test_a_command_is_one_line(bad: str) -> None:
    with pytest.raises(BadInput, match="control character"):
        command("MAIL", bad)


def test_a_command_has_a_limit() -> None:
    assert len(command("X" * (MAX_COMMAND - 2))) == MAX_COMMAND
    with pytest.raises(BadInput, match="more than an SMTP command holds"):
        command("X" * (MAX_COMMAND - 1))
