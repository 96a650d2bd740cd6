"""The server over real sockets: what clients get, byte for byte, and how it stands what they do to it."""

import os
import pty
import random
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from netkit.chat.limits import Limits
from netkit.net.ca import Authority
from netkit.net.tls_server import from_leaf
from tests.chat.conftest import GREETING, Chat, Client, chatting
from tests.loopback import LIMIT, reset


def test_a_line_comes_whole_and_nothing_before_its_end(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(b"hel")
    chat.in_loop(lambda: None)
    assert one.answer("lo /ping") == []  # "hello /ping" is a line of text
    two.expect(f"[{one.name}] hello /ping\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_each_line_of_a_packet_has_its_name(chat: Chat, end: bytes) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(end.join([b"one", b"two", b"three", b""]))
    two.expect(b"".join(b"[%s] %s%s" % (one.name.encode(), text, end) for text in (b"one", b"two", b"three")))


def test_a_lone_carriage_return_ends_a_line(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(b"fake\r[server] hi\r\0x\n")
    two.expect(f"[{one.name}] fake\r\n[{one.name}] [server] hi\r\n[{one.name}] x\n")


def test_what_a_terminal_acts_on_is_written_out(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(b"\x1b]0;x\x07\x1b[2J\x9b\n" + "\u202e\u2066\n".encode())
    two.expect(f"[{one.name}] " + r"\x1b]0;x\x07\x1b[2J\x9b" + f"\n[{one.name}] " + r"\u202e\u2066" + "\n")


def test_half_close_says_the_rest_and_gets_what_was_said(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    two.send(b"before\n")
    one.send(b"bye")
    one.socket.shutdown(socket.SHUT_WR)
    two.expect(f"[{one.name}] bye\r\nClient left {one.name}\r\n")
    one.expect_end(f"[{two.name}] before\n")
    assert chat.wait_for("leave").reason == "eof"


def test_nc_sends_a_last_line_without_end(chat: Chat, program: Callable[[str], str]) -> None:
    one = chat.join()
    subprocess.run([program("nc"), "-N", "127.0.0.1", str(chat.port)], input=b"bye", timeout=LIMIT, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    name = one.line().decode().split()[2]
    one.expect(f"[{name}] bye\r\nClient left {name}\r\n")


def test_ctrl_c_of_telnet_does_not_silence_it(chat: Chat, program: Callable[[str], str]) -> None:
    one = chat.join()
    ours, theirs = pty.openpty()
    process = subprocess.Popen([program("telnet"), "127.0.0.1", str(chat.port)], stdin=theirs, stdout=subprocess.PIPE,
                               start_new_session=True)  # fmt: skip
    try:
        assert one.line().startswith(b"Client joined ")
        pipe = process.stdout
        assert pipe is not None
        while pipe.readline() != GREETING.replace(b"\r\n", b"\n"):
            pass
        os.write(ours, b"\x03")  # telnet's own terminal: IP, then DO TIMING-MARK
        os.write(ours, b"after\n")
        assert b"after" in one.line()
        one.send(b"still there?\n")
        shown = b""
        while b"still there?" not in shown:
            byte = os.read(pipe.fileno(), 1000)
            assert byte
            shown += byte
    finally:
        process.kill()
        process.communicate(timeout=LIMIT)
        os.close(theirs)
        os.close(ours)


def test_a_megabyte_of_subnegotiation_is_forgotten(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(b"\xff\xfa\x18" + b"\n" * (1 << 20) + b"\xff\xf0hello\n")
    two.expect(f"[{one.name}] hello\n")


def test_ten_megabytes_without_newline_come_in_lines_and_are_held_back() -> None:
    with chatting(Limits()) as chat:
        one, two, three = chat.join(), chat.join(), chat.join()
        two.expect(f"Client joined {three.name}\r\n")
        one.socket.setblocking(False)
        sent = 0
        while sent < 10 << 20:
            try:
                sent += one.socket.send(b"x" * 65536)
            except BlockingIOError:
                break
        assert sent < 10 << 20  # the rate has closed the tap
        three.send(b"meanwhile\n")
        while (line := two.line()) != f"[{three.name}] meanwhile\n".encode():
            assert line == f"[{one.name}] ".encode() + b"x" * 4096 + b"\r\n"
        chat.in_loop(lambda: None)
        member = chat.in_loop(lambda: next(one_ for one_ in chat.hub.members.values() if one_.name == one.name))
        assert len(member._held) <= 3  # type: ignore[attr-defined]


def test_the_rate_lets_a_burst_in_and_makes_the_rest_wait() -> None:
    with chatting(Limits(rate=20.0)) as chat:
        one = chat.join()
        two = chat.join(one)
        one.send(b"".join(b"%d\n" % number for number in range(60)))
        two.expect(b"".join(f"[{one.name}] {number}\n".encode() for number in range(60)))
        assert chat.hub.counts.lines_in == 60


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1\r\nHost: localhost:2626\r\n\r\n",
        b"POST /x HTTP/1.0\r\n\r\n/kick everybody\r\n",
        b"POST /" + b"x" * 8000 + b" HTTP/1.1\r\n\r\n",
        b"PROPFIND / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_browser_is_sent_away(chat: Chat, request_line: bytes) -> None:
    one = chat.join()
    two = chat.join(one)
    for place in (5, len(request_line)):
        two.send(request_line[:place])
        request_line = request_line[place:]
    two.expect_end("* this is a chat for plain clients; a browser wants the port of --web\r\n")
    one.expect(f"Client left {two.name}\r\n")
    assert chat.wait_for("drop").reason == "http"


def test_words_that_look_like_a_request_are_said(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(b"GET UP EVERYBODY\nGET / HTTP/1.1\n")
    two.expect(f"[{one.name}] GET UP EVERYBODY\n[{one.name}] GET / HTTP/1.1\n")


def test_resets_at_each_place_hurt_nobody(chat: Chat) -> None:
    one = chat.join()
    for _ in range(20):
        reset(chat.connect().socket)
    for begin in (b"", b"half", b"whole\n", b"\xff\xfd", b"/nick bob\n", b"/join x\n", b"/quit\n"):
        two = chat.connect()
        two.expect(GREETING)
        two.send(begin)
        reset(two.socket)
    with chat.connect().socket as two_socket:
        two_socket.shutdown(socket.SHUT_RDWR)
    one.send(b"/msg nobody x\n")
    while (line := one.line()) != b"* nobody here is called nobody\r\n":
        assert line
    chat.join()


def test_who_does_not_read_is_dropped_with_a_word_and_the_others_do_not_wait() -> None:
    with chatting(Limits(rate=None, sendq=64 * 1024)) as chat:
        one, two = chat.join(), chat.join()
        slow = chat.join(two, receive=4096)
        one.expect(f"Client joined {two.name}\r\nClient joined {slow.name}\r\n")
        line = f"[{one.name}] ".encode() + b"x" * 1000 + b"\n"
        dropped = f"Client left {slow.name}\r\n".encode()
        count = 0
        left = False
        while not left:
            one.send(b"x" * 1000 + b"\n")
            count += 1
            got = two.line()
            if got == dropped:
                left = True
                got = two.line()
            assert got == line
        event = chat.wait_for("drop")
        assert (event.reason, event.name) == ("slow", slow.name)
        *whole, last = slow.read(1 << 24).split(b"\n")[:-1]
        assert last == b"* too slow, disconnected\r"
        assert set(whole) == {line[:-1]}
        assert len(whole) <= count


@pytest.mark.parametrize("receive", [4096, 16384])
def test_who_skips_is_told_how_many(receive: int) -> None:
    with chatting(Limits(rate=None, sendq=32 * 1024, skip=True)) as chat:
        one, two = chat.join(), chat.join()
        slow = chat.join(two, receive=receive)
        one.expect(f"Client joined {two.name}\r\nClient joined {slow.name}\r\n")
        sent = 0
        for number in range(60):  # batches, each read by `two`, so that the server has said it
            batch = [b"%d " % (number * 10 + each) + b"x" * 900 + b"\n" for each in range(10)]
            one.send(b"".join(batch))
            two.expect(b"".join(f"[{one.name}] ".encode() + each for each in batch))
            sent += 10
        one.send(b"end\n")
        got = skipped = 0
        expected = 0
        while (line := slow.line()) != f"[{one.name}] end\n".encode():
            if found := re.fullmatch(rb"\* (\d+) lines? skipped: you did not read them in time\r\n", line):
                skipped += int(found[1])
                expected += int(found[1])
            else:
                assert line == f"[{one.name}] {expected} ".encode() + b"x" * 900 + b"\n"
                expected += 1
                got += 1
        assert skipped > 0
        assert got + skipped == sent


def test_many_dead_readers_cost_their_places() -> None:
    """Row 12: no copy for each; what is kept is one ring."""
    with chatting(Limits(rate=None, skip=True, notices="off")) as chat:
        one, two = chat.join(), chat.join()
        for _ in range(100):
            chat.join(receive=2048)
        lines = 0
        for _ in range(30):
            one.send((b"x" * 4000 + b"\n") * 25)
            two.expect((f"[{one.name}] ".encode() + b"x" * 4000 + b"\n") * 25)
            lines += 25
        room = chat.hub.rooms["lobby"]
        kept = chat.in_loop(lambda: (room.plain.end - room.plain.start, len(room.plain.laggards)))
        assert kept[0] <= 2 << 20
        assert kept[1] == 100
        pending = chat.in_loop(lambda: max(len(m._pending) + len(m._finish) for m in chat.hub.members.values()))
        assert pending <= 8192


def test_more_than_1024_descriptors_and_a_digest_of_those_who_come() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    try:
        with chatting() as chat:
            one = chat.join()
            joined = [chat.connect() for _ in range(1100)]
            for client in joined:
                client.expect(GREETING)
            assert chat.in_loop(lambda: len(chat.hub.members)) == 1101
            told, lines = 0, 0
            while told < 1100:
                line = one.line().decode()
                if found := re.fullmatch(r"\* (\d+) joined: \d+ are here\r\n", line):
                    told += int(found[1])
                else:
                    assert line.startswith("Client joined ")
                    told += 1
                lines += 1
            assert lines < 1100
            one.send(b"to all\n")
            for client in (joined[0], joined[1023], joined[1099]):
                while (line_ := client.line()) != f"[{one.name}] to all\n".encode():
                    assert line_
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_full_is_said() -> None:
    with chatting(max_clients=2) as chat:
        one = chat.join()
        chat.join(one)  # who closes with something unread resets the connection
        chat.connect().expect_end("* server full\r\n")
        assert chat.wait_for("refused").reason == "max_conns"
        one.close()
        assert chat.wait_for("leave").reason == "eof"
        chat.join()
        assert chat.hub.counts.refused == {"max_conns": 1}


def test_allow_and_deny() -> None:
    with chatting(allow=[ip_network("127.0.0.0/8")], deny=[ip_network("127.0.0.2/32")]) as chat:
        chat.join()
        with socket.create_connection((chat.host, chat.port), LIMIT, source_address=("127.0.0.2", 0)) as sock:
            assert sock.recv(100) == b"* not from your address\r\n"
        assert chat.wait_for("refused").reason == "denied"
    with chatting(allow=[ip_network("192.0.2.0/24")]) as chat:
        chat.connect().expect_end("* not from your address\r\n")


def test_password() -> None:
    with chatting(password=b"secret") as chat:
        one = chat.connect()
        one.expect("* password?\r\n")
        one.send(b"wrong\n")
        one.expect("* that is not the password; again?\r\n")
        one.send(b"secret\r\nhello\n")
        one.expect(GREETING)
        two = chat.connect()
        two.send(b"secret\n")
        two.expect(b"* password?\r\n" + GREETING)
        one.expect(f"Client joined {two.name}\r\n")
        three = chat.connect()
        three.send(b"1\n2\n3\n/who\n")
        again = "* that is not the password; again?\r\n"
        three.expect_end("* password?\r\n" + again + again + "* that is not the password\r\n")
        assert chat.wait_for("refused").reason == "password"
        assert chat.hub.counts.refused == {"password": 1}
        one.send(b"still here\n")
        two.expect(f"[{one.name}] still here\n")  # nobody was told of the third


def test_idle() -> None:
    with chatting(Limits(rate=None, idle=0.05)) as chat:
        chat.join().expect_end("* nothing came for 0.05 s\r\n")
        assert chat.wait_for("drop").reason == "idle"


def tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    ca = Authority()
    (folder / "ca.pem").write_bytes(ca.pem)
    return from_leaf(ca.issue(["localhost"])), ssl.create_default_context(cafile=str(folder / "ca.pem"))


def test_tls(tmp_path: Path) -> None:
    theirs, ours = tls(tmp_path)
    ours.check_hostname = True

    def secured(client: Client) -> Client:
        client.socket = ours.wrap_socket(client.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        return client

    with chatting(tls=theirs) as chat:
        chat.connect()  # says nothing, and keeps nobody waiting
        one = secured(chat.connect())
        one.expect(GREETING)
        two = secured(chat.connect())
        two.expect(GREETING)
        one.expect(f"Client joined {two.name}\r\n")
        text = b"".join(b"%05d" % number + b"x" * 495 + b"\n" for number in range(400))  # many records
        one.send(text)
        two.expect(re.sub(rb"(?m)^(?=\d)", f"[{one.name}] ".encode(), text))
        two.send(b"/quit\n")
        two.expect_end("* goodbye\r\n")  # with close_notify: an end without is an error here
        one.expect(f"Client left {two.name}\r\n")
        plain = chat.connect()
        plain.send(b"hello\n")
        assert chat.wait_for("refused").reason == "tls"


def test_a_unix_socket(tmp_path: Path) -> None:
    with chatting(unix=[str(tmp_path / "chat")]) as chat:
        one = chat.connect()
        one.expect(GREETING)
        other = socket.socket(socket.AF_UNIX)
        other.bind(str(tmp_path / "evil\x1b[2J\n[bob] hi"))
        other.connect(chat.path)
        one.expect("Client joined unix:2\r\n")
        other.sendall(b"x\n")
        one.expect("[unix:2] x\n")
        other.close()
        one.expect("Client left unix:2\r\n")


def test_names_of_ipv6() -> None:
    with chatting(bind=("::1",)) as chat:
        one = chat.join()
        two = chat.join(one)
        two.send(b"text\n")
        assert two.name.startswith("[::1]:")
        one.expect(f"[{two.name}] text\n")


def test_draining_tells_all_and_flushes(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    one.send(b"last\n")
    two.expect(f"[{one.name}] last\n")
    chat.server.loop.soon(chat.server.drain)
    one.expect("* the server stops\r\n")
    two.expect("* the server stops\r\n")
    assert chat.wait_for("stop").seconds is not None
    assert one.read(1000) in (b"", f"Client left {two.name}\r\n".encode())
    assert two.read(1000) in (b"", f"Client left {one.name}\r\n".encode())


def test_whatever_many_send_the_others_get_lines_that_say_who_speaks(chat: Chat) -> None:
    chance = random.Random(2626)
    parts = [
        *(b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xff\xfd\x06", b"\xff\xfa", b"\xff\xf0", b"\x1b[2J", b"\xc3"),
        *("\u202eé\u0301".encode(), b"/me ", b"/nick ", b"[bob] hi", b"Client joined x", b"* x", b"/join lobby\n"),
    ]
    one = chat.join()
    others = [chat.join() for _ in range(5)]
    for _ in range(300):
        other = chance.choice(others)
        other.send(b"".join(chance.choices(parts, k=chance.randrange(8))) + chance.randbytes(chance.randrange(4)))
    for other in others:
        other.socket.shutdown(socket.SHUT_WR)
    left, names = 0, {other.name for other in others}
    while left < len(others):
        text = one.line().decode()
        assert text.endswith("\n")
        assert re.fullmatch(r"(\[[\w.:-]+\] |Client |\* )[^\x00-\x08\x0a-\x1f\x7f-\x9f\u202e]*\r?\n", text), text
        if found := re.fullmatch(r"Client ([\w.:-]+) is now ([\w-]+)\r\n", text):
            names.remove(found[1])
            names.add(found[2])
        if found := re.fullmatch(r"\[([\w.:-]+)\] .*\n", text, re.DOTALL):
            assert found[1] in names
        left += text.startswith("Client left ") and text[12:-2] in names
    assert chat.in_loop(lambda: len(chat.hub.members)) == 1
