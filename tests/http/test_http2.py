"""`netkit http` with servers of HTTP/2 that misbehave, in TLS and in clear text, alone and as one of --parallel.

Each has its outcome and its exit code, none outlives the deadline, and no body that was cut is told as whole. That the
server is the one that gives up is seen in the server: it goes on until the client ends the connection.
"""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hyperframe.frame import HeadersFrame

from netkit.http import Request, Response, fetch, parse_url
from netkit.http.many import fetch_many
from netkit.http.retry import Retry
from netkit.net.route import Route
from tests.conftest import MS
from tests.http.frames import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    HTTP_1_1_REQUIRED,
    INTERNAL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    Fields,
    Peer,
    Script,
    continuation,
    data,
    goaway,
    http2,
    negotiating,
    ping,
    promise,
    raw,
    reset,
    settings,
)

Serve = Callable[..., Any]
Netkit = Callable[..., Any]
LIMIT = 30_000 * MS
OK = (":status", "200")
LENGTH = ("content-length", "100")


def send(*parts: Callable[[Peer, int], bytes], close: bool = False) -> Script:
    """A script that sends these, and ends the connection where that is asked for."""

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        peer.send(*(part(peer, stream) for part in parts))
        if close:
            raise EOFError

    return script


def flood(*parts: Callable[[Peer, int], bytes], by: Callable[[Peer, int], bytes]) -> Script:
    """These, then the last for ever."""

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        peer.send(*(part(peer, stream) for part in parts))
        while True:
            peer.send(by(peer, stream))

    return script


def block(*fields: tuple[str, str], end: bool = False, whole: bool = True) -> Callable[[Peer, int], bytes]:
    return lambda peer, stream: peer.headers(stream, fields, end=end, whole=whole)


def body(content: bytes, *, end: bool = False) -> Callable[[Peer, int], bytes]:
    return lambda _, stream: data(stream, content, end=end)


def rst(code: int) -> Callable[[Peer, int], bytes]:
    return lambda _, stream: reset(stream, code)


def frame(kind: int, flags: int, content: bytes, *, stream: int | None = None) -> Callable[[Peer, int], bytes]:
    return lambda _, own: raw(kind, flags, own if stream is None else stream, content)


def whole(*fields: tuple[str, str]) -> Script:
    return send(lambda peer, stream: peer.answer(stream, b"hello", *fields))


def split(fields: Fields) -> Callable[[Peer, int], bytes]:
    """A header block over as many CONTINUATION frames as it takes."""

    def part(peer: Peer, stream: int) -> bytes:
        encoded = peer.encoder.encode(fields)
        pieces = [encoded[at : at + 16000] for at in range(0, len(encoded), 16000)]
        first = HeadersFrame(stream, pieces[0]).serialize()
        return first + b"".join(continuation(stream, one, end=one is pieces[-1]) for one in pieces[1:])

    return part


def pushed(peer: Peer, stream: int) -> bytes:
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/p")]
    return promise(stream, 2, peer.encoder.encode(fields))


FIRST = [block(OK), body(b"hello")]  # of a body without a length
ANNOUNCED = [block(OK, LENGTH), body(b"hello")]

# script, exit code, kind of error, what is there of the body
Case = tuple[Script, int, str | None, bytes | None]

GOOD: dict[str, Case] = {
    "plain": (whole(), 0, None, b"hello"),
    "without a length": (send(block(OK), body(b"hello", end=True)), 0, None, b"hello"),
    "no body": (send(block(OK, end=True)), 0, None, b""),
    "unknown frame": (send(frame(0xFE, 0xFF, b"x" * 200), *FIRST, body(b"", end=True)), 0, None, b"hello"),
    "alt-svc": (send(frame(0xA, 0, b'\0\1xh3=":1"', stream=0), *FIRST, body(b"", end=True)), 0, None, b"hello"),
    "goaway that lets it end": (
        send(lambda _, stream: goaway(stream), *FIRST, body(b"", end=True)),
        0,
        None,
        b"hello",
    ),
    "reset behind the end": (send(*FIRST, body(b"", end=True), rst(NO_ERROR)), 0, None, b"hello"),
    "data behind the end": (send(*FIRST, body(b"", end=True), body(b"again", end=True)), 0, None, b"hello"),
    "empty frames": (send(block(OK), *[body(b"")] * 20, body(b"hello", end=True)), 0, None, b"hello"),
}

