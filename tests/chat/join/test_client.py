"""The client on the real server, and on servers that do what they should not."""

import socket
import threading
from contextlib import suppress
from functools import partial

import pytest

from netkit.chat.join.dial import dial
from netkit.chat.join.link import MAX_UNSENT
from netkit.chat.join.talk import Wanted
from netkit.chat.limits import Limits
from netkit.errors import AuthRefused, BadInput, Insecure, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import Step
from netkit.net.address import Endpoint
from netkit.net.ca import Authority
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from netkit.net.tls_server import from_leaf
from tests.chat.conftest import GREETING, Chat, chatting
from tests.chat.join.conftest import Join, Joined, line, scripted
from tests.conftest import MS
from tests.loopback import read_all, reset
from tests.ports import find_free_port

SHORT = 200 * MS


def at(chat: Chat) -> Endpoint:
    return Endpoint("tcp", chat.host, chat.port)


def test_who_one_is_and_what_is_said(chat: Chat, join: Join) -> None:
    other = chat.join()
    bob = join(at(chat), wanted=Wanted(nick="bob", room="lobby"))
    bob.until_open()
    assert bob.client.nick == "bob"
    assert bob.raw == [GREETING, b"* you are bob\r\n", b"* you are in lobby\r\n"]
    assert bob.client.say("grüße".encode())
    bob.client.finish()
    assert bob.end() is None
    lines = [other.line() for _ in range(4)]
    assert lines[0].startswith(b"Client joined 127.0.0.1:")
    assert lines[1].endswith(b" is now bob\r\n")
    assert lines[2:] == ["[bob] grüße\n".encode(), b"Client left bob\r\n"]


def test_another_room(chat: Chat, join: Join) -> None:
    bob = join(at(chat), wanted=Wanted(room="tea"))
    bob.until_open()
    assert bob.client.room == "tea"
    assert bob.lines[-1].room == "tea"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(nick="Server", strict=True), "--nick Server: Server is reserved"),
        (Wanted(room="a.b", strict=True), "--room a.b: a room has 1 to 32 letters, digits, _ or -"),
    ],
)
def test_a_name_that_is_refused(chat: Chat, join: Join, wanted: Wanted, message: str) -> None:
    error = join(at(chat), wanted=wanted).end()
    assert isinstance(error, No)
    assert error.message == f"127.0.0.1:{chat.port}: {message}"


def test_a_name_that_is_refused_to_one_who_looks(chat: Chat, join: Join) -> None:
    bob = join(at(chat), wanted=Wanted(nick="Server", room="a.b"))
    bob.until_open()
    assert (bob.client.nick, bob.client.room) == (None, "")


def test_the_server_says_goodbye(chat: Chat, join: Join) -> None:
    bob = join(at(chat))
    bob.until_open()
    assert bob.client.say(b"/quit")
    assert bob.end() is None
    assert bob.raw[-1] == b"* goodbye\r\n"


def test_leaving_says_all_and_shows_no_more(chat: Chat, join: Join) -> None:
    other = chat.join()
    bob = join(at(chat), wanted=Wanted(nick="bob"))
    bob.until_open()
    for number in range(1000):
        assert bob.client.say(b"%d" % number)
    bob.client.leave()
    assert bob.end() is None
    lines = [other.line() for _ in range(1003)]
    assert lines[2:] == [b"[bob] %d\n" % number for number in range(1000)] + [b"Client left bob\r\n"]


def test_the_password(join: Join) -> None:
    steps: list[Step] = []
    with chatting(password=b"tea for two") as chat:
        bob = join(at(chat), wanted=Wanted(nick="bob", password=lambda: "tea for two"), on_event=steps.append)
        bob.until_open()
        assert bob.raw == [b"* password?\r\n", GREETING, b"* you are bob\r\n"]
        wrong = join(at(chat), wanted=Wanted(password=lambda: "coffee")).end()
        assert isinstance(wrong, AuthRefused)
        assert wrong.message == f"127.0.0.1:{chat.port}: that is not the password"
    sent = b"".join(step.data or b"" for step in steps if step.name == "send")
    assert sent == b"***********\n/nick bob\n"


def asked(joined: Joined, times: int) -> bool:
    return joined.client.state.name == "password" and len(joined.lines) == times


def test_a_password_that_is_typed(join: Join) -> None:
    with chatting(password=b"tea") as chat:
        bob = join(at(chat))
        bob.until(lambda: bob.client.state.name == "password")
        bob.client.give_password("coffee")
        bob.until(lambda: asked(bob, 2))
        bob.client.give_password("tea")
        bob.until_open()
        out = join(at(chat))
        for number in range(1, 4):
            out.until(partial(asked, out, number))
            out.client.give_password("coffee")
        assert isinstance(out.end(), AuthRefused)


def test_a_password_is_asked_for_first_or_not_at_all(join: Join) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"[eve] hi\n* password?\n")
        assert line(client) == b"/nick bob\n"

    with scripted(serve) as target:
        bob = join(target, wanted=Wanted(nick="bob", password=lambda: pytest.fail("it is told")))
        bob.until(lambda: len(bob.lines) == 2)
    assert isinstance(bob.end(), Unreachable)


def test_a_password_goes_to_this_machine_or_through_tls(monkeypatch: pytest.MonkeyPatch, join: Join) -> None:
    with chatting(password=b"tea") as chat:
        monkeypatch.setattr("netkit.chat.join.dial.LOCAL", ())  # as if 127.0.0.1 were far away
        bob = join(at(chat), wanted=Wanted(password=lambda: pytest.fail("it is read")))
        error = bob.end()
    assert isinstance(error, Insecure)
    assert error.kind == "plaintext"


def test_a_full_server(join: Join) -> None:
    with chatting(max_clients=1) as chat:
        chat.join()
        bob = join(at(chat), reconnect=True)
        error = bob.end()
    assert isinstance(error, Temporary)
    assert error.message == f"127.0.0.1:{chat.port}: server full"


def test_nobody_listens(join: Join) -> None:
    assert isinstance(join(Endpoint("tcp", "127.0.0.1", find_free_port()), reconnect=True).end(), Unreachable)
    with pytest.raises(BadInput):
        dial(Endpoint("tcp", fd=3), security=None, deadline=Deadline.after(1))


def test_a_server_that_says_nothing(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.opening.PATIENCE", 0.02)

    def serve(client: socket.socket) -> None:
        assert [line(client), line(client), line(client)] == [b"/nick bob\n", b"hello\n", b""]

    with scripted(serve) as target:
        bob = join(target, wanted=Wanted(nick="bob", strict=True))
        bob.until_open()
        assert bob.client.say(b"hello")
        bob.client.finish()
        assert bob.end() is None


def test_a_server_that_talks_and_answers_nothing(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.opening.PATIENCE", 0.1)
    done = threading.Event()

    def serve(client: socket.socket) -> None:
        while not done.wait(0.01):
            client.sendall(b"<user5> on and on\n")
        assert read_all(client) == b"/nick bob\n/join tea\nhello\n"

    with scripted(serve) as target:
        bob = join(target, wanted=Wanted(nick="bob", room="tea", strict=True))
        bob.until_open()
        assert bob.client.say(b"hello")
        bob.client.finish()
        done.set()
        assert bob.end() is None


def test_a_line_without_end(join: Join) -> None:
    def serve(client: socket.socket) -> None:
        with suppress(ConnectionError):
            while True:
                client.sendall(b"x" * 65536)

    with scripted(serve) as target:
        bob = join(target, reconnect=True)
        error = bob.end()
    assert isinstance(error, PeerError)
    assert error.message == f"{target}: a line of more than 65536 bytes came"
    assert bob.lines == []


def test_what_had_no_end_when_the_server_closed(join: Join) -> None:
    with scripted(lambda client: client.sendall(b"one\ntwo")) as target:
        bob = join(target)
        error = bob.end()
    assert bob.raw == [b"one\n", b"two"]
    assert isinstance(error, Unreachable)
    assert error.message == f"{target}: the server closed the connection"


def test_a_reset(join: Join) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        assert line(client) == b"x\n"
        reset(client)

    with scripted(serve) as target:
        bob = join(target)
        bob.until_open()
        bob.client.say(b"x")
        bob.client.finish()
        error = bob.end()
    assert isinstance(error, Unreachable)
    assert error.message == f"{target}: reset"


@pytest.mark.parametrize(
    ("parts", "kind"),
    [((b"\x15\x03\x03\x00\x02\x02\x32",), "tls"), ((b"\x16", b"\x03\x01"), "tls"),
     ((b"HTT", b"P/1.1 400 Bad Request\r\n\r\n"), "http")],
)  # fmt: skip
def test_a_server_that_is_none_of_a_chat(join: Join, parts: tuple[bytes, ...], kind: str) -> None:
    def serve(client: socket.socket) -> None:
        assert line(client) == b"x\n"
        for part in parts:
            client.sendall(part)

    with scripted(serve) as target:
        bob = join(target, reconnect=True)
        bob.until_open()
        bob.client.say(b"x")
        bob.client.finish()
        error = bob.end()
    assert isinstance(error, PeerError)
    assert (error.kind, error.message.partition(": ")[0]) == (kind, str(target))


def test_what_waits_is_bounded(join: Join) -> None:
    done = threading.Event()

    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        done.wait()

    with scripted(serve) as target:
        bob = join(target)
        bob.until_open()
        taken = 0
        while bob.client.say(b"x" * 65535):
            taken += 65536
        assert not bob.client.takes_more
        assert bob.client._link is not None
        assert MAX_UNSENT - 65536 < bob.client._link.unsent <= MAX_UNSENT
        done.set()


def test_a_pause_reads_nothing_and_loses_nothing(join: Join) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        assert line(client) == b"go\n"
        client.sendall(b"".join(b"%d\n" % number for number in range(1000)))
        reset(client)

    with scripted(serve) as target:
        bob = join(target)
        bob.until_open()
        bob.client.pause(True)
        bob.client.say(b"go")
    for _ in range(5):
        bob.loop.turn(0)
    assert len(bob.lines) == 1
    bob.client.pause(False)
    assert isinstance(bob.end(), Unreachable)
    assert bob.raw[1:] in ([b"%d\n" % number for number in range(1000)], [])  # a reset may take it back


def test_coming_back(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.backoff.FIRST", 0.01)

    def first(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        assert line(client) == b"/nick bob\n"
        client.sendall(b"* you are bob\n* you are in tea\n* the server stops\n")

    def second(client: socket.socket) -> None:
        client.sendall(b"hi again\n")
        assert line(client) == b"/nick bob\n"
        client.sendall(b"* you are bob\n")
        assert line(client) == b"/join tea\n"
        client.sendall(b"* you are in tea\n")
        assert read_all(client) == b"here\n"

    with scripted(first, second) as target:
        bob = join(target, reconnect=True, wanted=Wanted(nick="bob"))
        bob.until(lambda: bob.client.state.name == "away")
        assert bob.client.state.why == f"{target}: the server closed the connection; its last words: the server stops"
        assert not bob.client.say(b"lost")
        bob.until_open()
        assert [one.kind for one in bob.lines] == ["line", "notice", "notice", "notice", "gap", "line"] + ["notice"] * 2
        bob.client.say(b"here")
        bob.client.finish()
        assert bob.end() is None
    names = [state.name for state in bob.states]
    assert names == ["connecting", "opening", "open", "away", "connecting", "opening", "open", "ended"]


def test_who_is_put_out_does_not_come_back(join: Join) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n* kicked by eve: noise\n")

    with scripted(serve) as target:
        error = join(target, reconnect=True).end()
    assert isinstance(error, No)
    assert error.message == f"{target}: kicked by eve: noise"


def test_ending_while_it_is_away(join: Join) -> None:
    with scripted(lambda client: client.sendall(b"hi\n")) as target:
        bob = join(target, reconnect=True)
        bob.until(lambda: bob.client.state.name == "away")
        bob.client.leave()
        assert bob.end() is None
    with scripted(lambda client: client.sendall(b"hi\n")) as target:
        bob = join(target, reconnect=True)
        bob.until(lambda: bob.client.state.name == "away")
        bob.client.finish()
        assert isinstance(bob.end(), Unreachable)


def test_a_server_that_does_not_close_is_left(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.client.LINGER", 0.01)
    done = threading.Event()

    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        assert read_all(client) == b"bye\n"
        done.wait()

    with scripted(serve) as target:
        bob = join(target)
        bob.until_open()
        bob.client.say(b"bye")
        bob.client.leave()
        assert bob.end() is None
        done.set()


# TLS.

LEAF = Authority().issue(["localhost", "127.0.0.1"], self_signed=True)


@pytest.fixture
def cacert(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    file.write_bytes(LEAF.certificate)
    return str(file)


def test_tls_is_closed_by_halves(join: Join, cacert: str) -> None:
    with chatting(tls=from_leaf(LEAF)) as chat:
        bob = join(at(chat), security=Security(cacert), wanted=Wanted(nick="bob"))
        bob.until_open()
        bob.client.say(b"/ping " + b"x" * 3000)
        bob.client.finish()
        assert bob.end() is None
        assert bob.raw[-1] == b"* pong " + b"x" * 3000 + b"\r\n"


def test_tls_shows_all_that_comes_after_our_half_is_closed(join: Join, cacert: str) -> None:
    context = from_leaf(LEAF)
    lines = [b"%d\n" % number for number in range(20000)]

    def serve(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secured:
            secured.sendall(b"hi\n")
            assert read_all(secured) == b"go\n" + b"y" * 200_000 + b"\n"
            secured.sendall(b"".join(lines))
            secured.unwrap()

    with scripted(serve) as target:
        bob = join(target, security=Security(cacert))
        bob.until_open()
        bob.client.say(b"go")
        bob.client.say(b"y" * 200_000)
        bob.client.finish()
        assert bob.end() is None
    assert bob.raw == [b"hi\n", *lines]


def test_an_end_of_tls_without_a_word(join: Join, cacert: str) -> None:
    context = from_leaf(LEAF)

    def serve(client: socket.socket) -> None:
        secured = context.wrap_socket(client, server_side=True)
        secured.sendall(b"hi\n")
        secured.close()

    with scripted(serve) as target:
        bob = join(target, security=Security(cacert))
        assert isinstance(bob.end(), Unreachable)
    assert bob.raw == [b"hi\n"]


def test_certificates_are_verified(join: Join) -> None:
    with chatting(tls=from_leaf(LEAF)) as chat:
        error = join(at(chat), security=Security(), reconnect=True).end()
        assert isinstance(error, Insecure)
        assert error.kind == "cert_self_signed"
        bob = join(at(chat), security=Security(insecure=True))
        bob.until_open()
        with chatting() as plain:
            assert isinstance(join(at(plain), security=Security(insecure=True)).end(), Insecure)


def test_a_handshake_that_does_not_end(join: Join) -> None:
    done = threading.Event()

    def serve(client: socket.socket) -> None:
        done.wait()

    with scripted(serve) as target:
        error = join(target, security=Security(insecure=True), connect_timeout=SHORT).end()
        done.set()
    assert isinstance(error, TimedOut)


def test_limits_of_a_line_reach_the_client_whole(join: Join) -> None:
    with chatting(Limits(rate=None)) as chat:
        bob = join(at(chat))
        bob.until_open()
        eve = chat.join()
        eve.send(b"\x1b" * 4096 + b"\n")
        whole = b"[%b] " % eve.name.encode() + rb"\x1b" * 4096 + b"\n"
        bob.until_line(whole)
