"""The chat's page in a real Chromium, with plain clients beside it: talk, reload, lost connections, hostile lines."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.chat.web_server import LIMIT, QUICK, Chat, chatting, until
from tests.peers.devtools import Chromium, Tab, chromium

OPEN = "document.getElementById('state').dataset.state === 'open'"
LINES = "[...document.querySelectorAll('#log .say .text')].map((one) => one.textContent)"


@pytest.fixture(scope="module")
def browser(program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(program("chromium"), tmp_path_factory.mktemp("chromium")) as running:
        yield running


def said(line: str) -> str:
    return f"{LINES}.includes({json.dumps(line)})"


@contextmanager
def page(browser: Chromium, port: int) -> Iterator[Tab]:
    tab = browser.tab()
    tab.size(1000, 700)
    tab.open(f"http://127.0.0.1:{port}/")
    tab.wait(OPEN)
    tab.get("document.getElementById('text').focus()")
    yield tab
    tab.do("Page.close")


def say(tab: Tab, text: str) -> None:
    tab.type(text)
    tab.enter()


class Wire:
    """What is between a browser and the server, and can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._whole = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._whole:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._to), LIMIT)
                self._pairs += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        self._whole = False
        for one in self._pairs:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._pairs.clear()

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()


@contextmanager
def wire(chat: Chat) -> Iterator[Wire]:
    between = Wire(chat.web_port)
    yield between
    between.close()


def test_a_browser_and_nc_talk_and_a_reload_keeps_what_was_said(browser: Chromium) -> None:
    with chatting() as chat, chat.nc("ann") as ann, page(browser, chat.web_port) as tab:
        say(tab, "/nick bob")
        until(ann, b"is now bob\r\n")
        tab.wait("document.getElementById('my-name').textContent === 'bob'")
        say(tab, "hello from the page 😀")
        assert until(ann, b"\n") == "[bob] hello from the page 😀\r\n".encode()
        ann.sendall("hello bob, שלום\n".encode())
        tab.wait(said("hello bob, שלום"))
        assert tab.get("document.querySelector('#log .own .text').textContent") == "hello from the page 😀"
        assert tab.get("document.querySelectorAll('#log .named').length") == 1
        names = "[...document.querySelectorAll('#names bdi')].map((one) => one.textContent).join()"
        assert tab.get(names) == "ann,bob"
        tab.type("half a li")
        tab.do("Page.reload")
        until(ann, b"Client left bob\r\nClient joined bob\r\n")
        tab.wait(OPEN)
        ann.sendall(b"again\n")
        tab.wait(said("again"))
        assert tab.get(LINES) == ["hello from the page 😀", "hello bob, שלום", "again"]
        assert tab.get("document.querySelectorAll('#log .own').length") == 1
        assert tab.get("document.querySelectorAll('#log .gap').length") == 0
        assert tab.get("document.getElementById('text').value") == "half a li"
        assert not [one for one in tab.said if "recommendation" not in one]


def test_a_lost_connection_comes_back_without_a_gap_and_without_a_double(browser: Chromium) -> None:
    with chatting() as chat, chat.nc("ann") as ann, wire(chat) as between, page(browser, between.port) as tab:
        say(tab, "/nick bob")
        until(ann, b"is now bob\r\n")
        ann.sendall(b"before\n")
        tab.wait(said("before"))
        tab.type("half a line")
        between.cut()
        tab.wait("document.getElementById('state').dataset.state === 'waiting'")
        assert "again in" in tab.get("document.getElementById('state-text').textContent")
        tab.enter()  # nothing is sent, and nothing is lost
        assert tab.get("document.getElementById('text').value") == "half a line"
        until(ann, b"Client left bob\r\n")
        ann.sendall(b"one\ntwo\nthree\n/ping\n")
        until(ann, b"pong\r\n")
        between.mend()
        tab.get("document.getElementById('retry').click()")
        tab.wait(said("three"))
        tab.wait(OPEN)
        tab.enter()
        tab.wait(said("half a line"))
        assert tab.get(LINES) == ["before", "one", "two", "three", "half a line"]
        assert tab.get("document.querySelectorAll('#log .gap').length") == 0
        assert until(ann, b"line\r\n") == b"Client joined bob\r\n[bob] half a line\r\n"


def test_it_comes_back_by_itself(browser: Chromium) -> None:
    with chatting() as chat, wire(chat) as between, page(browser, between.port) as tab:
        between.cut()
        tab.wait("document.getElementById('state').dataset.state === 'waiting'")
        between.mend()
        tab.wait(OPEN)


