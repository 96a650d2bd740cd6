"""What `netkit http` shows of a reply: the parts asked for, at a terminal of any width and in a pipe; its checks."""

import json
import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

Serve = Callable[..., Any]
Run = Callable[..., Any]


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


FULL = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"
)


def url(server: Any, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def body_of(terminal: Run, server: Any, *options: str) -> list[str]:
    lines: list[str] = terminal("http", "get", "--show", "body", *options, url(server)).lines
    return lines


def test_each_part_in_a_pipe(serve: Serve, netkit: Run) -> None:
    server = serve(FULL)

    def shown(*parts: str) -> list[str]:
        done = netkit("http", "get", "--show", ",".join(parts), url(server))
        assert (done.returncode, done.stderr) == (0, "")
        lines: list[str] = done.stdout.splitlines()
        return lines

    assert shown("body") == ["hi"]
    assert shown("informational") == ["HTTP/1.1 103 Early Hints", "Link: </x>", ""]
    assert shown("trailers") == ["hop 1\ttrailer X-Sum\t1"]
    head = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"]
    assert shown("headers", "body", "trailers") == [*head, "", "hi", "hop 1\ttrailer X-Sum\t1"]
    assert shown("request")[:2] == [f"GET {url(server)}", f"Host: 127.0.0.1:{server.port}"]
    assert [line.split("\t")[1] for line in shown("timing")][-1] == "total_ms"


def test_all_parts_of_all_hops(serve: Serve, netkit: Run, terminal: Run) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        moved = ok(b"", b"Location: /b", b"X-First: 1", status=b"302 Found")
        connection.sendall(moved if head.startswith(b"GET /a ") else FULL)

    server = serve(answer)
    done = netkit("http", "get", "-v", url(server, "/a"))
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith(("GET ", "HTTP/", "X-", "Link", "hi"))] == [
        *(f"GET {url(server, '/a')}", "HTTP/1.1 302 Found", "X-First: 1"),
        *(f"GET {url(server, '/b')}", "HTTP/1.1 103 Early Hints", "Link: </x>", "HTTP/1.1 200 OK", "hi"),
    ]
    of_last = netkit("http", "get", "--show", "request,headers", url(server, "/a")).stdout.splitlines()
    starts = [line for line in of_last if line.startswith(("GET ", "HTTP/"))]
    assert starts == [f"GET {url(server, '/b')}", "HTTP/1.1 200 OK"]
    assert "hop 2\ttrailer X-Sum\t1" in lines
    shown = terminal("http", "get", "-v", url(server, "/a")).lines
    wanted = [
        *(f"GET {url(server, '/a')}", "X-First: 1", f"GET {url(server, '/b')}", "103 Early Hints", "    Link: </x>"),
        *("hi", "trailers", "X-Sum: 1"),
    ]
    places = [shown.index(line) for line in wanted]
    assert places == sorted(places)
    plain = terminal("http", "get", url(server, "/a")).lines
    assert "X-First: 1" not in plain
    assert "103 Early Hints" in plain


def test_a_waterfall_fits_any_width_and_has_what_failed(terminal: Run, serve: Serve) -> None:
    long = "/" + "a" * 200 + "/end"

    def answer(connection: socket.socket, head: bytes) -> None:
        moved = ok(b"", b"Location: " + long.encode(), status=b"302 Found")
        connection.sendall(moved if head.startswith(b"GET / ") else ok(b""))

    server = serve(answer)  # on IPv4 alone
    for columns in (40, 80, 120):
        done = terminal("http", "get", "--show", "timing", f"http://localhost:{server.port}/", columns=columns)
        bars = done.lines[done.lines.index("") + 1 :]
        assert max(map(len, bars)) < columns
        ends = {len(line) for line in bars if line.endswith("ms")}
        assert len(ends) == 1  # the numbers stand one under the other
        assert f"         ✗ [::1]:{server.port} refused" in bars
        (second,) = [line for line in bars if line.startswith("2. 200 /a")]
        assert "…" in second
        assert re.search(r"a/end +[0-9.]+ ms$", second)
    piped = done = terminal("http", "get", "--show", "headers", f"http://localhost:{server.port}/x")
    assert f"✗ [::1]:{server.port} refused" in piped.lines[0]


