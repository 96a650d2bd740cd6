"""`netkit chat join` on a terminal: what one sees while one types, as a screen shows it."""

import fcntl
import os
import pty
import select
import signal
import socket
import stat
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pyte
import pytest

from tests.chat.conftest import Chat, chatting
from tests.chat.join.conftest import line, scripted
from tests.conftest import MS
from tests.loopback import read_all
from tests.warm import Process

LIMIT = 30_000 * MS
GREETING = "You're connected to the Python chatserver"
UP, TAB, CTRL_C, CTRL_D, ENTER = "\x1b[A", "\t", "\x03", "\x04", "\r"


class Screen:
    """A terminal of 80 columns with netkit on it."""

    def __init__(self, *args: str, rows: int = 24, **env: str) -> None:
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        environment = {**os.environ, "TERM": "xterm-256color", **env}
        self.process = Process(*args, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        self.screen = pyte.Screen(80, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.bytes = bytearray()

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    @property
    def lines(self) -> list[str]:
        shown = [one.rstrip() for one in self.screen.display]
        return [one for one in shown if one]

    @property
    def last(self) -> str:
        return self.lines[-1] if self.lines else ""

    def until(self, holds: Callable[[], object]) -> None:
        late = monotonic() + LIMIT
        while not holds():
            assert select.select([self._fd], [], [], max(0.0, late - monotonic()))[0], self.lines
            self._read()

    def _read(self) -> None:
        data = os.read(self._fd, 65536)
        self.bytes += data
        self._stream.feed(data)

    def until_line(self, text: str) -> None:
        self.until(lambda: text in self.lines)

    def until_last(self, text: str) -> None:
        self.until(lambda: self.last == text)

    def end(self) -> int:
        """Its exit code; the terminal is as it was."""
        while self.process.poll() is None:
            if select.select([self._fd], [], [], 0.02)[0]:
                self._read()
        while select.select([self._fd], [], [], 0)[0]:
            self._read()
        assert termios.tcgetattr(self._theirs) == self.before
        return self.process.wait(LIMIT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT)
        os.close(self._fd)
        os.close(self._theirs)


Start = Callable[..., Screen]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Join on a terminal, with a state directory of its own."""
    made: list[Screen] = []

    def run(where: Any, *args: str, **options: Any) -> Screen:
        target = f"127.0.0.1:{where.port}"
        screen = Screen("chat", "join", target, *args, XDG_STATE_HOME=str(tmp_path), **options)
        made.append(screen)
        return screen

    yield run
    for one in made:
        one.close()


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chatting() as running:
        yield running


def test_a_half_typed_line_stays_whole(start: Start, chat: Chat) -> None:
    bob = start(chat, "--nick", "bob")
    bob.until_last("bob>")
    bob.type("halb getippt: grü")
    bob.until_last("bob> halb getippt: grü")
    other = chat.join()
    half = "ß".encode()
    os.write(bob._fd, half[:1])  # the first byte of a character
    other.send(b"".join(b"line %d\n" % number for number in range(2000)))
    bob.until(lambda: f"[{other.name}] line 1999" in bob.lines)
    os.write(bob._fd, half[1:])
    bob.until_last("bob> halb getippt: grüß")
    other.send(b"and one more\n")
    bob.until(lambda: bob.lines[-2:] == [f"[{other.name}] and one more", "bob> halb getippt: grüß"])
    bob.type("e" + ENTER)
    bob.until(lambda: bob.lines[-2:] == ["[bob] halb getippt: grüße", "bob>"])
    assert other.answer("/history 1")[-1].endswith("[bob] halb getippt: grüße")
    bob.type(CTRL_D)
    assert bob.end() == 0


def test_nothing_of_a_peer_reaches_the_terminal_raw(start: Start) -> None:
    hostile = b"[eve\x1b[31m] \x1b]0;title\x07\x1b[2J \x9b2J \xc2\x9b31m \xe2\x80\xae \xff \x08\r\n"

    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n" + hostile + b"[bob] done\n")
        assert read_all(client) == b""

    with scripted(serve) as target:
        bob = start(target, "--color", "never")
        bob.until_line("[bob] done")
        bob.type(CTRL_D)
        assert bob.end() == 0
    shown = r"[eve\x1b[31m] \x1b]0;title\x07\x1b[2J \x9b2J \x9b31m \u202e \xff \x08"
    assert shown in bob.lines
    for raw in (b"\x1b]0;", b"\x1b[2J", b"\x9b", b"\xe2\x80\xae", b"\x07", b"\x1b[31m"):
        assert raw not in bob.bytes.replace("Ûß".encode(), b"")


def test_names_are_completed(start: Start, chat: Chat) -> None:
    other = chat.join()
    other.answer("/nick Berta")
    bob = start(chat, "--nick", "bob")
    bob.until_last("bob>")
    bob.type("Be" + TAB)  # nobody was seen yet
    bob.until_last("bob> Be")
    bob.type("\x15/who" + ENTER)
    bob.until_line("*   Berta")
    bob.type("be" + TAB + "hello be" + TAB + "again" + ENTER)
    bob.until_line("[bob] Berta: hello Berta again")
    bob.type("/wh" + TAB)
    bob.until_last("bob> /who")
    bob.type("\x15/msg be" + TAB + "psst" + ENTER)
    bob.until_line("* to Berta: psst")
    bob.type(CTRL_D)
    assert bob.end() == 0


def test_history(start: Start, chat: Chat, tmp_path: Path) -> None:
    bob = start(chat, "--nick", "bob")
    bob.until_last("bob>")
    for text in ("first", "second", "/op secret"):
        bob.type(text + ENTER)
    bob.until(lambda: any("such command: /op" in one for one in bob.lines))
    bob.type(UP + UP)
    bob.until_last("bob> first")
    bob.type("\x15" + CTRL_D)
    assert bob.end() == 0
    file = tmp_path / "netkit" / "chat" / "history"
    assert file.read_text() == "first\nsecond\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = start(chat, "--nick", "bob", "--no-history")
    again.until_last("bob>")
    again.type(UP + "x")
    again.until_last("bob> x")
    once_more = start(chat)
    once_more.until_last(">")
    once_more.type(UP)
    once_more.until_last("> second")
    assert file.read_text() == "first\nsecond\n"


def test_the_bell_rings_on_ones_name(start: Start, chat: Chat) -> None:
    other = chat.join()
    bob = start(chat, "--nick", "bob")
    quiet = start(chat, "--nick", "rob", "--no-bell")
    bob.until_last("bob>")
    quiet.until_last("rob>")
    other.send(b"bobby\n")
    bob.until_line(f"[{other.name}] bobby")
    assert b"\x07" not in bob.bytes
    other.send(b"Bob and Rob: hi\n")
    bob.until_line(f"[{other.name}] Bob and Rob: hi")
    quiet.until_line(f"[{other.name}] Bob and Rob: hi")
    assert bob.bytes.count(b"\x07") == 1
    assert b"\x07" not in quiet.bytes


def test_a_connection_that_is_lost_comes_back(start: Start) -> None:
    def first(client: socket.socket) -> None:
        client.sendall(b"hi\n* the server stops\n")

    def second(client: socket.socket) -> None:
        client.sendall(b"hi again\n")
        assert read_all(client) == b"while away\n"

    with scripted(first, second) as target:
        bob = start(target)
        bob.until_last("(not connected) >")
        bob.type("while away" + ENTER)
        bob.until_line("* not sent: not connected")
        bob.until_last("(not connected) > while away")  # it is there to be sent again
        bob.until_line("* lines may be missing: the connection was away")
        bob.until_last("> while away")
        bob.type(ENTER)
        bob.until_line("[you] while away")
        bob.type(CTRL_D)
        assert bob.end() == 0
    assert any(one.endswith("the next try in 1 s") for one in bob.lines)


def test_a_password_is_typed_unseen_and_not_kept(start: Start, tmp_path: Path) -> None:
    with chatting(password=b"tea") as chat:
        bob = start(chat, "--nick", "bob")
        bob.until_last("password:")
        bob.type("coffee" + ENTER)
        bob.until_line("* that is not the password; again?")
        bob.until_last("password:")
        bob.type("tea" + ENTER)
        bob.until_last("bob>")
        bob.type(UP + "x")
        bob.until_last("bob> x")
        bob.type("\x15" + CTRL_D)
        assert bob.end() == 0
    assert b"tea" not in bob.bytes
    assert b"coffee" not in bob.bytes
    assert not (tmp_path / "netkit" / "chat" / "history").exists()


@pytest.mark.parametrize("typed", [CTRL_C, "half a line" + CTRL_C])
def test_ctrl_c_ends_it(start: Start, chat: Chat, typed: str) -> None:
    bob = start(chat, "--nick", "bob")
    bob.until_last("bob>")
    bob.type(typed)
    assert bob.end() == 130
    chat.wait_for("leave", "eof")  # no reset


def test_a_signal_gives_the_terminal_back(start: Start, chat: Chat) -> None:
    bob = start(chat, "--nick", "bob")
    bob.until_last("bob>")
    bob.process.send_signal(signal.SIGTERM)
    assert bob.end() == -signal.SIGTERM


def test_quit_and_the_end_of_time(start: Start, chat: Chat) -> None:
    bob = start(chat, "--time", "--nick", "bob", "--color", "never")
    bob.until_last("bob>")
    bob.type("//slash" + ENTER + "/quit" + ENTER)
    assert bob.end() == 0
    assert [one[9:] for one in bob.lines[-3:]] == ["[bob] /slash", "/quit", "* goodbye"]
    late = start(chat, "--timeout", "300ms")
    assert late.end() == 4
    assert late.last.endswith("not done within 0.3 s")


def test_errors_after_the_terminal_is_as_it_was(start: Start) -> None:
    with chatting(max_clients=1) as chat:
        chat.join()
        bob = start(chat)
        assert bob.end() == 9
        assert bob.lines == ["* server full", f"netkit: 127.0.0.1:{chat.port}: server full"]


def test_several_lines_at_once(start: Start) -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        assert [line(client) for _ in range(2)] == [b"one\n", b"two\n"]
        assert read_all(client) == b""

    with scripted(serve) as target:
        bob = start(target)
        bob.until_last(">")
        bob.type("\x1b[200~one\n\ntwo\x1b[201~" + ENTER)  # a paste in brackets
        bob.until_line("[you] two")
        bob.type(CTRL_D)
        assert bob.end() == 0


def test_without_prompt_toolkit_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from functools import partial

    from netkit.chat.join.client import Client
    from netkit.cli.commands.chat.join import on_terminal
    from netkit.cli.options import Color
    from netkit.errors import LocalFailure
    from netkit.net.loop import Loop

    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    with pytest.raises(LocalFailure) as failed:
        on_terminal(Loop(), partial(Client), None, color=Color.auto, bell=True, clock=False, history=False)
    assert failed.value.hint == "pip install 'netkit-cli[chat]'; without it: netkit chat join HOST | cat"