def test_what_the_server_does_not_keep_is_told(browser: Chromium) -> None:
    short = QUICK._replace(history=3)
    with chatting(short) as chat, chat.nc("ann") as ann, wire(chat) as between, page(browser, between.port) as tab:
        ann.sendall(b"before\n")
        tab.wait(said("before"))
        between.cut()
        tab.wait("document.getElementById('state').dataset.state === 'waiting'")
        ann.sendall(b"1\n2\n3\n4\n5\n/ping\n")
        until(ann, b"pong\r\n")
        between.mend()
        tab.get("document.getElementById('retry').click()")
        tab.wait(said("5"))
        texts = "[...document.querySelectorAll('#log .say .text, #log .gap')].map((one) => one.textContent)"
        missing = "Lines are missing here: more was said than the server keeps."
        assert tab.get(texts) == ["before", missing, "4", "5"]


def test_a_line_that_was_lost_on_the_way_is_offered_again(browser: Chromium) -> None:
    with chatting() as chat, chat.nc("ann") as ann, wire(chat) as between, page(browser, between.port) as tab:
        until(ann, b"\r\n")
        tab.get("window.kept = WebSocket.prototype.send; WebSocket.prototype.send = () => {}")  # taken, and on no wire
        say(tab, "lost")
        between.cut()
        tab.wait("document.getElementById('state').dataset.state === 'waiting'")
        until(ann, b"\r\n")
        tab.get("WebSocket.prototype.send = window.kept")
        between.mend()
        tab.get("document.getElementById('retry').click()")
        tab.wait("document.querySelector('#log .unsent .text')?.textContent === 'lost'")
        tab.get("document.querySelector('#log .unsent button').click()")
        tab.wait("!document.querySelector('#log .unsent')")
        until(ann, b"] lost\r\n")
        tab.wait(said("lost"))
        assert tab.get(LINES) == ["lost"]


HOSTILE = [
    "<img src=x onerror=\"document.title='taken'\">",
    "<script>document.title='taken'</script>",
    "\x1b]0;taken\x07\x1b[2J",
    "\u202egnp.exe \u2066x",
    "javascript:document.title='taken'",
    "${document.title='taken'} {{7*7}}",
    "a" * 3000,
]
SHOWN = [
    HOSTILE[0], HOSTILE[1], "\\x1b]0;taken\\x07\\x1b[2J", "\\u202egnp.exe \\u2066x", *HOSTILE[4:],
]  # fmt: skip


def test_hostile_lines_are_text(browser: Chromium) -> None:
    with chatting() as chat, chat.nc("ann") as ann, page(browser, chat.web_port) as tab:
        tab.size(320, 640, phone=True)
        ann.sendall("".join(f"{line}\n" for line in HOSTILE).encode() + b"/me <b onclick=x>\nend\n")
        tab.wait(said("end"))
        assert tab.get(LINES) == [*SHOWN, "end"]
        assert tab.get("document.querySelectorAll('#log img, #log script, #log b').length") == 0
        assert tab.get("document.title") == "#lobby · netkit chat"
        assert tab.get("document.documentElement.scrollWidth") == 320
        files = {url.rpartition("/")[2] for url in tab.loaded}
        assert files == {"", "chat.css", "chat.js", "link.js", "view.js", "icon.svg"}


def test_rooms_answers_and_the_unread(browser: Chromium) -> None:
    with chatting() as chat, chat.nc("ann") as ann, page(browser, chat.web_port) as tab:
        ann.sendall(b"/join den\nin the den\n")
        until(ann, b"you are in den\r\n")
        say(tab, "/join den")
        tab.wait(said("in the den"))
        tab.wait("document.title === '#den · netkit chat'")
        say(tab, "/ping")
        tab.wait("document.querySelector('#log .answer')?.textContent === 'pong'")
        say(tab, "/ignore ann")
        tab.wait("[...document.querySelectorAll('#log .answer')].at(-1).textContent.includes('do not hear')")
        ann.sendall(b"not heard\n/ping\n")
        until(ann, b"pong")  # the server has it
        say(tab, "/ignore ann")
        tab.wait("[...document.querySelectorAll('#log .answer')].at(-1).textContent.includes('again')")
        tab.size(400, 300)
        for number in range(30):
            ann.sendall(b"line %d\n" % number)
        tab.wait(said("line 29"))
        assert not tab.get(said("not heard"))
        tab.get("document.getElementById('log').scrollTop = 0")
        tab.wait("document.getElementById('log').scrollTop === 0")
        tab.get("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        ann.sendall(b"x\ny\n")
        tab.wait("document.title === '(2) #den · netkit chat'")
        assert tab.get("document.getElementById('newer').textContent") == "2 new lines ↓"
        tab.get("document.getElementById('newer').click()")
        tab.wait("document.title === '#den · netkit chat'")


def test_a_password_is_asked_for(browser: Chromium) -> None:
    with chatting(password=b"s3cret") as chat:
        tab = browser.tab()
        tab.open(f"http://127.0.0.1:{chat.web_port}/")
        tab.wait("document.getElementById('password-dialog').open")
        say(tab, "wrong")
        tab.wait("document.getElementById('password-word').textContent === 'that is not the password'")
        say(tab, "s3cret")
        tab.wait(OPEN)
        assert not tab.get("document.getElementById('password-dialog').open")
        tab.do("Page.close")
