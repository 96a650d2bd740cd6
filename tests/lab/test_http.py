"""The lab's HTTP server over real sockets: http.client and curl as clients, and clients that misbehave."""

import asyncio
import gzip
import http.client
import json
import select
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import quote, urlsplit

import brotli
import pytest
from backports import zstd

from netkit.lab import Event, Lab, running
from netkit.lab.http.bodies import BLOCK, ESCAPES, content
from netkit.lab.http.broken import MALFORMED
from netkit.lab.http.call import MAX_COUNTED, Call
from netkit.lab.http.endpoints import ENDPOINTS, match
from netkit.lab.http.protocol import Request
from netkit.lab.http.server import Http, Limits
from netkit.lab.service import Shared
from netkit.net.address import Endpoint
from netkit.net.ca import Authority
from netkit.net.listen import open_socket
from tests.conftest import MS


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running() as lab:
        yield lab


def where(lab: Lab) -> tuple[str, int]:
    parts = urlsplit(lab.environment["NETKIT_LAB_HTTP"])
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def get(lab: Lab, target: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(*where(lab), timeout=10_000 * MS)) as connection:
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()


def get_json(lab: Lab, target: str, method: str = "GET", **headers: str) -> dict[str, object]:
    response, body = get(lab, target, method, **headers)
    assert response.status == 200
    document = json.loads(body)
    assert isinstance(document, dict)
    return document


def exchange(address: tuple[str, int], *pieces: bytes, end: bool = True) -> bytes:
    """Everything the server says to these bytes until it closes."""
    with socket.create_connection(address, timeout=10_000 * MS) as client:
        for piece in pieces:
            client.sendall(piece)
        if end:
            client.shutdown(socket.SHUT_WR)
        seen = bytearray()
        while data := client.recv(65536):
            seen += data
        return bytes(seen)


def test_the_index_lists_every_endpoint_as_text_and_html(lab: Lab) -> None:
    response, body = get(lab, "/")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert [line.split()[0] for line in body.decode().splitlines()] == [each.path for each in ENDPOINTS]
    response, body = get(lab, "/", Accept="text/html")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert body.count(b"<a href=") == len(ENDPOINTS)


ENDING = [each for each in ENDPOINTS if not any(word in each.path for word in ("malformed", "delay", "bomb", "follow"))]


@pytest.mark.parametrize("endpoint", ENDING, ids=lambda each: each.path)
def test_head_has_the_headers_of_get_and_no_body(lab: Lab, endpoint: object) -> None:
    target = getattr(endpoint, "example", "") or getattr(endpoint, "path", "")
    target = target.replace("seconds=2", "seconds=0.01")
    head, nothing = get(lab, target, "HEAD")
    with closing(http.client.HTTPConnection(*where(lab), timeout=10_000 * MS)) as connection:
        connection.request("GET", target)
        whole = connection.getresponse()
        if target != "/truncated":
            whole.read()
    assert nothing == b""
    skip = ("Date", "Connection", "Content-Length") if target in ("/ip", "/anything") else ("Date", "Connection")
    assert head.status == whole.status
    assert [pair for pair in head.getheaders() if pair[0] not in skip] == [
        pair for pair in whole.getheaders() if pair[0] not in skip
    ]


@pytest.mark.parametrize(
    "code", [200, 201, 204, 205, 299, 300, 301, 304, 400, 401, 404, 405, 407, 418, 429, 500, 503, 599]
)
def test_status(lab: Lab, code: int) -> None:
    response, body = get(lab, f"/status/{code}")
    assert response.status == code
    assert (body == b"") is (code in (204, 205, 304))


@pytest.mark.parametrize("code", ["100", "199", "600", "x", "-1", "²", "1" * 30])
def test_a_status_that_is_none(lab: Lab, code: str) -> None:
    response, body = get(lab, f"/status/{quote(code)}")
    assert response.status == 400
    assert body.startswith(b"code is a")


