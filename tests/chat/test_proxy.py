"""Behind a proxy: whom it connects for is who comes, where the proxy is trusted."""

import socket
import ssl
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

from netkit.chat.limits import Limits
from tests.chat.conftest import GREETING, Chat, chatting
from tests.chat.test_server import tls
from tests.loopback import LIMIT, reset

LOOPBACK = [ip_network("127.0.0.0/8")]
LIMITS = Limits(rate=None)


def test_the_client_has_its_own_address() -> None:
    with chatting(LIMITS, proxies=LOOPBACK, per_address=1) as chat:
        one = chat.connect()
        one.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 2626\r\nfirst\n")
        one.expect(GREETING)
        two = chat.connect()
        two.send(b"PROXY TCP6 2001:db8::1 ::1 5 2626\r\n")
        two.expect(GREETING)
        one.expect("Client joined [2001:db8::1]:5\r\n")
        one.send(b"hi\n")
        two.expect("[192.0.2.7:4711] hi\n")
        three = chat.connect()
        three.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4712 2626\r\n")
        three.expect_end("* too many from your address\r\n")
        one.close()
        two.expect("Client left 192.0.2.7:4711\r\n")
        four = chat.connect()
        four.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4713 2626\r\n")
        four.expect(GREETING)
        assert chat.in_loop(lambda: chat.server.doors.open) == 2


def test_a_proxy_speaks_for_itself_as_well() -> None:
    with chatting(LIMITS, proxies=LOOPBACK) as chat:
        one = chat.connect()
        one.send(b"PROXY UNKNOWN\r\n")
        one.expect(GREETING)
        assert chat.wait_for("join").addr == one.name


def test_without_a_header_nobody_comes_in_and_nothing_stays() -> None:
    with chatting(LIMITS, proxies=LOOPBACK) as chat:
        one = chat.connect()
        one.send(b"hello, everybody out there\n")
        with suppress(ConnectionResetError):  # most of what it sent was not read
            assert one.read(100) == b""
        assert chat.wait_for("refused").reason == "proxy"
        chat.connect().close()
        reset(chat.connect().socket)
        waiting = chat.connect()
        waiting.send(b"PROXY TCP4 192")
        two = chat.connect()
        two.send(b"PROXY UNKNOWN\r\n")
        two.expect(GREETING)
        while chat.in_loop(lambda: chat.server.doors.open) > 2:
            pass


def test_the_header_of_others_is_a_line_of_text(chat: Chat) -> None:
    one = chat.join()
    two = chat.join(one)
    two.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 2626\r\n")
    one.expect(f"[{two.name}] PROXY TCP4 192.0.2.7 127.0.0.1 4711 2626\r\n")


def test_deny_is_about_the_client() -> None:
    with chatting(LIMITS, proxies=LOOPBACK, deny=[ip_network("192.0.2.0/24")]) as chat:
        one = chat.connect()
        one.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 2626\r\n")
        one.expect_end("* not from your address\r\n")
        assert chat.wait_for("refused").addr == "192.0.2.7:4711"


def test_tls_begins_behind_the_header(tmp_path: Path) -> None:
    theirs, ours = tls(tmp_path)
    with chatting(LIMITS, proxies=LOOPBACK, tls=theirs) as chat:
        sock = socket.create_connection((chat.host, chat.port), LIMIT)
        sock.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 2626\r\n")
        assert isinstance(ours, ssl.SSLContext)
        with ours.wrap_socket(sock, server_hostname="localhost") as secured:
            assert secured.recv(len(GREETING)) == GREETING
        assert chat.wait_for("join").name == "192.0.2.7:4711"


def test_a_burst_of_twenty_from_one_address() -> None:
    with chatting(LIMITS, proxies=LOOPBACK, accept_rate=2.0) as chat:
        for number in range(20):
            one = chat.connect()
            one.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 %d 2626\r\n" % number)
            one.expect(GREETING)
        answer = GREETING
        while answer == GREETING:  # one more may come in each half of a second, and it may have passed
            many = chat.connect()
            many.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 2626\r\n")
            answer = many.line()
        assert answer == b"* too many from your address in a short time\r\n"
        many.expect_end()
