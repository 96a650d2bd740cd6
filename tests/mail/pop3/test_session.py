"""The POP3 client against the lab's server, poplib as a second opinion, and servers that misbehave."""

import poplib
import smtplib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from netkit.errors import AuthRefused, Exit, Insecure, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import Step
from netkit.lab import running
from netkit.mail.pop3.session import SCHEMES, Session, open_session
from netkit.mail.pop3.subjects import Row, subjects
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
        session.login("many@lab.test", "any")
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
        session.login(user, "any")
        assert b"".join(session.stream("RETR", "1")) == message
        session.quit()


def test_poplib_agrees(lab: Mapping[str, str]) -> None:
    host, _, port = lab["NETKIT_LAB_POP3"].rpartition(":")
    client = poplib.POP3(host, int(port))
    client.user("odd@lab.test")
    client.pass_("any")
    with open_to(lab["NETKIT_LAB_POP3"]) as session:
        session.login("odd@lab.test", "any")
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
            session.login("gone@lab.test", "any")
            assert session.ask("DELE", "1").ok
            if quits:
                session.quit()
        with open_to(lab["NETKIT_LAB_POP3"]) as session:
            session.login("gone@lab.test", "any")
            assert len(session.list()) == left


def test_no_secret_in_the_trace(lab: Mapping[str, str]) -> None:
    steps: list[Step] = []
    with open_to(lab["NETKIT_LAB_POP3"], on_event=steps.append) as session:
        session.login("odd@lab.test", "hunter2")
        session.quit()
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
