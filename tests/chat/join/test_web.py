"""The client over the page's WebSocket: on the real server, and on one that says what it likes."""

import json
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from netkit.chat.join.talk import Wanted
from netkit.chat.join.web import MAX_MESSAGE, WebTalk
from netkit.chat.limits import Limits
from netkit.errors import AuthRefused, No, PeerError, Temporary
from netkit.events import Step
from netkit.net.address import Endpoint
from netkit.net.ca import Authority
from netkit.net.tls_client import Security
from netkit.net.tls_server import from_leaf
from tests.chat.join.conftest import Join, Joined, scripted
from tests.chat.web_server import Chat, chatting, until
from tests.loopback import reset


def web(join: Join, port: int, scheme: str = "ws", **options: Any) -> Joined:
    return join(Endpoint(scheme, "127.0.0.1", port), talk=WebTalk(f"{scheme}://127.0.0.1:{port}/ws"), **options)


def lines_of(chat: Chat) -> list[tuple[str, str, bytes]]:
    chat.await_(lambda: not chat.server.hub.members)
    history = chat.within(lambda: list(chat.server.hub.rooms["lobby"].history))
    return [(one.kind, one.name, one.text) for one in history if one.kind in ("say", "me")]


def test_what_is_said_and_heard(join: Join) -> None:
    with chatting() as chat:
        bob = web(join, chat.web_port, wanted=Wanted(nick="bob", room="lobby", strict=True))
        bob.until_open()
        assert (bob.client.nick, bob.client.room) == ("bob", "lobby")
        with chat.nc("al") as al:
            al.sendall("grüße\n/me waves\n/nick alf\n".encode())
            bob.until_line(b"Client al is now alf\r\n")
            bob.client.say(b"hello")
            bob.client.say(b"/ping x")
            bob.until_line(b"* pong x\r\n")
            until(al, b"[bob] hello\r\n")
            bob.client.finish()
            assert bob.end() is None
            until(al, b"Client left bob\r\n")
    found = [(one.kind, one.name, one.text, one.room) for one in bob.lines if one.name == "al"]
    assert found == [
        ("say", "al", "grüße".encode(), "lobby"),
        ("me", "al", b"waves", "lobby"),
        ("nick", "al", b"alf", "lobby"),
    ]
    seqs = [one.seq for one in bob.lines if one.seq]
    assert seqs == sorted(set(seqs))
    assert b"[al] * waves\r\n" in bob.raw
    assert not any(b"[bob]" in raw for raw in bob.raw)


def test_all_that_is_said_is_taken_before_the_end(join: Join) -> None:
    with chatting(Limits(rate=200.0)) as chat:
        bob = web(join, chat.web_port)
        bob.until_open()
        for number in range(150):
            assert bob.client.say(b"%d" % number)
        bob.client.leave()
        assert bob.end() is None
        assert [text for _, _, text in lines_of(chat)] == [b"%d" % number for number in range(150)]


def test_what_was_missed_comes_afterwards(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.backoff.FIRST", 0.1)
    with chatting() as chat, chat.nc("al") as al:
        bob = web(join, chat.web_port, wanted=Wanted(nick="bob"), reconnect=True)
        bob.until_open()
        al.sendall(b"before\n")
        bob.until_line(b"[al] before\r\n")
        assert bob.client._link is not None
        bob.client._link._wire.close()  # the network has gone
        bob.loop.remove(bob.client._link._fd)
        bob.client._link._ended("no answer")
        bob.until(lambda: bob.client.state.name == "away")
        al.sendall(b"".join(b"%d\n" % number for number in range(300)))
        bob.until_line(b"[al] 299\r\n")
        assert bob.client.nick == "bob"
        bob.client.leave()
        assert bob.end() is None
    said = [one.text for one in bob.lines if one.kind == "say"]
    assert said == [b"before", *(b"%d" % number for number in range(300))]
    assert "gap" not in [one.kind for one in bob.lines]


def test_a_server_that_began_anew_says_so(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.backoff.FIRST", 0.01)
    first, second = chatting(), chatting()
    with first as chat:
        bob = web(join, chat.web_port, reconnect=True)
        bob.until_open()
    bob.until(lambda: bob.client.state.name == "away")
    with second as chat:
        bob.client.target = Endpoint("ws", "127.0.0.1", chat.web_port)
        bob.until(lambda: "gap" in [one.kind for one in bob.lines])
        bob.client.leave()
        assert bob.end() is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(nick="server", strict=True), "--nick server: server is reserved"),
        (Wanted(room="a.b", strict=True), "--room a.b: there can be no such room"),
    ],
)
def test_a_name_that_is_refused(join: Join, wanted: Wanted, message: str) -> None:
    with chatting() as chat:
        error = web(join, chat.web_port, wanted=wanted).end()
    assert isinstance(error, No)
    assert error.message == f"127.0.0.1:{chat.web_port}: {message}"