CUT: dict[str, Case] = {
    **{f"reset {code} before": (send(rst(code)), 3, "reset", None) for code in (1, INTERNAL_ERROR, CANCEL, 99)},
    **{
        f"reset {code} amid": (send(*ANNOUNCED, rst(code)), 5, "truncated", b"hello")
        for code in (NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, HTTP_1_1_REQUIRED, 99)
    },
    **{
        f"reset {code} amid, no length": (send(*FIRST, rst(code)), 5, "truncated", b"hello")
        for code in (PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED)
    },
    "reset 0 before": (send(rst(NO_ERROR)), 3, "empty_reply", None),
    "refused": (send(rst(REFUSED_STREAM)), 3, "refused_stream", None),
    "reset where the end should be": (
        send(block(OK, ("content-length", "5")), body(b"hello"), rst(INTERNAL_ERROR)),
        5,
        "truncated",
        b"hello",
    ),
    "reset behind 103": (send(block((":status", "103")), rst(INTERNAL_ERROR)), 5, "truncated", None),
    "goaway before": (send(lambda *_: goaway(0)), 3, "refused_stream", None),
    "goaway with an error before": (send(lambda *_: goaway(0, INTERNAL_ERROR), close=True), 3, "reset", None),
    "goaway amid, and the end": (send(*FIRST, lambda _, s: goaway(s), close=True), 5, "truncated", b"hello"),
    "goaway that drops it amid": (send(*FIRST, lambda *_: goaway(0)), 5, "truncated", b"hello"),
    "too little": (send(block(OK, LENGTH), body(b"hello", end=True)), 5, "truncated", b"hello"),
    "too little before trailers": (send(*ANNOUNCED, block(("x", "1"), end=True)), 5, "truncated", b"hello"),
    "the end before": (send(close=True), 3, "reset", None),
    "the end amid": (send(*ANNOUNCED, close=True), 5, "truncated", b"hello"),
    "the end amid, no length": (send(*FIRST, close=True), 5, "truncated", b"hello"),
    "the end behind the headers": (send(block(OK), close=True), 5, "truncated", b""),
}


def malformed(*parts: Callable[[Peer, int], bytes], got: bytes | None = None) -> Case:
    return send(*parts), 5, "malformed", got


WRONG: dict[str, Case] = {
    "too much": malformed(block(OK, ("content-length", "3")), body(b"hello", end=True), got=b""),
    "a length and no body": malformed(block(OK, LENGTH, end=True)),
    "two lengths": malformed(block(OK, ("content-length", "5"), ("content-length", "6")), body(b"hello", end=True)),
    "negative length": malformed(block(OK, ("content-length", "-5")), body(b"hello", end=True)),
    "length with a letter": malformed(block(OK, ("content-length", "5x")), body(b"hello", end=True)),
    "trailers that are not the end": malformed(*FIRST, block(("x", "1")), got=b"hello"),
    "pseudo header in trailers": malformed(*FIRST, block(OK, end=True), got=b"hello"),
    "connection header": malformed(block(OK, ("connection", "close"), end=True)),
    "transfer-encoding": malformed(block(OK, ("transfer-encoding", "chunked"), end=True)),
    "upper case": malformed(block(OK, ("X-Upper", "1"), end=True)),
    "no status": malformed(block(("x", "1"), end=True)),
    "two statuses": malformed(block(OK, (":status", "404"), end=True)),
    "late status": malformed(block(("x", "1"), OK, end=True)),
    "unknown pseudo header": malformed(block(OK, (":path", "/"), end=True)),
    **{
        f"status {status!r}": malformed(block((":status", status), end=True))
        for status in ("", "20", "2000", "abc", "000", "099", "+20", "101", "200 OK\r\nx: y")
    },
    "push": malformed(pushed),
    "data before headers": malformed(body(b"hello", end=True)),
    "data of no stream": malformed(frame(0, 1, b"x", stream=0)),
    "data of another stream": malformed(block(OK), frame(0, 1, b"x", stream=9), got=b""),
    "data within the headers": malformed(block(OK, whole=False), body(b"hello", end=True)),
    "headers go on elsewhere": malformed(block(OK, whole=False), lambda _, s: continuation(s + 2, b"", end=True)),
    "a frame too large": malformed(block(OK), frame(0, 1, b"x" * 20000), got=b""),
    "a header block too large": malformed(split([OK, *((f"x-{n}", "a" * 1000) for n in range(400))])),
    "too many headers": malformed(split([OK, *((f"x-{n}", "a") for n in range(6000))])),
    "bad padding": malformed(block(OK), frame(0, 9, b"\xffx"), got=b""),
    "bad header block": malformed(frame(1, 5, b"\xff" * 6)),
    "bad table size": malformed(frame(1, 5, b"\x3f\xff\xff\xff\x7f\x88")),
    "window of nothing": malformed(frame(8, 0, bytes(4))),
    "window too large": malformed(frame(8, 0, b"\x7f\xff\xff\xff", stream=0), frame(8, 0, b"\x7f\xff\xff\xff")),
    "settings out of range": malformed(lambda *_: settings({4: 2**31})),
    "settings allow push": malformed(lambda *_: settings({2: 1})),
    "garbage": malformed(lambda *_: bytes(range(256)) * 10),
    "HTTP/1.1": malformed(lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
}

FLOODS: dict[str, Case] = {
    "1xx": (flood(by=block((":status", "103"), ("link", "</a>"))), 5, "too_many_1xx", None),
    "continuation": (
        flood(block(OK, whole=False), by=lambda peer, s: continuation(s, peer.encoder.encode([("x", "y" * 99)]))),
        *(5, "malformed", None),
    ),
    "empty continuation": (flood(block(OK, whole=False), by=lambda _, s: continuation(s, b"")), 5, "malformed", None),
    "settings": (flood(by=lambda *_: settings({1: 4096}) * 100), 5, "malformed", None),
    "ping": (flood(by=lambda *_: ping() * 100), 5, "malformed", None),
    "priority": (flood(by=frame(2, 0, b"\0\0\0\0\1")), 5, "malformed", None),
    "unknown frames": (flood(by=lambda *_: raw(0xFE, 0, 0, b"") * 100), 5, "malformed", None),
    "empty data": (flood(block(OK), by=lambda _, s: data(s, b"") * 100), 5, "malformed", b""),
}


@pytest.fixture(params=["clear", "tls"])
def ask(request: pytest.FixtureRequest, serve: Serve, authority: Any) -> Callable[..., Any]:
    """ask(script, *paths) -> (server, its Requests), for HTTP/2 with and without TLS."""
    tls = request.param == "tls"

    def asked(script: Script, *paths: str, **options: Any) -> tuple[Any, list[Request]]:
        server = serve(http2(script), negotiating(authority.context("127.0.0.1")) if tls else None)
        route = Route(http_version="2", cacert=authority.ca if tls else None)
        base = f"{'https' if tls else 'http'}://127.0.0.1:{server.port}"
        options = {"timeout": LIMIT, **options}
        return server, [Request(parse_url(base + path), route=route, **options) for path in paths or ("/",)]

    return asked


def summed(response: Response) -> tuple[int, str | None, bytes | None]:
    return int(response.exit_code), response.error.kind if response.error else None, response.body.content


@pytest.mark.parametrize("name", [*GOOD, *CUT, *WRONG, *FLOODS])
def test_the_outcome_alone_and_as_one_of_many(ask: Callable[..., Any], name: str) -> None:
    script, *expected = (GOOD | CUT | WRONG | FLOODS)[name]
    _, [request] = ask(script)
    assert summed(fetch(request)) == tuple(expected)
    assert [summed(response) for _, response in fetch_many([request])] == [tuple(expected)]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (send(rst(INTERNAL_ERROR)), "the connection was reset before an answer (INTERNAL_ERROR)"),
        (send(rst(99)), "the connection was reset before an answer (0x63)"),
        (send(*ANNOUNCED, rst(CANCEL)), "reset after 5 of 100 bytes of the body (CANCEL)"),
        (send(*FIRST, rst(PROTOCOL_ERROR)), "reset after 5 bytes of the body (PROTOCOL_ERROR)"),
        (send(*ANNOUNCED, body(b"", end=True)), "ended after 5 of 100 bytes of the body"),
        (send(rst(REFUSED_STREAM)), "the server sends every request back untouched"),
        (send(rst(NO_ERROR)), "empty reply: the stream was closed without an answer"),
    ],
)
def test_the_words(ask: Callable[..., Any], script: Script, message: str) -> None:
    _, [request] = ask(script)
    error = fetch(request).error
    assert error is not None
    assert error.message == f"{request.url}: {message}"


