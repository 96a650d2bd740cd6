"""A server that breaks off or answers out of step: what may have arrived is never told, or sent again, as if not."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from netkit.errors import Exit, PeerError, Temporary
from netkit.mail.message.content import Content, Message
from netkit.mail.smtp.transaction import Status
from tests.mail.smtp.conftest import EHLO, Talker
from tests.mail.smtp.test_send import BDAT_EHLO, PLAIN_EHLO, run, statuses

Start = Callable[..., Talker]
UNKNOWN, UNSENT = (Status.unknown, None), (Status.unsent, None)


@pytest.mark.usefixtures("no_pause")
def test_bdat_may_have_arrived_before_any_answer(talker: Start) -> None:
    """The message goes with its envelope: a server may have taken it all when not one answer has come."""
    server = talker({"EHLO": BDAT_EHLO, "MAIL": b"", "RCPT": b"", "BDAT": None}, sessions=2)
    (done,) = run(server.address, ["b@x.test", "c@x.test"], retries=2)
    assert statuses(done) == [UNKNOWN, UNKNOWN]
    assert (done.exit, done.attempts, len(server.messages)) == (Exit.UNKNOWN, 1, 1)


@pytest.mark.usefixtures("no_pause")
def test_bdat_to_a_refused_sender_has_not_arrived(talker: Start) -> None:
    server = talker({"EHLO": BDAT_EHLO, "MAIL": b"550 5.7.1 no\r\n", "RCPT": None})
    (done,) = run(server.address)
    assert statuses(done) == [UNSENT]
    assert done.exit is Exit.PROTOCOL


@pytest.mark.parametrize("ehlo", [EHLO, BDAT_EHLO])
@pytest.mark.parametrize(
    ("final", "status", "code"),
    [
        (b"250 2.0.0 ok\r\nnonsense\r\n", Status.accepted, Exit.OK),
        (b"554 5.7.1 spam\r\nnonsense\r\n", Status.refused, Exit.NO),
        (b"451 4.3.0 later\r\n999 what\r\n", Status.deferred, Exit.TEMPORARY),
        (b"421 4.3.2 down\r\n", Status.deferred, Exit.TEMPORARY),
        (b"354 go on\r\n", Status.unknown, Exit.UNKNOWN),
        (b"235 welcome\r\n", Status.unknown, Exit.UNKNOWN),
        (b"nonsense\r\n", Status.unknown, Exit.UNKNOWN),
    ],
)
def test_the_answer_to_the_message_counts_whatever_follows(
    talker: Start, ehlo: bytes, final: bytes, status: Status, code: Exit
) -> None:
    (done,) = run(talker({"EHLO": ehlo, "dot": final, "BDAT": final}).address, ["b@x.test", "c@x.test"])
    assert [one.status for one in done.recipients] == [status, status]
    assert done.exit is code


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA", "BDAT"])
def test_421_ends_it_though_the_server_stays(talker: Start, where: str) -> None:
    """It will do nothing more, so nobody waits for what else is due, and nothing was delivered."""
    ehlo = BDAT_EHLO if where == "BDAT" else EHLO
    server = talker({"EHLO": ehlo, where: b"421 4.3.2 shutting down\r\n", "QUIT": b""})
    (done,) = run(server.address, ["b@x.test", "c@x.test"])
    assert done.exit is Exit.TEMPORARY
    assert done.error is None or isinstance(done.error, Temporary)


def test_421_between_two_messages(talker: Start) -> None:
    done = run(talker({"EHLO": PLAIN_EHLO, "dot": b"250 2.0.0 ok\r\n421 4.4.2 idle\r\n"}).address, messages=2)
    assert [one.exit for one in done] == [Exit.OK, Exit.TEMPORARY]
    assert isinstance(done[1].error, Temporary)


def test_an_answer_that_nothing_asked_for(talker: Start) -> None:
    """The next one would be taken for another command's."""
    (done,) = run(talker({"EHLO": EHLO + b"250 more\r\n"}).address)
    assert isinstance(done.error, PeerError)
    assert (done.error.kind, done.exit) == ("unasked", Exit.PROTOCOL)


def test_lmtp_takes_no_message_for_nobody(talker: Start) -> None:
    """A dot would get an answer for each recipient: none, and the client would wait for one."""
    (done,) = run(talker({"RCPT": b"550 5.1.1 no\r\n"}).address, scheme="lmtp")
    assert statuses(done) == [(Status.refused, 550)]
    assert done.exit is Exit.NO


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [(b"250 ok\r\n", Status.unsent, Exit.PROTOCOL), (b"552 5.3.4 no\r\n", Status.refused, Exit.NO)],
)
@pytest.mark.parametrize("verb", [b"DATA", b"BDAT"])
def test_an_answer_before_the_end_has_left(
    tmp_path: Path, answer: bytes, status: Status, code: Exit, verb: bytes
) -> None:
    """The server reads no further, and a unix socket holds 200 KiB at most: the end waits in this process."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    last = b"250 CHUNKING\r\n" if verb == b"BDAT" else b"250 SIZE\r\n"
    answers = {b"EHLO": b"250-x\r\n250-PIPELINING\r\n" + last}
    piece = b"x" * 998 + b"\r\n"
    held: list[socket.socket] = []

    def serve() -> None:
        client, _ = listener.accept()
        held.append(client)
        client.sendall(b"220 x\r\n")
        with client.makefile("rb") as lines:
            while not (line := lines.readline()).startswith(verb):
                client.sendall(answers.get(line[:4], b"250 ok\r\n"))
            if verb == b"DATA":
                client.sendall(b"354 go\r\n")
                lines.readline()  # so the message has begun
            client.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    (done,) = run(f"unix:{tmp_path / 's'}", what=Message(Content(400_000), lambda: iter([piece] * 400)))
    assert [one.status for one in done.recipients] == [status]
    assert done.exit is code
    thread.join(10)
    for one in (*held, listener):
        one.close()