def test_redirects(lab: Lab) -> None:
    for target, location in (
        ("/redirect/3", "/redirect/2"),
        ("/redirect/1", "/hello"),
        ("/redirect-loop", "/redirect-loop"),
    ):
        response, _ = get(lab, target)
        assert (response.status, response.headers["Location"]) == (302, location)
    assert get(lab, "/redirect/0")[0].status == 200


def test_redirect_to(lab: Lab) -> None:
    response, _ = get(lab, "/redirect-to?status=307&url=" + quote("http://h/ü?a=b#c", safe=""))
    assert (response.status, response.headers["Location"]) == (307, "http://h/%C3%BC?a=b#c")


@pytest.mark.parametrize(
    "query", ["url=/a%0d%0aX-Injected:1", "url=/a%0aX:1", "url=%00", "url=/&status=200", "", "url=a%20b"]
)
def test_redirect_to_takes_no_injection(lab: Lab, query: str) -> None:
    response, _ = get(lab, "/redirect-to?" + query)
    assert response.status == 400
    assert "X-Injected" not in response.headers


def test_headers_are_echoed_in_order_with_repeats(lab: Lab) -> None:
    reply = exchange(
        where(lab), b"GET /headers HTTP/1.1\r\nHost: h\r\nA: 1\r\na: 2\r\nB: \xfc\r\nConnection: close\r\n\r\n"
    )
    document = json.loads(reply.partition(b"\r\n\r\n")[2])
    assert document == {
        "headers": {"Host": "h", "A": "1, 2", "B": "ü", "Connection": "close"},
        "raw": [["Host", "h"], ["A", "1"], ["a", "2"], ["B", "ü"], ["Connection", "close"]],
    }


def test_response_headers(lab: Lab) -> None:
    response, body = get(lab, "/response-headers?X-A=1&x-a=2&Content-Type=text/x&Set-Cookie=a%3Db")
    assert response.headers.get_all("X-A") == ["1", "2"]
    assert response.headers["Content-Type"] == "text/x"
    assert json.loads(body)["X-A"] == "1, 2"


@pytest.mark.parametrize(
    "query",
    ["X=a%0d%0aY:b", "X=a%0aY", "X=%00", "X%0d%0aY=1", "X%3A=1", "=1", "Content-Length=5", "transfer-encoding=chunked",
     "Connection=close", "X=%1b"],
)  # fmt: skip
def test_response_headers_take_no_injection(lab: Lab, query: str) -> None:
    assert get(lab, "/response-headers?" + query)[0].status == 400


def test_anything_takes_any_method_and_a_body(lab: Lab) -> None:
    with closing(http.client.HTTPConnection(*where(lab), timeout=10_000 * MS)) as connection:
        connection.request("PUT", "/anything?a=b", body=iter([b"one ", b"two"]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})  # fmt: skip
        document = json.loads(connection.getresponse().read())
    assert (document["method"], document["query"], document["body"]) == ("PUT", [["a", "b"]], "one two")


def test_other_methods_are_not_allowed(lab: Lab) -> None:
    response, _ = get(lab, "/hello", "DELETE")
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert get(lab, "/nosuch")[0].status == 404


def test_basic_authentication(lab: Lab) -> None:
    right, wrong = (b64encode(text.encode()).decode() for text in ("ü:p:q", "u:p"))
    target = f"/basic-auth/{quote('ü')}/p:q"
    assert get(lab, target)[0].headers["WWW-Authenticate"] == 'Basic realm="lab", charset="UTF-8"'
    assert get_json(lab, target, Authorization=f"Basic {right}") == {"authenticated": True, "user": "ü"}
    for credentials in (f"Basic {wrong}", "Basic %%%", "Basic", f"Bearer {right}", "Basic /w=="):
        assert get(lab, target, Authorization=credentials)[0].status == 401


