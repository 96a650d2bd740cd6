"""Nothing a server sends reaches a terminal raw, wherever it stands; a pipe gets the body byte for byte."""

import gzip
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

Serve = Callable[..., Any]
Terminal = Callable[..., Any]
Netkit = Callable[..., Any]

ESC, OSC, BEL, C1, BIDI = "\x1b[45m", "\x1b]52;c;eA==\x07", "\x07", "\u009b31m", "\u202e"
EVIL = f"evil{ESC}{OSC}{BEL}{C1}{BIDI}live"
IN_UTF8 = EVIL.encode()
IN_LATIN1 = f"evil{ESC}{OSC}{BEL}{C1}live".encode("latin-1")
SHOWN = r"evil\x1b[45m\x1b]52;c;eA==\x07\x07\x9b31m\u202elive"
AS_LATIN1 = r"evil\x1b[45m\x1b]52;c;eA==\x07\x07Â\x9b31mâ\x80®live"  # UTF-8 where HTTP has Latin-1
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


def answer(name: str) -> bytes:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    return {
        "reason": ok(b"", status=b"404 " + IN_UTF8),
        "header": ok(b"", b"X-Evil: " + IN_UTF8),
        "header in latin-1": ok(b"", b"X-Evil: " + IN_LATIN1),
        "header name": ok(b"", IN_UTF8 + b": x"),
        "text": ok(IN_UTF8, b"Content-Type: text/plain"),
        "html": ok(b"<p " + IN_UTF8 + b"><!-- " + IN_UTF8 + b" -->" + IN_UTF8, b"Content-Type: text/html"),
        "json": ok(b'{"k\xe2\x80\xae": "\x7f\xc2\x9b"}', b"Content-Type: application/json"),
        "broken json": ok(b'{"k": "' + IN_UTF8, b"Content-Type: application/json"),
        "lines of json": ok(b'{"k\xe2\x80\xae":1}\n' + IN_UTF8 + b"\n", b"Content-Type: application/x-ndjson"),
        "binary": ok(b"\0" + IN_UTF8, b"Content-Type: " + IN_UTF8),
        "charset": ok(b"hi", b"Content-Type: text/plain; charset=" + IN_UTF8),
        "content-encoding": ok(b"hi", b"Content-Encoding: " + IN_UTF8),
        "location": ok(b"", b"Location: /" + IN_UTF8, status=b"302 Found"),
        "scheme": ok(b"", b"Location: x" + IN_UTF8 + b":/" + IN_UTF8, status=b"302 Found"),
        "host": ok(b"", b"Location: http://" + IN_UTF8 + b"/", status=b"302 Found"),
        "retry-after": ok(b"", b"Retry-After: " + IN_UTF8, status=b"503 Busy"),
        "realm": ok(b"", b'WWW-Authenticate: Basic realm="' + IN_UTF8 + b'"', status=b"401 No"),
        "file name": ok(b"x", b'Content-Disposition: attachment; filename="' + IN_UTF8 + b'"'),
        "status line": b"HTTP/1.1 abc " + IN_UTF8 + b"\r\n\r\n",
        "no colon": b"HTTP/1.1 200 OK\r\n" + IN_UTF8 + b"\r\n\r\n",
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: " + IN_UTF8 + b"\r\n\r\n",
        "early hint": b"HTTP/1.1 103 " + IN_UTF8 + b"\r\nX-" + IN_UTF8 + b": " + IN_UTF8 + b"\r\n\r\n" + ok(b"hi"),
        "trailer": chunked + b"X-" + IN_UTF8 + b": " + IN_UTF8 + b"\r\n\r\n",
        "trailer without colon": chunked + IN_UTF8 + b"\r\n\r\n",
        "http/0.9": IN_UTF8,
    }[name]


NAMES = (
    *("reason", "header", "header in latin-1", "header name", "text", "html", "json", "broken json", "lines of json"),
    *("binary", "charset", "content-encoding", "location", "scheme", "host", "retry-after", "realm", "file name"),
    *("status line", "no colon", "length", "early hint", "trailer", "trailer without colon", "http/0.9"),
)


OURS = re.compile("\x1b\\[(?:[0-3]|3[0-7]|9[0-7])(?:;(?:[0-3]|3[0-7]|9[0-7]))*m")  # no background, as the evil one