def test_trailers_and_informational_replies(ask: Callable[..., Any]) -> None:
    hint = block((":status", "103"), ("link", "</a>"))
    _, [request] = ask(send(hint, hint, *FIRST, block(("x-sum", "1"), ("x-other", "2"), end=True)))
    response = fetch(request)
    assert summed(response) == (0, None, b"hello")
    [hop] = response.hops
    assert hop.head
    assert (hop.head.http_version, hop.head.headers) == ("2", ())
    assert hop.trailers == (("x-sum", "1"), ("x-other", "2"))
    assert [(one.status, one.headers) for one in hop.informational] == [(103, (("link", "</a>"),))] * 2


@pytest.mark.parametrize(
    ("name", "value"), [("x y", "1"), ("", "1"), ("x:y", "1"), ("x", "1\r\nset-cookie: a=b"), ("x", "1\0")]
)
def test_a_header_that_cannot_be_is_left_out_with_a_warning(ask: Callable[..., Any], name: str, value: str) -> None:
    _, [request] = ask(whole((name, value)))
    response = fetch(request)
    assert summed(response) == (0, None, b"hello")
    assert response.head
    assert response.head.headers == (("content-length", "5"),)
    assert [(one.code, repr(name) in one.message) for one in response.warnings] == [("header_dropped", True)]


@pytest.mark.parametrize(
    "script",
    [send(), send(lambda *_: settings({4: 0})), send(block(OK)), send(*ANNOUNCED)],
    ids=["silence", "no window", "headers alone", "half a body"],
)
def test_the_deadline_ends_what_does_not_end(ask: Callable[..., Any], script: Script) -> None:
    _, [request] = ask(script, timeout=0.5)
    assert int(fetch(request).exit_code) == 4
    assert [int(response.exit_code) for _, response in fetch_many([request])] == [4]


def test_a_trickle_of_empty_frames_does_not_extend_it(ask: Callable[..., Any]) -> None:
    over = threading.Event()

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        peer.send(peer.headers(stream, [OK]))
        while not over.wait(0.02):
            peer.send(data(stream, b""), ping())

    _, [request] = ask(script, timeout=0.5)
    assert int(fetch(request).exit_code) == 4
    over.set()


def exchange(peer: Peer) -> list[bytes]:
    """The frames of an answer with all there is, of the first stream."""
    return [
        peer.headers(1, [(":status", "103")]),
        peer.headers(1, [OK]),
        data(1, b"he"),
        ping(),
        data(1, b"llo"),
        peer.headers(1, [("x", "1")], end=True),
    ]


def test_cut_anywhere_it_is_no_whole_answer(ask: Callable[..., Any]) -> None:
    """At every boundary of a frame, and within each: in its header and in what it holds."""
    with socket.socket() as unused:
        total = len(b"".join(exchange(Peer(unused, b""))))
    places: list[int] = []

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        peer.send(b"".join(exchange(peer))[: places[-1]])
        raise EOFError

    _, [request] = ask(script)
    for place in range(total):
        places.append(place)
        response = fetch(request)
        code, kind, content = summed(response)
        answered = response.head is not None
        begun = answered or bool(response.hops[0].informational)
        assert (code, kind) == ((5, "truncated") if begun else (3, "reset")), place
        assert b"hello".startswith(content or b""), place
    places.append(total)
    assert summed(fetch(request)) == (0, None, b"hello")


def test_byte_by_byte_it_is_whole(ask: Callable[..., Any]) -> None:
    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        peer.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"".join(exchange(peer)):
            peer.send(bytes([byte]))

    _, [request] = ask(script)
    response = fetch(request)
    assert (summed(response), response.hops[0].trailers) == ((0, None, b"hello"), (("x", "1"),))


