"""What --expect-* and --slo read, what they say of a reply, and how they go together with its status."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from netkit.errors import BadInput
from netkit.http import Request, Response, fetch, parse_url
from netkit.http.checks import (
    MAX_SEARCHED,
    SEARCH_SECONDS,
    Checks,
    parse_expected_header,
    parse_pattern,
    parse_slo,
    parse_status,
    search,
    span,
)
from netkit.http.save import Save

Serve = Callable[..., Any]


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


def get(server: Any, checks: Checks | None = None, **options: Any) -> Response:
    sink = options.pop("sink", None)
    return fetch(Request(parse_url(f"http://127.0.0.1:{server.port}/"), checks=checks, **options), sink=sink)


def outcome(response: Response) -> tuple[int, str | None, list[bool | None]]:
    kind = response.error.kind if response.error else None
    return int(response.exit_code), kind, [check.ok for check in response.checks]


@pytest.mark.parametrize(
    ("text", "status", "accepted"),
    [("200", 200, True), ("200", 201, False), ("2xx", 204, True), ("404, 5XX", 503, True), ("404,5xx", 405, False)],
)
def test_statuses(text: str, status: int, accepted: bool) -> None:
    assert Checks(status=parse_status(text)).accepts(status) is accepted
    assert Checks().accepts(status) is None


@pytest.mark.parametrize("text", ["", "200,", "20", "2000", "x", "2x", "99", "200 204", "２００"])
def test_what_is_no_status(text: str) -> None:
    with pytest.raises(BadInput, match="neither a status nor a class"):
        parse_status(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "is not 'NAME: REGEX'"), ("name", "is not"), (": x", "is not"), ("a b: x", "is not"), ("a: (", "no regular")],
)
def test_what_is_no_header(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_expected_header(text)


@pytest.mark.parametrize("text", ["(", "*", "[a", "(?P<x>a)(?P<x>b)", "a{2,1}", "\\", "a" * 10 + "(?"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(BadInput, match="is no regular expression"):
        parse_pattern(text)


@pytest.mark.parametrize("text", ["", "total", "total:1", "sum=1", "total=1,", "=1"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(BadInput, match="is not PHASE=DURATION"):
        parse_slo(text, float)


def test_every_phase_may_be_limited() -> None:
    found = parse_slo("total=1,ttfb=2, dns=3,connect=4,tls=5,send=6,wait=7,body=8", float)
    assert [seconds for _, seconds in found] == [1, 2, 3, 4, 5, 6, 7, 8]


HTML = ok(b"<p>Gr\xfc\xdfe, all", b"Content-Type: text/html; charset=iso-8859-1", b"X-A: one", b"x-a: two")


@pytest.mark.parametrize(
    ("checks", "verdicts"),
    [
        (Checks(status=parse_status("200")), [(True, "the status is 200")]),
        (Checks(status=parse_status("204,3xx")), [(False, "the status is 200, not 204 or 3xx as expected")]),
        (Checks(headers=(parse_expected_header("X-A: ^two$"),)), [(True, "X-A is one, two")]),
        (Checks(headers=(parse_expected_header("x-a:"),)), [(True, "x-a is one, two")]),
        (Checks(headers=(parse_expected_header("X-A: three"),)), [(False, "X-A is one, two, not three as expected")]),
        (Checks(headers=(parse_expected_header("X-B: t"),)), [(False, "there is no header X-B")]),
        (Checks(body=(parse_pattern("Grüße"),)), [(True, "the body has match of Grüße")]),
        (Checks(body=(parse_pattern("^all$"),)), [(False, "the body has no match of ^all$")]),
        (Checks(body=(parse_pattern("(?i)ALL"), parse_pattern("no"))), [(True, ""), (False, "")]),
    ],
)
def test_verdicts(serve: Serve, checks: Checks, verdicts: list[tuple[bool, str]]) -> None:
    response = get(serve(HTML), checks)
    assert [check.ok for check in response.checks] == [ok for ok, _ in verdicts]
    assert all(words in check.message for check, (_, words) in zip(response.checks, verdicts, strict=True))
    failed = [check for check in response.checks if not check.ok]
    assert outcome(response)[:2] == ((1, "check_failed") if failed else (0, None))
    if failed:
        assert response.error is not None
        assert response.error.message == f"{response.url}: {failed[0].message}"


@pytest.mark.parametrize(
    ("status", "checks", "options", "expected"),
    [
        # A status that is expected is no failure, whatever it is; one that is not is, whatever it is.
        (b"404 No", Checks(status=("404",)), {}, (0, None, [True])),
        (b"503 No", Checks(status=("5xx",)), {}, (0, None, [True])),
        (b"401 No", Checks(status=("401",)), {}, (0, None, [True])),
        (b"301 No\r\nLocation: /", Checks(status=("301",)), {"follow": False}, (0, None, [True])),
        (b"999 No", Checks(status=("999",)), {}, (0, None, [True])),
        (b"503 No", Checks(status=("200",)), {}, (1, "check_failed", [False])),
        (b"200 OK", Checks(status=("404",)), {}, (1, "check_failed", [False])),
        # Without one, the status comes first, and its code stays.
        (b"503 No", Checks(body=(re.compile("x"),)), {}, (9, "http_503", [False])),
        (b"503 No", Checks(body=(re.compile("body"),)), {}, (9, "http_503", [True])),
        (b"404 No", Checks(slo=(("total", 1e-9),)), {}, (1, "http_404", [False])),
        # --no-fail takes its judgement away, and leaves the checks theirs.
        (b"404 No", None, {"fail": False}, (0, None, [])),
        (b"503 No", None, {"fail": False}, (0, None, [])),
        (b"401 No", None, {"fail": False}, (0, None, [])),
        (b"301 No\r\nLocation: /", None, {"fail": False, "follow": False}, (0, None, [])),
        (b"999 No", None, {"fail": False}, (5, "bad_status", [])),
        (b"404 No", Checks(status=("200",)), {"fail": False}, (1, "check_failed", [False])),
        (b"404 No", Checks(body=(re.compile("x"),)), {"fail": False}, (1, "check_failed", [False])),
        (b"200 OK", Checks(slo=(("total", 1e-9), ("ttfb", 60.0))), {}, (1, "check_failed", [False, True])),
    ],
)
def test_checks_and_the_status(
    serve: Serve, status: bytes, checks: Checks | None, options: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert outcome(get(serve(ok(b"the body", status=status)), checks, **options)) == expected


EVERY = Checks(status=("200",), headers=(parse_expected_header("a:"),), body=(re.compile("x"),), slo=(("total", 60.0),))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", 5),
        (ok(b"not gzip", b"Content-Encoding: gzip"), 5),
        (b"", 3),
        (ok(b"", b"Location: /", status=b"302 Found"), 5),
    ],
)
def test_what_did_not_come_to_its_end_is_not_checked(serve: Serve, answer: bytes, code: int) -> None:
    response = get(serve(answer), EVERY)
    assert (int(response.exit_code), [check.ok for check in response.checks]) == (code, [None] * 4)
    assert all(check.message.endswith(" was not checked") for check in response.checks)


def test_the_last_reply_is_the_one_that_is_checked(serve: Serve) -> None:
    def answer(connection: Any, head: bytes) -> None:
        first = head.startswith(b"GET / ")
        connection.sendall(ok(b"a", b"Location: /b", status=b"302 Found") if first else ok(b"xx", b"A: 1"))

    response = get(serve(answer), EVERY)
    assert outcome(response) == (0, None, [True] * 4)
    assert span("total", response.hops) == response.total_ms
    last = response.hops[-1].timings
    assert span("ttfb", response.hops) == pytest.approx(response.total_ms - (last.body or 0))


def test_a_body_that_is_passed_on_is_checked_too(serve: Serve) -> None:
    got: list[bytes] = []
    checks = Checks(body=(re.compile("needle"),))
    filler = b"x" * (MAX_SEARCHED - 6)
    response = get(serve(ok(filler + b"needle and more")), checks, sink=got.append)
    assert (outcome(response), b"".join(got)) == ((0, None, [True]), filler + b"needle and more")
    response = get(serve(ok(b"x" + filler + b"needle")), checks, sink=lambda _: None)
    assert outcome(response) == (1, "check_failed", [False])  # it is beyond what is searched


def test_head_checks_its_headers(serve: Serve) -> None:
    checks = Checks(status=("2xx",), headers=(parse_expected_header("X-A: o"),))
    assert outcome(get(serve(HTML.partition(b"<")[0]), checks, method="HEAD")) == (0, None, [True, True])


def test_no_expression_hangs(serve: Serve) -> None:
    """This one tries 2^30 ways on thirty letters, and a server chooses how many there are."""
    pattern = parse_pattern("(a+)+$")
    found, why = search(pattern, "a" * 100 + "b")
    assert (found, why) == (False, f"it took more than {SEARCH_SECONDS:g} s")
    assert search(pattern, "aaa") == (True, None)
    response = get(serve(ok(b"a" * 100 + b"b")), Checks(body=(pattern,)))
    assert outcome(response) == (1, "check_failed", [False])
    assert response.checks[0].message == "the body has no match of (a+)+$: it took more than 1 s"


def test_a_file_is_saved_of_a_good_reply_alone(serve: Serve, tmp_path: Any) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    expected = Checks(body=(re.compile("new"),))
    assert outcome(get(serve(ok(b"error page")), expected, save=Save(str(target)))) == (1, "check_failed", [False])
    assert target.read_bytes() == b"old"
    (tmp_path / "file.part").unlink()
    response = get(serve(ok(b"gone", status=b"404 No")), Checks(status=("404",)), save=Save(str(target)))
    assert outcome(response) == (1, "no_body", [True])
    assert target.read_bytes() == b"old"
    slow = Checks(slo=(("total", 1e-9),))
    assert outcome(get(serve(ok(b"new")), slow, save=Save(str(target)))) == (1, "check_failed", [False])
    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
