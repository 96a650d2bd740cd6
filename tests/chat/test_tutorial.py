"""The bytes beside those of the tutorial's server: with --tutorial always, without it for whole lines of text."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat.conftest import Chat, Client, chatting
from tests.loopback import LIMIT

TUTORIAL = Path(__file__).with_name("tutorial_server.py")


class Ports:
    """A client's port, whatever it is, by the order of joining."""

    def __init__(self, *clients: Client) -> None:
        self.names = [client.name.encode() for client in clients]

    def hide(self, data: bytes) -> bytes:
        for number, name in enumerate(self.names):
            data = data.replace(name, b"<%d>" % number)
        return data


@pytest.fixture
def tutorial() -> Iterator[Chat]:
    process = subprocess.Popen([sys.executable, TUTORIAL, "0"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    chat = Chat.__new__(Chat)
    chat.host, chat.path, chat.clients = "127.0.0.1", "", []
    chat.port = int(process.stdout.readline().rpartition(b" ")[2])
    yield chat
    for client in chat.clients:
        client.close()
    process.kill()
    process.communicate(timeout=LIMIT)


def conversation(chat: Chat, script: "list[bytes]") -> list[bytes]:
    """What three clients get: 0 and 1 are there, 2 comes, 0 says each of the script, 2 answers, 1 leaves, 0 leaves."""
    zero = chat.join()
    one = chat.join(zero)
    two = chat.connect()
    got: list[bytes] = [b"", b"", two.line()]
    got[0] += zero.line()
    got[1] += one.line()
    for number, text in enumerate(script):
        zero.send(text)
        for client in (one, two):  # so that no two of them come in one read
            size = len(text) + (len(zero.name) + 3) * -(-len(text) // 100 if b"\n" not in text[:-1] else 1)
            got[chat.clients.index(client)] += client.read(size)
        two.send(b"answer %d\r\n" % number)
        got[0] += zero.line()
        got[1] += one.line()
    one.socket.shutdown(1)
    got[0] += zero.line()
    got[2] += two.line()
    zero.close()
    got[2] += two.line()
    return [Ports(zero, one, two).hide(each) for each in got]


LINES = [b"hello\n", b"telnet's\r\n", b"\n", "Grüße ✓\n".encode(), b"\ttab\r\n", b"x" * 60 + b"\n"]
ANYTHING = [*LINES, b"no end", b"\x1b[2J\n", b"/help\n", b"y" * 250, b"\xff\xfb\x01\n", b"one\ntwo\n", b"\xe9\n"]


def test_whole_lines_are_the_same(tutorial: Chat, chat: Chat) -> None:
    assert conversation(chat, LINES) == conversation(tutorial, LINES)


def test_with_tutorial_everything_is_the_same(tutorial: Chat) -> None:
    with chatting(tutorial=True) as chat:
        ours = conversation(chat, ANYTHING)
    assert ours == conversation(tutorial, ANYTHING)


def test_what_listings_22_to_24_show(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    two.send(b"Hello, is anyone there?\r\n")
    one.expect(f"[{two.name}] Hello, is anyone there?\r\n")
    one.send(b"Yes, I'm here.\r\n")
    two.expect(f"[{one.name}] Yes, I'm here.\r\n")
    one.socket.shutdown(1)
    two.expect(f"Client left {one.name}\r\n")
    one.expect_end()