def test_the_password(join: Join) -> None:
    steps: list[Step] = []
    with chatting(password=b"tea") as chat:
        bob = web(join, chat.web_port, wanted=Wanted(password=lambda: "tea"), on_event=steps.append)
        bob.until_open()
        wrong = web(join, chat.web_port, wanted=Wanted(password=lambda: "coffee"))
        assert isinstance(wrong.end(), AuthRefused)
        typed = web(join, chat.web_port)
        typed.until(lambda: typed.client.state.name == "password")
        typed.client.give_password("coffee")
        typed.until(lambda: typed.client.state.name == "password" and typed.lines)
        typed.client.give_password("tea")
        typed.until_open()
        for one in (bob, typed):
            one.client.leave()
            assert one.end() is None
    sent = [step.data or b"" for step in steps if step.name == "send"]
    assert set(sent[2]) == {ord("*")}  # the frame with it


def test_goodbye_kicked_and_full(join: Join) -> None:
    with chatting(max_clients=2, moderate=lambda text: True) as chat, chat.nc("op") as op:
        bob = web(join, chat.web_port, wanted=Wanted(nick="bob"))
        bob.until_open()
        full = web(join, chat.web_port, reconnect=True).end()
        assert isinstance(full, Temporary)
        assert full.message == f"127.0.0.1:{chat.web_port}: server full"
        bob.client.say(b"/quit")
        assert bob.end() is None
        chat.await_(lambda: len(chat.server.hub.members) == 1)
        eve = web(join, chat.web_port, wanted=Wanted(nick="eve"), reconnect=True)
        eve.until_open()
        op.sendall(b"/op x\n/kick eve noise\n")
        kicked = eve.end()
        assert isinstance(kicked, No)
        assert kicked.message == f"127.0.0.1:{chat.web_port}: kicked by op: noise"


def test_under_tls(join: Join, tmp_path: Any) -> None:
    leaf = Authority().issue(["127.0.0.1"], self_signed=True)
    (tmp_path / "ca.pem").write_bytes(leaf.certificate)
    with chatting(tls=from_leaf(leaf)) as chat:
        bob = web(join, chat.web_port, "wss", security=Security(str(tmp_path / "ca.pem")))
        bob.until_open()
        bob.client.say(b"/ping x")
        bob.client.finish()
        assert bob.end() is None
    assert bob.raw[-1] == b"* pong x\r\n"


def test_no_page_there(join: Join) -> None:
    with chatting() as chat:
        target = Endpoint("ws", "127.0.0.1", chat.web_port)
        error = join(target, talk=WebTalk(f"ws://127.0.0.1:{chat.web_port}/nosuch")).end()
        assert isinstance(error, PeerError)
        assert error.message == f"{target}: no WebSocket here: 404 there is no such page"
        assert isinstance(web(join, chat.port).end(), PeerError)  # the port of plain clients


# Servers that say what they like.


def opened(client: socket.socket) -> ServerProtocol:
    """After the handshake, and the hello."""
    server = ServerProtocol()
    frames: list[object] = []
    while not any(isinstance(one, Frame) for one in frames):
        server.receive_data(client.recv(65536))
        for event in server.events_received():
            frames.append(event)
            if isinstance(event, Request):
                server.send_response(server.accept(event))
                client.sendall(b"".join(server.data_to_send()))
    return server


def says(*messages: object) -> Callable[[socket.socket], None]:
    def serve(client: socket.socket) -> None:
        server = opened(client)
        for one in messages:
            server.send_text(one if isinstance(one, bytes) else json.dumps(one).encode())
        with suppress(ConnectionError):  # who has enough hangs up, perhaps without having read all
            client.sendall(b"".join(server.data_to_send()))
            while client.recv(65536):
                pass

    return serve


WELCOME = {
    "type": "welcome", "name": "127.0.0.1:5", "id": 1, "node": "", "room": "lobby", "epoch": "e", "session": "s",
    "line": 4096,
}  # fmt: skip
NOTHING = {"type": "entries", "entries": [], "upto": 0, "more": False, "gap": ""}


@pytest.mark.parametrize(
    "messages",
    [
        [b"no json"],
        [b"[1]"],
        [{"type": "welcome"}],
        [{"type": "entries", "entries": 5, "upto": 1, "more": False, "gap": ""}],
        [{"type": "entries", "entries": [{}], "upto": 1, "more": False, "gap": ""}],
        [{**WELCOME, "id": "x"}],
        [b"[" * 100_000],
        [b"\xff"],
    ],
)
def test_what_is_no_message(join: Join, messages: Sequence[object]) -> None:
    with scripted(says(*messages)) as target:
        error = web(join, target.port).end()
    assert isinstance(error, PeerError)


def test_messages_are_bounded(join: Join) -> None:
    def serve(client: socket.socket) -> None:
        server = opened(client)
        server.send_frame(Frame(Opcode.TEXT, b"x" * (MAX_MESSAGE // 2), fin=False))
        server.send_frame(Frame(Opcode.CONT, b"x" * (MAX_MESSAGE // 2 + 1), fin=False))
        with suppress(ConnectionError):
            client.sendall(b"".join(server.data_to_send()))
            while client.recv(65536):
                pass

    with scripted(serve) as target:
        error = web(join, target.port).end()
    assert isinstance(error, PeerError)


def test_nothing_of_an_entry_makes_another_line(join: Join) -> None:
    entry = {"seq": 1, "kind": "say", "name": "e\nve", "text": "a\r\n[bob] b", "time": 5.5, "id": 9, "node": "n"}
    odd = {**entry, "seq": 2, "kind": "no such kind", "name": "x", "text": "y"}
    unknown = {"type": "of tomorrow"}
    with scripted(says(WELCOME, unknown, NOTHING, {"type": "entries", "entries": [entry, odd, entry]})) as target:
        bob = web(join, target.port)
        bob.until(lambda: len(bob.lines) == 3)
        bob.close()
    assert bob.raw[1:] == [b"[e\\nve] a\\r\\n[bob] b\r\n", b"* y\r\n"]
    assert [(one.kind, one.time) for one in bob.lines[1:]] == [("say", 5.5), ("notice", 5.5)]


def test_a_line_that_was_perhaps_not_said(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.join.backoff.FIRST", 0.01)
    done = threading.Event()

    def first(client: socket.socket) -> None:
        server = opened(client)
        for one in (WELCOME, NOTHING):
            server.send_text(json.dumps(one).encode())
        client.sendall(b"".join(server.data_to_send()))
        done.wait()
        assert client.recv(65536)
        reset(client)

    own = {"seq": 4, "kind": "say", "name": "x", "text": "said", "time": 1.0, "id": 1, "node": ""}
    page = {**NOTHING, "entries": [own], "upto": 4}
    with scripted(first, says({**WELCOME, "id": 2}, page)) as target:
        bob = web(join, target.port, reconnect=True)
        bob.until_open()
        bob.client.say(b"said")
        bob.client.say(b"not said")
        done.set()
        bob.until_line(b"* perhaps not said: not said\r\n")
        bob.close()
    assert [one.kind for one in bob.lines] == ["notice", "notice"]
