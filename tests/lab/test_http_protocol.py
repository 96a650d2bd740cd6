"""Reading requests, without sockets: every split, every truncation, and what is refused with which status."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.lab.http.protocol import (
    MAX_BODY,
    MAX_FIELDS,
    MAX_HEAD,
    MAX_REQUEST_LINE,
    BadRequest,
    Request,
    RequestReader,
    Response,
    chunk,
    framing,
    head_bytes,
    last_chunk,
)

HOST = b"Host: h\r\n"
GET = b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two:  2 \r\n\r\n"
LENGTH = b"POST /anything HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /anything HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n"
)
OLD = b"GET / HTTP/1.0\r\n\r\n"
STREAM = GET + LENGTH + b"\r\n" + CHUNKED + OLD


def read(*pieces: bytes) -> list[Request]:
    reader, requests = RequestReader(), []
    for piece in pieces:
        reader.receive(piece)
        while request := reader.next_request():
            requests.append(request)
    return requests


EXPECTED = [
    Request("GET", "/a?b=c", (1, 1), (("Host", "h"), ("X-Two", "1"), ("x-two", "2"))),
    Request("POST", "/anything", (1, 1), (("Host", "h"), ("Content-Length", "5")), b"hello"),
    Request("POST", "/anything", (1, 1), (("Host", "h"), ("Transfer-Encoding", "chunked")), b"hello"),
    Request("GET", "/", (1, 0), ()),
]


def test_pipelined_requests_in_one_piece() -> None:
    assert read(STREAM) == EXPECTED


def test_byte_by_byte() -> None:
    assert read(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == EXPECTED


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_every_split(at: int) -> None:
    assert read(STREAM[:at], STREAM[at:]) == EXPECTED


@pytest.mark.parametrize("data", [GET, LENGTH, CHUNKED, OLD])
def test_every_truncation_waits_for_more(data: bytes) -> None:
    for length in range(len(data)):
        assert read(data[:length]) == []


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_give_requests_or_bad_request(data: bytes, size: int) -> None:
    with suppress(BadRequest):
        read(*(data[at : at + size] for at in range(0, len(data), size)))


@given(st.lists(st.sampled_from([b"GET / HTTP/1.1\r\n", b"Host: h\r\n", b"\r\n", b" ", b"\t", b"x: y\r\n", b"0\r\n",
                                 b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", b"5\r\nhello\r\n"]),
                max_size=12))  # fmt: skip
def test_any_order_of_parts_gives_the_same_whole_or_byte_by_byte(parts: list[bytes]) -> None:
    data = b"".join(parts)

    def outcome(pieces: list[bytes]) -> tuple[list[Request], int]:
        reader, requests = RequestReader(), list[Request]()
        try:
            for piece in pieces:
                reader.receive(piece)
                while request := reader.next_request():
                    requests.append(request)
        except BadRequest as exc:
            return requests, exc.status
        return requests, 0

    assert outcome([data]) == outcome([data[at : at + 1] for at in range(len(data))])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /\r\n" + HOST + b"\r\n", 400),
        (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
        (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT h:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET ftp://h/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\x1b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Broken\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X : 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\nY: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: \xb2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 300, 400),
        (b"GET /" + b"a" * MAX_REQUEST_LINE + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"G" * (MAX_REQUEST_LINE + 1), 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * MAX_FIELDS + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * MAX_HEAD, 431),
        (b"\r\n" * 10 + b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        read(data)
    assert refused.value.status == status
    with pytest.raises(BadRequest) as refused:
        read(*(data[at : at + 1] for at in range(len(data))))
    assert refused.value.status == status


def test_what_is_as_long_as_allowed() -> None:
    line = b"GET /" + b"a" * (MAX_REQUEST_LINE - 14) + b" HTTP/1.1"
    assert len(line) == MAX_REQUEST_LINE
    fields = b"X: 1\r\n" * (MAX_FIELDS - 1)
    (request,) = read(line + b"\r\n" + HOST + fields + b"\r\n")
    assert len(request.headers) == MAX_FIELDS


def test_expect_continue_is_seen_before_the_body() -> None:
    reader = RequestReader()
    reader.receive(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
    assert reader.next_request() is None
    assert reader.expects_continue
    reader.receive(b"ok")
    request = reader.next_request()
    assert request
    assert (request.body, reader.started) == (b"ok", False)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", []),
        ("/a%20b?x=1&y=a+b%26&z&=e", "/a%20b", [("x", "1"), ("y", "a b&"), ("z", ""), ("", "e")]),
        ("http://h/p?q", "/p", [("q", "")]),
        ("http://h", "/", []),
        ("/to?url=http://x/y", "/to", [("url", "http://x/y")]),
    ],
)
def test_the_parts_of_a_target(target: str, path: str, query: list[tuple[str, str]]) -> None:
    request = Request("GET", target, (1, 1), ())
    assert (request.path, request.query) == (path, query)


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [((1, 1), None, True), ((1, 1), "close", False), ((1, 1), "x, Close", False), ((1, 0), None, False),
     ((1, 0), "Keep-Alive", True)],
)  # fmt: skip
def test_keep_alive(version: tuple[int, int], connection: str | None, keeps: bool) -> None:
    headers = (("Connection", connection),) if connection else ()
    assert Request("GET", "/", version, headers).keep_alive is keeps


@pytest.mark.parametrize(("name", "value"), [("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\0b"), ("X Y", "a"), ("", "a")])
def test_a_header_that_would_end_its_line_is_never_sent(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        head_bytes(200, [(name, value)])


def test_what_is_sent() -> None:
    assert head_bytes(200, [("A", "ü")]) == b"HTTP/1.1 200 OK\r\nA: \xfc\r\n\r\n"
    assert head_bytes(599, []) == b"HTTP/1.1 599 Unknown\r\n\r\n"
    assert chunk(b"hello") == b"5\r\nhello\r\n"
    assert last_chunk([("A", "b")]) == b"0\r\nA: b\r\n\r\n"


def test_framing() -> None:
    new, old = Request("GET", "/", (1, 1), ()), Request("GET", "/", (1, 0), ())
    assert framing(new, Response(body=b"ok"), close=False) == [("Content-Length", "2")]
    assert framing(old, Response(body=b"ok"), close=False) == [("Content-Length", "2"), ("Connection", "keep-alive")]
    assert framing(new, Response(204), close=True) == [("Connection", "close")]