def test_bearer(lab: Lab) -> None:
    assert get_json(lab, "/bearer", Authorization="Bearer t0ken") == {"authenticated": True, "token": "t0ken"}
    assert get(lab, "/bearer")[0].status == 401


def test_cookies(lab: Lab) -> None:
    response, _ = get(lab, "/cookies/set?a=1&b=2")
    assert response.headers.get_all("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert response.headers["Location"] == "/cookies"
    assert get_json(lab, "/cookies", Cookie="a=1; b=2=3") == {"cookies": {"a": "1", "b": "2=3"}}
    for query in ("a=1%3b2", "a=%0d%0aX:1", "a%20b=1", "a=%22"):
        assert get(lab, "/cookies/set?" + query)[0].status == 400


def test_conditions(lab: Lab) -> None:
    assert get(lab, "/etag/v1")[0].headers["ETag"] == '"v1"'
    assert get(lab, "/etag/v1", If_None_Match='"v0", W/"v1"')[0].status == 304
    assert get(lab, "/etag/v1", If_None_Match='"v0"')[0].status == 200
    assert get(lab, "/etag/v1", If_Match='"v0"')[0].status == 412
    assert get(lab, "/etag/v1", If_Match="*")[0].status == 200
    assert get(lab, "/etag/a%22b")[0].status == 400
    response, _ = get(lab, "/cache")
    assert get(lab, "/cache", If_Modified_Since=response.headers["Last-Modified"])[0].status == 304


SIZE = 3 * BLOCK + 17
WHOLE = content(0, SIZE)


def test_bytes_are_always_the_same_and_each_block_differs(lab: Lab) -> None:
    response, body = get(lab, f"/bytes/{SIZE}")
    assert body == WHOLE
    assert response.headers["Accept-Ranges"] == "bytes"
    assert len({body[at : at + BLOCK] for at in range(0, 3 * BLOCK, BLOCK)}) == 3
    assert len(zlib.compress(body[:BLOCK])) > BLOCK * 0.99


@pytest.mark.parametrize(
    ("wanted", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=100-", 206, 100, SIZE),
        (f"bytes={BLOCK - 1}-{BLOCK}", 206, BLOCK - 1, BLOCK + 1),
        ("bytes=-10", 206, SIZE - 10, SIZE),
        (f"bytes=-{SIZE * 2}", 206, 0, SIZE),
        (f"bytes=5-{SIZE * 2}", 206, 5, SIZE),
        ("bytes=10-5", 200, 0, SIZE),
        ("bytes=-", 200, 0, SIZE),
        ("bytes=0-1,5-6", 200, 0, SIZE),
        ("lines=0-1", 200, 0, SIZE),
        ("bytes=x-y", 200, 0, SIZE),
    ],
)
def test_ranges(lab: Lab, wanted: str, status: int, start: int, end: int) -> None:
    response, body = get(lab, f"/bytes/{SIZE}", Range=wanted)
    assert (response.status, body == WHOLE[start:end]) == (status, True)
    if status == 206:
        assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=-0"])
def test_ranges_that_cannot_be(lab: Lab, wanted: str) -> None:
    response, _ = get(lab, f"/bytes/{SIZE}", Range=wanted)
    assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


def test_if_range(lab: Lab) -> None:
    tag = get(lab, f"/bytes/{SIZE}", "HEAD")[0].headers["ETag"]
    assert get(lab, f"/bytes/{SIZE}", Range="bytes=5-9", If_Range=tag)[0].status == 206
    assert get(lab, f"/bytes/{SIZE}", Range="bytes=5-9", If_Range='"other"')[0].status == 200


def test_a_cut_download_ends_with_a_reset_after_so_many_bytes(lab: Lab) -> None:
    with closing(http.client.HTTPConnection(*where(lab), timeout=10_000 * MS)) as connection:
        connection.request("GET", "/bytes/1000?cut=400")
        response = connection.getresponse()
        assert response.length == 1000
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()


@pytest.mark.parametrize(
    ("how", "status", "said", "start"),
    [
        ("right", 206, f"bytes 100-{SIZE - 1}/{SIZE}", 100),
        ("ignored", 200, None, 0),
        ("from-zero", 206, f"bytes 0-{SIZE - 1}/{SIZE}", 0),
        ("unnamed", 206, None, 100),
        ("other-size", 206, f"bytes 100-{SIZE - 1}/{SIZE + 1}", 100),
    ],
)
def test_ranges_that_are_wrong_on_purpose(lab: Lab, how: str, status: int, said: str | None, start: int) -> None:
    response, body = get(lab, f"/bytes/{SIZE}?range={how}", Range="bytes=100-")
    assert (response.status, response.headers["Content-Range"]) == (status, said)
    assert body == WHOLE[start:]
    assert get(lab, "/bytes/9?range=odd")[0].status == 400


def test_what_fails_at_first(lab: Lab) -> None:
    found = [get(lab, "/flaky/one/5?times=2&status=429&after=7") for _ in range(3)]
    assert [response.status for response, _ in found] == [429, 429, 200]
    assert [response.headers["Retry-After"] for response, _ in found] == ["7", "7", None]
    assert found[2][1] == WHOLE[:5]
    assert get(lab, "/flaky/two/5")[0].status == 503
    assert get(lab, "/flaky/two/5?status=200")[0].status == 400
    assert get(lab, "/flaky/three/5?after=a%0d%0ab")[0].headers["Retry-After"] is None


def test_what_is_counted_is_bounded() -> None:
    counts: dict[str, int] = {}
    request = Request("GET", "/", (1, 1), ())
    for number in range(MAX_COUNTED + 5):
        assert Call(request, "", "http", counts=counts).count(str(number)) == 0
    assert Call(request, "", "http", counts=counts).count(str(number)) == 1
    assert len(counts) == MAX_COUNTED


def test_a_large_file_takes_no_memory(lab: Lab) -> None:
    """A client that reads nothing holds the server at its write buffer: asking for a tebibyte is harmless."""
    with socket.create_connection(where(lab), timeout=10_000 * MS) as client:
        client.sendall(b"GET /bytes/1099511627776 HTTP/1.1\r\nHost: h\r\n\r\n")
        head = client.recv(1000)
        assert b"Content-Length: 1099511627776\r\n" in head
    assert get(lab, "/hello")[1] == b"Hello from the lab.\n"


def test_streams_and_drips(lab: Lab) -> None:
    response, body = get(lab, "/stream/3")
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert [json.loads(line)["line"] for line in body.splitlines()] == [0, 1, 2]
    assert get(lab, "/drip?bytes=7&seconds=0.05")[1] == b"*" * 7
    assert get(lab, "/drip?bytes=0&seconds=0")[1] == b""
    assert get_json(lab, "/delay/0.01") == {"delay": 0.01}
    for target in ("/delay/301", "/delay/x", "/delay/nan", "/drip?seconds=inf", "/bytes/1e3"):
        assert get(lab, target)[0].status == 400


def test_http_1_0_gets_no_chunks(lab: Lab) -> None:
    reply = exchange(where(lab), b"GET /stream/2 HTTP/1.0\r\n\r\n", end=False)
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert b"Connection: close" in head
    assert body == b'{"line": 0, "of": 2}\n{"line": 1, "of": 2}\n'


def test_codings(lab: Lab) -> None:
    assert b"line 49" in gzip.decompress(get(lab, "/gzip")[1])
    assert b"line 49" in zlib.decompress(get(lab, "/deflate")[1])
    assert b"line 49" in zlib.decompress(get(lab, "/deflate-raw")[1], wbits=-15)
    assert b"line 49" in brotli.decompress(get(lab, "/br")[1])
    assert b"line 49" in zstd.decompress(get(lab, "/zstd")[1])
    with pytest.raises(EOFError):
        gzip.decompress(get(lab, "/gzip-truncated")[1])
    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(get(lab, "/gzip-bad-crc")[1])
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(get(lab, "/gzip-trailing")[1])
    _, bomb = get(lab, "/gzip-bomb?size=5000000")
    assert len(bomb) < 10_000
    assert gzip.decompress(bomb) == bytes(5_000_000)


def test_texts_and_pictures(lab: Lab) -> None:
    for charset, codec in (("utf8", "utf-8"), ("latin1", "latin-1"), ("utf16", "utf-16"), ("undeclared", "latin-1")):
        assert get(lab, f"/encoding/{charset}")[1].decode(codec).startswith("grüße")
    assert get(lab, "/encoding/bom")[1].decode("utf-8-sig").startswith("grüße")
    assert b"<meta charset=iso-8859-1>\n<p>gr\xfc\xdfe" in get(lab, "/encoding/meta")[1]
    assert get(lab, "/encoding/unknown")[0].headers["Content-Type"] == "text/plain; charset=klingon"
    assert get(lab, "/encoding/klingon")[0].status == 404
    assert get(lab, "/image/png")[1].startswith(b"\x89PNG\r\n\x1a\n")
    assert json.loads(get(lab, "/json")[1])["big"] == 12345678901234567890
    response, body = get(lab, "/control-characters")
    assert body.decode() == ESCAPES
    assert response.headers["X-Escape"] == "\x1b[31mred\x1b]0;title\x07"


def test_early_hints_and_trailers_on_the_wire(lab: Lab) -> None:
    reply = exchange(
        where(lab), b"GET /early-hints HTTP/1.1\r\nHost: h\r\n\r\nGET /trailers HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    assert reply.startswith(
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\nHTTP/1.1 200 OK\r\n"
    )
    assert reply.endswith(b"13\r\ntrailers come last\n\r\n0\r\nX-Checksum: crc32=999136ec\r\n\r\n")


def test_truncated(lab: Lab) -> None:
    reply = exchange(where(lab), b"GET /truncated HTTP/1.1\r\nHost: h\r\n\r\n", end=False)
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"Content-Length: 1000" in head
    assert len(body) == 500


@pytest.mark.parametrize(
    "kind", [kind for kind, what in MALFORMED.items() if not (what.hang or what.repeat or what.abort)]
)
def test_malformed_sends_exactly_what_it_says(lab: Lab, kind: str) -> None:
    reply = exchange(where(lab), f"GET /malformed/{kind} HTTP/1.1\r\nHost: h\r\n\r\n".encode(), end=False)
    assert reply == b"".join(MALFORMED[kind].pieces)


def test_malformed_that_resets(lab: Lab) -> None:
    with pytest.raises(ConnectionResetError):
        exchange(where(lab), b"GET /malformed/reset HTTP/1.1\r\nHost: h\r\n\r\n", end=False)


def test_malformed_that_does_not_end(lab: Lab) -> None:
    with socket.create_connection(where(lab), timeout=10_000 * MS) as client:
        client.sendall(b"GET /malformed/endless-header HTTP/1.1\r\nHost: h\r\n\r\n")
        seen = 0
        while seen < 300_000:
            seen += len(client.recv(65536))
    assert get(lab, "/malformed/nosuch")[0].status == 404


def test_pipelined_requests_are_answered_in_order_whatever_the_split(lab: Lab) -> None:
    data = b"".join(b"GET /etag/%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(5))
    for at in range(0, len(data), 7):
        reply = exchange(where(lab), data[:at], data[at:])
        assert [line for line in reply.split(b"\r\n") if line.startswith(b"ETag")] == [
            b'ETag: "%d"' % number for number in range(5)
        ]


def test_a_refused_request_is_answered_and_nothing_behind_it_served(lab: Lab) -> None:
    reply = exchange(where(lab), b"GET / HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n", end=False)
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert reply.endswith(b"there must be one (RFC 9112 3.2)\n")
    assert reply.count(b"HTTP/1.1 ") == 1


def test_the_answer_to_a_body_that_is_too_large_arrives(lab: Lab) -> None:
    """The client has sent a megabyte that nobody reads: a plain close would reset, and lose the 413."""
    request = b"POST /anything HTTP/1.1\r\nHost: h\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 500_000
    assert exchange(where(lab), request, end=False).startswith(b"HTTP/1.1 413 ")


def test_expect_continue(lab: Lab) -> None:
    with socket.create_connection(where(lab), timeout=10_000 * MS) as client, client.makefile("rb") as stream:
        client.sendall(b"POST /anything HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert [stream.readline(), stream.readline()] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
        client.sendall(b"ok")
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


@contextmanager
def strict_server(limits: Limits, events: list[Event]) -> Iterator[tuple[str, int]]:
    """An HTTP service with limits of the test's own, in a loop in a thread."""
    ready, stop, loops = threading.Event(), asyncio.Event(), list[asyncio.AbstractEventLoop]()
    opened = open_socket(Endpoint("tcp", "127.0.0.1", 0))

    async def serve() -> None:
        service = Http(Shared(events.append, None, Authority()), limits)
        await service.start({"http": [opened]})
        loops.append(asyncio.get_running_loop())
        ready.set()
        await stop.wait()
        await service.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield "127.0.0.1", opened.endpoint.port
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()
        opened.close()


def test_a_slow_request_is_told_and_let_go_though_it_trickles() -> None:
    events: list[Event] = []
    with strict_server(Limits(request=100 * MS, linger=10 * MS), events) as address:
        with socket.create_connection(address, timeout=10_000 * MS) as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            client.settimeout(5 * MS)
            seen = b""
            while not seen:
                with suppress(ConnectionError):  # it may have hung up, when we come to look
                    client.sendall(b"X: 1\r\n")
                try:
                    seen = client.recv(1000)
                except TimeoutError:
                    continue
        assert seen.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert [event.event for event in events] == ["refused"]


def test_an_idle_connection_is_closed_without_a_word() -> None:
    with strict_server(Limits(idle=20 * MS), []) as address:
        assert exchange(address, end=False) == b""


def test_one_connection_too_many_gets_503() -> None:
    events: list[Event] = []
    with (
        strict_server(Limits(connections=1, linger=10 * MS), events) as address,
        socket.create_connection(address) as first,
    ):
        first.sendall(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
        assert first.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert exchange(address, end=False).startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")


def test_a_client_that_does_not_read_is_let_go() -> None:
    with (
        strict_server(Limits(write=50 * MS), []) as address,
        socket.socket() as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10_000 * MS)
        client.connect(address)
        client.sendall(b"GET /bytes/1000000000 HTTP/1.1\r\nHost: h\r\n\r\n")
        hung_up = select.poll()  # without reading: that would make room
        hung_up.register(client, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        assert hung_up.poll(10_000_000 * MS)


def test_so_many_requests_and_no_more_on_one_connection() -> None:
    with strict_server(Limits(requests=2), []) as address:
        reply = exchange(address, b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n" * 3, end=False)
    assert reply.count(b"Hello from the lab.") == 2
    assert reply.count(b"Connection: close") == 1


def test_stopping_ends_requests_that_wait() -> None:
    with strict_server(Limits(), []) as address:
        client = socket.create_connection(address, timeout=10_000 * MS)
        client.sendall(b"GET /delay/60 HTTP/1.1\r\nHost: h\r\n\r\n")
    with client, suppress(ConnectionResetError):  # it had not been accepted yet
        assert client.recv(100) == b""


def tls_context(lab: Lab) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=lab.environment["NETKIT_LAB_CA"])


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "www.lab.test"])
def test_tls_is_good_for_the_labs_names(lab: Lab, name: str) -> None:
    host, port = where(lab)[0], urlsplit(lab.environment["NETKIT_LAB_HTTPS"]).port
    with socket.create_connection((host, port or 0)) as raw:
        with tls_context(lab).wrap_socket(raw, server_hostname=name) as tls, tls.makefile("rb") as stream:
            tls.sendall(b"GET /tls HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            document = json.loads(stream.read().partition(b"\r\n\r\n")[2])
        assert (document["version"], document["alpn"]) == ("TLSv1.3", None)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired.lab.test", "certificate has expired"),
        ("EXPIRED.lab.test", "certificate has expired"),
        ("not-yet-valid.lab.test", "certificate is not yet valid"),
        ("wrong.lab.test", "Hostname mismatch, certificate is not valid for 'wrong.lab.test'."),
        ("self-signed.lab.test", "self-signed certificate"),
        ("untrusted.lab.test", "unable to get local issuer certificate"),
    ],
)
def test_sni_names_with_bad_certificates(lab: Lab, name: str, reason: str) -> None:
    port = urlsplit(lab.environment["NETKIT_LAB_HTTPS"]).port
    with socket.create_connection((where(lab)[0], port or 0)) as raw:
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            tls_context(lab).wrap_socket(raw, server_hostname=name)
        assert refused.value.verify_message == reason


def test_plain_text_on_the_tls_port_leaves_the_server_standing(lab: Lab) -> None:
    port = urlsplit(lab.environment["NETKIT_LAB_HTTPS"]).port
    assert b"HTTP/1.1 200" not in exchange((where(lab)[0], port or 0), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["/redirect/5"], 0),
        (["--compressed", "/gzip"], 0),
        (["--compressed", "/deflate"], 0),
        (["--user", "u:p", "/basic-auth/u/p"], 0),
        (["/early-hints"], 0),
        (["/trailers"], 0),
        (["--http1.0", "/stream/3"], 0),
        (["--data", "x=y", "/anything"], 0),
        (["--range", "5-9", "/bytes/100"], 0),
        (["/status/404"], 22),
        (["--max-redirs", "3", "/redirect-loop"], 47),
        (["/truncated"], 18),
        (["/malformed/no-colon"], 8),
        (["/malformed/empty"], 52),
        (["/malformed/reset"], 56),
        (["/malformed/no-last-chunk"], 18),
        (["--compressed", "/gzip-bad-crc"], 61),
    ],
)
def test_curl_agrees(lab: Lab, arguments: list[str], code: int) -> None:
    url = lab.environment["NETKIT_LAB_HTTP"] + arguments[-1]
    command = ["curl", "--silent", "--fail", "--location", "--max-time", "20", *arguments[:-1], url]
    done = subprocess.run(command, capture_output=True, timeout=60_000 * MS, check=False)
    assert done.returncode == code


def test_requests_are_logged_with_all_their_facts() -> None:
    events: list[Event] = []
    with running(on_log=events.append) as lab:
        get(lab, "/status/404", User_Agent="t")
    (request,) = [event for event in events if event.event == "request"]
    assert (request.service, request.summary) == ("http", "GET /status/404 -> 404, 14 bytes")
    assert request.data == {"method": "GET", "target": "/status/404", "status": 404, "size": 14, "user_agent": "t"}


@pytest.mark.parametrize(
    ("pattern", "path", "parts"),
    [
        ("/", "/", {}),
        ("/a/{b}", "/a/x%2Fy", {"b": "x/y"}),
        ("/a/{b}", "/a/x/", {"b": "x"}),
        ("/a/{b}", "/a/", None),
        ("/a/{b}", "/a", None),
        ("/a", "/a/b", None),
        ("/a", "//a", None),
        ("/a", "/%61", None),
    ],
)
def test_matching_paths(pattern: str, path: str, parts: dict[str, str] | None) -> None:
    assert match(pattern, path) == parts
