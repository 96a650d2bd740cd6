"""`netkit http` with servers of HTTP/3 that misbehave, alone and as one of --parallel; aioquic is the server."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netkit.http import Request, Response, fetch, parse_url
from netkit.http.many import fetch_many
from netkit.net.curl import HTTP3, load
from netkit.net.route import Route
from tests.conftest import MS
from tests.http.quic import (
    H3_INTERNAL_ERROR,
    H3_REQUEST_CANCELLED,
    H3_REQUEST_REJECTED,
    Script,
    Server,
    Stream,
    frame,
)

Netkit = Callable[..., Any]
LIMIT = 30_000 * MS
OK = (":status", "200")
LENGTH = ("content-length", "100")
lacking = pytest.mark.skipif(not load().version_info()[4] & HTTP3, reason="this libcurl has no HTTP/3")


def reset_amid(code: int, *fields: tuple[str, str]) -> Script:
    return lambda stream: stream.headers(OK, *fields).data(b"hello").reset(code)


def close_amid(code: int, *fields: tuple[str, str]) -> Script:
    return lambda stream: stream.headers(OK, *fields).data(b"hello").close(code)


def whole(*fields: tuple[str, str]) -> Script:
    return lambda stream: stream.headers(*fields).data(b"hello", end=True)


# what the server does, exit code, kind of error, what is there of the body, words of the message
Case = tuple[Script, int, str | None, bytes | None, str]
CASES: dict[str, Case] = {
    "plain": (lambda stream: stream.answer(b"hello"), 0, None, b"hello", ""),
    "without a length": (whole(OK), 0, None, b"hello", ""),
    "no body": (lambda stream: stream.headers(OK, end=True), 0, None, b"", ""),
    "goaway": (lambda stream: stream.goaway(4).answer(b"hello"), 0, None, b"hello", ""),
    "reset before": (lambda stream: stream.reset(H3_INTERNAL_ERROR), 3, "reset", None, "an answer (INTERNAL_ERROR)"),
    "cancelled before": (
        lambda stream: stream.reset(H3_REQUEST_CANCELLED), 3, "reset", None, "an answer (REQUEST_CANCELLED)"
    ),
    "an unknown reset before": (lambda stream: stream.reset(0x999), 3, "reset", None, "an answer (0x999)"),
    "no error before": (lambda stream: stream.reset(0x100), 3, "empty_reply", None, "closed without an answer"),
    "rejected": (lambda stream: stream.reset(H3_REQUEST_REJECTED), 3, "refused_stream", None, "every request back"),
    "reset amid": (
        reset_amid(H3_INTERNAL_ERROR, LENGTH), 5, "truncated", b"hello", "5 of 100 bytes of the body (INTERNAL_ERROR)"
    ),
    "no error amid": (reset_amid(0x100, LENGTH), 5, "truncated", b"hello", "5 of 100 bytes"),
    "rejected amid": (reset_amid(H3_REQUEST_REJECTED), 5, "truncated", b"hello", "reset after 5 bytes"),
    "reset amid, no length": (
        reset_amid(H3_REQUEST_CANCELLED), 5, "truncated", b"hello", "after 5 bytes of the body (REQUEST_CANCELLED)"
    ),
    "closed before": (lambda stream: stream.close(H3_INTERNAL_ERROR), 3, "reset", None, "reset before an answer"),
    "closed amid": (close_amid(0x100, LENGTH), 5, "truncated", b"hello", "reset after 5 of 100 bytes of the body"),
    "closed amid, no length": (close_amid(H3_INTERNAL_ERROR), 5, "truncated", b"hello", "reset after 5 bytes"),
    "too little": (whole(OK, LENGTH), 5, "malformed", b"hello", "broke the rules"),
    "too little before trailers": (
        lambda stream: stream.headers(OK, LENGTH).data(b"hello").headers(("x", "1"), end=True),
        *(5, "malformed", b"hello", "broke the rules"),
    ),
    "too much": (whole(OK, ("content-length", "3")), 5, "malformed", b"", "broke the rules"),
    "a length and no body": (lambda stream: stream.headers(OK, LENGTH, end=True), 5, "malformed", b"", "broke"),
    "a frame cut short": (
        lambda stream: stream.headers(OK).raw(frame(0, b"hello" * 10)[:20], end=True),
        *(5, "malformed", (b"hello" * 10)[:18], "broke the rules"),
    ),
    "no status": (whole(("x", "1")), 5, "malformed", None, "broke the rules"),
    "bad status": (whole((":status", "abc")), 5, "malformed", None, "broke the rules"),
    "upper case": (whole(OK, ("X-Upper", "1")), 5, "malformed", None, "broke the rules"),
    "connection header": (whole(OK, ("connection", "close")), 5, "malformed", None, "broke the rules"),
    "two lengths": (whole(OK, ("content-length", "5"), ("content-length", "6")), 5, "malformed", None, "broke"),
    "data before headers": (lambda stream: stream.data(b"hello", end=True), 5, "malformed", None, "broke the rules"),
    "nothing but the end": (lambda stream: stream.raw(b"", end=True), 5, "malformed", None, "broke the rules"),
    "settings on a stream": (lambda stream: stream.raw(frame(4, b""), end=True), 5, "malformed", None, "broke"),
    "push": (lambda stream: stream.raw(frame(5, b"\0\0\0\xd9")).answer(b"hello"), 5, "malformed", None, "broke"),
    "garbage": (lambda stream: stream.raw(bytes(range(256)) * 4, end=True), 5, "malformed", None, "broke the rules"),
    "too many headers": (
        lambda stream: stream.headers(OK, *((f"x-{n}", "a") for n in range(6000)), end=True),
        *(5, "malformed", None, "too many response headers"),
    ),
    "1xx for ever": (
        lambda stream: [stream.headers((":status", "103")) for _ in range(1000)],
        *(5, "too_many_1xx", None, "more than 100 informational"),
    ),
}  # fmt: skip


@pytest.fixture
def ask(authority: Any) -> Iterator[Callable[..., tuple[Server, list[Request]]]]:
    """ask(script, *paths) -> (server, its Requests)."""
    servers: list[Server] = []

    def asked(script: Script, *paths: str, **options: Any) -> tuple[Server, list[Request]]:
        server = Server(script, authority.files("127.0.0.1"))
        servers.append(server)
        route = Route(http_version="3", cacert=authority.ca)
        options = {"timeout": LIMIT, **options}
        base = f"https://127.0.0.1:{server.port}"
        return server, [Request(parse_url(base + path), route=route, **options) for path in paths or ("/",)]

    yield asked
    for server in servers:
        server.close()


def summed(response: Response) -> tuple[int, str | None, bytes | None]:
    return int(response.exit_code), response.error.kind if response.error else None, response.body.content


@lacking
@pytest.mark.parametrize("name", CASES)
def test_the_outcome_alone_and_as_one_of_many(ask: Callable[..., Any], name: str) -> None:
    script, code, kind, content, words = CASES[name]
    _, [request] = ask(script)
    for response in (fetch(request), *dict(fetch_many([request])).values()):
        assert summed(response) == (code, kind, content)
        if response.error:
            assert words in response.error.message
            assert response.error.message.startswith(f"{request.url}: ")


@lacking
def test_trailers_and_informational_replies(ask: Callable[..., Any]) -> None:
    def script(stream: Stream) -> None:
        stream.headers((":status", "103"), ("link", "</a>")).headers(OK).data(b"hello").headers(("x", "1"), end=True)

    _, [request] = ask(script)
    response = fetch(request)
    [hop] = response.hops
    assert (summed(response), response.warnings) == ((0, None, b"hello"), ())
    assert hop.head
    assert (hop.head.http_version, hop.trailers) == ("3", (("x", "1"),))
    assert [(one.status, one.headers) for one in hop.informational] == [(103, (("link", "</a>"),))]


@lacking
@pytest.mark.parametrize(("name", "value"), [("x y", "1"), ("x", "1\r\nset-cookie: a=b"), ("x", "1\0")])
def test_a_header_that_cannot_be_is_left_out(ask: Callable[..., Any], name: str, value: str) -> None:
    _, [request] = ask(whole(OK, (name, value)))
    response = fetch(request)
    assert summed(response) == (0, None, b"hello")
    assert response.head
    assert response.head.headers == ()


@lacking
@pytest.mark.parametrize(
    "script", [lambda _: None, lambda stream: stream.headers(OK).data(b"hello"), lambda stream: stream.goaway(0)]
)
def test_the_deadline_ends_what_does_not_end(ask: Callable[..., Any], script: Script) -> None:
    _, [request] = ask(script, timeout=0.5)
    assert int(fetch(request).exit_code) == 4
    assert [int(response.exit_code) for _, response in fetch_many([request])] == [4]


@lacking
def test_what_one_stream_does_wrong_is_no_others_concern(ask: Callable[..., Any]) -> None:
    waiting: list[Stream] = []

    def script(stream: Stream) -> None:
        if stream.fields[":path"] == "/first":
            stream.answer(b"first")
            return
        waiting.append(stream)
        if len(waiting) < 3:
            return
        named = {one.fields[":path"]: one for one in waiting}
        named["/a"].headers(OK).data(b"/a")
        named["/b"].headers(OK).data(b"cut").reset(H3_INTERNAL_ERROR)
        named["/a"].data(b"!", end=True)
        named["/c"].answer(b"/c!")

    server, requests = ask(script, "/first", "/a", "/b", "/c")
    found = [summed(response) for _, response in sorted(fetch_many(requests, parallel=4))]
    assert found == [(0, None, b"first"), (0, None, b"/a!"), (5, "truncated", b"cut"), (0, None, b"/c!")]
    assert len(server.connections) == 1


@lacking
def test_as_a_command(ask: Callable[..., Any], netkit: Netkit, authority: Any) -> None:
    _, [request] = ask(reset_amid(H3_INTERNAL_ERROR, LENGTH))
    done = netkit("http", "get", "--http", "3", "--cacert", authority.ca, str(request.url))
    assert (done.returncode, done.stdout) == (5, "hello")
    assert done.stderr == f"netkit: {request.url}: reset after 5 of 100 bytes of the body (INTERNAL_ERROR)\n"


@lacking
def test_nobody_there(netkit: Netkit) -> None:
    """Neither by QUIC nor by TCP, which is tried besides."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        done = netkit("http", "get", "--http", "3", f"https://{address}/")
    assert (done.returncode, done.stderr) == (3, f"netkit: cannot connect to {address}: refused\n")


def test_a_libcurl_without_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pycurl = load()
    name, number, code, system, features, *rest = pycurl.version_info()
    monkeypatch.setattr(pycurl, "version_info", lambda: (name, number, code, system, features & ~HTTP3, *rest))
    for response in (
        fetch(Request(parse_url("https://127.0.0.1:1/"), route=Route(http_version="3"))),
        *dict(fetch_many([Request(parse_url("https://127.0.0.1:1/"), route=Route(http_version="3"))])).values(),
    ):
        assert response.error
        assert (int(response.exit_code), response.error.kind) == (11, "missing")
        assert response.error.message.startswith("this libcurl has no HTTP/3: PycURL/")
