"""What a server's lines say, at any split; who is there, what a half-typed word may become; the waits between tries."""

import pytest

from netkit.chat.join.backoff import Backoff
from netkit.chat.join.farewell import failure, is_goodbye, worth_another_try
from netkit.chat.join.people import MAX_PEOPLE, People, mentions
from netkit.chat.join.protocol import Lines
from netkit.chat.join.received import parse
from netkit.errors import AuthRefused, No, PeerError, Temporary, Unreachable


@pytest.mark.parametrize(
    ("raw", "kind", "name", "text"),
    [
        (b"[bob] hi\r\n", "say", "bob", b"hi"),
        (b"[127.0.0.1:5000] hi [there]\n", "say", "127.0.0.1:5000", b"hi [there]"),
        (b"[[::1]:5000] hi\n", "say", "[::1]:5000", b"hi"),
        (b"[[fe80::1%eth0]:5000] \n", "say", "[fe80::1%eth0]:5000", b""),
        (b"[bob] * waves\r\n", "me", "bob", b"waves"),
        ("[Jörg] ü\n".encode(), "say", "Jörg", "ü".encode()),
        (b"[\xff] x\n", "say", "\\xff", b"x"),
        (b"<user4> hi\n", "say", "user4", b"hi"),
        (b"<announce> <user5> is connected.\n", "notice", "", b"<user5> is connected."),
        (b"Client joined 127.0.0.1:5\r\n", "join", "127.0.0.1:5", b""),
        (b"Client left bob\r\n", "leave", "bob", b""),
        (b"Client bob is now rob\r\n", "nick", "bob", b"rob"),
        (b"* you are bob\r\n", "notice", "", b"you are bob"),
        (b"* [bob] to you: psst\r\n", "private", "bob", b"psst"),
        (b"* 12:30 [bob] earlier\r\n", "history", "bob", b"earlier"),
        (b"You're connected to the Python chatserver\r\n", "line", "", b"You're connected to the Python chatserver"),
        (b"[no name here\n", "line", "", b"[no name here"),
        (b"[bob]hi\n", "line", "", b"[bob]hi"),
        (b"[two words] hi\n", "line", "", b"[two words] hi"),
        (b"[" + b"x" * 81 + b"] hi\n", "line", "", b"[" + b"x" * 81 + b"] hi"),
        (b"Client joined two words\n", "line", "", b"Client joined two words"),
        (b"\n", "line", "", b""),
        (b"a\rb", "line", "", b"a\rb"),
    ],
)
def test_what_a_line_says(raw: bytes, kind: str, name: str, text: bytes) -> None:
    one = parse(raw)
    assert (one.kind, one.name, one.text, one.raw) == (kind, name, text, raw)


def test_lines_come_out_whole_at_every_split() -> None:
    data = "one\r\ntwö\n\nrest".encode()
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1):
            lines = Lines()
            found = lines.feed(data[:first]) + lines.feed(data[first:second]) + lines.feed(data[second:])
            assert found == [b"one\r\n", "twö\n".encode(), b"\n"]
            assert lines.end() == [b"rest"]
            assert lines.end() == []


def test_a_line_has_a_limit() -> None:
    lines = Lines(10)
    assert lines.feed(b"x" * 10 + b"\r\n" + b"y" * 9) == [b"x" * 10 + b"\r\n"]
    assert lines.feed(b"y") == []
    lines.check()
    for data in (b"ok\n" + b"x" * 11, b"ok\n" + b"x" * 12 + b"\nmore\n"):
        lines = Lines(10)
        assert lines.feed(data) == [b"ok\n"]
        with pytest.raises(PeerError) as failed:
            lines.check()
        assert failed.value.kind == "line_too_long"


def people(*lines: bytes) -> People:
    found = People()
    for each in lines:
        found.heard(parse(each))
    return found


def test_people_are_known_by_what_they_do() -> None:
    here = people(
        b"[bob] hi\n",
        b"Client joined 127.0.0.1:5\n",
        b"Client 127.0.0.1:5 is now Berta\n",
        b"[carl] hi\n",
        b"Client left carl\n",
        b"[bob] again\n",
        b"* [dora] to you: x\n",
    )
    assert here.names == ["dora", "bob", "Berta"]


def test_who_tells_of_those_who_said_nothing() -> None:
    here = people(b"* 2 in lobby\n", b"*   anna\n", b"*   bert on b, heard of 1 s ago\n", b"*   nobody\n", b"*   x\n")
    assert here.names == ["bert", "anna"]
    assert people(b"* 2 in lobby\n", b"* pong\n", b"*   anna\n").names == []


def test_names_are_bounded_and_can_be_typed() -> None:
    here = people(*(b"[n%d] x\n" % number for number in range(MAX_PEOPLE + 5)), b"[a\x1bb] x\n", b"[\xe2\x80\xae] x\n")
    assert len(here.names) == MAX_PEOPLE
    assert here.names[-1] == "n5"
    assert here.names[0] == f"n{MAX_PEOPLE + 4}"


@pytest.mark.parametrize(
    ("before", "size", "words"),
    [
        ("b", 1, ["bob: ", "Berta: "]),
        ("BO", 2, ["bob: "]),
        ("hi b", 1, ["bob ", "Berta "]),
        ("/msg be", 2, ["Berta "]),
        ("/m", 2, ["/me ", "/msg "]),
        ("say /m", 2, []),
        ("", 0, ["bob: ", "Berta: "]),
        ("x", 1, []),
    ],
)
def test_what_a_word_may_become(before: str, size: int, words: list[str]) -> None:
    assert people(b"[Berta] x\n", b"[bob] x\n").complete(before) == (size, words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Bob: hi", True),
        ("hi bob!", True),
        ("bobby", False),
        ("a-bob", False),
        ("kebob", False),
        ("ü bob ü", True),
        ("", False),
    ],
)
def test_whether_one_is_meant(text: str, said: bool) -> None:
    assert mentions(text.encode(), "bob") == said


def test_the_waits_double_to_half_a_minute() -> None:
    backoff = Backoff(lambda: 0.0)
    assert [backoff.wait() for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    backoff.lasted(29.0)
    assert backoff.wait() == 30.0
    backoff.lasted(30.0)
    assert backoff.wait() == 1.0
    assert Backoff(lambda: 1.0).wait() == 0.75


@pytest.mark.parametrize(
    ("words", "error", "again"),
    [
        ("server full", Temporary, True),
        ("too many from your address in a short time", Temporary, True),
        ("banned", No, False),
        ("not from your address", No, False),
        ("kicked by bob: noise", No, False),
        ("that is not the password", AuthRefused, False),
        ("no password came", AuthRefused, False),
        ("the server stops", Unreachable, True),
        ("", Unreachable, True),
    ],
)
def test_why_a_server_hung_up(words: str, error: type[Exception], again: bool) -> None:
    last = parse(f"* {words}\r\n".encode())
    exc = failure("h:1", last, "reset")
    assert type(exc) is error
    assert worth_another_try(exc) == again
    assert not is_goodbye(last)


def test_only_the_server_says_why() -> None:
    assert failure("h:1", parse(b"[bob] server full\n"), "reset").message == "h:1: reset"
    assert failure("h:1", parse(b"* the server stops\n"), "reset").message == (
        "h:1: reset; its last words: the server stops"
    )
    assert is_goodbye(parse(b"* goodbye\r\n"))
    assert not is_goodbye(parse(b"[bob] * goodbye\r\n"))
