"""Servers and proxies that would go on for ever, fill what they may fill, or are waited for: each has its limit."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netkit.cli.output.say import MAX_LINE
from netkit.errors import LocalFailure
from netkit.http import Request, Response, fetch, parse_url
from netkit.http.sender import MAX_STALE
from netkit.net.cookies import MAX_DOMAIN, MAX_FILE, CookieJar
from netkit.net.curl_head import MAX_ODD

Serve = Callable[..., Any]
Netkit = Callable[..., Any]


def answer(status: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: 0", *headers, b"", b""])


def fetched(server: Any, **options: Any) -> Response:
    return fetch(Request(parse_url(f"http://127.0.0.1:{server.port}/"), **options))


def test_a_server_to_which_every_nonce_is_stale_is_given_up(serve: Serve) -> None:
    def respond(connection: socket.socket, _: bytes) -> None:
        nonce = b"%d" % len(server.requests)
        connection.sendall(answer(b"401 No", b'WWW-Authenticate: Digest realm="r", stale=true, nonce="' + nonce + b'"'))

    server = serve(respond)
    response = fetched(server, auth=("u", "p"), digest_auth=True)
    assert (response.status, int(response.exit_code), len(server.requests)) == (401, 7, MAX_STALE + 2)


def test_a_server_cannot_fill_the_file_of_cookies(serve: Serve, tmp_path: Path) -> None:
    def respond(connection: socket.socket, head: bytes) -> None:
        page = int(head.split()[1][1:] or b"0")
        cookies = [b"Set-Cookie: c%d_%d=%s; Path=/none" % (page, number, b"v" * 4000) for number in range(50)]
        connection.sendall(answer(b"302 On", b"Location: /%d" % (page + 1), *cookies))

    file = tmp_path / "jar"
    file.write_text("far.test\tFALSE\t/\tFALSE\t0\tmine\tkept\n")
    jar = CookieJar(str(file))
    assert fetched(serve(respond), jar=jar).error is not None
    jar.save()
    kept = CookieJar(str(file)).cookies
    assert [key[2] for key in kept if key[0] == "far.test"] == ["mine"]
    names = [key[2] for key in kept if key[0] == "127.0.0.1"]
    assert (len(names), names[-1]) == (MAX_DOMAIN, "c10_49")


def test_what_goes_beyond_the_file_of_cookies_is_not_taken(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "jar"
    line = "h{}.test\tFALSE\t/\tFALSE\t0\tc\t" + "v" * 4000 + "\n"
    file.write_text("".join(line.format(number) for number in range(MAX_FILE // 4026)))
    jar = CookieJar(str(file))
    before = len(jar.cookies)
    cookies = [b"Set-Cookie: c%d=%s" % (number, b"v" * 4000) for number in range(50)]
    assert fetched(serve(answer(b"200 OK", *cookies)), jar=jar).error is None
    jar.save()
    assert before <= len(CookieJar(str(file)).cookies) < before + 50


def test_odd_headers_are_told_of_up_to_a_number(serve: Serve) -> None:
    response = fetched(serve(answer(b"200 OK", *(b"X-%d : x" % number for number in range(1000)))))
    assert len(response.warnings) == MAX_ODD
    assert response.head
    assert len(response.head.headers) == 1001


def test_a_line_about_a_long_url_can_be_read(serve: Serve, netkit: Netkit) -> None:
    def respond(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(b"302 On", b"Location: /" + b"a" * 60_000 + b"%d" % len(server.requests)))

    server = serve(respond)
    done = netkit("http", "get", f"http://127.0.0.1:{server.port}/")
    assert (done.returncode, done.stdout) == (5, "")
    line, hint = done.stderr.splitlines()
    assert line.startswith("netkit: more than 10 redirects: ")
    assert (line.endswith("a11"), len(line) < MAX_LINE + 50) == (True, True)
    assert hint == "hint: --max-redirects N follows more"


def test_a_long_url_at_a_terminal(serve: Serve, terminal: Callable[..., Any]) -> None:
    def respond(connection: socket.socket, head: bytes) -> None:
        first = head.startswith(b"GET / ")
        connection.sendall(answer(b"302 On", b"Location: /" + b"a" * 60_000) if first else answer(b"200 OK"))

    shown = terminal("http", "get", f"http://127.0.0.1:{serve(respond).port}/")
    assert (shown.returncode, len(shown.text) < 10_000) == (0, True)


def test_an_interface_that_is_not_there_is_not_tried_until_the_end(serve: Serve) -> None:
    response = fetch(Request(parse_url("http://[fe80::1%nosuch0]/")))
    assert isinstance(response.error, LocalFailure)
    assert response.error.message == "this machine has no interface 'nosuch0'"
    sent = fetched(serve(answer(b"302 On", b"Location: http://[fe80::1%25nosuch0]/")))
    assert (int(sent.exit_code), sent.error and sent.error.kind, len(sent.hops)) == (11, "interface", 1)
