"""The POP3 client against the lab's server, poplib as a second opinion, and servers that misbehave."""

import poplib
import smtplib
import socket
import struct
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from netkit.errors import AuthRefused, Exit, Insecure, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import Step
from netkit.lab import running
from netkit.mail.pop3.authenticate import authenticate
from netkit.mail.pop3.protocol import Challenge
from netkit.mail.pop3.session import SCHEMES, Session, open_session
from netkit.mail.pop3.subjects import Row, subjects
from netkit.mail.sasl.client import client
from netkit.mail.target import Tls, parse_target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from tests.conftest import MS

CAPA = b"+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n"
SLOW_CAPA = b"+OK\r\nTOP\r\nUIDL\r\n.\r\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Mapping[str, str]]:
    with running(bind=["127.0.0.1"]) as running_lab:
        yield running_lab.environment


def open_to(address: str, tls: Tls = Tls.auto, seconds: float = 10_000, **more: Any) -> Session:
    security = Security(more.pop("cacert", None))
    deadline = Deadline.after(seconds * MS)
    return open_session(parse_target(address, SCHEMES, tls), security=security, deadline=deadline, **more)


def send(lab: Mapping[str, str], to: str, *messages: bytes) -> None:
    host, _, port = lab["NETKIT_LAB_SMTP"].rpartition(":")
    with smtplib.SMTP(host, int(port)) as client:
        for message in messages:
            assert client.sendmail("a@lab.test", [to], message) == {}


def rows(session: Session, **options: Any) -> list[Row]:
    return list(subjects(session, session.list(), **options))


def test_five_hundred_at_once(lab: Mapping[str, str]) -> None:
    send(lab, "many@lab.test", *(b"Subject: number %d\r\n\r\nbody\r\n" % n for n in range(1, 501)))
    with open_to(lab["NETKIT_LAB_POP3"]) as session:
        session.login("many@lab.test", "netkit")
        found = rows(session)
        session.quit()
    assert [row.subject for row in found] == [f"number {n}" for n in range(1, 501)]
    assert [row.n for row in found] == list(range(1, 501))


@pytest.mark.parametrize("body", [b".\r\n", b"..\r\n.x\r\n", b"\r\n", b"x" * 200_000 + b"\r\n", b"caf\xe9\r\n"])
def test_a_message_is_exact_to_the_byte(lab: Mapping[str, str], body: bytes) -> None:
    message = b"Subject: exact\r\n\r\n" + body
    with open_to(lab["NETKIT_LAB_POP3"]) as session:
        user = f"exact{len(body)}{body[:1].hex()}@lab.test"
        send(lab, user, message)
        session.login(user, "netkit")
        assert b"".join(session.stream("RETR", "1")) == message
        session.quit()


def test_poplib_agrees(lab: Mapping[str, str]) -> None:
    host, _, port = lab["NETKIT_LAB_POP3"].rpartition(":")
    client = poplib.POP3(host, int(port))
    client.user("odd@lab.test")
    client.pass_("any")
    with open_to(lab["NETKIT_LAB_POP3"]) as session:
        session.login("odd@lab.test", "netkit")
        listed = session.list()
        assert [f"{one.n} {one.size}".encode() for one in listed] == client.list()[1]
        assert [f"{one.n} {one.uidl}".encode() for one in listed] == client.uidl()[1]
        assert b"".join(session.stream("RETR", "1")) == b"\r\n".join(client.retr(1)[1]) + b"\r\n"
        assert b"".join(session.stream("TOP", "1", "0")) == b"\r\n".join(client.top(1, 0)[1]) + b"\r\n"
        session.quit()
    client.quit()


def test_tls_and_apop(lab: Mapping[str, str]) -> None:
    with open_to(lab["NETKIT_LAB_POP3"], Tls.starttls, cacert=lab["NETKIT_LAB_CA"]) as session:
        assert session.wire.tls is not None
        assert "STLS" in (session.clear_capabilities or {})
        assert "STLS" not in session.capabilities
        session.login("odd@lab.test", "secret", apop=True)
        assert len(session.list()) > 60
        session.quit()
    with pytest.raises(Insecure) as caught:
        open_to(lab["NETKIT_LAB_POP3"], Tls.starttls)
    assert caught.value.kind in ("cert_unknown_ca", "cert_self_signed")


