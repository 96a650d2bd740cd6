"""Browsers in the chat, over real sockets: what they say and get, how they come back, and how they end."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.typing import Origin

from netkit.chat import browser
from netkit.chat.bus import LocalBus
from netkit.chat.event import Event
from netkit.chat.limits import Limits
from netkit.net.ca import Authority
from netkit.net.tls_server import from_leaf
from tests.chat.web_server import LIMIT, QUICK, Chat, Page, chatting, until, upgrade
from tests.loopback import read_all


def ended(page: Page) -> tuple[int, str]:
    """The close code and its reason; what came before is dropped."""
    with suppress(ConnectionClosed):
        while True:
            page.link.recv(LIMIT)
    assert page.link.close_code is not None
    return page.link.close_code, page.link.close_reason or ""


def test_a_plain_client_and_a_browser_talk() -> None:
    with chatting(epoch="e") as chat, chat.nc("ann") as ann, chat.page(nick="bob") as bob:
        until(ann, b"Client joined bob\r\n")
        assert bob.welcome == {
            "type": "welcome", "name": "bob", "id": 2, "node": "", "room": "lobby", "epoch": "e", "boot": chat.web.boot,
            "session": bob.welcome["session"], "line": 4096,
        }  # fmt: skip
        assert bob.next() == {"type": "entries", "entries": [], "upto": 3, "more": False, "gap": ""}
        who = {"type": "who", "room": "lobby", "names": ["ann", "bob"], "count": 2, "rooms": [["lobby", 2]]}
        assert bob.next() == who
        assert bob.line("join")["seq"] == 3
        bob.say("hello // ünd 😀", n=1)
        assert until(ann, b"\n") == "[bob] hello // ünd 😀\r\n".encode()
        assert bob.get("taken") == {"type": "taken", "n": 1}
        own = bob.line()
        assert (own["seq"], own["name"], own["text"], own["id"]) == (4, "bob", "hello // ünd 😀", 2)
        ann.sendall(b"hi <b> \x1b[2J\n")
        entry = bob.line()
        assert (entry["seq"], entry["name"], entry["text"]) == (5, "ann", "hi <b> \\x1b[2J")
        assert abs(entry["time"] - own["time"]) < 60


def test_all_browsers_get_the_same_bytes() -> None:
    with chatting() as chat, chat.nc("ann") as ann, ExitStack() as stack:
        hello = Frame(Opcode.TEXT, b'{"type":"hello"}').serialize(mask=True)
        both = [stack.enter_context(chat.raw()) for _ in range(2)]
        for one in both:
            one.sendall(upgrade(chat.web_port) + hello)
        for one in both:
            until_text(one, b'"type":"who"')
        chat.await_(lambda: len(chat.server.hub.members) == 3)
        ann.sendall(b"same\n")
        first, second = (until(one, b'"text":"same"') + until(one, b"}]}") for one in both)
        at = first.rindex(b'{"type":"entries"')
        assert first[at:] == second[second.rindex(b'{"type":"entries"') :]


def until_text(client: socket.socket, text: bytes) -> bytes:
    data = b""
    while text not in data:
        more = client.recv(65536)
        assert more, data
        data += more
    return data


def test_several_lines_are_several_and_empty_ones_none() -> None:
    with chatting() as chat, chat.nc("ann") as ann, chat.page(nick="bob") as bob:
        until(ann, b"joined bob\r\n")
        bob.say("one\r\ntwo\n\n\rthree", n=5)
        assert until(ann, b"three\r\n") == b"[bob] one\r\n[bob] two\r\n[bob] three\r\n"
        bob.say("//slash \ud800", n=6)
        assert until(ann, b"\n") == b"[bob] /slash ?\r\n"
        bob.say("", n=7)
        bob.say("x\n" * 101, n=8)
        assert [bob.get("taken")["n"] for _ in range(4)] == [5, 6, 7, 8]
        bob.say("/ping")
        assert bob.get("notice")["text"] == "pong"
        bob.say("y" * 5000)
        last = b"[bob] " + b"y" * 904 + b"\r\n"
        assert until(ann, last) == b"[bob] " + b"y" * 4096 + b"\r\n" + last


def test_too_many_lines_at_once_are_refused_whole() -> None:
    with chatting() as chat, chat.page() as page:
        page.say("x\n" * 101)
        assert page.get("notice")["text"] == "not sent: 100 lines at once are taken, not 101"


def test_commands_answer_the_one_who_asks() -> None:
    with chatting() as chat, chat.page() as bob, chat.page(nick="eve") as eve:
        bob.say("/nick bob")
        assert bob.get("notice")["text"] == "you are bob"
        assert eve.line("nick")["text"] == "bob"
        bob.say("/nick eve")
        assert bob.get("notice")["text"] == "eve is taken"
        bob.say("/me waves")
        assert eve.line("me")["text"] == "waves"
        bob.say("/msg eve psst")
        assert eve.get("notice")["text"] == "[bob] to you: psst"
        bob.say("/ignore Eve")
        assert bob.get("ignores")["names"] == ["eve"]
        eve.say("/msg bob hi")
        assert eve.get("notice")["text"] == "bob does not hear you"


def test_another_room_comes_with_its_last_lines() -> None:
    with chatting() as chat, chat.nc("ann") as ann, chat.page(nick="bob") as bob:
        ann.sendall(b"/join den\nin the den\n")
        until(ann, b"* you are in den\r\n")
        assert bob.line("leave")["name"] == "ann"
        bob.say("/join den")
        assert bob.get("notice")["text"] == "you are in den"
        assert bob.next() == {"type": "room", "room": "den"}
        said = bob.next()
        assert ([entry["text"] for entry in said["entries"]], said["gap"]) == (["in the den"], "")
        assert bob.next()["rooms"] == [["den", 2], ["lobby", 0]]
        assert until(ann, b"\n") == b"Client joined bob\r\n"
        bob.say("/join a b")
        assert bob.get("notice")["text"] == "a room has 1 to 32 letters, digits, _ or -"


def test_a_newcomer_asks_for_the_last_lines() -> None:
    with chatting() as chat, chat.nc("ann") as ann:
        ann.sendall(b"one\ntwo\nthree\n/ping\n")
        until(ann, b"pong\r\n")
        with chat.page(last=2) as bob:
            assert [entry["text"] for entry in bob.get("entries")["entries"]] == ["two", "three"]


def again(page: Page, seq: int) -> dict[str, object]:
    """What the page says when it comes back."""
    return {name: page.welcome[name] for name in ("session", "room", "epoch")} | {"seq": seq, "nick": "bob"}


def test_who_comes_back_gets_what_he_missed_once() -> None:
    with chatting() as chat, chat.nc("ann") as ann:
        with chat.page(nick="bob") as bob:
            ann.sendall(b"before\n")
            seq = bob.line()["seq"]
        until(ann, b"Client left bob\r\n")
        ann.sendall(b"one\ntwo\n/ping\n")
        until(ann, b"pong\r\n")
        with chat.page(**again(bob, seq)) as back:
            assert back.welcome["name"] == "bob"
            missed = back.get("entries")
            assert [entry["text"] for entry in missed["entries"] if entry["kind"] == "say"] == ["one", "two"]
            kinds = [entry["kind"] for entry in missed["entries"]]
            assert kinds == ["leave", "say", "say", "join"]
            assert (missed["gap"], missed["more"], missed["upto"]) == ("", False, missed["entries"][-1]["seq"])


def test_who_comes_back_too_late_is_told() -> None:
    with chatting(QUICK._replace(history=4)) as chat, chat.nc("ann") as ann:
        with chat.page(nick="bob") as bob:
            ann.sendall(b"before\n")
            seq = bob.line()["seq"]
        ann.sendall(b"1\n2\n3\n4\n5\n/ping\n")
        until(ann, b"pong\r\n")
        with chat.page(**again(bob, seq)) as back:
            missed = back.get("entries")
            assert missed["gap"] == "history"
            assert [entry["text"] for entry in missed["entries"]] == ["3", "4", "5", ""]
        with chat.page(**{**again(bob, seq), "epoch": "another", "last": 2}) as back:
            missed = back.get("entries")
            assert (missed["gap"], [entry["text"] for entry in missed["entries"]]) == ("epoch", ["5"])


def test_a_room_that_was_empty_meanwhile_says_so() -> None:
    with chatting() as chat:
        with chat.page(nick="bob", room="den") as bob:
            assert bob.welcome["room"] == "den"
            seq = bob.get("entries")["upto"]
        chat.await_(lambda: not chat.server.hub.members and "den" not in chat.server.hub.rooms)
        with chat.page(**again(bob, seq)) as back:
            assert back.get("entries")["gap"] == "room"
        with chat.page(room="no such room") as other:
            assert other.welcome["room"] == "lobby"


def test_an_order_that_begins_anew_sends_browsers_back_and_newcomers_see_what_was_said() -> None:
    """A page that stayed would take the new seqs for those of lines that it has."""
    with chatting() as chat, chat.nc("ann") as ann, chat.page(nick="bob") as bob:
        ann.sendall(b"before\n")
        seq = bob.line()["seq"]

        def begin() -> None:
            assert isinstance(chat.server.hub.bus, LocalBus)
            chat.server.hub.bus.epoch = "another"
            chat.server.hub.began_anew()

        chat.within(begin)
        assert ended(bob) == (1012, "the order of what is said began anew")
        until(ann, b"Client left bob\r\n")
        with chat.page(epoch="another", seq=seq, room="lobby") as other:
            assert other.get("entries")["entries"][-1]["kind"] in ("leave", "join")
        ann.sendall(b"after\n/ping\n")
        until(ann, b"pong\r\n")
        with chat.page(**{**again(bob, seq), "last": 9}) as back:
            missed = back.get("entries")
            assert (missed["gap"], [entry["text"] for entry in missed["entries"]]) == ("epoch", ["after"])
            back.send("since", seq=seq)
            texts = [entry["text"] for entry in back.get("entries")["entries"] if entry["kind"] == "say"]
            assert "before" not in texts
        with chat.page(last=9) as new:
            assert [entry["text"] for entry in new.get("entries")["entries"]] == ["before", "after"]


def test_a_long_absence_is_made_up_page_by_page() -> None:
    with chatting() as chat, chat.nc("ann") as ann:
        with chat.page(nick="bob") as bob:
            ann.sendall(b"before\n")
            seq = bob.line()["seq"]
        until(ann, b"Client left bob\r\n")
        for number in range(100):
            ann.sendall(b"%d " % number + b'"' * 1000 + b"\n")
        ann.sendall(b"/ping\n")
        until(ann, b"pong\r\n")
        found: list[str] = []
        pages = 1
        with chat.page(**again(bob, seq)) as back:
            page = back.get("entries")
            while True:
                assert page["gap"] == ""
                found += [entry["text"].split()[0] for entry in page["entries"] if entry["kind"] == "say"]
                if not page["more"]:
                    break
                back.send("since", seq=page["upto"])
                page = back.get("entries")
                while "upto" not in page:  # its own coming
                    page = back.get("entries")
                pages += 1
        assert found == [str(number) for number in range(100)]
        assert pages == 7


def test_the_same_page_again_takes_its_name_and_its_place() -> None:
    with chatting() as chat, chat.nc() as ann, chat.page(nick="bob") as bob:
        until(ann, b"Client joined bob\r\n")
        with chat.page(**again(bob, 0)) as back:
            assert back.welcome["name"] == "bob"
            assert back.welcome["session"] != bob.welcome["session"]
            assert until(ann, b"joined bob\r\n") == b"Client left bob\r\nClient joined bob\r\n"
            assert ended(bob) == (4001, "this chat goes on elsewhere, in another tab perhaps")
            names = back.get("who")["names"]
            assert names.count("bob") == 1
            with chat.page(session="guessed", nick="bob") as stranger:
                assert stranger.get("notice")["text"] == "bob is taken"


def test_a_password_is_asked_for_in_the_page() -> None:
    with chatting(password=b"s3cret") as chat:
        with chat.page(quiet=True) as page:
            page.send("hello")
            assert page.next() == {"type": "password", "text": ""}
            page.send("hello", password="no")
            assert page.next() == {"type": "password", "text": "that is not the password"}
            page.send("hello", password="s3cret")
            assert page.next()["type"] == "welcome"
        with chat.page(quiet=True) as page:
            for guess in ("a", "b", "ü"):
                page.send("hello", password=guess)
            assert ended(page) == (4004, "that is not the password")
        assert [event.reason for event in chat.events if event.event == "join"] == [""]


def test_who_says_nothing_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "PASSWORD_SECONDS", 0.02)
    with chatting() as chat:
        with chat.page(quiet=True) as page:
            assert ended(page) == (4004, "no hello came, or no password")
        # Set before, the page above might have had no time for its own head.
        monkeypatch.setattr(browser, "HEAD_SECONDS", 0.02)
        with chat.raw() as client, suppress(ConnectionResetError):  # it may be closed before that comes
            client.sendall(b"GET / HTTP/1.1\r\n")
            assert client.recv(1) == b""


@pytest.mark.parametrize(
    "text",
    ["no json", "[]", "1", '{"type":"say","text":1}', '{"type":"since","seq":-1}', '{"type":"since","seq":true}',
     '{"type":"nosuch"}', "[" * 30_000, '{"type":' + "9" * 5000 + "}", '{"type":"since","seq":1e3}'],
)  # fmt: skip
def test_what_is_no_message_ends_it(text: str) -> None:
    with chatting() as chat, chat.page() as page:
        page.link.send(text, text=True)
        assert ended(page) == (1008, "there is no such message")


def test_hello_comes_first_and_may_be_odd() -> None:
    with chatting() as chat:
        with chat.page(quiet=True) as page:
            page.say("hi")
            assert ended(page) == (1008, "hello comes first")
        odd = {"nick": 1, "room": ["x"], "epoch": {}, "seq": "9", "last": -1, "ignores": [1, "a"], "session": None}
        with chat.page(**odd) as page:
            assert page.welcome["room"] == "lobby"
            assert page.get("entries")["gap"] == ""
            page.say("/ignore")
            assert page.get("notice")["text"] == "you ignore a"


@pytest.mark.parametrize(("data", "code"), [(b"\x82\x81\0\0\0\0x", 1003), (b"\x81\x00", 1002)])
def test_frames_against_the_rules_end_it(data: bytes, code: int) -> None:
    with chatting() as chat, chat.raw() as client:
        client.sendall(upgrade(chat.web_port))
        until(client, b"\r\n\r\n")
        client.sendall(data)
        closing = read_all(client)
        assert closing[0] == 0x88
        assert int.from_bytes(closing[2:4], "big") == code
        client.close()
        chat.await_(lambda: chat.server.doors.open == 0)
        assert [(event.event, event.reason) for event in chat.events] == [("refused", "protocol")]


def ends(chat: Chat, name: str) -> list[Event]:
    return [event for event in chat.events if event.name == name and event.event in ("leave", "drop")]


def test_a_browser_that_closes_is_answered() -> None:
    with chatting() as chat, chat.nc() as ann:
        with chat.page(nick="bob") as bob:
            until(ann, b"joined bob\r\n")
            bob.link.close(1001, "")
            assert bob.link.close_code == 1001
        until(ann, b"Client left bob\r\n")
        chat.await_(lambda: bool(ends(chat, "bob")))
        (left,) = ends(chat, "bob")
        assert (left.event, left.reason) == ("leave", "eof")


def test_every_end_says_why() -> None:
    with chatting(moderate=lambda text: text == "s") as chat, chat.nc("ann") as ann, chat.page(nick="bob") as bob:
        bob.say("/quit so long")
        assert ended(bob) == (1000, "goodbye")
        until(ann, b"[bob] so long\r\nClient left bob\r\n")
        ann.sendall(b"/op s\n")
        until(ann, b"moderator\r\n")
        with chat.page(nick="eve") as eve:
            until(ann, b"joined eve\r\n")
            ann.sendall(b"/kick eve be nice\n")
            assert ended(eve) == (4003, "kicked by ann: be nice")
        with chat.page(nick="ida") as ida:
            ann.sendall(b"/mute ida 60\n")
            assert ida.get("notice")["text"] == "muted by ann for 60 s"
            ida.say("hm", n=3)
            assert re.fullmatch(r"you are muted for [1-6]?\d s more", ida.get("notice")["text"])  # less each second
            assert ida.get("taken")["n"] == 3
        with chat.page() as last:
            chat.server.loop.soon(chat.server.drain)
            assert ended(last) == (1001, "the server stops")


def test_who_may_not_come_in_is_told_by_a_close_frame() -> None:
    with chatting(max_clients=1) as chat, chat.nc(), chat.page(quiet=True) as page:
        assert ended(page) == (1013, "server full")
    assert [(event.event, event.reason) for event in chat.events if event.event == "refused"] == [
        ("refused", "max_conns")
    ]


def test_lines_over_the_rate_wait() -> None:
    with chatting(Limits(rate=50.0)) as chat, chat.nc() as ann, chat.page(nick="bob") as bob:
        until(ann, b"joined bob\r\n")
        for number in range(105):
            bob.say(str(number), n=number)
        data = until(ann, b"] 104\r\n")
        assert data == b"".join(b"[bob] %d\r\n" % number for number in range(105))
        assert [bob.get("taken")["n"] for _ in range(105)] == list(range(105))


@contextmanager
def slow_page(chat: Chat) -> Iterator[Page]:
    """A browser that takes little at once: it reads when it is asked for the next message."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", chat.web_port))
    url = f"ws://127.0.0.1:{chat.web_port}/ws"
    with connect(url, sock=client, compression=None, ping_interval=None, max_queue=1, max_size=None) as link:
        yield Page(link, nick="bob")


