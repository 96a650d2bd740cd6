"""Lists of URLs: every way to write one, cut at every place, and those that are none."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from netkit.errors import LocalFailure
from netkit.http.request import Request
from netkit.http.result import Response
from netkit.http.url_list import BLOCK, MAX_LINE, UrlList

LIST = b"\xef\xbb\xbfhttp://a/1\r\n# a comment\n\n   \t \n  http://a/2  \nb\xc3\xbccher.example\nno url\n#\nhttp://a/3#part"
FOUND = [
    "http://a/1",
    "http://a/2",
    "https://xn--bcher-kva.example/",
    ("no url", "list, line 7: URL 'no url': a space at character 3 is not allowed"),
    "http://a/3",
]


def said(one: Request | Response | None) -> Any:
    if isinstance(one, Response):
        assert one.error is not None
        return str(one.url), one.error.message
    return None if one is None else str(one.url)


def read(fd: int) -> list[Any]:
    return [said(one) for one in UrlList(fd, "list", Request.to) if one is not None]


def listed(tmp_path: Path, data: bytes) -> list[Any]:
    file = tmp_path / "list"
    file.write_bytes(data)
    with file.open("rb", buffering=0) as opened:
        return read(opened.fileno())


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
def test_a_list_with_all_that_may_be_in_it(tmp_path: Path, end: bytes) -> None:
    assert listed(tmp_path, LIST + end) == FOUND


@pytest.mark.parametrize("at", range(len(LIST) + 1))
def test_a_pipe_may_cut_it_anywhere(at: int) -> None:
    ours, theirs = os.pipe()
    try:
        given = iter(UrlList(ours, "list", Request.to))
        assert next(given) is None
        os.write(theirs, LIST[:at])
        found = []
        while (one := next(given)) is not None if at else False:
            found.append(said(one))
        os.write(theirs, LIST[at:])
        os.close(theirs)
        assert found + [said(one) for one in given] == FOUND
    finally:
        os.close(ours)


@pytest.mark.parametrize("data", [b"", b"\n", b"# nothing", b"\xef\xbb\xbf", b"\r\n\r\n"])
def test_nothing_is_nothing(tmp_path: Path, data: bytes) -> None:
    assert listed(tmp_path, data) == []


def test_a_line_without_end_is_one_bad_line(tmp_path: Path) -> None:
    found = listed(tmp_path, b"http://a/" + b"x" * (3 * MAX_LINE + BLOCK) + b"\nhttp://a/2")
    assert found[1:] == ["http://a/2"]
    url, message = found[0]
    assert len(url) == 201
    assert message == f"list, line 1: the line is longer than {MAX_LINE} bytes"


def test_what_is_no_utf_8_is_one_bad_line(tmp_path: Path) -> None:
    assert listed(tmp_path, b"http://a/\xff\nhttp://a/2") == [
        ("http://a/\\xff", "list, line 1: 'http://a/\\\\xff' is not UTF-8"),
        "http://a/2",
    ]


def test_control_characters_are_named_and_sent_nowhere(tmp_path: Path) -> None:
    [(_, message)] = listed(tmp_path, b"http://a/\rX: y\n")
    assert message == "list, line 1: URL 'http://a/\\rX: y': CR at character 10 is not allowed"


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(LocalFailure, match="cannot read list: Is a directory"):
            read(fd)
    finally:
        os.close(fd)


def test_no_more_is_read_than_is_asked_for() -> None:
    ours, theirs = os.pipe()
    written = threading.Event()

    def write() -> None:
        with os.fdopen(theirs, "wb") as pipe:
            pipe.write(b"http://a/\n" * 40_000)
            pipe.flush()
            written.set()

    thread = threading.Thread(target=write)
    thread.start()
    given = iter(UrlList(ours, "list", Request.to))
    while next(given) is None:
        pass
    assert not written.is_set()  # 400 kB, of which a pipe takes 64
    assert sum(one is not None for one in given) == 39_999
    thread.join()
    os.close(ours)
