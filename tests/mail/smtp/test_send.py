"""Sending against servers that refuse, defer, break off and lie: an outcome for every recipient, and what was sent."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat

import pytest

from netkit.errors import Exit, Insecure, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import Step
from netkit.mail.message.content import Content, Message
from netkit.mail.smtp.deliver import Login, Manner, Server, deliver
from netkit.mail.smtp.delivery import Delivery, Stage
from netkit.mail.smtp.rehearse import rehearse
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.smtp.transaction import Dsn, Envelope, Status
from netkit.mail.target import Tls, parse_target
from netkit.net.tls_client import Security
from tests.conftest import MS
from tests.mail.smtp.conftest import EHLO, Talker

Start = Callable[..., Talker]
NO_DSN = Dsn()
BODY = b"Subject: hi\r\n\r\n.dot\r\nbye\r\n"
PLAIN_EHLO = b"250-there\r\n250 8BITMIME\r\n"
BDAT_EHLO = EHLO.replace(b"250 DSN", b"250-DSN\r\n250 CHUNKING")


def message(body: bytes = BODY, **content: bool) -> Message:
    return Message(Content(len(body), **content), lambda: iter([body[:7], body[7:]]))


def run(
    address: str,
    recipients: Sequence[str] = ("b@x.test",),
    *,
    messages: int = 1,
    what: Message | None = None,
    sender: str = "a@x.test",
    dsn: Dsn = NO_DSN,
    scheme: str = "smtp",
    tls: Tls = Tls.none,
    seconds: float = 10_000,
    **manner: object,
) -> list[Delivery]:
    server = Server(parse_target(f"{scheme}://{address}", SCHEMES, tls))
    envelope = Envelope(sender, tuple(recipients), dsn)
    how = Manner(timeout=seconds * MS, **manner)  # type: ignore[arg-type]
    return list(deliver([server], envelope, repeat(what or message(), messages), how))


def statuses(delivery: Delivery) -> list[tuple[Status, int | None]]:
    return [(one.status, one.reply.code if one.reply else None) for one in delivery.recipients]


def by_address(refused: dict[bytes, bytes | None]) -> Callable[[bytes], bytes | None]:
    def answer(line: bytes) -> bytes | None:
        return next((reply for part, reply in refused.items() if part in line), b"250 2.1.5 ok\r\n")

    return answer


THREE = ("one@x.test", "two@x.test", "three@x.test")
MIXED = by_address({b"two@": b"550 5.1.1 no such user\r\n", b"three@": b"451 4.7.1 greylisted\r\n"})


@pytest.mark.parametrize("ehlo", [EHLO, PLAIN_EHLO, BDAT_EHLO])
def test_what_goes_over_the_wire(talker: Start, ehlo: bytes) -> None:
    server = talker({"EHLO": ehlo})
    (done,) = run(server.address, ["b@x.test", "c@x.test"])
    assert done.exit is Exit.OK
    server.thread.join(10)
    size = b" SIZE=%d" % len(BODY) if ehlo is not PLAIN_EHLO else b""
    envelope = [b"MAIL FROM:<a@x.test>%b\r\n" % size, b"RCPT TO:<b@x.test>\r\n", b"RCPT TO:<c@x.test>\r\n"]
    assert server.commands[0] == b"EHLO [127.0.0.1]\r\n"
    assert server.commands[1:4] == envelope
    if ehlo is BDAT_EHLO:
        assert server.commands[4:] == [b"BDAT %d LAST\r\n" % len(BODY), b"QUIT\r\n"]
        assert server.messages == [BODY]
    else:
        assert server.commands[4:] == [b"DATA\r\n", b"QUIT\r\n"]
        assert server.messages == [BODY.replace(b"\r\n.", b"\r\n..")]


def test_three_recipients_three_outcomes(talker: Start) -> None:
    server = talker({"RCPT": MIXED})
    (done,) = run(server.address, THREE)
    assert statuses(done) == [(Status.accepted, 250), (Status.refused, 550), (Status.deferred, 451)]
    assert done.codes == [Exit.OK, Exit.NO, Exit.TEMPORARY]
    assert done.exit is Exit.PARTIAL
    assert done.queue_id == "Q1"
    assert len(server.messages) == 1


def test_all_or_none_sends_nobody(talker: Start) -> None:
    server = talker({"RCPT": MIXED})
    (done,) = run(server.address, THREE, all_or_none=True)
    server.thread.join(10)
    assert statuses(done)[0][0] is Status.unsent
    assert done.codes == [Exit.NO, Exit.NO, Exit.TEMPORARY]
    assert b"DATA\r\n" not in server.commands
    assert server.messages == []


@pytest.mark.parametrize("ehlo", [EHLO, PLAIN_EHLO, BDAT_EHLO])
def test_nobody_accepted(talker: Start, ehlo: bytes) -> None:
    """With DATA under way, a server that says 354 all the same gets a lone dot."""
    server = talker({"EHLO": ehlo, "RCPT": b"550 5.1.1 no\r\n", "dot": b"554 5.5.1 no recipients\r\n",
                     "BDAT": b"503 5.5.1 no recipients\r\n"})  # fmt: skip
    (done,) = run(server.address, ["b@x.test", "c@x.test"])
    server.thread.join(10)
    assert statuses(done) == [(Status.refused, 550)] * 2
    assert done.exit is Exit.NO
    assert done.error is None
    assert server.messages == {EHLO: [b""], PLAIN_EHLO: [], BDAT_EHLO: [BODY]}[ehlo]
    assert server.commands[-1] == b"QUIT\r\n"


@pytest.mark.parametrize("ehlo", [EHLO, PLAIN_EHLO])
def test_a_refused_sender_is_what_recipients_are_refused_for(talker: Start, ehlo: bytes) -> None:
    server = talker({"EHLO": ehlo, "MAIL": b"550 5.7.1 not you\r\n", "RCPT": b"503 5.5.1 MAIL first\r\n",
                     "DATA": b"503 5.5.1 RCPT first\r\n"})  # fmt: skip
    (done,) = run(server.address)
    assert statuses(done) == [(Status.refused, 550)]
    assert done.exit is Exit.NO


@pytest.mark.parametrize(
    ("answers", "status", "code"),
    [
        ({"DATA": b"451 4.3.0 not now\r\n"}, Status.deferred, Exit.TEMPORARY),
        ({"DATA": b"554 5.3.0 never\r\n"}, Status.refused, Exit.NO),
        ({"dot": b"554 5.7.1 spam\r\n"}, Status.refused, Exit.NO),
        ({"dot": b"452 4.3.1 full\r\n"}, Status.deferred, Exit.TEMPORARY),
    ],
)
def test_refused_at_the_end(talker: Start, answers: dict[str, bytes], status: Status, code: Exit) -> None:
    (done,) = run(talker(answers).address)
    assert done.recipients[0].status is status
    assert done.exit is code


@pytest.mark.parametrize(
    ("answers", "error", "code"),
    [
        ({"banner": b"421 4.3.2 busy\r\n"}, Temporary, Exit.TEMPORARY),
        ({"banner": b"554 5.7.1 go away\r\n"}, No, Exit.NO),
        ({"banner": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, PeerError, Exit.PROTOCOL),
        ({"banner": None}, PeerError, Exit.PROTOCOL),
        ({"EHLO": b"421 4.3.2 busy\r\n"}, Temporary, Exit.TEMPORARY),
        ({"EHLO": None}, PeerError, Exit.PROTOCOL),
        ({"EHLO": b"250-x\r\n" * 20_000}, PeerError, Exit.PROTOCOL),
        ({"EHLO": b"250 " + b"x" * 10_000}, PeerError, Exit.PROTOCOL),
        ({"EHLO": b"500 what\r\n", "HELO": b"500 what\r\n"}, No, Exit.NO),
        ({"MAIL": None}, PeerError, Exit.PROTOCOL),
        ({"RCPT": None}, PeerError, Exit.PROTOCOL),
        ({"DATA": None}, PeerError, Exit.PROTOCOL),
        ({"DATA": b"250 what\r\n"}, PeerError, Exit.PROTOCOL),
        ({"MAIL": b"221 bye\r\n"}, PeerError, Exit.PROTOCOL),
        ({"RCPT": b"354 go\r\n"}, PeerError, Exit.PROTOCOL),
        ({"banner": b"220 there\r\n250 there\r\n"}, PeerError, Exit.PROTOCOL),
        ({"MAIL": b"421 4.3.2 shutting down\r\n", "RCPT": None}, Temporary, Exit.TEMPORARY),
    ],
)
def test_it_ends_before_the_message(
    talker: Start, answers: dict[str, bytes | None], error: type[Exception], code: Exit
) -> None:
    (done,) = run(talker(answers).address)
    assert isinstance(done.error, error)
    assert done.exit is code
    assert [one.status for one in done.recipients] == [Status.unsent]


def test_a_server_without_ehlo(talker: Start) -> None:
    server = talker({"EHLO": b"502 no such command\r\n", "HELO": b"250 there\r\n"})
    (done,) = run(server.address)
    assert done.exit is Exit.OK
    assert server.commands[:3] == [b"EHLO [127.0.0.1]\r\n", b"HELO [127.0.0.1]\r\n", b"MAIL FROM:<a@x.test>\r\n"]


def test_lost_after_the_final_dot_is_unknown(talker: Start) -> None:
    (done,) = run(talker({"RCPT": MIXED, "dot": None}).address, THREE)
    assert statuses(done) == [(Status.unknown, None), (Status.refused, 550), (Status.deferred, 451)]
    assert done.codes == [Exit.UNKNOWN, Exit.NO, Exit.TEMPORARY]
    assert isinstance(done.error, PeerError)


def test_silence_after_the_final_dot_is_unknown(talker: Start) -> None:
    over = threading.Event()

    def nothing(line: bytes) -> bytes:
        over.wait(10)
        return b""

    (done,) = run(talker({"dot": nothing}).address, seconds=300)
    over.set()
    assert done.exit is Exit.UNKNOWN
    assert isinstance(done.error, TimedOut)


def test_the_answer_to_quit_is_not_one_to_the_message(talker: Start) -> None:
    """QUIT has gone along with the message, and a server that leaves the message unanswered answers that."""
    (done,) = run(talker({"dot": b""}).address)
    assert done.exit is Exit.UNKNOWN
    assert done.error is not None
    assert done.error.message.endswith("the message was answered with 221 bye, which is no answer to it")


def test_lost_within_the_message_is_not_delivered(talker: Start) -> None:
    """20 MB, so that the end has not left when the server goes."""
    big = b"x" * 70 + b"\r\n"
    body = Message(Content(len(big) * 300_000), lambda: repeat(big, 300_000))
    (done,) = run(talker({"EHLO": EHLO.replace(b"100000", b"0"), "line": None}).address, what=body)
    assert [one.status for one in done.recipients] == [Status.unsent]
    assert done.exit in (Exit.UNREACHABLE, Exit.PROTOCOL)


def test_an_answer_in_the_middle_of_the_message_is_the_reason(talker: Start) -> None:
    big = b"x" * 70 + b"\r\n"
    body = Message(Content(len(big) * 300_000), lambda: repeat(big, 300_000))
    said: list[bytes] = []

    def full(line: bytes) -> bytes | None:
        said.append(line)
        return b"552 5.3.4 too much\r\n" if len(said) == 1000 else b"" if len(said) < 1000 else None

    (done,) = run(talker({"EHLO": EHLO.replace(b"100000", b"0"), "line": full}).address, what=body)
    assert statuses(done) == [(Status.refused, 552)]
    assert done.exit is Exit.NO


@pytest.mark.parametrize(
    ("content", "ehlo", "kind"),
    [
        (message(b"x" * 100_001), EHLO, "too_big"),
        (message(utf8=True), PLAIN_EHLO, "no_smtputf8"),
        (message(eight_bit=True), b"250 there\r\n", "no_8bitmime"),
    ],
)
def test_what_the_server_cannot_take_is_a_no_before_mail(
    talker: Start, content: Message, ehlo: bytes, kind: str
) -> None:
    server = talker({"EHLO": ehlo})
    (done,) = run(server.address, what=content)
    server.thread.join(10)
    assert done.error is not None
    assert done.error.kind == kind
    assert done.exit is Exit.NO
    assert server.commands == [b"EHLO [127.0.0.1]\r\n", b"QUIT\r\n"]


def test_smtputf8_and_dsn_on_the_wire(talker: Start) -> None:
    server = talker()
    dsn = Dsn(("success", "failure"), "hdrs", "id+1=x")
    (done,) = run(server.address, ["jü@x.test", "b+c@x.test"], what=message(utf8=True, eight_bit=True), dsn=dsn)
    assert done.exit is Exit.OK
    assert server.commands[1:4] == [
        b"MAIL FROM:<a@x.test> SIZE=%d BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+2B1+3Dx\r\n" % len(BODY),
        "RCPT TO:<jü@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;j\\x{FC}@x.test\r\n".encode(),
        b"RCPT TO:<b+c@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@x.test\r\n",
    ]


def test_a_report_that_cannot_be_asked_for_is_told(talker: Start) -> None:
    server = talker({"EHLO": PLAIN_EHLO})
    (done,) = run(server.address, dsn=Dsn(("never",)))
    assert done.warnings == ("the server does not offer DSN, so it is not asked for delivery reports",)
    assert server.commands[2] == b"RCPT TO:<b@x.test>\r\n"


def test_many_messages_through_one_session(talker: Start) -> None:
    server = talker()
    done = run(server.address, ["b@x.test", "c@x.test"], messages=20)
    assert [one.exit for one in done] == [Exit.OK] * 20
    assert server.messages == [BODY.replace(b"\r\n.", b"\r\n..")] * 20
    assert [line.split()[0] for line in server.commands].count(b"EHLO") == 1


def test_a_refused_message_does_not_stop_the_next(talker: Start) -> None:
    said = iter([b"550 5.1.1 no\r\n", b"250 ok\r\n", b"550 5.1.1 no\r\n"])
    server = talker({"RCPT": lambda line: next(said), "DATA": lambda line: b"354 go\r\n"})
    done = run(server.address, messages=3)
    assert [one.exit for one in done] == [Exit.NO, Exit.OK, Exit.NO]


def test_a_message_that_is_broken_off_leaves_the_next_unsent(talker: Start) -> None:
    said = iter([b"250 2.0.0 ok\r\n", None])
    done = run(talker({"dot": lambda line: next(said)}).address, messages=3)
    assert [one.exit for one in done[:2]] == [Exit.OK, Exit.UNKNOWN]
    assert [one.recipients[0].status for one in done[2:]] == [Status.unsent]


def test_a_thousand_recipients_in_a_bounded_window(talker: Start) -> None:
    server = talker()
    many = [f"user{n}@x.test" for n in range(1000)]
    (done,) = run(server.address, many)
    assert [one.status for one in done.recipients] == [Status.accepted] * 1000
    assert [line for line in server.commands if line.startswith(b"RCPT")] == [
        b"RCPT TO:<%b>\r\n" % one.encode() for one in many
    ]


def test_lmtp_has_an_answer_for_each(talker: Start) -> None:
    final = b"250 2.0.0 stored\r\n552 5.2.2 over quota\r\n"
    server = talker({"RCPT": by_address({b"two@": b"550 5.1.1 no\r\n"}), "dot": final})
    (done,) = run(server.address, THREE, scheme="lmtp")
    assert server.commands[0] == b"LHLO [127.0.0.1]\r\n"
    assert statuses(done) == [(Status.accepted, 250), (Status.refused, 550), (Status.refused, 552)]


def test_lmtp_lost_between_two_answers(talker: Start) -> None:
    server = talker({"dot": b"250 2.0.0 stored\r\n", "QUIT": None})
    (done,) = run(server.address, ["b@x.test", "c@x.test"], scheme="lmtp")
    assert statuses(done) == [(Status.accepted, 250), (Status.unknown, None)]
    assert done.exit is Exit.PARTIAL


def test_quit_is_not_what_decides(talker: Start) -> None:
    notes: list[str] = []
    (done,) = run(talker({"QUIT": None}).address, on_note=notes.append)
    assert done.exit is Exit.OK
    assert [note[:21] for note in notes] == ["QUIT was not answered"]


@pytest.mark.usefixtures("no_pause")
class TestAgain:
    def test_only_the_deferred_recipient(self, talker: Start) -> None:
        said = iter([b"250 ok\r\n", b"451 4.7.1 greylisted\r\n", b"250 2.1.5 now\r\n"])
        server = talker({"RCPT": lambda line: next(said)}, sessions=2)
        (done,) = run(server.address, ["b@x.test", "c@x.test"], retries=1)
        assert done.exit is Exit.OK
        assert done.attempts == 2
        rcpt = [line for line in server.commands if line.startswith(b"RCPT")]
        assert rcpt == [b"RCPT TO:<b@x.test>\r\n", b"RCPT TO:<c@x.test>\r\n", b"RCPT TO:<c@x.test>\r\n"]
        assert len(server.messages) == 2

    def test_a_busy_server(self, talker: Start) -> None:
        said = iter([b"421 busy\r\n", b"421 busy\r\n", b"220 there\r\n"])
        notes: list[str] = []
        (done,) = run(talker({"banner": lambda line: next(said)}, sessions=3).address, retries=2, on_note=notes.append)
        assert done.exit is Exit.OK
        assert done.attempts == 3
        assert len(notes) == 2

    def test_never_what_may_have_arrived(self, talker: Start) -> None:
        server = talker({"dot": None}, sessions=2)
        (done,) = run(server.address, retries=3)
        assert done.exit is Exit.UNKNOWN
        assert done.attempts == 1
        assert len(server.messages) == 1

    def test_never_what_is_refused_for_good(self, talker: Start) -> None:
        (done,) = run(talker({"RCPT": b"550 no\r\n"}, sessions=2).address, retries=3)
        assert done.attempts == 1

    def test_nobody_there(self) -> None:
        (done,) = run("127.0.0.1:1", retries=2)
        assert isinstance(done.error, Unreachable)
        assert (done.exit, done.attempts) == (Exit.UNREACHABLE, 3)


class TestSecurity:
    def test_injected_behind_starttls(self, talker: Start) -> None:
        ehlo = EHLO.replace(b"250 DSN", b"250 STARTTLS")
        server = talker({"EHLO": ehlo, "STARTTLS": b"220 go\r\n250-INJECTED\r\n250 AUTH PLAIN\r\n"})
        (done,) = run(server.address, tls=Tls.starttls)
        assert isinstance(done.error, Insecure)
        assert done.error.kind == "injected"
        assert done.exit is Exit.SECURITY
        assert [line.split()[0] for line in server.commands] == [b"EHLO", b"STARTTLS"]

    @pytest.mark.parametrize("answers", [{}, {"EHLO": EHLO.replace(b"DSN", b"STARTTLS"), "STARTTLS": b"454 no\r\n"}])
    def test_stripped_starttls_ends_before_any_credential(self, talker: Start, answers: dict[str, bytes]) -> None:
        server = talker(answers)
        (done,) = run(server.address, tls=Tls.starttls, login=Login("u", "secret"))
        assert isinstance(done.error, Insecure)
        assert done.error.kind == "no_starttls"
        assert not any(b"AUTH" in line or b"secret" in line for line in server.commands)

    def test_no_password_in_the_clear(self, talker: Start) -> None:
        """A name that leads to this machine is another's word."""
        server = talker({"EHLO": EHLO.replace(b"DSN", b"AUTH PLAIN LOGIN")})
        target = parse_target(f"smtp://{server.address}", SCHEMES, Tls.none)
        elsewhere = target._replace(endpoint=target.endpoint._replace(host="ip6-localhost.test"))
        from netkit.mail.smtp.session import Session, connected
        from netkit.net.deadline import Deadline

        session: Session = connected(target, deadline=Deadline.after(10_000 * MS))
        session.target = elsewhere
        with session:
            session.greet()
            session.hello(None)
            with pytest.raises(Insecure, match="in the clear"):
                session.login("u", "secret")
        assert not any(b"AUTH" in line for line in server.commands)

    def test_masked_in_traces(self, talker: Start) -> None:
        ehlo = EHLO.replace(b"DSN", b"AUTH PLAIN")
        steps: list[Step] = []
        server = talker({"EHLO": ehlo, "AUTH": b"235 2.7.0 in\r\n"})
        (done,) = run(server.address, login=Login("u", "secret"), on_event=steps.append)
        assert done.auth == "PLAIN"
        assert server.commands[1] == b"AUTH PLAIN AHUAc2VjcmV0\r\n"
        seen = b"".join(step.data or b"" for step in steps)
        assert b"AHUAc2VjcmV0" not in seen
        assert b"AUTH PLAIN ************\r\n" in seen

    def test_masked_where_the_server_repeats_it(self, talker: Start) -> None:
        steps: list[Step] = []
        server = talker({"EHLO": EHLO.replace(b"DSN", b"AUTH PLAIN"), "AUTH": lambda line: b"535 secret? " + line})
        (done,) = run(server.address, login=Login("u", "secret"), on_event=steps.append)
        assert done.error is not None
        assert done.error.message == f"{server.address} does not let u in: 535 ***? AUTH PLAIN ***"
        seen = b"".join(step.data or b"" for step in steps)
        assert not any(secret in seen for secret in (b"secret", b"AHUAc2VjcmV0"))

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (b"535 5.7.8 wrong\r\n", Exit.AUTH),
            (b"454 4.7.0 later\r\n", Exit.TEMPORARY),
            (b"334 !!\r\n", Exit.PROTOCOL),
            (b"334 eA==\r\n", Exit.PROTOCOL),
        ],
    )
    def test_not_let_in(self, talker: Start, answer: bytes, code: Exit) -> None:
        server = talker({"EHLO": EHLO.replace(b"DSN", b"AUTH PLAIN"), "AUTH": answer})
        (done,) = run(server.address, login=Login("u", "secret"))
        assert done.exit is code

    def test_no_auth_offered(self, talker: Start) -> None:
        (done,) = run(talker().address, login=Login("u", "secret"))
        assert done.exit is Exit.NO


