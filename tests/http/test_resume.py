"""Every answer to "the rest, please" has one meaning; no file and no socket is needed to say which."""

import pytest

from netkit.errors import PeerError
from netkit.http.resume import Append, Meaning, Other, Part, Restart, Seen, Whole, ask, decide, moment, seen
from netkit.net.hop import Head

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
LATER = "Thu, 01 Jan 2026 00:00:01 GMT"
PART = Part(40, Seen(etag='"one"', last_modified=DATE, date_is_strong=True, total=100))
CHANGED, IGNORED = "the file has changed", "the server does not continue files"


def head(status: int, **fields: str) -> Head:
    return Head(status, "", "1.1", tuple((name.replace("_", "-"), value) for name, value in fields.items()))


@pytest.mark.parametrize(
    ("known", "headers"),
    [
        (Seen('"one"', DATE, True, 100), (("Range", "bytes=40-"), ("If-Range", '"one"'))),
        (Seen('""'), (("Range", "bytes=40-"), ("If-Range", '""'))),
        (Seen(None, DATE, True), (("Range", "bytes=40-"), ("If-Range", DATE))),
        (Seen('W/"one"', DATE, True), (("Range", "bytes=40-"), ("If-Range", DATE))),
        (Seen('W/"one"'), None),
        (Seen("unquoted"), None),
        (Seen('"a" "b"'), None),
        (Seen(None, DATE, False), None),  # may have changed within the same second
        (Seen(None, "Thu\r\nX: y", True), None),
        (Seen(), None),
        (Seen('"one"', encoded=True), None),
    ],
)
def test_the_rest_is_asked_for_on_a_condition_or_not_at_all(known: Seen, headers: object) -> None:
    assert ask(Part(40, known)) == headers


def test_a_checksum_stands_for_a_condition() -> None:
    assert ask(Part(40, Seen(), checked=True)) == (("Range", "bytes=40-"),)
    assert ask(Part(40, Seen(encoded=True), checked=True)) is None
    assert ask(Part(0, PART.seen, checked=True)) is None


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (head(206, content_range="bytes 40-99/100", content_length="60"), Append(40, 100, 100)),
        (head(206, content_range="bytes 40-99/100", etag='"one"'), Append(40, 100, 100)),
        (head(206, content_range="Bytes 40-99/*"), Append(40, 100, 100)),
        (head(206, content_range="bytes 40-59/100"), Append(40, 60, 100)),
        (head(206, content_range="bytes 40-99/100", etag='"two"'), Restart(CHANGED, again=True)),
        (head(206, content_range="bytes 40-99/100", last_modified=LATER), Restart(CHANGED, again=True)),
        (head(200, etag='"one"', content_length="100"), Restart(IGNORED)),
        (head(200, etag='"two"'), Restart(CHANGED)),
        (head(200, last_modified=LATER), Restart(CHANGED)),
        (head(200), Restart(IGNORED)),
        (head(203), Restart(IGNORED)),
        (head(404), Other()),
        (head(500), Other()),
        (head(204), Other()),
        (head(304), Other()),
        (head(416, content_range="bytes */100", etag='"two"'), Restart(CHANGED, again=True)),
    ],
)
def test_what_an_answer_means(answer: Head, meaning: Meaning) -> None:
    assert decide(PART, answer) == meaning


def test_416_with_the_size_that_is_here_is_the_end() -> None:
    for part in (Part(100, PART.seen), Part(100, Seen(), checked=True)):
        assert decide(part, head(416, content_range="bytes */100")) == Whole()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (head(206), "206 without Content-Range"),
        (head(206, content_type="multipart/byteranges; boundary=x"), "206 without Content-Range"),
        (head(206, content_range="bytes 0-99/100"), "206 with bytes from 0, not from 40"),
        (head(206, content_range="bytes 41-99/100"), "206 with bytes from 41"),
        (head(206, content_range="bytes 40-100/101"), "206 of a file of 101 bytes, it was one of 100"),
        (head(206, content_range="bytes 40-100/100"), "impossible range"),
        (head(206, content_range="bytes 40-39/100"), "impossible range"),
        (head(206, content_range="bytes */100"), "206 with Content-Range 'bytes \\*/100'"),
        (head(206, content_range="lines 40-99/100"), "206 with Content-Range"),
        (head(206, content_range="bytes 40-99/100", content_length="61"), "61 bytes for the range"),
        (head(206, content_range="bytes 40-99/100", content_encoding="gzip"), "in a coding"),
        (head(206, content_range="bytes 40-" + "9" * 19 + "/100"), "206 with Content-Range"),
        (head(416), "not how long the file is"),
        (head(416, content_range="bytes */*"), "not how long the file is"),
        (head(416, content_range="bytes */2"), "the file has 2 bytes, and 40 are here already"),
        (head(416, content_range="bytes */100"), "the file has 100 bytes, and 40 are here already"),
        (head(416, content_range="bytes 0-1/40"), "not how long"),
    ],
)
def test_answers_that_fit_no_part(answer: Head, words: str) -> None:
    with pytest.raises(PeerError, match=words):
        decide(PART, answer)


def test_two_content_ranges_are_none() -> None:
    twice = Head(206, "", "1.1", (("Content-Range", "bytes 40-99/100"), ("Content-Range", "bytes 50-99/100")))
    with pytest.raises(PeerError):
        decide(PART, twice)


def test_a_size_that_nobody_knows_is_no_end() -> None:
    with pytest.raises(PeerError, match="nobody knows how long"):
        decide(Part(40, Seen('"one"')), head(206, content_range="bytes 40-99/*"))


def test_what_is_seen() -> None:
    told = seen(head(200, etag='"one"', last_modified=DATE, date=LATER, content_length="100"))
    assert told == Seen('"one"', DATE, True, 100, False)
    assert seen(head(200, last_modified=DATE, date=DATE)) == Seen(None, DATE, False, None, False)
    assert seen(head(200, last_modified=DATE)).date_is_strong is False
    assert seen(head(200, content_encoding="gzip", content_length="9")) == Seen(None, None, False, 9, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0),  # the three formats of RFC 9110 5.6.7
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777.0),
        ("Sun Nov  6 08:49:37 1994", 784111777.0),
        ("yesterday", None),
        ("", None),
        ("Sun, 99 Nov 1994 99:99:99 GMT", None),
        ("Sun, 06 Nov 999999999999 08:49:37 GMT", None),
    ],
)
def test_dates(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds
