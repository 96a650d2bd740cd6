"""Fetches from servers that behave and servers that do not: the hard rows of the study, each from a raw socket."""

import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brotli
import pytest
from backports import zstd

from netkit.errors import BadInput, Exit
from netkit.events import Step
from netkit.http import Request, Response, fetch, parse_url
from netkit.http.headers import parse_header
from netkit.http.report import document
from netkit.http.save import Save
from netkit.net.hop import Route
from tests.conftest import in_time
from tests.ports import find_free_port

Serve = Callable[..., Any]
TEXT = b"netkit " * 100


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


def fetched(url: str, *, headers: Sequence[str] = (), **options: Any) -> Response:
    """Options are those of the request, of its route, or of `fetch` itself."""
    route = Route(**{name: options.pop(name) for name in Route._fields if name in options})
    own = {name: options.pop(name) for name in ("sink", "on_progress", "on_event") if name in options}
    return fetch(Request(parse_url(url), headers=tuple(map(parse_header, headers)), route=route, **options), **own)


def get(server: Any, path: str = "/", **options: Any) -> Response:
    return fetched(f"http://127.0.0.1:{server.port}{path}", **options)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_plain_answer_with_its_facts(serve: Serve) -> None:
    server = serve(ok(b"hello", b"X-Two: 1", b"x-two: 2", b"Content-Type: text/plain"))
    response = get(server, "/p?q", headers=["X-Mine: v"])
    assert (response.exit_code, response.status, response.body.content) == (0, 200, b"hello")
    (hop,) = response.hops
    assert hop.head is not None
    assert hop.head.headers == (
        ("Content-Length", "5"),
        ("X-Two", "1"),
        ("x-two", "2"),
        ("Content-Type", "text/plain"),
    )
    assert (str(hop.remote), hop.failed, hop.reused) == (f"127.0.0.1:{server.port}", (), False)
    assert hop.timings.tls is None
    assert None not in (hop.timings.dns, hop.timings.connect, hop.timings.send, hop.timings.wait, hop.timings.body)
    spans = [span for span in hop.timings[:-1] if span is not None]
    assert sum(spans) == pytest.approx(hop.timings.total)
    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"GET /p?q HTTP/1.1"
    assert b"X-Mine: v" in lines
    assert b"Accept-Encoding: gzip, deflate, br, zstd" in lines
    assert response.body.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


TRUNCATED, MALFORMED = "truncated", "malformed"