@pytest.mark.parametrize(
    ("stage", "heard"),
    [
        (Stage.banner, [b"QUIT"]),
        (Stage.ehlo, [b"EHLO", b"QUIT"]),
        (Stage.tls, [b"EHLO", b"QUIT"]),
        (Stage.auth, [b"EHLO", b"QUIT"]),
        (Stage.mail, [b"EHLO", b"MAIL", b"QUIT"]),
        (Stage.rcpt, [b"EHLO", b"MAIL", b"RCPT", b"QUIT"]),
        (Stage.data, [b"EHLO", b"MAIL", b"RCPT", b"DATA"]),
    ],
)
@pytest.mark.parametrize("drop", [False, True])
def test_a_session_up_to_a_stage(talker: Start, stage: Stage, heard: list[bytes], drop: bool) -> None:
    server = talker()
    target = Server(parse_target(server.address, SCHEMES), Security())
    envelope = Envelope("a@x.test", ("b@x.test",))
    done = rehearse(target, envelope, message(), Manner(timeout=10_000 * MS), stage, drop=drop)
    server.thread.join(10)
    assert done.exit is Exit.OK
    assert [line.split()[0] for line in server.commands] == [word for word in heard if not drop or word != b"QUIT"]
    assert server.messages in ([], [b""])


def test_a_session_up_to_a_refusal(talker: Start) -> None:
    server = talker({"RCPT": b"550 5.1.1 no\r\n"})
    target = Server(parse_target(server.address, SCHEMES), Security())
    done = rehearse(
        target, Envelope("a@x.test", ("b@x.test",)), message(), Manner(timeout=10_000 * MS), Stage.rcpt, drop=False
    )
    assert done.exit is Exit.NO
    assert statuses(done) == [(Status.refused, 550)]


def test_a_file_that_changes_while_it_is_sent(talker: Start) -> None:
    def shrunk() -> Iterator[bytes]:
        yield BODY[:-3]

    server = talker()
    (done,) = run(server.address, what=Message(Content(len(BODY)), shrunk))
    server.thread.join(10)
    assert done.exit is Exit.LOCAL
    assert server.messages == []
