"""`smtp send` against Postfix's smtp-sink, which refuses, says 421 or hangs up at the command it is told to."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from netkit.errors import Exit
from netkit.mail.smtp.protocol import Reply
from tests.peers.smtp_client import send, words
from tests.peers.smtp_sink import smtp_sink

TO = ("b@y.test", "c@y.test", "d@y.test")
HARD = Reply(500, "5.3.0", ("5.3.0 Error: command failed",))
SOFT = Reply(450, "4.3.0", ("4.3.0 Error: command failed",))
BYE = Reply(421, "4.0.0", ("4.0.0 Server closing connection",))
LARGE = b"x" * 70 + b"\n"

Sink = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def sink(program: Callable[[str], str]) -> Sink:
    path = program("smtp-sink")
    return lambda *options: smtp_sink(path, *options)


def test_twenty_messages_go_through_one_session(sink: Sink) -> None:
    for options, pipelined in (((), True), (("-p",), False), (("-e",), False), (("-8", "-N"), True)):
        with sink(*options) as where:
            done = send(where, *TO, count=20)
        assert words(done) == [["accepted"] * 3] * 20
        assert {one.pipelined for one in done} == {pipelined}
        assert [one.exit for one in done] == [Exit.OK] * 20
    with sink("-L") as where:
        done = send(f"lmtp://{where}", *TO, count=20)
    assert words(done) == [["accepted"] * 3] * 20


def test_a_thousand_recipients(sink: Sink) -> None:
    for options, scheme in (((), "smtp"), (("-L",), "lmtp")):
        with sink(*options) as where:
            done = send(f"{scheme}://{where}", *[f"user{number}@y.test" for number in range(1000)], count=2)
        assert words(done) == [["accepted"] * 1000] * 2


REFUSED = [  # command, and the outcome of each recipient where it is refused for good
    ("connect", "unsent"),
    ("ehlo,helo", "unsent"),
    ("mail", "refused"),
    ("rcpt", "refused"),
    ("data", "refused"),
    (".", "refused"),
    ("ehlo", "accepted"),  # HELO does as well
    ("quit", "accepted"),
]


@pytest.mark.parametrize(("command", "word"), REFUSED)
def test_a_command_is_refused(sink: Sink, command: str, word: str) -> None:
    for option, reply, code, refused in (("-f", HARD, Exit.NO, "refused"), ("-r", SOFT, Exit.TEMPORARY, "deferred")):
        with sink(option, command) as where:
            done = send(where, *TO, count=2)
        wanted = refused if word == "refused" else word
        if command == "ehlo" and option == "-r":  # worth trying again as it was asked
            wanted = "unsent"
        sent = wanted == "accepted"
        assert words(done) == [[wanted] * 3] * (1 if wanted == "unsent" else 2)
        assert {one.exit for one in done} == {Exit.OK if sent else code}
        if wanted == refused:
            assert {outcome.reply for one in done for outcome in one.recipients} == {reply}
        elif not sent:
            assert done[0].error is not None
            assert str(reply) in done[0].error.message


@pytest.mark.parametrize(
    ("command", "word", "code"),
    [
        ("connect", "unsent", Exit.PROTOCOL),
        ("ehlo", "unsent", Exit.PROTOCOL),
        ("mail", "unsent", Exit.PROTOCOL),
        ("rcpt", "unsent", Exit.PROTOCOL),
        ("data", "unsent", Exit.PROTOCOL),
        (".", "unknown", Exit.UNKNOWN),
        ("quit", "accepted", Exit.OK),
    ],
)
def test_a_server_that_hangs_up(sink: Sink, command: str, word: str, code: Exit) -> None:
    with sink("-q", command) as where:
        (done,) = send(where, *TO)
    assert (words([done]), done.exit) == ([[word] * 3], code)


@pytest.mark.parametrize(
    ("command", "outcomes"),
    [
        ("connect", ["unsent", "unsent", "unsent"]),
        ("ehlo", ["unsent", "unsent", "unsent"]),
        ("mail", ["unsent", "unsent", "unsent"]),
        ("rcpt", ["deferred", "unsent", "unsent"]),
        ("data", ["deferred", "deferred", "deferred"]),
        (".", ["deferred", "deferred", "deferred"]),
        ("quit", ["accepted", "accepted", "accepted"]),
    ],
)
def test_a_server_that_says_421(sink: Sink, command: str, outcomes: list[str]) -> None:
    with sink("-Q", command) as where:
        (done,) = send(where, *TO)
    assert words([done]) == [outcomes]
    assert done.exit == (Exit.OK if command == "quit" else Exit.TEMPORARY)
    assert {outcome.reply for outcome in done.recipients if outcome.status == "deferred"} <= {BYE}


def test_what_is_behind_the_message_that_lost_its_answer_was_not_sent(sink: Sink) -> None:
    with sink("-q", ".") as where:
        done = send(where, *TO, count=3)
    assert words(done) == [["unknown"] * 3, ["unsent"] * 3]
    assert [one.exit for one in done] == [Exit.UNKNOWN, Exit.PROTOCOL]


def test_lmtp_answers_for_each_recipient(sink: Sink) -> None:
    for options, outcomes, code in (
        (("-f", "."), ["refused"] * 3, Exit.NO),
        (("-r", "."), ["deferred"] * 3, Exit.TEMPORARY),
        (("-q", "."), ["unknown"] * 3, Exit.UNKNOWN),
        (("-Q", "."), ["deferred", "unknown", "unknown"], Exit.PARTIAL),
        (("-f", "lhlo"), ["unsent"] * 3, Exit.NO),
    ):
        with sink("-L", *options) as where:
            (done,) = send(f"lmtp://{where}", *TO)
        assert (words([done]), done.exit) == ([outcomes], code)


@pytest.mark.parametrize("size", [1, 100_000, 5_000_000])
def test_a_refusal_in_the_middle_of_the_message_is_the_reason(sink: Sink, size: int) -> None:
    with sink("-A", "0") as where:
        (done,) = send(where, *TO, text=LARGE * (size // len(LARGE) + 1))
    assert words([done]) == [["refused"] * 3]
    assert {outcome.reply for outcome in done.recipients} == {Reply(550, None, ("This violates SMTP",))}
    assert done.exit == Exit.NO