@pytest.mark.parametrize(
    ("answer", "code", "kind", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345", 5, TRUNCATED, "closed after 5 of 100 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 5, TRUNCATED, "closed after 5 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 5, MALFORMED, "not a hex digit"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", 5, MALFORMED, "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", 5, MALFORMED, "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 23 + b"\r\n\r\nhello", 5, MALFORMED, "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 5, MALFORMED, "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nnocolon\r\n\r\n", 5, MALFORMED, "header without colon"),
        (b"HTTP/1.1 200 OK\r\nA: x\0y\r\n\r\n", 5, MALFORMED, "NUL byte in header"),
        (b"hello\r\n", 5, MALFORMED, "HTTP/0.9"),
        (b"SSH-2.0-x\r\n", 5, MALFORMED, "no HTTP at all: it begins with 'SSH-2.0-x'"),
        (b"\n\nHTTP/1.1 200 OK\r\n\r\n", 5, MALFORMED, "it begins with an empty line"),
        (b"\x15\x03\x01\0\x02\x02\x46", 5, MALFORMED, "the answer is TLS, not HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000 + b"\r\n\r\n", 5, MALFORMED, "a header is larger than 100 KiB"),
        (b"HTTP/7 200 OK\r\n\r\n", 5, MALFORMED, "of no HTTP version that there is"),
        (b"HTTP/1.1 000 x\r\n\r\n", 5, MALFORMED, "the status is no number from 100 to 999"),
        (b"HTTP/1.1 abc\r\n\r\n", 5, MALFORMED, "malformed response: the status line is none of HTTP/1.0 or 1.1"),
        (b"HTTP/1.1 2000 x\r\n\r\n", 5, MALFORMED, "malformed status line"),
        (ok(b"x", status=b"999 Odd"), 5, "bad_status", "999 Odd: not a valid status"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 5, TRUNCATED, "closed amid the headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r", 5, TRUNCATED, "closed amid the headers"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r", 5, TRUNCATED, "closed amid the headers"),
        (b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 5, MALFORMED, "101 changes to a protocol"),
        (b"", 3, "empty_reply", "empty reply"),
        (ok(b"no", status=b"404 Not Found"), 1, "http_404", "404 Not Found"),
        (ok(b"no", status=b"401 Unauthorized"), 7, "http_401", "401 Unauthorized"),
        (ok(b"no", status=b"407 Proxy"), 7, "http_407", "407 Proxy"),
        (ok(b"no", status=b"429 Slow Down"), 9, "http_429", "429 Slow Down"),
        (ok(b"no", status=b"503"), 9, "http_503", "503 Service Unavailable"),
        (ok(b"", status=b"302 Found"), 1, "redirect_without_target", "302 Found"),
        (ok(b"", b"Location: /x", status=b"300 Pick"), 1, "redirect_not_followed", "300 Pick, to /x: only 301"),
    ],
)
def test_every_way_to_fail_has_its_code(serve: Serve, answer: bytes, code: int, kind: str, words: str) -> None:
    response = get(serve(answer))
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (code, kind)
    assert words in response.error.message
    assert document(response)["error"]["kind"] == kind


@pytest.mark.parametrize("status", [b"200 OK", b"204 None", b"304 Same"])
def test_statuses_that_are_fine(serve: Serve, status: bytes) -> None:
    assert get(serve(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")).exit_code == 0


def test_two_equal_lengths_are_one(serve: Serve) -> None:
    response = get(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"))
    assert (response.exit_code, response.body.content) == (0, b"hello")


def test_odd_headers_are_warned_about(serve: Serve) -> None:
    response = get(serve(b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"))
    assert [warning.code for warning in response.warnings] == ["header_space"]


def test_a_header_without_a_name_is_warned_about(serve: Serve) -> None:
    response = get(serve(b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n"))
    assert [warning.message for warning in response.warnings] == ["a header without a name"]


def test_no_http_is_an_error_of_head_too(serve: Serve) -> None:
    response = get(serve(b"220 mail.test ESMTP\r\n"), method="HEAD")
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (5, "malformed")
    assert response.error.message.endswith(": the answer is HTTP/0.9, or no HTTP at all")


def test_bytes_behind_the_end_are_warned_about(serve: Serve) -> None:
    response = get(serve(ok(b"two") + b"and more"))
    assert (response.exit_code, response.body.content) == (0, b"two")
    assert [warning.message for warning in response.warnings] == ["8 bytes came behind the end of the response"]


@pytest.mark.parametrize("coding", [b"squash", b"gzip"])
def test_what_cannot_be_decoded_is_named(serve: Serve, coding: bytes) -> None:
    response = get(serve(ok(b"no such thing", b"Content-Encoding: " + coding)))
    assert response.error is not None
    assert response.error.message.startswith(f"{response.url}: ")


def test_bodies_of_errors_are_kept(serve: Serve) -> None:
    assert get(serve(ok(b"why", status=b"500 Broken"))).body.content == b"why"


def test_early_hints_and_trailers_are_kept_apart(serve: Serve) -> None:
    response = get(
        serve(
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"
        )
    )
    (hop,) = response.hops
    assert (response.status, response.body.content, hop.trailers) == (200, b"hi", (("X-Sum", "1"),))
    assert [(info.status, info.headers) for info in hop.informational] == [(103, (("Link", "</x>"),))]


def test_endless_informational_answers_end(serve: Serve) -> None:
    response = get(serve(b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000))
    assert response.error is not None
    assert response.error.kind == "too_many_1xx"


@pytest.mark.parametrize(
    ("encoding", "body", "code", "content", "warned"),
    [
        (b"gzip", gzip.compress(TEXT, mtime=0), 0, TEXT, []),
        (b"gzip", gzip.compress(TEXT, mtime=0) * 2, 0, TEXT * 2, []),
        (b"gzip", gzip.compress(TEXT, mtime=0) + b"JUNK", 0, TEXT, ["trailing_garbage"]),
        (b"gzip", gzip.compress(TEXT, mtime=0)[:-12], 5, None, []),
        (b"gzip", gzip.compress(TEXT, mtime=0)[:-5] + b"xxxxx", 5, None, []),
        (b"gzip", TEXT, 5, None, []),
        (b"br", TEXT, 5, None, []),
        (b"br", brotli.compress(TEXT), 0, TEXT, []),
        (b"br", brotli.compress(TEXT) + b"JUNK", 0, TEXT, ["trailing_garbage"]),
        (b"br", brotli.compress(TEXT)[:-1], 5, None, []),
        (b"zstd", zstd.compress(TEXT) * 2, 0, TEXT * 2, []),
        (b"zstd", zstd.compress(TEXT) + b"JUNK", 0, TEXT, ["trailing_garbage"]),
        (b"zstd", zstd.compress(TEXT)[:-1], 5, None, []),
        (b"deflate, br", brotli.compress(zlib.compress(TEXT)), 0, TEXT, []),
        (b"identity", TEXT, 0, TEXT, []),
    ],
)
def test_content_encoding(
    serve: Serve, encoding: bytes, body: bytes, code: int, content: bytes | None, warned: list[str]
) -> None:
    response = get(serve(ok(body, b"Content-Encoding: " + encoding)))
    assert response.exit_code == code
    assert [warning.code for warning in response.warnings] == warned
    if content is not None:
        assert response.body.content == content
        assert (response.body.wire_bytes, response.body.decoded_bytes) == (len(body), len(content))


def test_what_the_user_asked_for_and_we_cannot_decode_is_left_as_it_is(serve: Serve) -> None:
    response = get(serve(ok(b"raw", b"Content-Encoding: lzma")), headers=["Accept-Encoding: lzma"])
    assert (response.exit_code, response.body.content) == (0, b"raw")
    assert [warning.code for warning in response.warnings] == ["not_decoded"]


def test_a_redirect_reuses_the_connection(serve: Serve) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        first = head.startswith(b"GET /a ")
        connection.sendall(ok(b"", b"Location: b", status=b"302 Found") if first else ok(b"there"))

    server = serve(answer, keep_alive=True)
    response = get(server, "/a")
    assert [hop.reused for hop in response.hops] == [False, True]
    assert response.final_url == f"http://127.0.0.1:{server.port}/b"
    assert response.body.content == b"there"
    assert response.hops[1].timings.connect is None


def test_loops_end_after_ten_hops(serve: Serve) -> None:
    server = serve(
        lambda c, h: c.sendall(ok(b"", b"Location: /" + (b"b" if h[5:6] == b"a" else b"a"), status=b"301 M"))
    )
    response = get(server, "/a")
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind, len(response.hops)) == (5, "redirect_loop", 11)


def test_a_redirect_not_followed_is_a_no(serve: Serve) -> None:
    response = get(serve(ok(b"moved", b"Location: /x", status=b"301 Moved")), follow=False)
    assert response.error is not None
    assert (response.error.kind, response.body.content) == ("redirect_not_followed", b"moved")


def test_an_endless_body_of_a_redirect_is_not_read(serve: Serve) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"GET / "):
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")
            while True:
                connection.sendall(bytes(65536))
        connection.sendall(ok(b"there"))

    assert get(serve(answer)).body.content == b"there"


def test_secrets_stay_with_their_origin(serve: Serve) -> None:
    other = serve(ok(b"there"))
    server = serve(ok(b"", b"Location: http://127.0.0.1:%d/x" % other.port, status=b"302 Found"))
    headers = ["Cookie: c=secret", "X-Api-Key: secret", "X-Auth-Token: secret", "X-Kept: yes"]
    response = get(server, auth=("user", "secret"), headers=headers)
    assert response.exit_code == 0
    assert b"Authorization: Basic dXNlcjpzZWNyZXQ=" in server.requests[0]
    assert server.requests[0].count(b"secret") == 3
    assert b"X-Kept: yes" in other.requests[0]
    assert not any(word in other.requests[0] for word in (b"secret", b"Authorization", b"Cookie"))
    assert "secret" not in str(document(response))


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_drip_cannot_outlast_the_deadline(serve: Serve, where: str) -> None:
    start = b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if where == "body" else b"X: ")
    over = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        while not over.wait(0.02):
            connection.sendall(b"x")

    response = in_time(1.0, lambda: get(serve(answer), timeout=0.3))
    over.set()
    assert response.error is not None
    assert response.exit_code is Exit.TIMEOUT
    assert response.error.kind == ("timeout_body" if where == "body" else "timeout_wait")
    assert ("bytes of the body" if where == "body" else "while the headers came in") in response.error.message


def test_silence_times_out_naming_the_phase(serve: Serve) -> None:
    over = threading.Event()
    response = get(serve(lambda *_: over.wait() and None), timeout=0.2)
    over.set()
    assert response.error is not None
    assert response.error.message.endswith("no end within 0.2 s, waiting for the answer")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # as one that waits for a line of HTTP does
        response = fetched(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.5)
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (4, "timeout_tls")
    assert response.error.hint == "http:// instead of https://, if the server speaks no TLS on this port"


def test_a_reset_before_the_answer_is_unreachable_and_amid_the_body_a_broken_reply(serve: Serve) -> None:
    response = get(serve(lambda connection, _: reset(connection)))
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (3, "reset")

    arrived = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        arrived.wait()
        reset(connection)

    response = get(serve(answer), sink=lambda _: arrived.set())
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (5, "truncated")
    assert "reset after 3 of 9 bytes" in response.error.message


def test_refused_names_every_address() -> None:
    port = find_free_port()
    response = fetch(f"http://localhost:{port}/")
    assert response.error is not None
    assert response.exit_code is Exit.UNREACHABLE
    assert response.error.kind == "refused"
    assert f"127.0.0.1:{port} refused" in response.error.message
    failed = response.hops[0].failed
    assert failed is not None
    assert ("127.0.0.1", port, "refused") in [(one.remote.ip, one.remote.port, one.reason) for one in failed]


def test_no_such_host() -> None:
    response = fetch("http://nosuch.invalid/")
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (3, "no_such_host")
    named = fetch("http://münchen.invalid/").error
    assert named is not None
    assert named.message == "münchen.invalid (xn--mnchen-3ya.invalid): no such host"
    assert named.hint == "netkit resolve xn--mnchen-3ya.invalid shows more"


def test_what_a_sink_raises_comes_out_as_it_is(serve: Serve) -> None:
    class Mine(Exception):
        pass

    def sink(_: bytes) -> None:
        raise Mine("stop")

    with pytest.raises(Mine, match="stop"):
        get(serve(ok(b"hello")), sink=sink)


def test_bad_input_is_raised_before_anything_is_sent(serve: Serve) -> None:
    server = serve(ok(b"x"))
    for options in ({"headers": ["A: b\r\nX: y"]}, {"cacert": "/nosuch/file"}, {"auth": ("u", "p"), "bearer": "t"}):
        with pytest.raises(BadInput):
            get(server, **options)
    assert server.requests == []


def test_head_asks_for_no_body(serve: Serve) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n")
    response = get(server, method="HEAD")
    assert (response.exit_code, response.body.content) == (0, None)
    assert server.requests[0].startswith(b"HEAD / ")


def test_max_body_bounds_what_is_kept_not_what_is_read(serve: Serve) -> None:
    response = get(serve(ok(b"caf\xc3\xa9 and more")), max_body=4)
    assert (response.body.content, response.body.truncated, response.body.decoded_bytes) == (b"caf\xc3", True, 14)
    assert document(response)["body"]["content"] == "caf"


def test_binary_is_base64_in_the_document(serve: Serve) -> None:
    assert document(get(serve(ok(b"\xff\0"))))["body"]["content"] == {"base64": "/wA="}


def test_the_steps_are_told_and_secrets_masked(serve: Serve) -> None:
    steps: list[Step] = []
    server = serve(ok(b"hello", b"Set-Cookie: id=secret"))
    get(server, headers=["X-Api-Key: secret", "Authorization: secret"], on_event=steps.append)
    assert [step.name for step in steps][:5] == ["socket", "connect", "send", "recv", "recv"]
    assert {step.address for step in steps[1:]} == {f"127.0.0.1:{server.port}"}
    assert steps[2].size == len(server.requests[0])
    assert (steps[3].detail, steps[4].data) == ("HTTP/1.1 200 OK", b"hello")
    assert not any(b"secret" in (step.data or b"") for step in steps)
    assert b"X-Api-Key: ***" in (steps[2].data or b"")


# --- downloads


def test_a_download_is_whole_under_its_name(serve: Serve, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    server = serve(ok(TEXT))
    response = get(server, save=Save(str(target)))
    assert (response.exit_code, response.body.saved_to, target.read_bytes()) == (0, str(target), TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert b"Accept-Encoding: identity" in server.requests[0]


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"no", status=b"404 Not Found"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        ok(TEXT, b"Content-Encoding: gzip"),
        b"HTTP/1.1 204 None\r\n\r\n",
    ],
)
def test_a_failed_download_leaves_the_name_alone(serve: Serve, tmp_path: Path, answer: bytes) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    assert get(serve(answer), save=Save(str(target))).error is not None
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_truncated_download_keeps_the_part(serve: Serve, tmp_path: Path) -> None:
    target = tmp_path / "file"
    response = get(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), save=Save(str(target)))
    assert (response.body.part, response.body.saved_to) == (f"{target}.part", None)
    assert not target.exists()
    assert (tmp_path / "file.part").read_bytes() == b"abc"


def test_a_full_disk_is_a_local_failure(serve: Serve) -> None:
    response = get(serve(ok(TEXT)), save=Save("/dev/full"))
    assert response.error is not None
    assert response.exit_code is Exit.LOCAL
    assert response.error.message == "cannot write /dev/full: No space left on device"


def test_a_part_is_not_written_through_a_link(serve: Serve, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"safe")
    (tmp_path / "file.part").symlink_to(victim)
    assert get(serve(ok(TEXT)), save=Save(str(tmp_path / "file"))).exit_code is Exit.LOCAL
    assert victim.read_bytes() == b"safe"


def test_names_that_cannot_be_files(serve: Serve, tmp_path: Path) -> None:
    server = serve(ok(TEXT))
    with pytest.raises(BadInput):
        get(server, save=Save(str(tmp_path)))
    assert get(server, save=Save(str(tmp_path / "none" / "file"))).exit_code is Exit.LOCAL
    assert server.requests == []


# --- TLS


def https(server: Any, host: str = "localhost", **options: Any) -> Response:
    return fetched(f"https://{host}:{server.port}/", **options)


def test_tls_facts(serve: Serve, authority: Any) -> None:
    response = https(serve(ok(b"hi"), authority.context("localhost")), cacert=authority.ca)
    facts = response.hops[0].tls
    assert facts is not None
    assert (response.exit_code, facts.version, facts.verified) == (0, "TLSv1.3", True)
    assert (facts.chain[0].subject, facts.chain[0].issuer) == ("CN=server", "CN=netkit test CA")
    assert facts.chain[0].san == ("localhost",)
    assert response.hops[0].timings.tls is not None


def test_ssl_cert_file_is_honoured(serve: Serve, authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.ca)
    assert https(serve(ok(b"hi"), authority.context("localhost"))).exit_code == 0


@pytest.mark.parametrize(
    ("how", "trusted", "kind", "words"),
    [
        ({"days": (-10, -3)}, True, "cert_expired", "expired 3 days ago"),
        ({"days": (3, 10)}, True, "cert_not_yet_valid", "becomes valid in 2 days"),
        ({"self_signed": True}, True, "cert_self_signed", "self-signed (server"),
        ({}, False, "cert_unknown_ca", "issued by netkit test CA, which this machine does not trust"),
        ({"names": ("other.example",)}, True, "cert_wrong_host", "is for other.example, not for localhost"),
        ({"names": ()}, True, "cert_wrong_host", "names no host at all"),
    ],
)
def test_certificates_refused_are_explained(
    serve: Serve, authority: Any, how: dict[str, Any], trusted: bool, kind: str, words: str
) -> None:
    names = how.pop("names", ("localhost",))
    server = serve(ok(b"hi"), authority.context(*names, **how))
    response = https(server, cacert=authority.ca if trusted else None)
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (6, kind)
    assert words in response.error.message
    facts = response.hops[0].tls
    assert facts is not None
    assert (facts.verified, facts.chain[0].subject) == (False, "CN=server")
    assert server.requests == []
    passed = https(server, insecure=True)
    assert (passed.exit_code, passed.body.content) == (0, b"hi")
    assert [warning.code for warning in passed.warnings] == ["not_verified"]


def test_tls_to_a_plain_port_and_plain_to_a_tls_port(serve: Serve, authority: Any) -> None:
    plain = serve(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n")

    def at_once(connection: socket.socket, context: ssl.SSLContext | None = None) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                at_once(connection)

        thread = threading.Thread(target=answer)
        thread.start()
        response = fetch(f"https://127.0.0.1:{listening.getsockname()[1]}/")
        thread.join()
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind) == (6, "tls_plain_port")
    assert plain.requests == []
    response = get(serve(ok(b"hi"), authority.context("localhost")))
    assert response.error is not None
    assert int(response.exit_code) in (3, 5)
    assert response.error.hint == "https:// instead of http://, if the server speaks TLS on this port"


def test_a_downgrade_is_refused(serve: Serve, authority: Any) -> None:
    plain = serve(ok(b"clear"))
    answer = ok(b"", b"Location: http://127.0.0.1:%d/" % plain.port, status=b"302 Found")
    server = serve(answer, authority.context("localhost"))
    response = https(server, cacert=authority.ca)
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind, plain.requests) == (6, "downgrade", [])
    assert https(server, cacert=authority.ca, allow_downgrade=True).body.content == b"clear"


@pytest.mark.parametrize("told", [False, True])
def test_a_piece_does_not_wait_for_the_next(serve: Serve, told: bool) -> None:
    taken = threading.Semaphore(0)
    got = bytearray()

    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for letter in (b"h", b"e", b"l", b"l", b"o"):
            connection.sendall(letter)
            assert taken.acquire(timeout=60)

    def sink(data: bytes) -> None:
        got.extend(data)
        taken.release()

    progress = (lambda done, total: None) if told else None
    assert get(serve(answer), sink=sink, on_progress=progress).exit_code == 0
    assert got == b"hello"


@pytest.mark.parametrize("size", [65535, 65536, 65537, 1_000_000])
def test_no_byte_is_lost_where_pieces_come_together(serve: Serve, size: int) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    server, pieces = serve(ok(body)), list[bytes]()
    assert get(server, sink=pieces.append).body.decoded_bytes == size
    assert b"".join(pieces) == body
    cut = serve(ok(body)[:-1])
    pieces.clear()
    response = get(cut, sink=pieces.append)
    assert (int(response.exit_code), b"".join(pieces)) == (5, body[:-1])


def test_what_a_sink_raises_at_the_last_piece_is_raised(serve: Serve) -> None:
    def sink(data: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        get(serve(ok(b"x")), sink=sink)