def test_refused_once_it_is_asked_again(ask: Callable[..., Any]) -> None:
    """REFUSED_STREAM says that nothing was done (RFC 9113 section 8.7)."""
    asked = 0

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        nonlocal asked
        asked += 1
        peer.send(reset(stream, REFUSED_STREAM) if asked == 1 else peer.answer(stream, b"hello"))

    _, [request] = ask(script)
    assert (summed(fetch(request)), asked) == ((0, None, b"hello"), 2)


def test_a_reset_amid_a_body_is_tried_again_with_retry(ask: Callable[..., Any]) -> None:
    asked = 0

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            peer.send(peer.headers(stream, [OK]), data(stream, b"hel"), reset(stream, INTERNAL_ERROR))
        else:
            peer.send(peer.answer(stream, b"hello"))

    _, [request] = ask(script, retry=Retry(times=1))
    response = fetch(request)
    assert (summed(response), [one.error.kind for one in response.retries]) == ((0, None, b"hello"), ["truncated"])


@pytest.mark.parametrize("amid", [False, True])
def test_http_1_1_required(serve: Serve, amid: bool) -> None:
    """Before an answer it is asked for again by HTTP/1.1; amid a body the answers would be strung together."""

    def script(peer: Peer, stream: int, _: dict[str, str]) -> None:
        begun = [peer.headers(stream, [OK]), data(stream, b"first")] if amid else []
        peer.send(*begun, reset(stream, HTTP_1_1_REQUIRED))

    def answer(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"GET"):
            connection.sendall(b"HTTP/1.1 200 a: b\r\nContent-Length: 6\r\n\r\nsecond")
        else:
            http2(script)(connection, head)

    server = serve(answer)
    request = Request(parse_url(f"http://127.0.0.1:{server.port}/"), timeout=LIMIT, route=Route(http_version="2"))
    for response in (fetch(request), *dict(fetch_many([request])).values()):
        if amid:
            assert summed(response) == (5, "truncated", b"first")
            assert response.error
            assert response.error.hint == "--http 1.1"
        else:
            assert summed(response) == (0, None, b"second")
            assert [one.code for one in response.warnings] == ["http_version"]


# Several streams of one connection.


@pytest.fixture
def together() -> Callable[..., Script]:
    """together(n, answer): collects n requests of one connection, then has them answered by (peer, {path: stream})."""

    def wait(number: int, answer: Callable[[Peer, dict[str, int]], object]) -> Script:
        waiting: dict[str, int] = {}

        def script(peer: Peer, stream: int, fields: dict[str, str]) -> None:
            waiting[fields[":path"]] = stream
            if len(waiting) == number:
                answer(peer, dict(waiting))

        return script

    return wait


def several(found: Any) -> list[tuple[int, str | None, bytes | None]]:
    return [summed(response) for _, response in sorted(found)]


def after_the_first(script: Script) -> Script:
    """The first request of a run is answered at once: those behind it wait for its connection, and share it."""
    return lambda peer, stream, fields: (
        peer.send(peer.answer(stream, b"first")) if fields[":path"] == "/first" else script(peer, stream, fields)
    )


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (send(*FIRST, rst(CANCEL)), (5, "truncated", b"hello")),
        (send(rst(INTERNAL_ERROR)), (3, "reset", None)),
        (send(block(OK, ("Upper", "1"), end=True)), (5, "malformed", None)),
        (send(block(OK, LENGTH), body(b"hello", end=True)), (5, "truncated", b"hello")),
        (send(block(OK, ("content-length", "3")), body(b"hello", end=True)), (5, "malformed", b"")),
    ],
    ids=["reset amid", "reset before", "malformed", "too little", "too much"],
)
def test_what_one_stream_does_wrong_is_no_others_concern(
    ask: Callable[..., Any], together: Any, part: Script, expected: Any
) -> None:
    def answer(peer: Peer, streams: dict[str, int]) -> None:
        for path in ("/a", "/c"):
            peer.send(peer.headers(streams[path], [OK]), data(streams[path], path.encode()))
        part(peer, streams["/b"], {})
        for path in ("/a", "/c"):
            peer.send(data(streams[path], b"!", end=True))

    server, requests = ask(after_the_first(together(3, answer)), "/first", "/a", "/b", "/c")
    found = several(fetch_many(requests, parallel=4))
    assert found == [(0, None, b"first"), (0, None, b"/a!"), expected, (0, None, b"/c!")]
    assert len(server.requests) == 1  # one connection


