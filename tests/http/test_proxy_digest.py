"""Digest authentication to HTTP proxies: plain requests and tunnels, and what must not be answered."""

import hashlib
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from netkit.http import Request, Response, fetch, parse_url
from netkit.http.headers import parse_header
from netkit.http.many import fetch_many
from netkit.http.proxy import Proxies, parse_proxy
from netkit.http.sender import MAX_STALE
from netkit.net.curl_exchange import MAX_TUNNELS
from netkit.net.route import Route

Serve = Callable[..., Any]
Netkit = Callable[..., Any]
Handler = Callable[[socket.socket, bytes], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"
PASSWORD = {"NETKIT_PROXY_PASSWORD": "sesame"}


def field(head: bytes, name: str) -> str | None:
    found = re.search(rf"(?im)^{name}: (.*?)\r$", head.decode("latin-1"))
    return found[1] if found else None


class Proxy:
    """The handler of one that lets joe in with "sesame", by Digest alone, and answers in the servers' place.

    stale: so many nonces are called too old. go_on: what becomes of a request that is let in.
    """

    def __init__(self, go_on: Handler, *, algorithm: str = "MD5", stale: int = 0) -> None:
        self.go_on, self.algorithm, self.stale = go_on, algorithm, stale
        self.heads: list[bytes] = []
        self.nonces = 0

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        self.heads.append(head)
        given = field(head, "Proxy-Authorization")
        if given and self.stale and self.right(head, given):
            self.stale -= 1
            self.ask(connection, stale=True)
        elif given and self.right(head, given):
            self.go_on(connection, head)
        else:
            self.ask(connection)

    def ask(self, connection: socket.socket, *, stale: bool = False) -> None:
        self.nonces += 1
        how = f'realm="a, \\"proxy\\"", qop="auth", nonce="n{self.nonces}", algorithm={self.algorithm}'
        connection.sendall(
            b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 5\r\n"
            b"Proxy-Authenticate: Digest %s%s\r\n\r\nlogin" % (how.encode(), b", stale=true" if stale else b"")
        )

    def right(self, head: bytes, given: str) -> bool:
        """As RFC 7616 section 3.4 says, by the request line that came."""
        fields = dict(re.findall(r'(\w+)="?((?:\\.|[^",])*)"?', given.removeprefix("Digest ")))
        fields["realm"] = 'a, "proxy"' if 'realm="a, \\"proxy\\""' in given else ""
        method, target, _ = head.split(b"\r\n")[0].decode().split()
        assert fields["uri"] == target

        def digest(text: str) -> str:
            return hashlib.new(self.algorithm.replace("-", ""), text.encode()).hexdigest()

        secret, asked = digest(f"joe:{fields['realm']}:sesame"), digest(f"{method}:{target}")
        proof = f"{secret}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{asked}"
        return bool(fields["nonce"] == f"n{self.nonces}" and fields["response"] == digest(proof))


def through(server: Any, url: str, *, bypass: tuple[str, ...] = (), password: str = "sesame", **more: Any) -> Response:
    found = parse_proxy(f"http://joe@127.0.0.1:{server.port}", "--proxy", password=password, digest=True)
    return fetch(Request(parse_url(url), proxies=Proxies(found, found, bypass), **more))


def answer(data: bytes = OK) -> Handler:
    return lambda connection, _: connection.sendall(data)


def tunnel(context: Any, heads: list[bytes], data: bytes = OK) -> Handler:
    def go_on(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 Go\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inside:
            heads.append(inside.recv(65536))
            inside.sendall(data)

    return go_on


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_plain_request(serve: Serve, algorithm: str) -> None:
    proxy = Proxy(answer(), algorithm=algorithm)
    response = through(serve(proxy, keep_alive=True), "http://far.test:81/page?q")
    assert (response.error, response.body.content, len(response.hops)) == (None, b"here", 2)
    first, second = proxy.heads
    assert first.startswith(b"GET http://far.test:81/page?q HTTP/1.1\r\n")
    assert field(first, "Proxy-Authorization") is None
    assert 'username="joe"' in str(field(second, "Proxy-Authorization"))
    assert response.hops[1].reused
    assert ("Proxy-Authorization", "***") in (response.hops[1].shown_request or ())


def test_a_nonce_is_used_again_and_counted(serve: Serve) -> None:
    def go_on(connection: socket.socket, head: bytes) -> None:
        first = head.startswith(b"GET http://far.test/1 ")
        moved = b"HTTP/1.1 302 On\r\nLocation: http://other.test/2\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(moved if first else OK)

    proxy = Proxy(go_on)
    assert through(serve(proxy, keep_alive=True), "http://far.test/1").body.content == b"here"
    counts = [re.findall(r"nc=(\w+)", str(field(head, "Proxy-Authorization"))) for head in proxy.heads]
    assert counts == [[], ["00000001"], ["00000002"]]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_tunnel(serve: Serve, authority: Any, algorithm: str) -> None:
    inside: list[bytes] = []
    proxy = Proxy(tunnel(authority.context("far.test"), inside), algorithm=algorithm)
    response = through(
        serve(proxy, keep_alive=True),
        "https://far.test/page",
        auth=("ann", "own"),
        headers=(parse_header("X-Api-Key: k"),),
        route=Route(cacert=authority.ca),
    )
    assert (response.error, response.body.content, len(response.hops)) == (None, b"here", 1)
    assert [head.split(b"\r\n")[0] for head in proxy.heads] == [b"CONNECT far.test:443 HTTP/1.1"] * 2
    assert not any(b"X-Api-Key" in head or b"\r\nAuthorization" in head for head in proxy.heads)
    [head] = inside
    assert head.startswith(b"GET /page HTTP/1.1\r\n")
    assert b"Proxy-" not in head
    [hop] = response.hops
    assert hop.head
    assert hop.head.headers == (("Content-Length", "4"),)


@pytest.mark.parametrize("realm", ["\u65e5\u672c".encode(), b"\xff", b"\xc3\xa9"])
def test_a_realm_in_any_letters_goes_back_as_it_came(serve: Serve, realm: bytes) -> None:
    heads: list[bytes] = []

    def proxy(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        how = b'Digest realm="%s", nonce="n", qop="auth"' % realm
        asked = b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\nProxy-Authenticate: %s\r\n\r\n" % how
        connection.sendall(OK if b"Proxy-Authorization" in head else asked)

    response = through(serve(proxy, keep_alive=True), "http://far.test/")
    assert (response.error, response.body.content) == (None, b"here")
    assert b'realm="%s"' % realm in heads[1]


@pytest.mark.parametrize("url", ["http://far.test/", "https://far.test/"])
def test_another_password(serve: Serve, url: str) -> None:
    proxy = Proxy(answer())
    response = through(serve(proxy, keep_alive=True), url, password="other")
    assert response.error
    assert (int(response.exit_code), response.error.kind, len(proxy.heads)) == (7, "http_407", 2)


@pytest.mark.parametrize("url", ["http://far.test/", "https://far.test/"])
def test_a_nonce_that_is_too_old_is_answered_anew(serve: Serve, authority: Any, url: str) -> None:
    tls = url.startswith("https")
    proxy = Proxy(tunnel(authority.context("far.test"), []) if tls else answer(), stale=1)
    response = through(serve(proxy, keep_alive=True), url, route=Route(cacert=authority.ca))
    assert (response.error, response.body.content, len(proxy.heads)) == (None, b"here", 3)


@pytest.mark.parametrize(("url", "most"), [("http://far.test/", MAX_STALE + 2), ("https://far.test/", MAX_TUNNELS + 1)])
def test_a_proxy_to_which_every_nonce_is_too_old_is_given_up(serve: Serve, url: str, most: int) -> None:
    proxy = Proxy(answer(), stale=1_000_000)
    response = through(serve(proxy, keep_alive=True), url)
    assert response.error
    assert (int(response.exit_code), response.error.kind) == (7, "http_407")
    assert len(proxy.heads) <= most


def challenge(status: bytes = b"407") -> bytes:
    how = b'Digest realm="r", nonce="n", qop="auth"'
    return b"HTTP/1.1 %s Who\r\nContent-Length: 0\r\nProxy-Authenticate: %s\r\n\r\n" % (status, how)


def test_a_server_behind_a_tunnel_gets_no_answer(serve: Serve, authority: Any) -> None:
    """It may send 407 as well; the login is the proxy's."""
    inside: list[bytes] = []
    proxy = Proxy(tunnel(authority.context("far.test"), inside, challenge()))
    response = through(serve(proxy, keep_alive=True), "https://far.test/", route=Route(cacert=authority.ca))
    assert (int(response.exit_code), response.status, len(inside)) == (7, 407, 1)
    assert b"Proxy-" not in inside[0]


def test_a_server_that_is_reached_without_gets_no_answer(serve: Serve) -> None:
    direct = serve(challenge(), keep_alive=True)
    proxy = Proxy(
        answer(b"HTTP/1.1 302 On\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:%d/\r\n\r\n" % direct.port)
    )
    response = through(serve(proxy, keep_alive=True), "http://far.test/", bypass=("127.0.0.1",))
    assert (int(response.exit_code), response.status) == (7, 407)
    assert [field(head, "Proxy-Authorization") for head in direct.requests] == [None]


def test_many_at_once(serve: Serve) -> None:
    def plain(connection: socket.socket, head: bytes) -> None:
        given = field(head, "Proxy-Authorization")
        connection.sendall(OK if given and given.startswith("Digest ") else challenge())

    server = serve(plain, keep_alive=True)
    found = parse_proxy(f"http://joe@127.0.0.1:{server.port}", "--proxy", password="sesame", digest=True)
    requests = [Request(parse_url(f"http://far.test/{n}"), proxies=Proxies(found, found)) for n in range(40)]
    assert [response.body.content for _, response in fetch_many(requests, parallel=8)] == [b"here"] * 40


# As a command.


@pytest.mark.parametrize("environment", [False, True])
def test_as_a_command(serve: Serve, netkit: Netkit, authority: Any, environment: bool) -> None:
    inside: list[bytes] = []
    go_on = tunnel(authority.context("far.test"), inside)

    def either(connection: socket.socket, head: bytes) -> None:
        (go_on if head.startswith(b"CONNECT") else answer())(connection, head)

    server = serve(Proxy(either), keep_alive=True)
    where = f"http://joe@127.0.0.1:{server.port}"
    env = {**PASSWORD, **({"all_proxy": where} if environment else {})}
    options = ["--proxy-digest", "--cacert", authority.ca, *([] if environment else ["--proxy", where])]
    for url in ("http://far.test/", "https://far.test/"):
        done = netkit("http", "get", *options, "--trace", url, env=env)
        assert (done.returncode, done.stdout) == (0, "here"), done.stderr
        assert "sesame" not in done.stderr
    assert len(inside) == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--proxy", "http://127.0.0.1:1"], "Digest authentication needs a user"),
        (["--proxy", "socks5://joe@127.0.0.1:1"], "socks5 has no Digest authentication, which is HTTP's"),
        ([], "--proxy-digest needs a proxy"),
    ],
)
def test_what_it_does_not_go_with(netkit: Netkit, args: list[str], words: str) -> None:
    done = netkit("http", "get", "--proxy-digest", *args, "http://far.test/", env=PASSWORD)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_it_may_go_over_a_network() -> None:
    """The password is not in it."""
    proxy = parse_proxy("http://jo:e@proxy.test", "x", password="p", secret_allowed=True, digest=True)
    assert (proxy.user, proxy.host, proxy.digest) == ("jo", "proxy.test", True)