def harmless(shown: Any) -> str:
    """The text without netkit's own colours and lines."""
    text = OURS.sub("", shown.text)
    assert not STEERS.search(text)
    return text.replace("\n", "")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_it_steers_a_terminal(serve: Serve, terminal: Terminal, name: str) -> None:
    server = serve(answer(name))
    assert harmless(terminal("http", "get", "-v", f"http://127.0.0.1:{server.port}/", columns=200))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("reason", "404 " + AS_LATIN1),
        ("header", "X-Evil: " + AS_LATIN1),
        ("header in latin-1", r"X-Evil: evil\x1b[45m\x1b]52;c;eA==\x07\x07\x9b31mlive"),
        ("text", SHOWN),
        ("html", f"<p {SHOWN}><!-- {SHOWN} -->{SHOWN}"),
        ("json", r'{  "k\u202e": "\x7f\x9b"}'),
        ("broken json", '{"k": "' + SHOWN),
        ("lines of json", r'{"k\u202e":1}' + SHOWN),
        ("early hint", f"103 {AS_LATIN1}    X-{AS_LATIN1}: {AS_LATIN1}"),
        ("trailer", f"trailersX-{AS_LATIN1}: {AS_LATIN1}"),
        ("file name", f'attachment; filename="{AS_LATIN1}"'),
    ],
)
def test_it_is_shown_as_what_it_is(serve: Serve, terminal: Terminal, name: str, shown: str) -> None:
    server = serve(answer(name))
    assert shown in harmless(terminal("http", "get", "-v", f"http://127.0.0.1:{server.port}/", columns=200))


def test_nothing_of_a_certificate_steers_a_terminal(serve: Serve, terminal: Terminal, authority: Any) -> None:
    name = EVIL.encode("ascii", "ignore").decode()
    for how in ({"self_signed": True}, {"days": (-10, -3)}, {}):
        server = serve(ok(b"hi"), authority.context(name, common=EVIL, **how))
        url = f"https://localhost:{server.port}/"
        for options in ((), ("-v",), ("-k", "-v"), ("--cacert", authority.ca)):
            text = harmless(terminal("http", "get", *options, url, columns=400))
            assert r"it is for  evil\x1b[45m\x1b]52;c;eA==\x07\x0731mlive" in text


def test_a_pipe_gets_the_body_exactly(serve: Serve, netkit: Netkit) -> None:
    for body in (IN_UTF8, IN_LATIN1, bytes(range(256)) * 300, b"\r\n\r\n", b'{"a":1}', b""):
        server = serve(ok(gzip.compress(body), b"Content-Encoding: gzip", b"Content-Type: application/json"))
        done = netkit("http", "get", f"http://127.0.0.1:{server.port}/", text=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, body, b"")


def test_a_truncated_body_is_in_the_pipe_and_the_error_behind_it(serve: Serve, netkit: Netkit) -> None:
    for tail in (b"Content-Length: 100\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"):
        server = serve(b"HTTP/1.1 200 OK\r\n" + tail)
        done = netkit("http", "get", f"http://127.0.0.1:{server.port}/")
        assert (done.returncode, done.stdout) == (5, "12345")
        assert "closed after 5" in done.stderr


def test_a_bomb_fills_neither_memory_nor_the_pipe(serve: Serve, netkit: Netkit) -> None:
    """100 MiB in 500 kB, as a process of its own, whose peak is what it needs to start and some pieces."""
    maker = gzip.compress(bytes(100 * 1024 * 1024), compresslevel=1)
    server = serve(ok(maker, b"Content-Encoding: gzip"))
    code = (
        "import resource, sys\nfrom netkit.http import fetch\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "response = fetch(sys.argv[1], sink=lambda _: None)\n"
        "print(response.error.kind, response.body.decoded_bytes < 12 << 20,"
        " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 << 10)"
    )
    argv = [sys.executable, "-c", code, f"http://127.0.0.1:{server.port}/"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "expands_too_much True True\n"
    done = netkit("http", "get", f"http://127.0.0.1:{server.port}/", text=False)
    assert (done.returncode, len(done.stdout) < 12 << 20) == (5, True)
    assert b"--max-body SIZE allows so much" in done.stderr
    done = netkit("http", "get", "--max-body", "100M", f"http://127.0.0.1:{server.port}/", text=False)
    assert (done.returncode, len(done.stdout)) == (0, 100 << 20)


def test_twenty_codings_one_over_the_other_are_refused(serve: Serve, netkit: Netkit) -> None:
    body = b"x"
    for _ in range(20):
        body = gzip.compress(body)
    server = serve(ok(body, b"Content-Encoding: " + b", ".join([b"gzip"] * 20)))
    done = netkit("http", "get", f"http://127.0.0.1:{server.port}/")
    assert (done.returncode, done.stdout) == (5, "")
    assert "20 content codings, the limit is 5" in done.stderr