def test_goaway_amid_lets_the_streams_before_it_end(ask: Callable[..., Any], together: Any) -> None:
    """Those behind its last stream were not touched, and are asked for again on another connection."""
    connections: list[Peer] = []

    def answer(peer: Peer, streams: dict[str, int]) -> None:
        last = sorted(streams.values())[1]
        kept = [path for path, stream in streams.items() if stream <= last]
        for path in kept:
            peer.send(peer.headers(streams[path], [OK]), data(streams[path], path.encode()))
        peer.send(goaway(last))
        for path in kept:
            peer.send(data(streams[path], b"!", end=True))

    script = together(3, answer)

    def either(peer: Peer, stream: int, fields: dict[str, str]) -> None:
        if peer not in connections:
            connections.append(peer)
        if fields[":path"] == "/first" or peer is not connections[0]:
            peer.send(peer.answer(stream, b"new"))
        else:
            script(peer, stream, fields)

    _, requests = ask(either, "/first", "/a", "/b", "/c")
    first, *rest = several(fetch_many(requests, parallel=4))
    assert first == (0, None, b"new")
    assert [(code, kind) for code, kind, _ in rest] == [(0, None)] * 3
    contents = sorted(content for _, _, content in rest if content)
    assert (len(contents), contents[-1]) == (3, b"new")
    assert all(content in (b"/a!", b"/b!", b"/c!") for content in contents[:2])
    assert len(connections) == 2


def test_the_end_of_a_shared_connection_ends_each_as_far_as_it_came(ask: Callable[..., Any], together: Any) -> None:
    def answer(peer: Peer, streams: dict[str, int]) -> None:
        peer.send(peer.headers(streams["/a"], [OK]), data(streams["/a"], b"cut"))
        peer.send(peer.answer(streams["/b"], b"whole"))
        raise EOFError

    _, requests = ask(after_the_first(together(3, answer)), "/first", "/a", "/b", "/c")
    first, a, b, c = several(fetch_many(requests, parallel=4))
    assert first == (0, None, b"first")
    assert (a, c) == ((5, "truncated", b"cut"), (3, "reset", None))
    assert b in ((0, None, b"whole"), (5, "truncated", b"whole"))  # it may see the end first


# As a command.


def command(server: Any, authority: Any, *more: str) -> list[str]:
    return ["http", "get", "--http", "2", "--cacert", authority.ca, *more, f"https://127.0.0.1:{server.port}/"]


def test_as_a_command(serve: Serve, netkit: Netkit, authority: Any, tmp_path: Path) -> None:
    context = negotiating(authority.context("127.0.0.1"))
    server = serve(http2(send(*ANNOUNCED, rst(INTERNAL_ERROR))), context)
    done = netkit(*command(server, authority))
    assert (done.returncode, done.stdout) == (5, "hello")
    url = f"https://127.0.0.1:{server.port}/"
    assert done.stderr == f"netkit: {url}: reset after 5 of 100 bytes of the body (INTERNAL_ERROR)\n"
    done = netkit(*command(server, authority, "-o", str(tmp_path / "file")))
    assert (done.returncode, (tmp_path / "file").exists()) == (5, False)
    document = json.loads(netkit(*command(server, authority, "--json")).stdout)
    assert (document["exit_code"], document["error"]["kind"]) == (5, "truncated")
    assert (document["hops"][0]["http_version"], document["body"]["content"]) == ("2", "hello")


def test_what_the_server_says_of_itself_steers_no_terminal(
    serve: Serve, terminal: Callable[..., Any], authority: Any
) -> None:
    """Also where the message quotes it: a header of HTTP/2 may hold any byte."""
    context = negotiating(authority.context("127.0.0.1"))
    server = serve(http2(send(block(OK, ("X\x1b[45m", "\x1b]0;x\x07"), end=True))), context)
    shown = terminal(*command(server, authority, "-v"))
    assert shown.returncode == 5
    assert "\x1b[45m" not in shown.text
    assert "\x07" not in shown.text
