"""`netkit chat join` as a process, in pipes: lines in, lines out, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from netkit.chat.limits import Limits
from netkit.net.ca import Authority
from netkit.net.tls_server import from_leaf
from tests.chat.conftest import Chat, chatting
from tests.chat.join.conftest import line, scripted
from tests.chat.web_server import chatting as web_chatting
from tests.conftest import MS
from tests.loopback import read_all
from tests.ports import find_free_port
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[Any]]
LIMIT = 30_000 * MS
GREETING = "You're connected to the Python chatserver"


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chatting() as running:
        yield running


def at(chat: Chat) -> str:
    return f"127.0.0.1:{chat.port}"


def test_lines_in_lines_out(netkit: Netkit, chat: Chat) -> None:
    other = chat.join()
    done = netkit("chat", "join", at(chat), "--nick", "bob", stdin=None, input="one\n/ping x\r\nno end")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [GREETING, "* you are bob", "* pong x"]
    lines = [other.line() for _ in range(5)]
    assert lines[2:] == [b"[bob] one\n", b"[bob] no end\n", b"Client left bob\r\n"]


def test_a_file_on_standard_input_is_said_whole(netkit: Netkit, chat: Chat, tmp_path: Path) -> None:
    text = "".join(f"{number} {'x' * 90}\n" for number in range(5000))
    (tmp_path / "text").write_text(text)
    other = chat.join()
    with (tmp_path / "text").open("rb") as file:
        done = netkit("chat", "join", at(chat), "--nick", "bob", stdin=file)
    assert (done.returncode, done.stderr) == (0, "")
    assert [other.line() for _ in range(2)][1].endswith(b"is now bob\r\n")
    other.expect("".join(f"[bob] {each}\n" for each in text.splitlines()))


def test_exact_bytes_in_a_pipe(netkit: Netkit) -> None:
    data = bytes(byte for byte in range(256) if byte != 10) + b"\r\n" + b"\x1b]0;x\x07 no end"

    def serve(client: socket.socket) -> None:
        client.sendall(data)
        assert read_all(client) == b"\xff\x00 \x1b\n"

    with scripted(serve) as target:
        done = netkit("chat", "join", str(target), stdin=None, input=b"\xff\x00 \x1b\n", text=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, data.replace(b"\r\n", b"\n") + b"\n", b"")


def test_say_and_go(netkit: Netkit, chat: Chat) -> None:
    other = chat.join()
    done = netkit("chat", "join", at(chat), "--send", "grüße", "--send", "", "--send", "/me waves", "--nick", "al")
    assert (done.returncode, done.stdout.splitlines()) == (0, [GREETING, "* you are al"])
    lines = [other.line() for _ in range(6)]
    assert lines[2:] == ["[al] grüße\n".encode(), b"[al] \n", b"[al] * waves\r\n", b"Client left al\r\n"]


def test_waiting_for_lines(netkit: Netkit, chat: Chat) -> None:
    done = netkit("chat", "join", at(chat), "--send", "/ping a", "--send", "/ping b", "--count", "2")
    assert (done.returncode, done.stdout.splitlines()) == (0, [GREETING, "* pong a"])
    chat.wait_for("leave", "eof")
    done = netkit("chat", "join", at(chat), "--count", "2", "--timeout", "60s", stdin=None, input="/ping a\n")
    assert (done.returncode, done.stdout.splitlines()) == (0, [GREETING, "* pong a"])
    ours, theirs = os.pipe()
    os.write(theirs, b"said all the same\n")  # it is there before the greeting is
    os.close(theirs)
    done = netkit("chat", "join", at(chat), "--count", "1", stdin=ours)
    os.close(ours)
    assert (done.returncode, done.stdout.splitlines()) == (0, [GREETING])
    for _ in range(2):
        chat.wait_for("leave")
    assert b"said all the same\n" in [entry.text + entry.end for entry in chat.hub.rooms["lobby"].history]


def test_the_time_is_over(netkit: Netkit, chat: Chat) -> None:
    done = netkit("chat", "join", at(chat), "--no-stdin", "--count", "3", "--timeout", "200ms")
    assert (done.returncode, done.stdout) == (4, GREETING + "\n")
    assert done.stderr == f"netkit: {at(chat)}: not done within 0.2 s, 2 lines are missing\n"


def test_json(netkit: Netkit, chat: Chat) -> None:
    other = chat.join()
    other.send(b"\xfe\x1b early\n")
    done = netkit("chat", "join", at(chat), "--json", "--nick", "bob", "--send", "/history", "--time")
    found = [json.loads(one) for one in done.stdout.splitlines()]
    assert all(list(one) == ["time", "kind", "name", "room", "text", "raw", "seq"] for one in found)
    assert [(one["kind"], one["name"]) for one in found] == [("line", None), ("notice", None), ("history", other.name)]
    assert found[2]["text"] == "\\xfe\\x1b early"
    assert found[1]["raw"] == "* you are bob\r\n"


def test_json_has_the_exact_bytes(netkit: Netkit) -> None:
    with scripted(lambda client: client.sendall(b"[b] \xff\n\x1b[2J\n")) as target:
        done = netkit("chat", "join", str(target), "--json", "--no-stdin")
    assert done.returncode == 3
    first, second, error = (json.loads(one) for one in done.stdout.splitlines())
    assert error["error"]["kind"] == "lost"
    assert (first["text"], first["raw"]) == ({"base64": "/w=="}, {"base64": "W2JdIP8K"})
    assert second["raw"] == "\x1b[2J\n"
    assert "\x1b" not in done.stdout


def test_the_time_in_front(netkit: Netkit, chat: Chat) -> None:
    done = netkit("chat", "join", at(chat), "--send", "x", "--time")
    moment, _, text = done.stdout.rstrip().partition(" ")
    assert text == GREETING
    assert moment.endswith("Z")


def test_the_end_of_the_server_is_a_loss(netkit: Netkit) -> None:
    with scripted(lambda client: client.sendall(b"* the server stops\n")) as target:
        done = netkit("chat", "join", str(target), "--no-stdin")
    assert (done.returncode, done.stdout) == (3, "* the server stops\n")
    assert done.stderr == (f"netkit: {target}: the server closed the connection; its last words: the server stops\n")


def test_trying_again_in_a_pipe(netkit: Netkit) -> None:
    with scripted(lambda client: client.sendall(b"hi\n")) as target:
        done = netkit("chat", "join", str(target), "--reconnect", "--no-stdin", "--timeout", "200ms")
    assert (done.returncode, done.stdout) == (4, "hi\n")
    first, last = done.stderr.splitlines()
    assert first.startswith(f"netkit: {target}: the server closed the connection; the next try in ")
    assert last == f"netkit: {target}: not done within 0.2 s"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["127.0.0.1:0"], 2, "port 0 is outside 1 to 65535"),
        (["http://127.0.0.1:1"], 2, "'http://127.0.0.1:1': scheme 'http' is not one of tcp, tls, ws, wss"),
        (["127.0.0.1:1", "--nick", "two words"], 2, "--nick 'two words': it is one word"),
        (["127.0.0.1:1", "--room", ""], 2, "--room '': it is one word"),
        (["127.0.0.1:1", "--send", "a\nb"], 2, "--send says one line; repeat it for more"),
        (["127.0.0.1:1", "--send", "a", "--no-stdin"], 2, "--send does not read standard input anyway, "
         "--no-stdin does not go with it"),
        (["127.0.0.1:1", "--password-file", "/nosuch/file"], 11,
         "cannot read the password from /nosuch/file: No such file or directory"),
        (["ws://unix:/x"], 2, "'ws://unix:': a unix socket needs a path, as in unix:/run/app.sock"),
        (["ws://[fe80::1%eth0]"], 2, "'ws://[fe80::1%eth0]': a page has a host and a port"),
        (["fd:3", "--no-stdin"], 2, "fd:3: a chat is joined by its address, HOST:PORT or unix:PATH"),
        (["unix:/nosuch/socket"], 3, "cannot connect to unix:/nosuch/socket: no such socket"),
    ],
)  # fmt: skip
def test_what_cannot_be(netkit: Netkit, arguments: list[str], code: int, message: str) -> None:
    done = netkit("chat", "join", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[0] == f"netkit: {message}"


def test_a_name_that_is_taken(netkit: Netkit, chat: Chat) -> None:
    chat.join().answer("/nick bob")
    done = netkit("chat", "join", at(chat), "--nick", "Bob", "--send", "never said")
    assert (done.returncode, done.stderr) == (1, f"netkit: {at(chat)}: --nick Bob: Bob is taken\n")
    assert [entry.text for entry in chat.hub.rooms["lobby"].history if entry.kind == "say"] == []


def test_the_password(netkit: Netkit, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("tea\n")
    with chatting(password=b"tea") as chat:
        for words, more in ((["--password-file", str(tmp_path / "secret")], {}), ([], {"NETKIT_PASSWORD": "tea"})):
            done = netkit("chat", "join", at(chat), "--send", "x", *words, env=more)
            assert (done.returncode, done.stdout.splitlines()) == (0, ["* password?", GREETING])
        done = netkit("chat", "join", at(chat), "--send", "x", "--password-cmd", "echo coffee")
        assert (done.returncode, done.stderr) == (7, f"netkit: {at(chat)}: that is not the password\n")
        done = netkit("chat", "join", at(chat), "--send", "x")
        assert (done.returncode, done.stderr.splitlines()[0]) == (7, f"netkit: {at(chat)} asks for a password")


def test_a_full_server(netkit: Netkit) -> None:
    with chatting(max_clients=1) as chat:
        chat.join()
        done = netkit("chat", "join", at(chat), stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (9, "* server full\n")
    assert done.stderr == f"netkit: {at(chat)}: server full\n"


def test_a_line_that_is_too_long(netkit: Netkit) -> None:
    def serve(client: socket.socket) -> None:
        with suppress(ConnectionError):
            client.sendall(b"ok\n")
            client.sendall(b"x" * 2000)
            read_all(client)

    with scripted(serve) as target:
        done = netkit("chat", "join", str(target), "--no-stdin", "--max-line", "1K")
    assert (done.returncode, done.stdout) == (5, "ok\n")
    assert done.stderr.splitlines() == [
        f"netkit: {target}: a line of more than 1024 bytes came", "hint: --max-line allows more"
    ]  # fmt: skip


def test_tls(netkit: Netkit, tmp_path: Path) -> None:
    leaf = Authority().issue(["localhost"], self_signed=True)
    (tmp_path / "ca.pem").write_bytes(leaf.certificate)
    with chatting(tls=from_leaf(leaf)) as chat:
        where = f"tls://localhost:{chat.port}"
        done = netkit("chat", "join", where, "--cacert", str(tmp_path / "ca.pem"), stdin=None, input="/ping x\n")
        assert (done.returncode, done.stdout.splitlines()) == (0, [GREETING, "* pong x"])
        assert netkit("chat", "join", where, "--send", "x").returncode == 6
        assert netkit("chat", "join", where, "--send", "x", "--insecure").returncode == 0


def test_tls_is_spoken_where_it_is_not_expected(netkit: Netkit) -> None:
    with chatting(tls=from_leaf(Authority().issue(["localhost"]))) as chat:
        done = netkit("chat", "join", at(chat), "--send", "hi")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.splitlines() == [
        f"netkit: {at(chat)}: the server speaks TLS on this port",
        "hint: tls:// in front of it",
    ]


def test_a_unix_socket(netkit: Netkit, tmp_path: Path) -> None:
    with chatting(unix=[str(tmp_path / "chat")]):
        done = netkit("chat", "join", f"unix:{tmp_path}/chat", "--send", "/ping x")
    assert (done.returncode, done.stdout.splitlines()) == (0, [GREETING, "* pong x"])


def test_the_reader_of_the_output_goes_away(chat: Chat) -> None:
    read, write = os.pipe()
    process = Process("chat", "join", at(chat), "--no-stdin", stdin=subprocess.DEVNULL, stdout=write,
                      stderr=subprocess.PIPE, text=True)  # fmt: skip
    os.close(write)
    assert os.read(read, 1000) == GREETING.encode() + b"\n"
    os.close(read)  # nothing comes any more, and it ends all the same
    assert process.communicate(timeout=LIMIT)[1] == ""
    assert process.returncode == 141


def test_ctrl_c_in_a_pipe(chat: Chat) -> None:
    process = Process("chat", "join", at(chat), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == GREETING + "\n"
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, error) == (130, "", "")


def test_a_conversation_in_pipes(chat: Chat) -> None:
    other = chat.join()
    process = Process("chat", "join", at(chat), "--nick", "bob", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [f"{GREETING}\n", "* you are bob\n"]
    process.stdin.write("hello\n")
    process.stdin.flush()
    assert [other.line() for _ in range(3)][2] == b"[bob] hello\n"
    other.send(b"hello Bob\n")
    assert process.stdout.readline() == f"[{other.name}] hello Bob\n"
    out, error = process.communicate(timeout=LIMIT)  # closes its standard input
    assert (process.returncode, out, error) == (0, "", "")


def test_a_server_that_takes_its_time(netkit: Netkit) -> None:
    with chatting(Limits(rate=50.0)) as chat:
        other = chat.join()
        text = "".join(f"{number}\n" for number in range(120))
        done = netkit("chat", "join", at(chat), "--nick", "bob", stdin=None, input=text)
        assert done.returncode == 0
        lines = [other.line() for _ in range(122)]
    assert lines[2:] == [f"[bob] {number}\n".encode() for number in range(120)]


def test_standard_input_without_line_ends_is_refused(netkit: Netkit) -> None:
    done_event = threading.Event()

    def serve(client: socket.socket) -> None:
        client.sendall(b"hi\n")
        assert read_all(client) == b""
        done_event.set()

    with scripted(serve) as target:
        done = netkit("chat", "join", str(target), stdin=None, input="x" * 200_000)
    assert done_event.is_set()
    assert (done.returncode, done.stdout) == (2, "hi\n")
    assert done.stderr == "netkit: a line of standard input is longer than 65536 bytes\n"


def test_the_page_of_a_chat(netkit: Netkit) -> None:
    with web_chatting() as chat:
        text = "".join(f"{number}\n" for number in range(1000))
        for path in ("", "/", "/ws"):
            where = f"ws://127.0.0.1:{chat.web_port}{path}"
            done = netkit("chat", "join", where, "--nick", "bob", stdin=None, input=text + "/ping x\n")
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines() == ["* you are bob in lobby", "* pong x"]
            chat.await_(lambda: not chat.server.hub.members)
        said = chat.within(lambda: [one.text for one in chat.server.hub.rooms["lobby"].history if one.kind == "say"])
    assert said[-990:] == [b"%d" % number for number in range(10, 1000)]


def test_ncat(netkit: Netkit, program: Callable[[str], str]) -> None:
    port = find_free_port()
    server = subprocess.Popen([program("ncat"), "--chat", "-l", "127.0.0.1", str(port)], stderr=subprocess.DEVNULL)
    try:
        while True:
            with suppress(ConnectionError):
                other = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
                break
        with other:
            assert b"is connected as" in line(other)
            assert b"already connected" in line(other)
            done = netkit("chat", "join", f"127.0.0.1:{port}", "--send", "hello", "--count", "1", "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["kind"] == "notice"
            assert b"is connected as" in line(other)
            assert b"already connected" in line(other)
            assert line(other) == b"<user5> hello\n"
    finally:
        server.kill()
        server.wait()