def test_what_failed_is_in_the_waterfall_too(terminal: Run, netkit: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        lines = terminal("http", "get", target).lines
        assert lines[0] == "no response"
        assert f"         ✗ {target[7:-1]} refused" in lines
        done = netkit("http", "get", "--show", "timing", target)
    assert done.stdout.splitlines()[0] == f"hop 1\tfailed {target[7:-1]}\trefused"


@pytest.mark.parametrize(
    ("body", "kind", "options", "shown"),
    [
        (b'{"a":1.10,"a":[]}', "application/json", [], ["{", '  "a": 1.10,', '  "a": []', "}"]),
        (b'{"a":1.10,"a":[]}', "application/json", ["--raw"], ['{"a":1.10,"a":[]}']),
        (b'{"a": 01}', "application/json", [], ['{"a": 01}']),
        (b'{"a":1}', "text/plain", [], ["{", '  "a": 1', "}"]),
        (b'{"a":1}\n{"b": 2}\n', "application/x-ndjson", [], ['{"a":1}', '{"b": 2}']),
        (b'{"a":1}\n{"b": ', "application/jsonl; charset=utf-8", [], ['{"a":1}', '{"b":']),
        (b"<p>hi</p>\r\n<b>x", "text/html", [], ["<p>hi</p>", "<b>x"]),
        (b"a\r\nb\rc\n\n", "text/plain", [], ["a", r"b\x0dc"]),
        (b"[bold]x[/bold] :bomb: http://h/", "text/plain", [], ["[bold]x[/bold] :bomb: http://h/"]),
        (b"\x1b[31m{}", "application/json", ["--raw"], [r"\x1b[31m{}"]),
        (b"GIF89a\x80\x02\xe0\x01\xff\0", "text/html", [],
         ["binary body, GIF image, 640 × 480, sent as text/html, 12 B: not shown (-o FILE saves it)"]),
        (b"\0\1", "application/x-odd; v=1", [], ["binary body, application/x-odd, 2 B: not shown (-o FILE saves it)"]),
        (b"\0\1", "", [], ["binary body, unknown kind, 2 B: not shown (-o FILE saves it)"]),
        (b"[1,2,3]", "application/json", ["--max-body", "4"], ["[1,2", "… 7 B in all, --max-body shows more"]),
    ],
)  # fmt: skip
def test_bodies_at_a_terminal(
    serve: Serve, terminal: Run, body: bytes, kind: str, options: list[str], shown: list[str]
) -> None:
    server = serve(ok(body, b"Content-Type: " + kind.encode()))
    assert body_of(terminal, server, *options) == shown


def test_a_body_with_too_many_pieces_goes_out_without_colour(serve: Serve, terminal: Run) -> None:
    server = serve(ok(b"<i>" * 30_000, b"Content-Type: text/html"))
    done = terminal("http", "get", "--show", "body", url(server))
    assert done.text == "<i>" * 30_000 + "\n"


def test_the_document_has_every_fact(serve: Serve, netkit: Run, authority: Any) -> None:
    answer = FULL.replace(b"chunked\r\n", b"chunked\r\nContent-Type: text/plain; charset=latin1\r\n").replace(
        b"hi", b"h\xfc"
    )
    document = json.loads(netkit("http", "get", "--json", url(serve(answer))).stdout)
    (hop,) = document["hops"]
    assert hop["informational"] == [{"status": 103, "headers": [["Link", "</x>"]]}]
    assert hop["trailers"] == [["X-Sum", "1"]]
    body = document["body"]
    assert (body["content"], body["encoding"], body["charset"]) == ("hü", "text", "latin1")
    assert (body["wire_bytes"], body["decoded_bytes"], document["attempts"]) == (2, 2, 1)
    document = json.loads(netkit("http", "get", "--json", url(serve(ok(b"\xff\xfe\xfd")))).stdout)
    body = document["body"]
    assert (body["content"], body["encoding"], body["charset"]) == ({"base64": "//79"}, "base64", None)
    wrong = json.loads(netkit("http", "get", "--json", url(serve(ok(b"h\xfc", b"Content-Type: text/plain")))).stdout)
    assert wrong["warnings"] == [
        {"code": "undecodable_text", "message": "the body is not in utf-8 at byte 1: read as Latin-1"}
    ]
    packed = zstd.compress(b"x" * 1000)
    body = json.loads(netkit("http", "get", "--json", url(serve(ok(packed, b"Content-Encoding: zstd")))).stdout)["body"]
    assert (body["wire_bytes"], body["decoded_bytes"], body["content"]) == (len(packed), 1000, "x" * 1000)
    server = serve(ok(b"x"), authority.context("localhost"))
    tls = json.loads(netkit("http", "get", "--json", f"https://localhost:{server.port}/").stdout)
    (hop,) = tls["hops"]
    assert (tls["error"]["kind"], hop["tls"]["verified"], len(hop["tls"]["chain"])) == ("cert_unknown_ca", False, 1)
    assert set(hop["tls"]) == {"version", "cipher", "group", "alpn", "verified", "verify_error", "chain"}
    assert set(hop["tls"]["chain"][0]) == {
        *("subject", "issuer", "not_before", "not_after", "san", "sha256", "serial", "pin"),
    }


def keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(keys, value))
    return set(value).union(*map(keys, value.values())) if isinstance(value, dict) else set()


def test_readme_has_every_key(serve: Serve, netkit: Run, authority: Any) -> None:
    server = serve(FULL, authority.context("localhost"))
    options = ("--json", "-k", "--expect-status", "200")
    found = keys(json.loads(netkit("http", "get", *options, f"https://localhost:{server.port}/").stdout))
    found |= keys(json.loads(netkit("http", "get", *options, "http://127.0.0.1:1/").stdout))
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme[readme.index("## HTTP: ") : readme.index("## Mail: ")]
    assert {key for key in found if f"`{key}`" not in section} == set()
    assert {"ip", "san", "wanted", "kind", "code", "trailers"} <= found


def test_checks_are_a_line_each_and_in_the_document(serve: Serve, netkit: Run, terminal: Run) -> None:
    server = serve(ok(b"all is well", b"X-A: 1"))
    checks = ("--expect-status", "404,5xx", "--expect-header", "X-A: 2", "--expect-body", "well", "--slo", "total=1h")
    done = netkit("http", "get", *checks, url(server))
    assert (done.returncode, done.stdout) == (1, "all is well")
    assert done.stderr.splitlines() == [
        f"netkit: {url(server)}: the status is 200, not 404 or 5xx as expected",
        f"netkit: {url(server)}: X-A is 1, not 2 as expected",
    ]
    document = json.loads(netkit("http", "get", "--json", *checks, url(server)).stdout)
    assert (document["ok"], document["exit_code"], document["error"]["kind"]) == (False, 1, "check_failed")
    found = document["checks"]
    assert [(one["check"], one["wanted"], one["ok"]) for one in found] == [
        *(("status", "404 or 5xx", False), ("header", "X-A: 2", False), ("body", "well", True)),
        ("slo", "total=3600s", True),
    ]
    assert [one["found"] for one in found[:3]] == ["200", "1", None]
    shown = terminal("http", "get", *checks, url(server))
    assert shown.returncode == 1
    assert shown.lines[-4:-1] == [
        "✗ the status is 200, not 404 or 5xx as expected",
        "✗ X-A is 1, not 2 as expected",
        "✓ the body has match of well",
    ]
    assert re.fullmatch(r"✓ total took [0-9.]+ ms, within 3600s", shown.lines[-1])
    assert netkit("http", "head", "--expect-status", "2xx", "--expect-header", "x-a:", url(server)).returncode == 0
    quiet = terminal("http", "get", "-q", *checks, url(server))
    assert [line for line in quiet.lines if line.startswith("netkit:")]


def test_a_head_has_no_size_and_urls_stand_apart(serve: Serve, terminal: Run) -> None:
    server = serve(ok(b""))
    lines = terminal("http", "head", url(server), url(server, "/second")).lines
    first, second = (place for place, line in enumerate(lines) if line.startswith("HTTP/1.1 200"))
    assert (lines[0], first) == (url(server), 1)
    assert lines[second - 2 : second] == ["", url(server, "/second")]
    assert re.fullmatch(r"total +[0-9.]+ ms", lines[second - 3])


def test_each_of_several_urls_is_named_wherever_more_than_bodies_is_shown(
    serve: Serve, netkit: Run, terminal: Run, tmp_path: Path
) -> None:
    server = serve(ok(b"hi"))
    one, two = url(server, "/1"), f"localhost:{server.port}/2"
    named = [one, f"http://{two}"]
    head = ["HTTP/1.1 200 OK", "Content-Length: 2"]
    listed = tmp_path / "urls"
    listed.write_text(f"{one}\nno url\n{two}\n")
    for urls in ((one, two), ("-i", str(listed))):
        lines = netkit("http", "head", *urls).stdout.splitlines()
        assert lines == [named[0], *head, "", named[1], *head]
        lines = netkit("http", "get", "--show", "headers,body", *urls).stdout.splitlines()
        assert lines == [named[0], *head, "", "hi", "", named[1], *head, "", "hi"]
        assert netkit("http", "get", *urls).stdout == "hihi"
        lines = netkit("http", "get", "--show", "request,body", *urls).stdout.splitlines()
        assert [line for line in lines if "http://" in line] == [f"GET {name}" for name in named]
        for options in ((), ("--parallel", "2", "--unordered")):
            lines = terminal("http", "get", *options, *urls).lines
            assert sorted(line for line in lines if line in named) == named
            for name in named:
                assert lines[lines.index(name) + 1].startswith("HTTP/1.1 200 OK")
    assert terminal("http", "get", "-q", one, two).lines == ["hi", "hi"]
    assert named[0] not in terminal("http", "get", one).lines


