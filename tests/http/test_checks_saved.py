"""Checks beside files and second attempts: what counts is the whole file, and the last attempt."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.http import Response
from netkit.http.checks import Checks
from netkit.http.retry import Retry
from netkit.http.save import Save
from tests.http.test_save import BODY, TAG, Answers, cut, drive, get, ok, request, rest

Serve = Callable[..., Any]
BUSY = ok(b"later", status=b"503 Busy")
GOOD = Checks(status=("200",))
WHOLE = Checks(status=("200",), body=(re.compile(r"\A0123"), re.compile(r"(?s).{98}89\Z")))


def outcome(response: Response) -> tuple[int, str | None, list[bool | None]]:
    kind = response.error.kind if response.error else None
    return int(response.exit_code), kind, [check.ok for check in response.checks]


def again(server: Any, *, times: int = 1, **options: Any) -> Response:
    return drive(request(server, retry=Retry(times), **options)).response


# --- second attempts


def test_a_status_that_is_expected_is_not_tried_again(serve: Serve) -> None:
    server = serve(BUSY)
    response = again(server, times=3, checks=Checks(status=("5xx",)))
    assert (outcome(response), response.body.content) == ((0, None, [True]), b"later")
    assert (len(server.requests), response.retries) == (1, ())


def test_another_is_tried_again_until_it_comes(serve: Serve) -> None:
    response = again(serve(Answers(BUSY, BUSY, ok(b"new"))), times=2, checks=GOOD)
    assert (outcome(response), response.body.content) == ((0, None, [True]), b"new")
    assert [one.error.kind for one in response.retries] == ["http_503", "http_503"]


def test_what_the_last_attempt_brings_is_checked(serve: Serve) -> None:
    response = again(serve(Answers(BUSY, BUSY)), checks=GOOD)
    assert (outcome(response), response.body.content) == ((1, "check_failed", [False]), b"later")
    assert response.error is not None
    assert response.error.message == f"{response.url}: the status is 503, not 200 as expected, after 2 attempts"


def test_it_is_told_why_there_is_no_further_attempt(serve: Serve) -> None:
    response = again(serve(ok(b"later", b"Retry-After: 999", status=b"503 Busy")), checks=GOOD)
    assert (outcome(response), response.body.content) == ((1, "check_failed", [False]), b"later")
    assert response.error is not None
    assert response.error.hint == "Retry-After: 999 s goes beyond --retry-max-time 120s"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_failure_that_is_to_be_none_is_tried_again_all_the_same(serve: Serve, method: str) -> None:
    server = serve(Answers(BUSY, BUSY))
    response = again(server, fail=False, method=method)
    assert outcome(response) == (0, None, [])
    assert (len(server.requests), [one.status for one in response.retries]) == (2, [503])
    assert response.body.content == (b"later" if method == "GET" else None)


def test_a_check_of_a_good_reply_is_not_tried_again(serve: Serve) -> None:
    server = serve(ok(b"other"))
    response = again(server, times=3, checks=Checks(body=(re.compile("new"),), slo=(("total", 1e-9),)))
    assert (outcome(response), len(server.requests)) == ((1, "check_failed", [False, False]), 1)


def test_of_an_attempt_that_broke_nothing_is_checked(serve: Serve) -> None:
    response = again(serve(Answers(ok(b"new", length=9), ok(b"old"))), checks=Checks(body=(re.compile("new"),)))
    assert outcome(response) == (1, "check_failed", [False])


# --- files


def begun(serve: Serve, file: Path, *answers: bytes) -> Any:
    server = serve(Answers(cut(BODY[:40], TAG), *answers))
    assert outcome(get(server, save=Save(str(file)), checks=WHOLE)) == (5, "truncated", [None] * 3)
    return server


def go_on(server: Any, file: Path, checks: Checks = WHOLE, **options: Any) -> Response:
    return get(server, save=Save(str(file), resume=True), checks=checks, **options)


def test_of_a_file_that_was_continued_the_whole_is_checked(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    response = go_on(begun(serve, file, rest(BODY[40:], 40, 100, TAG)), file)
    assert (response.status, response.body.resumed_from) == (206, 40)
    assert outcome(response) == (0, None, [True] * 3)
    assert file.read_bytes() == BODY


def test_also_when_another_attempt_continues_it(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    answers = Answers(cut(BODY[:40], TAG), BUSY, rest(BODY[40:], 40, 100, TAG))
    response = again(serve(answers), times=2, save=Save(str(file)), checks=WHOLE)
    assert (outcome(response), file.read_bytes()) == ((0, None, [True] * 3), BODY)


def test_or_when_all_of_it_was_here(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    nothing = ok(b"", b"Content-Range: bytes */100", TAG, status=b"416 No")
    server = begun(serve, file, ok(BODY, TAG), nothing, ok(BODY))
    failing = Checks(body=(re.compile("new"),))
    assert outcome(go_on(server, file, failing)) == (1, "check_failed", [False])  # begun anew, and the part is whole
    assert not file.exists()
    response = go_on(server, file)
    assert (response.status, outcome(response)) == (416, (0, None, [True] * 3))
    assert file.read_bytes() == BODY
    response = go_on(server, file)  # and under its name
    assert (response.status, outcome(response), response.body.resumed_from) == (200, (0, None, [True] * 3), 100)


def test_a_file_that_is_not_whole_is_not_checked(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    short = rest(BODY[40:60], 40, 100, TAG)
    server = begun(serve, file, short, rest(BODY[60:80], 60, 100, TAG), rest(BODY[80:], 80, 100, TAG))
    assert outcome(go_on(server, file)) == (5, "short_range", [None] * 3)
    assert outcome(go_on(server, file, retry=Retry(1))) == (0, None, [True] * 3)
    assert file.read_bytes() == BODY


def test_a_status_that_is_expected_saves_no_error_page(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    server = begun(serve, file, ok(b"gone", status=b"404 No"))
    response = go_on(server, file, Checks(status=("404",)))
    assert (outcome(response), response.body.part) == ((1, "no_body", [True]), f"{file}.part")
    assert (tmp_path / "file.part").read_bytes() == BODY[:40]