class Reader:
    """The lines as the page puts them together, and the last seq."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.seq = 0
        self.behind = False  # then it goes by what it asked for alone

    def take(self, page: Page, message: dict[str, Any]) -> None:
        if message["type"] == "skipped":
            self.behind = True
            page.send("since", seq=self.seq)
        if message["type"] == "entries":
            assert message.get("gap", "") == ""
            for entry in message["entries"]:
                if self.seq < entry["seq"] and not (self.behind and "upto" not in message):
                    self.seq = entry["seq"]
                    if entry["kind"] == "say":
                        self.lines.append(entry["text"].split()[0])
            if message.get("more"):
                page.send("since", seq=message["upto"])

    def until(self, page: Page, line: str) -> None:
        while line not in self.lines:
            self.take(page, page.next())


def talk_a_lot(ann: socket.socket) -> list[str]:
    for number in range(400):
        ann.sendall(b"%d " % number + b"x" * 2000 + b"\n")
    ann.sendall(b"end\n/ping\n")
    until(ann, b"pong\r\n")
    return [*(str(number) for number in range(400)), "end"]


def test_a_slow_browser_is_dropped_and_finds_everything_when_it_comes_back() -> None:
    reader = Reader()
    with chatting(QUICK._replace(sendq=64 * 1024)) as chat, chat.nc("ann") as ann:
        with slow_page(chat) as slow:
            said = talk_a_lot(ann)
            chat.await_(lambda: any(event.event == "drop" for event in chat.events))
            with suppress(ConnectionClosed):
                reader.until(slow, "end")
        (drop,) = (event for event in chat.events if event.event == "drop")
        assert (drop.name, drop.reason) == ("bob", "slow")
        assert len(reader.lines) < 400
        reader.behind = True
        with chat.page(**again(slow, reader.seq)) as back:
            reader.until(back, "end")
    assert reader.lines == said


def test_a_slow_browser_skips_is_told_and_asks_for_the_rest() -> None:
    reader = Reader()
    with chatting(QUICK._replace(sendq=64 * 1024, skip=True)) as chat, chat.nc("ann") as ann, slow_page(chat) as slow:
        said = talk_a_lot(ann)
        reader.until(slow, "end")
    assert reader.behind
    assert reader.lines == said


def test_a_browser_that_does_not_answer_is_dropped() -> None:
    with chatting(ping=0.02) as chat, ExitStack() as stack:
        dead = stack.enter_context(silent_name(chat, "eve"))
        chat.await_(lambda: any(event.reason == "ping" for event in chat.events))
        (drop,) = (event for event in chat.events if event.event == "drop")
        assert (drop.name, drop.reason) == ("eve", "ping")
        assert read_all(dead).count(b"\x89\x00") >= 1


def test_a_browser_that_answers_stays() -> None:
    with chatting(ping=3600.0) as chat, chat.page(nick="bob") as bob:
        there: Any
        (there,) = chat.within(lambda: list(chat.server.hub.members.values()))
        for _ in range(3):
            chat.within(chat.web._ask)
            chat.await_(lambda: there._heard)  # its library answers
        bob.say("still here")
        assert bob.line()["text"] == "still here"


def silent_name(chat: Chat, name: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", chat.web_port), LIMIT)
    hello = Frame(Opcode.TEXT, b'{"type":"hello","nick":"%b"}' % name.encode()).serialize(mask=True)
    client.sendall(upgrade(chat.web_port) + hello)
    until(client, b'"type":"who"')  # no more: a ping may be there already
    return client


def get(chat: Chat, request: bytes) -> bytes:
    with chat.raw() as client:
        client.sendall(request)
        return read_all(client)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200 OK"),
        (b"HEAD /chat.js HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200 OK"),
        (b"GET /nosuch HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404 Not Found"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", b"403 Forbidden"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", b"426 Upgrade Required"),
        (b"/nick bob\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 4000, b"431 Request Header Fields Too Large"),
    ],
)
def test_http(request_: bytes, status: bytes) -> None:
    with chatting() as chat:
        answer = get(chat, request_)
        assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
        assert b"\r\nContent-Security-Policy: default-src 'none'; " in answer
        assert b"\r\nConnection: close\r\n" in answer


def test_a_foreign_page_is_refused_and_reported() -> None:
    with chatting() as chat:
        answer = get(chat, upgrade(chat.web_port, "Origin: http://evil.test"))
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert get(chat, upgrade(chat.web_port, f"Origin: http://127.0.0.1:{chat.web_port + 1}"))[9:12] == b"403"
        with chat.raw() as client:
            client.sendall(upgrade(chat.web_port, f"Origin: http://127.0.0.1:{chat.web_port}"))
            assert until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        chat.await_(lambda: bool(chat.events))
        (refused, *_) = (event for event in chat.events if event.event == "refused")
        assert (refused.reason, refused.detail) == ("origin", "a page of another site")


def test_a_denied_address_gets_no_page() -> None:
    from ipaddress import ip_network

    with chatting(deny=[ip_network("127.0.0.0/8")]) as chat:
        assert get(chat, b"").startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_over_tls() -> None:
    authority = Authority()
    context = ssl.create_default_context(cadata=authority.pem.decode())
    with chatting(tls=from_leaf(authority.issue(["localhost"]))) as chat, chat.nc("ann") as ann:
        url, origin = f"wss://localhost:{chat.web_port}/ws", Origin(f"https://localhost:{chat.web_port}")
        with connect(url, ssl=context, origin=origin, compression=None, proxy=None) as link:
            page = Page(link, nick="bob")
            until(ann, b"joined bob\r\n")
            page.say("x" * 4000 + "\n" + "y")
            until(ann, b"[bob] y\r\n")
            assert page.texts("y") == ["x" * 4000, "y"]
            page.say("/quit")
            assert ended(page) == (1000, "goodbye")
        with (
            socket.create_connection(("localhost", chat.web_port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"GET /chat.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while more := client.recv(65536):
                answer += more
            assert answer.endswith(b"link.connect();\n")
