"""What a message's time is counted from, what stops without waiting, and a message that cannot be made."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest

from netkit.errors import Exit, LocalFailure
from netkit.events import Step
from netkit.mail.message.content import Message
from netkit.mail.smtp.deliver import Manner, Server, deliver
from netkit.mail.smtp.delivery import Stage
from netkit.mail.smtp.rehearse import rehearse
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.smtp.transaction import Envelope
from netkit.mail.target import parse_target
from tests.conftest import MS
from tests.mail.smtp.conftest import Talker
from tests.mail.smtp.test_send import message, run

Start = Callable[..., Talker]
ENVELOPE = Envelope("a@x.test", ("b@x.test",))


def test_waiting_for_its_turn_is_none_of_it(talker: Start) -> None:
    """Two messages, 1250 ms apart, of which each may take 1000, as it does not on a busy machine either."""
    done = run(talker().address, messages=2, seconds=1000, rate=4 / (5000 * MS))
    assert [one.exit for one in done] == [Exit.OK, Exit.OK]


def test_a_message_that_cannot_be_made_does_not_unsettle_the_one_before(talker: Start) -> None:
    def messages() -> Iterator[Message]:
        yield message()
        raise LocalFailure("cannot read a.pdf: No such file or directory")

    server = talker()
    done = list(deliver([Server(parse_target(server.address, SCHEMES))], ENVELOPE, messages(), Manner()))
    assert [one.exit for one in done] == [Exit.OK, Exit.LOCAL]
    assert len(server.messages) == 1


def test_interrupted_it_does_not_wait_for_the_answer_to_quit(talker: Start) -> None:
    def interrupt(step: Step) -> None:
        if b"RCPT" in (step.data or b""):
            raise KeyboardInterrupt

    server = talker()
    target = Server(parse_target(server.address, SCHEMES))
    with pytest.raises(KeyboardInterrupt):
        rehearse(target, ENVELOPE, message(), Manner(on_event=interrupt), Stage.rcpt, drop=False)
    server.thread.join(10)
    assert b"QUIT\r\n" not in server.commands


def test_a_silent_server_leaves_the_others_their_time(talker: Start) -> None:
    over = Event()

    def nothing(line: bytes) -> bytes:
        over.wait(10)
        return b""

    silent, broken, third = talker({"banner": nothing}), talker({"banner": b"554 5.3.2 none here\r\n"}), talker()
    servers = [Server(parse_target(one.address, SCHEMES)) for one in (silent, broken, third)]
    notes: list[str] = []
    # A third of the time, rounded to tenths, is 1 s also when a quarter of a second has gone by then.
    (done,) = deliver(servers, ENVELOPE, [message()], Manner(timeout=3140 * MS, on_note=notes.append))
    over.set()
    assert done.exit is Exit.OK
    assert notes == [
        f"{silent.address}: no greeting within 1 s; the next server is {broken.address}",
        f"{broken.address}: the greeting: 554 5.3.2 none here; the next server is {third.address}",
    ]