def test_no_fail(serve: Serve, netkit: Run) -> None:
    server = serve(ok(b"gone", status=b"404 Not Found"))
    done = netkit("http", "get", "--no-fail", url(server))
    assert (done.returncode, done.stdout, done.stderr) == (0, "gone", "")
    assert netkit("http", "head", "--no-fail", url(server)).returncode == 0
    assert netkit("http", "get", "--no-fail", "http://127.0.0.1:1/").returncode == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--expect-status", ""], "'' is neither a status nor a class"),
        (["--expect-status", "2OO"], "'2oo' is neither"),
        (["--expect-header", "nocolon"], "is not 'NAME: REGEX'"),
        (["--expect-header", "a: ("], "is no regular expression"),
        (["--expect-body", "("], "is no regular expression"),
        (["--slo", ""], "is not PHASE=DURATION"),
        (["--slo", "total=soon"], "'soon' is not a duration"),
        (["--slo", "sum=1s"], "the phases are total, ttfb, dns, connect, tls, send, wait, body"),
        (["-v", "--show", "body"], "--show has nothing to choose"),
        (["-o", "/tmp/x", "--no-fail"], "has no use with -o"),
    ],
)
def test_what_cannot_be_asked_is_exit_2(serve: Serve, netkit: Run, options: list[str], words: str) -> None:
    server = serve(ok(b"x"))
    done = netkit("http", "get", *options, url(server))
    assert (done.returncode, done.stdout, server.requests) == (2, "", [])
    assert words in done.stderr


def refused(terminal: Run, server: Any, *options: str, columns: int = 80) -> list[str]:
    address = f"https://localhost:{server.port}/"
    done = terminal("http", "get", *options, address, columns=columns)
    assert done.returncode == 6
    start = next(place for place, line in enumerate(done.lines) if line.startswith("certificate refused"))
    lines: list[str] = done.lines[start:]
    return lines


def test_a_certificate_that_was_refused_is_explained(serve: Serve, terminal: Run, authority: Any) -> None:
    server = serve(ok(b""), authority.context("localhost", days=(-10, -3)))
    lines = refused(terminal, server, "--cacert", authority.ca)
    assert lines[:3] == ["certificate refused: expired 3 days ago", "  asked for  localhost", "  it is for  localhost"]
    assert re.fullmatch(r"  valid      [0-9-]{10} to [0-9-]{10}, expired 3 days ago", lines[3])
    assert lines[4] == "  issued by  CN=netkit test CA"
    assert re.fullmatch(r"  sha256     [0-9a-f]{64}", lines[5])
    assert "the server needs a new certificate" in " ".join(lines)

    server = serve(ok(b""), authority.context("other.example", days=(3, 9)))
    lines = refused(terminal, server, "--cacert", authority.ca)
    assert lines[0] == "certificate refused: not valid for another 2 days, not for localhost"
    assert lines[1:3] == ["  asked for  localhost", "  it is for  other.example"]
    assert re.fullmatch(r"  valid      [0-9-]{10} to [0-9-]{10}, becomes valid in 2 days", lines[3])

    server = serve(ok(b""), authority.context("localhost"))
    assert refused(terminal, server)[0] == "certificate refused: netkit test CA is not trusted here"
    server = serve(ok(b""), authority.context(self_signed=True))
    lines = refused(terminal, server)
    assert lines[0] == "certificate refused: self-signed, not for localhost"
    assert lines[2] == "  it is for  no host at all"


def test_many_names_and_a_chain_keep_to_their_column(
    serve: Serve, terminal: Run, authority: Any, tmp_path: Path
) -> None:
    names = [f"host-{number}.a-long-name.example" for number in range(300)]
    certificate, key = authority.files(*names)
    both = tmp_path / "both.pem"
    both.write_text(Path(certificate).read_text() + Path(authority.ca).read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both, key)
    server = serve(ok(b""), context)
    lines = refused(terminal, server, columns=60)
    end = lines.index("")
    assert max(map(len, lines[:end])) < 60
    shown = " ".join(lines[2:end])
    assert "host-11.a-long-name.example and" in shown
    assert re.search(r"and\s+288\s+more", shown)
    lines = refused(terminal, server, "-v", columns=60)
    assert max(map(len, lines[: lines.index("")])) < 60
    assert "             host-299.a-long-name.example" in lines
    assert "  chain 1    CN=netkit test CA" in lines
