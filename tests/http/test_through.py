"""What goes to a proxy, byte for byte, and proxies that misbehave."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from netkit.events import Step
from netkit.http import Request, Response, fetch, parse_url
from netkit.http.headers import parse_header
from netkit.http.proxy import Proxies, parse_proxy
from netkit.http.report import document
from netkit.net.cookies import CookieJar
from netkit.net.route import Route
from tests import loopback
from tests.conftest import MS

Serve = Callable[..., Any]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"


def through(proxy: str, url: str, **more: Any) -> Response:
    found = parse_proxy(proxy, "--proxy", password="sesame")
    on_event = more.pop("on_event", None)
    return fetch(Request(parse_url(url), proxies=Proxies(found, found), **more), on_event=on_event)


def failure(response: Response) -> tuple[int, str]:
    assert response.error is not None
    return int(response.exit_code), response.error.kind


def test_a_tunnel_is_asked_for_with_the_proxys_own_secret_alone(serve: Serve, authority: Any) -> None:
    context = authority.context("far.test")

    def tunnel(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        connection.sendall(b"HTTP/1.1 200 Go\r\nX-Proxy: here\r\nSet-Cookie: proxys=1\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inside:
            heads.append(inside.recv(65536))
            inside.sendall(OK)

    heads: list[bytes] = []
    steps: list[Step] = []
    jar = CookieJar("/dev/null")
    server = serve(tunnel)
    response = through(
        f"http://joe@127.0.0.1:{server.port}",
        "https://far.test/page",
        auth=("ann", "own"),
        cookie="c=1",
        jar=jar,
        headers=(parse_header("X-Api-Key: k"), parse_header("User-Agent: mine")),
        route=Route(cacert=authority.ca),
        on_event=steps.append,
    )
    assert response.body.content == b"here"
    to_proxy, to_server = heads
    assert to_proxy.split(b"\r\n") == [
        b"CONNECT far.test:443 HTTP/1.1",
        b"Host: far.test:443",
        b"Proxy-Authorization: Basic am9lOnNlc2FtZQ==",
        to_proxy.split(b"\r\n")[3],
        b"Proxy-Connection: Keep-Alive",
        b"",
        b"",
    ]
    assert to_proxy.split(b"\r\n")[3].startswith(b"User-Agent: netkit/")
    assert to_server.startswith(b"GET /page HTTP/1.1\r\nHost: far.test\r\n")
    assert b"Proxy-" not in to_server
    assert b"Authorization: Basic YW5uOm93bg==" in to_server
    assert jar.cookies == {}  # what a proxy sets is nobody's
    (hop,) = document(response)["hops"]
    assert (hop["proxy"], hop["headers"]) == (f"http://127.0.0.1:{server.port}", [["Content-Length", "4"]])
    assert ["Authorization", "***"] in hop["request"]["headers"]
    told = b"".join(step.data or b"" for step in steps)
    assert b"am9lOnNlc2FtZQ" not in told
    assert b"YW5uOm93bg" not in told
    assert [step.name for step in steps[:4]] == ["socket", "connect", "send", "recv"]


def test_a_plain_request_goes_to_the_proxy_whole(serve: Serve) -> None:
    server = serve(OK)
    response = through(f"http://joe@127.0.0.1:{server.port}", "http://far.test:81/page?q")
    assert response.body.content == b"here"
    head = server.requests[0]
    assert head.startswith(b"GET http://far.test:81/page?q HTTP/1.1\r\nHost: far.test:81\r\n")
    assert b"Proxy-Authorization: Basic am9lOnNlc2FtZQ==\r\n" in head


def test_a_redirect_off_the_proxy_leaves_its_secret_behind(serve: Serve) -> None:
    direct = serve(OK)
    server = serve(b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % direct.port)
    found = parse_proxy(f"http://joe@127.0.0.1:{server.port}", "--proxy", password="sesame")
    response = fetch(Request(parse_url("http://far.test/"), proxies=Proxies(found, found, ("127.0.0.1",))))
    assert response.body.content == b"here"
    assert [b"Proxy-Authorization" in head for head in (*server.requests, *direct.requests)] == [True, False]


@pytest.mark.parametrize(
    ("answer", "code", "kind", "words"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", 7, "http_407", "answered 407 to CONNECT"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno\n", 1, "http_403", "answered 403 to CONNECT"),
        (b"HTTP/1.1 502 Bad\r\n\r\n", 9, "http_502", "answered 502 to CONNECT"),
        (b"HTTP/1.1 302 Go\r\nLocation: http://evil.test/\r\n\r\n", 1, "http_302", "answered 302 to CONNECT"),
        (b"", 3, "proxy", "hung up"),
    ],
)
def test_tunnels_that_are_refused(serve: Serve, answer: bytes, code: int, kind: str, words: str) -> None:
    server = serve(answer)
    response = through(f"http://127.0.0.1:{server.port}", "https://far.test/")
    assert failure(response) == (code, kind)
    assert f"https://far.test/: the proxy http://127.0.0.1:{server.port} {words}" in str(response.error)
    (hop,) = document(response)["hops"]
    assert (hop["status"], hop["headers"], hop["request"], hop["tls"]) == (None, None, {"headers": None}, None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"garbage\r\n\r\n", "invalid response header"),
        (b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "NUL byte in header"),
        (b"HTTP/1.1 200 OK\r\nA" + b"a" * 400_000, "CONNECT response too large"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000, "too many response headers, 5000 is max"),
        (b"HTTP/1.1 100 Go on\r\n\r\n", "CONNECT tunnel failed, response 100"),
    ],
)
def test_what_is_no_answer_to_connect(serve: Serve, answer: bytes, words: str) -> None:
    server = serve(answer)
    response = through(f"http://127.0.0.1:{server.port}", "https://far.test/")
    assert failure(response) == (5, "proxy")
    start = f"https://far.test/: the proxy http://127.0.0.1:{server.port} gave no proper answer to CONNECT: "
    assert str(response.error).startswith(start + words)


def test_who_wants_a_login_is_named(serve: Serve) -> None:
    wanted = b'HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    server = serve(wanted)
    response = through(f"http://127.0.0.1:{server.port}", "http://far.test/")
    assert response.error
    assert (failure(response), response.error.hint) == ((7, "http_407"), 'the proxy asks for: Basic realm="x"')
    direct = fetch(f"http://127.0.0.1:{server.port}/")
    assert direct.error
    assert direct.error.hint == 'the server asks for: Basic realm="x"'


def test_a_socks_proxy_is_offered_no_kerberos_ticket() -> None:
    heard: list[bytes] = []

    def serve(client: socket.socket) -> None:
        heard.append(client.recv(100))
        client.sendall(b"\5\1")  # GSS-API, which it was not offered

    with loopback.tcp(serve) as endpoint:
        response = through(f"socks5h://127.0.0.1:{endpoint.port}", "http://far.test/")
    assert heard == [b"\5\1\0"]
    assert response.error


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_silent_proxy_is_named(scheme: str) -> None:
    over = threading.Event()

    def wait(client: socket.socket) -> None:
        over.wait(30_000 * MS)

    with loopback.tcp(wait) as endpoint:
        proxy = f"{scheme}://{endpoint.host}:{endpoint.port}"
        found = parse_proxy(proxy, "--proxy")
        request = Request(
            parse_url("https://far.test/"), proxies=Proxies(found, found), route=Route(connect_timeout=0.3)
        )
        response = fetch(request)
        over.set()
    assert failure(response) == (4, "timeout_connect")
    assert str(response.error) == f"https://far.test/: no end within 0.3 s, waiting for the proxy {proxy}"


def test_a_proxy_that_speaks_no_tls() -> None:
    def serve(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 400 What\r\n\r\n")

    with loopback.tcp(serve) as endpoint:
        response = through(f"https://joe@127.0.0.1:{endpoint.port}", "https://far.test/")
    assert failure(response) == (6, "tls_plain_port")
    assert str(response.error).startswith(f"the proxy https://127.0.0.1:{endpoint.port}: the server does not speak TLS")


def test_socks_4a_leaves_the_look_up_to_the_proxy() -> None:
    heard: list[bytes] = []

    def serve(client: socket.socket) -> None:
        asked = b""
        while asked.count(b"\0") < 6:  # 0.0.0.1 has three, the port one, and an end of the user and of the name each
            asked += client.recv(100)
        heard.append(asked)
        client.sendall(b"\0\x5a" + bytes(6))
        heard.append(client.recv(65536))
        client.sendall(OK)

    with loopback.tcp(serve) as endpoint:
        response = through(f"socks4a://joe@127.0.0.1:{endpoint.port}", "http://far.test/")
    assert response.body.content == b"here"
    assert heard[0] == b"\x04\x01\x00\x50\0\0\0\x01joe\0far.test\0"
    assert heard[1].startswith(b"GET / HTTP/1.1\r\nHost: far.test\r\n")
