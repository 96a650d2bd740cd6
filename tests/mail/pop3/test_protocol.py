"""POP3's answers, whatever the split, the truncation and the nonsense."""

from itertools import pairwise

import pytest

from netkit.errors import BadInput, PeerError
from netkit.mail.pop3.protocol import MAX_STATUS, Data, End, Event, Replies, Status, command, response_code

WIRE = b"+OK hello\r\n+OK\r\nSubject: a\r\n\r\n..\r\n.\r\n-ERR [IN-USE] no\r\n+OK\r\n.\r\n+OK bye\r\n"


def events(wire: bytes, *cuts: int) -> list[Event]:
    """With the pieces of a body joined, since they depend on the split."""
    replies = Replies()
    for body in (False, True, True, True, False):
        replies.expect(body)
    edges = [0, *cuts, len(wire)]
    found: list[Event] = []
    for start, end in pairwise(edges):
        for event in replies.feed(wire[start:end]):
            if isinstance(event, Data) and found and isinstance(found[-1], Data):
                found[-1] = Data(found[-1].data + event.data)
            else:
                found.append(event)
    return found


EXPECTED = [
    Status(True, b"hello"),
    Status(True, b"", True),
    Data(b"Subject: a\r\n\r\n.\r\n"),
    End(),
    Status(False, b"[IN-USE] no"),
    Status(True, b"", True),
    End(),
    Status(True, b"bye"),
]


def test_every_split() -> None:
    assert events(WIRE) == EXPECTED
    assert events(WIRE, *range(1, len(WIRE))) == EXPECTED
    for cut in range(len(WIRE)):
        assert events(WIRE, cut) == EXPECTED


def test_every_truncation_is_a_beginning() -> None:
    for end in range(len(WIRE)):
        found = events(WIRE[:end])
        whole = [event for event in found if not isinstance(event, Data)]
        assert whole == [event for event in EXPECTED if not isinstance(event, Data)][: len(whole)]
        assert len(whole) < len(EXPECTED) - 1


def test_the_response_code() -> None:
    assert response_code(b"[in-use] x") == "IN-USE"
    assert response_code(b"[SYS/TEMP]") == "SYS/TEMP"
    assert response_code(b"[never closed") == response_code(b"plain") == ""


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "web server"),
        (b"220 mail ESMTP\r\n", "SMTP"),
        (b"* OK IMAP4rev1\r\n", "IMAP"),
        (b"\x15\x03\x01\x00\x02\x02F\n", "pop3s://"),
    ],
)
def test_another_protocol_is_named(line: bytes, hint: str) -> None:
    replies = Replies()
    replies.expect()
    with pytest.raises(PeerError) as caught:
        replies.feed(line)
    assert caught.value.kind == "not_pop3"
    assert hint in str(caught.value.hint)


def test_a_status_line_has_a_limit() -> None:
    replies = Replies()
    replies.expect()
    with pytest.raises(PeerError, match="more than 4096 bytes"):
        replies.feed(b"+OK " + b"x" * MAX_STATUS)


def test_what_nobody_asked_for_waits() -> None:
    replies = Replies()
    replies.expect()
    assert replies.feed(b"+OK\r\n+OK injected\r\n") == [Status(True, b"")]
    assert replies.pending == b"+OK injected\r\n"


def test_commands_hold_no_line_break() -> None:
    assert command("TOP", "1", "0") == b"TOP 1 0\r\n"
    for text in ("a\r\nDELE 1", "a\nb", "a\0", "\x7f"):
        with pytest.raises(BadInput):
            command("USER", text)
    with pytest.raises(BadInput, match="255"):
        command("USER", "x" * 250)