def test_a_deletion_counts_after_quit_alone(lab: Mapping[str, str]) -> None:
    send(lab, "gone@lab.test", b"Subject: a\r\n\r\n", b"Subject: b\r\n\r\n")
    for quits, left in ((False, 2), (True, 1)):
        with open_to(lab["NETKIT_LAB_POP3"]) as session:
            session.login("gone@lab.test", "netkit")
            assert session.ask("DELE", "1").ok
            if quits:
                session.quit()
        with open_to(lab["NETKIT_LAB_POP3"]) as session:
            session.login("gone@lab.test", "netkit")
            assert len(session.list()) == left


def test_no_secret_in_the_trace(scripted: Callable[..., Any]) -> None:
    steps: list[Step] = []
    with open_to(scripted([b"+OK\r\n", CAPA, b"+OK\r\n+OK\r\n"]).address, on_event=steps.append) as session:
        session.login("odd@lab.test", "hunter2")
    sent = b"".join(step.data or b"" for step in steps if step.name == "send")
    assert b"hunter2" not in sent
    assert b"PASS *******\r\n" in sent


def test_one_refused_message_ends_nothing(scripted: Callable[..., Any]) -> None:
    top = b"+OK\r\nSubject: %d\r\n\r\n.\r\n"
    server = scripted(
        [b"+OK\r\n", SLOW_CAPA, b"+OK\r\n", b"+OK\r\n", b"+OK\r\n1 5\r\n2 5\r\n3 5\r\n.\r\n",
         b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n", top % 1, b"-ERR gone\r\n", top % 3]
    )  # fmt: skip
    with open_to(server.address) as session:
        session.login("u", "p")
        found = rows(session)
    assert [(row.subject, row.error.message if row.error else None) for row in found] == [
        ("1", None),
        (None, "message 2: gone"),
        ("3", None),
    ]


def test_without_top_whole_messages_are_read_and_that_is_told(scripted: Callable[..., Any]) -> None:
    server = scripted(
        [b"+OK\r\n", SLOW_CAPA, b"+OK\r\n1 9\r\n.\r\n", b"-ERR no\r\n", b"-ERR what?\r\n",
         b"+OK\r\nSubject: x\r\n\r\nbody\r\n.\r\n"]
    )  # fmt: skip
    notes: list[str] = []
    with open_to(server.address) as session:
        found = rows(session, on_note=notes.append)
    assert [(row.subject, row.uidl) for row in found] == [("x", None)]
    assert notes == ["the server refuses TOP (what?): whole messages are read by RETR"]
    server.close()
    assert server.heard[-1] == b"RETR 1\r\n"


@pytest.mark.parametrize(
    ("script", "error", "kind", "code"),
    [
        ([b"-ERR [IN-USE] later\r\n"], Temporary, "temporary", Exit.TEMPORARY),
        ([b"220 smtp\r\n"], PeerError, "not_pop3", Exit.PROTOCOL),
        ([None], PeerError, "closed", Exit.PROTOCOL),
        ([b"+OK\r\n", b"+OK\r\nA\r\n", None], PeerError, "closed", Exit.PROTOCOL),
        ([b"+OK\r\n", b"junk\r\n"], PeerError, "not_pop3", Exit.PROTOCOL),
    ],
)
def test_a_server_that_misbehaves(
    scripted: Callable[..., Any], script: list[bytes | None], error: type[Exception], kind: str, code: Exit
) -> None:
    with pytest.raises(error) as caught:
        open_to(scripted(script).address)
    assert (caught.value.kind, caught.value.exit) == (kind, code)  # type: ignore[attr-defined]


def test_a_wrong_password(scripted: Callable[..., Any]) -> None:
    server = scripted([b"+OK\r\n", SLOW_CAPA, b"+OK\r\n", b"-ERR [AUTH] \x1b[31mno\r\n"])
    with open_to(server.address) as session, pytest.raises(AuthRefused) as caught:
        session.login("u", "hunter2")
    assert caught.value.message == f"{server.address} does not let u in: [AUTH] \x1b[31mno"


def test_a_silent_server_is_left_at_the_deadline(scripted: Callable[..., Any]) -> None:
    with pytest.raises(TimedOut):
        open_to(scripted([b"+OK\r\n", b"+OK\r\nTOP\r\n"]).address, seconds=200)


def test_injected_behind_stls(scripted: Callable[..., Any]) -> None:
    server = scripted([b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"+OK go\r\n+OK injected\r\n"])
    with pytest.raises(Insecure) as caught:
        open_to(server.address, Tls.starttls)
    assert caught.value.kind == "injected"


def test_stripped_stls_sends_no_password(scripted: Callable[..., Any]) -> None:
    for script in ([b"+OK\r\n", SLOW_CAPA], [b"+OK\r\n", b"+OK\r\nSTLS\r\n.\r\n", b"-ERR no\r\n"]):
        server = scripted(script)
        with pytest.raises(Insecure) as caught:
            open_to(server.address, Tls.starttls)
        assert caught.value.kind == "no_starttls"


def test_no_password_in_the_clear_beyond_this_machine(scripted: Callable[..., Any]) -> None:
    """A name that leads to loopback today could lead anywhere tomorrow."""
    server = scripted([b"+OK\r\n", SLOW_CAPA])
    name = socket.gethostname()
    target = parse_target(f"{name}:{server.address.rpartition(':')[2]}", SCHEMES, Tls.none)
    session = open_to(server.address)
    session.target = target
    with session, pytest.raises(Insecure) as caught:
        session.login("u", "hunter2")
    assert caught.value.kind == "plaintext"
    server.close()
    assert server.heard == [b"CAPA\r\n"]


def test_apop_needs_a_timestamp(scripted: Callable[..., Any]) -> None:
    with open_to(scripted([b"+OK hello\r\n", SLOW_CAPA]).address) as session, pytest.raises(No, match="timestamp"):
        session.login("u", "p", apop=True)


def test_small_buffers_lock_nobody_up() -> None:
    """A server with blocking writes and full buffers: whoever sends all first and reads then waits for ever."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"+OK\r\n")
                for line in lines:
                    if line == b"CAPA\r\n":
                        client.sendall(CAPA)
                    else:
                        client.sendall(b"+OK\r\nSubject: " + b"x" * 1000 + b"\r\n.\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with open_to(f"127.0.0.1:{listener.getsockname()[1]}", seconds=60_000) as session:
            answers = session.pipeline((("TOP", "1", "0") for _ in range(3000)), 3000, keep=100)
            assert sum(len(reply.body or b"") for reply in answers) == 3000 * 100
        thread.join(10)


def test_a_reset_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"

        def serve() -> None:
            client, _ = listener.accept()
            client.sendall(b"+OK\r\n")
            client.recv(100)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(Unreachable) as caught:
            open_to(address)
        thread.join(10)
    assert (caught.value.kind, caught.value.message) == ("reset", f"{address}: reset")


def test_an_endless_answer_is_cut(scripted: Callable[..., Any]) -> None:
    server = scripted([b"+OK\r\n", b"+OK\r\n" + b"X" * 100_000])
    with pytest.raises(PeerError) as caught:
        open_to(server.address)
    assert caught.value.kind == "too_long"


def test_a_server_without_capa_and_with_an_odd_listing(scripted: Callable[..., Any]) -> None:
    server = scripted(
        [b"+OK\r\n", b"-ERR what?\r\n", b"+OK\r\n1 9\r\njunk\r\n2\r\n99999999999 1\r\n.\r\n",
         b"+OK\r\n1 " + b"x" * 71 + b"\r\n2 b\r\n.\r\n", b"+OK\r\nSubject: a\r\n.\r\n", b"-ERR busy\r\n"]
    )  # fmt: skip
    with open_to(server.address) as session:
        listed = session.list()
        assert [tuple(one) for one in listed] == [(1, 9, None), (2, None, "b")]
        found = list(subjects(session, listed))
    assert [(row.subject, row.error is None) for row in found] == [("a", True), (None, False)]


def test_stat(scripted: Callable[..., Any]) -> None:
    server = scripted([b"+OK\r\n", SLOW_CAPA, b"+OK 2 320 x\r\n", b"+OK many\r\n", b"-ERR [SYS/TEMP] disk\r\n"])
    with open_to(server.address) as session:
        assert session.stat() == (2, 320)
        with pytest.raises(PeerError, match="'many'"):
            session.stat()
        with pytest.raises(Temporary):
            session.stat()


def test_quit_refused(scripted: Callable[..., Any]) -> None:
    server = scripted([b"+OK\r\n", SLOW_CAPA, b"-ERR [SYS/TEMP] disk\r\n"])
    with open_to(server.address) as session, pytest.raises(Temporary, match="disk"):
        session.quit()


ALL = "SASL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN OAUTHBEARER XOAUTH2"


def sasl(*names: str, user: bool = False) -> bytes:
    return f"+OK\r\nSASL {' '.join(names)}\r\n{'USER' if user else 'X'}\r\n.\r\n".encode()


@pytest.mark.parametrize("name", [None, *ALL.split()[1:]])
def test_every_mechanism(lab: Mapping[str, str], name: str | None) -> None:
    steps: list[Step] = []
    bearer = name in ("OAUTHBEARER", "XOAUTH2")
    with open_to(lab["NETKIT_LAB_POP3"], on_event=steps.append) as session:
        assert session.capabilities["SASL"] == tuple(ALL.split()[1:])
        session.login("odd@lab.test", "netkit", auth=name, bearer=bearer, listing=True)
        assert len(session.list()) > 60
        session.quit()
    sent = b"".join(step.data or b"" for step in steps if step.name == "send").splitlines()
    responses = sent[1 : sent.index(b"LIST")]
    assert responses[0].startswith(b"AUTH " + (name or "SCRAM-SHA-256").encode())
    assert not b"".join(responses[1:]).strip(b"*")
    assert not responses[0].partition(b" ")[2].partition(b" ")[2].strip(b"*")


def test_a_long_token_goes_in_two_lines(lab: Mapping[str, str], scripted: Callable[..., Any]) -> None:
    longest = 255 - len("AUTH XOAUTH2 \r\n") - 3  # base64 has steps of 4
    for length, lines in ((longest * 3 // 4 - 23, 1), (longest * 3 // 4, 2), (9000, 2)):
        with open_to(lab["NETKIT_LAB_POP3"]) as session:
            session.login("a@b", "t" * length, bearer=True, auth="XOAUTH2")
            session.quit()
        server = scripted([b"+OK\r\n", sasl("XOAUTH2"), *[b"+ \r\n"] * (lines - 1), b"+OK\r\n"])
        with open_to(server.address) as session:
            session.login("a@b", "t" * length, bearer=True)
        server.close()
        assert len(server.heard) == 1 + lines
        assert len(server.heard[1]) <= 255


def test_what_the_server_said_about_a_refusal(lab: Mapping[str, str], scripted: Callable[..., Any]) -> None:
    with open_to(lab["NETKIT_LAB_POP3"]) as session, pytest.raises(AuthRefused) as caught:
        session.login("ann", "wrong")
    assert caught.value.message.endswith("[AUTH] for SCRAM the password is netkit here; the other mechanisms take any")
    assert caught.value.hint == "that was SCRAM-SHA-256; --auth takes another: SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN"
    reason = b'{"status":"401"}'
    server = scripted([b"+OK\r\n", sasl("XOAUTH2"), b"+ " + b64encode(reason) + b"\r\n", b"-ERR [AUTH] no\r\n"])
    with open_to(server.address) as session, pytest.raises(AuthRefused) as caught:
        session.login("u", "t", bearer=True)
    assert caught.value.message == f'{server.address} does not let u in: [AUTH] no ({{"status":"401"}})'
    server.close()
    assert server.heard[2:] == [b"\r\n"]
    server = scripted([b"+OK\r\n", sasl("PLAIN"), b"-ERR [SYS/TEMP] later\r\n"])
    with open_to(server.address) as session, pytest.raises(Temporary):
        session.login("u", "p")


@pytest.mark.parametrize(
    ("offered", "user", "heard"),
    [
        (("PLAIN", "LOGIN"), True, [b"USER u\r\n", b"PASS p\r\n"]),
        (("GSSAPI",), True, [b"USER u\r\n", b"PASS p\r\n"]),
        ((), False, [b"USER u\r\n", b"PASS p\r\n"]),
        (("plain", "login"), False, [b"AUTH PLAIN AHUAcA==\r\n", b"*\r\n"]),
        (("CRAM-MD5", "PLAIN"), True, [b"AUTH CRAM-MD5\r\n", b"*\r\n"]),
    ],
)
def test_which_way_in(scripted: Callable[..., Any], offered: tuple[str, ...], user: bool, heard: list[bytes]) -> None:
    server = scripted([b"+OK\r\n", sasl(*offered, user=user), b"+OK\r\n", b"+OK\r\n"])
    with open_to(server.address) as session:
        session.login("u", "p")
        session.wire.queue(b"*\r\n")
        session.wire.turn()
    server.close()
    assert server.heard[1:3] == heard


@pytest.mark.parametrize(
    ("answers", "error", "kind"),
    [
        ([b"+OK\r\n"], Insecure, "no_proof"),  # welcome before any proof
        ([b"+ !\r\n"], PeerError, "sasl"),
        ([b"+ QUJD\r\n"], PeerError, "sasl"),
        ([b"+ " + b"A" * 5000 + b"\r\n"], PeerError, "line_too_long"),
        ([b"+ \r\n", None], PeerError, "sasl"),
        ([None], PeerError, "closed"),
    ],
)
def test_a_hostile_scram_server(
    scripted: Callable[..., Any], answers: list[bytes | None], error: type[Exception], kind: str
) -> None:
    server = scripted([b"+OK\r\n", sasl("SCRAM-SHA-256"), *answers])
    with open_to(server.address) as session, pytest.raises(error) as caught:
        session.login("u", "p")
    assert caught.value.kind == kind  # type: ignore[attr-defined]
    assert server.address in caught.value.message  # type: ignore[attr-defined]


def test_challenges_without_end(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = client("PLAIN", "u", "p")
    turns = iter([Challenge(b"")] * 10)
    monkeypatch.setattr(attempt, "step", lambda challenge: b"")
    with pytest.raises(PeerError, match="more than 5 challenges"):
        authenticate("h:110", attempt, lambda line, secret: next(turns))
    server = scripted([b"+OK\r\n", sasl("LOGIN"), *[b"+ \r\n"] * 9])
    with open_to(server.address) as session, pytest.raises(PeerError, match="LOGIN: the server asks for more"):
        session.login("u", "p")


def test_in_the_clear_only_what_hides_the_password_and_is_asked_for(scripted: Callable[..., Any]) -> None:
    for auth, message in ((None, "sent in the clear"), ("PLAIN", "sent in the clear"), ("scram-sha-1", "base64")):
        server = scripted([b"+OK\r\n", sasl("PLAIN", "SCRAM-SHA-1"), b"+ !\r\n"])
        session = open_to(server.address)
        session.target = parse_target("mail.test", SCHEMES, Tls.none)
        with session, pytest.raises((Insecure, PeerError), match=message):
            session.login("u", "p", auth=auth)
        server.close()
        assert len(server.heard) == (2 if auth == "scram-sha-1" else 1)


def test_no_such_login(lab: Mapping[str, str], scripted: Callable[..., Any]) -> None:
    with open_to(scripted([b"+OK\r\n", sasl("PLAIN")]).address) as session:
        with pytest.raises(No, match="does not offer CRAM-MD5: it offers PLAIN"):
            session.login("u", "p", auth="CRAM-MD5")
        with pytest.raises(No, match="none of OAUTHBEARER, XOAUTH2"):
            session.login("u", "p", bearer=True)
