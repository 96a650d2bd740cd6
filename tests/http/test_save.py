"""Downloads from servers that behave and servers that do not: continued, begun anew, named, checked, tried again."""

import gzip
import hashlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from netkit.errors import BadInput, Exit, LocalFailure
from netkit.http import Request, Response, parse_url
from netkit.http.checks import Checks
from netkit.http.checksum import Checksum
from netkit.http.client import fetch
from netkit.http.fetching import Fetching
from netkit.http.headers import parse_header
from netkit.http.report import document
from netkit.http.retry import Retry
from netkit.http.save import Save, masked
from netkit.net.curl import Engine
from netkit.net.hop import HopResult, Pause, Perform

Serve = Callable[..., Any]
BODY = b"0123456789" * 10
DATE, NOW = "Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 12:00:00 GMT"
TAG = b'ETag: "one"'


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % size, *headers, b"", body])


def rest(body: bytes, start: int, total: int = 100, *headers: bytes) -> bytes:
    where = b"Content-Range: bytes %d-%d/%d" % (start, start + len(body) - 1, total)
    return ok(body, where, *headers, status=b"206 Partial Content")


def cut(body: bytes, *headers: bytes) -> bytes:
    return ok(body, *headers, length=100)


class Answers:
    """One answer after the other; a callable is given the connection."""

    def __init__(self, *answers: bytes | Callable[[socket.socket], None]) -> None:
        self.left = list(answers)

    def __call__(self, connection: socket.socket, _: bytes) -> None:
        answer = self.left.pop(0)
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)


def reset_after(data: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # what is underway has come when the other side has closed
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


class Driven(NamedTuple):
    response: Response
    pauses: list[float]


def request(server: Any, path: str = "/file", *, headers: Sequence[str] = (), **options: Any) -> Request:
    url = parse_url(f"http://127.0.0.1:{server.port}{path}")
    return Request(url, headers=tuple(map(parse_header, headers)), **options)


def drive(asked: Request, **options: Any) -> Driven:
    """Fetch without waiting for what it wants to wait for."""
    steps = Fetching(asked, **options).steps()
    pauses: list[float] = []
    result: HopResult | None = None
    with Engine() as engine:
        while True:
            try:
                step = steps.send(result)
            except StopIteration as stop:
                return Driven(stop.value, pauses)
            result = None
            if isinstance(step, Pause):
                pauses += [step.seconds] if step.why else []
            else:
                assert isinstance(step, Perform)
                result = engine.perform(
                    step.hop, deadline=step.deadline, on_head=step.on_head, on_progress=step.on_progress
                )


def get(server: Any, path: str = "/file", **options: Any) -> Response:
    return drive(request(server, path, **options)).response


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def begun(serve: Serve, file: Path, first: bytes, *answers: bytes) -> Any:
    """A server whose first answer has left a part."""
    server = serve(Answers(first, *answers))
    assert get(server, save=Save(str(file))).body.part == f"{file}.part"
    server.requests.clear()
    return server


def entries(file: Path) -> list[str]:
    return sorted(os.listdir(file.parent))


def field(sent: bytes, name: bytes) -> bytes | None:
    found = [line for line in sent.split(b"\r\n") if line.lower().startswith(name.lower() + b": ")]
    return found[0].partition(b": ")[2] if found else None


# --- going on


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ((TAG,), b'"one"'),
        ((TAG, b"Last-Modified: " + DATE.encode(), b"Date: " + NOW.encode()), b'"one"'),
        ((b"Last-Modified: " + DATE.encode(), b"Date: " + NOW.encode()), DATE.encode()),
    ],
)
def test_a_part_is_gone_on_with(serve: Serve, file: Path, headers: tuple[bytes, ...], condition: bytes) -> None:
    server = begun(serve, file, cut(BODY[:40], *headers), rest(BODY[40:], 40, 100, *headers))
    progress: list[tuple[int, int]] = []
    asked = request(server, save=Save(str(file), resume=True))
    response = drive(asked, on_progress=lambda *now: progress.append(now)).response
    assert (response.error, file.read_bytes(), entries(file)) == (None, BODY, ["file"])
    assert field(server.requests[0], b"Range") == b"bytes=40-"
    assert field(server.requests[0], b"If-Range") == condition
    assert field(server.requests[0], b"Accept-Encoding") == b"identity"
    body = document(response)["body"]
    assert (body["decoded_bytes"], body["wire_bytes"], body["resumed_from"]) == (100, 60, 40)
    assert body["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert progress[-1] == (100, 100)


def test_without_continue_a_part_is_begun_anew(serve: Serve, file: Path) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), ok(BODY))
    response = get(server, save=Save(str(file)))
    assert (response.error, response.warnings, file.read_bytes()) == (None, (), BODY)
    assert field(server.requests[0], b"Range") is None


def test_the_file_beside_the_part_says_what_it_is_of_and_no_secret(serve: Serve, file: Path) -> None:
    server = serve(cut(BODY[:40], TAG))
    path = "/file?id=7&token=hush&X-Amz-Signature=hush&sig=hush&flag"
    drive(Request(parse_url(f"http://user:hush@127.0.0.1:{server.port}{path}"), save=Save(str(file))))
    facts = Path(f"{file}.part.json")
    assert "hush" not in facts.read_text()
    assert json.loads(facts.read_text()) == {
        "schema": "netkit.part/1",
        "url": f"http://127.0.0.1:{server.port}/file?id=7&token=***&X-Amz-Signature=***&sig=***&flag",
        "etag": '"one"',
        "last_modified": None,
        "date_is_strong": False,
        "size": 100,
        "encoded": False,
    }
    assert facts.stat().st_mode & 0o777 == 0o600
    assert masked(parse_url("http://u:p@h/")) == "http://h/"


@pytest.mark.parametrize(
    ("answers", "why", "ranges"),
    [
        ([ok(BODY)], "the server does not continue files", [b"bytes=40-"]),
        ([ok(BODY, b'ETag: "two"')], "the file has changed", [b"bytes=40-"]),
        (
            [rest(b"x" * 60, 40, 100, b'ETag: "two"'), ok(BODY, b'ETag: "two"')],
            "the file has changed",
            [b"bytes=40-", None],
        ),
    ],
)
def test_what_is_of_no_use_is_begun_anew_and_told(
    serve: Serve, file: Path, answers: list[bytes], why: str, ranges: list[bytes | None]
) -> None:
    server = begun(serve, file, cut(b"x" * 40, TAG), *answers)
    response = get(server, save=Save(str(file), resume=True))
    assert (response.error, file.read_bytes(), entries(file)) == (None, BODY, ["file"])
    assert [one.message for one in response.warnings] == [f"{file}.part is begun anew: {why}"]
    assert [field(one, b"Range") for one in server.requests] == ranges
    assert response.body.resumed_from is None


NOTHING = "the server gave no ETag or date to know the file by"


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (cut(BODY[:40]), NOTHING),
        (cut(BODY[:40], b'ETag: W/"weak"'), NOTHING),
        (cut(BODY[:40], b"Last-Modified: " + DATE.encode(), b"Date: " + DATE.encode()), NOTHING),
        (cut(gzip.compress(os.urandom(50_000))[:40_000], b"Content-Encoding: gzip", TAG), "the part came in a coding"),
    ],
)
def test_a_part_that_nothing_vouches_for_is_begun_anew(serve: Serve, file: Path, first: bytes, why: str) -> None:
    server = serve(Answers(first, ok(BODY)))
    get(server, save=Save(str(file)))
    response = get(server, save=Save(str(file), resume=True))
    assert (response.error, file.read_bytes()) == (None, BODY)
    assert [one.message for one in response.warnings] == [f"{file}.part is begun anew: {why}"]
    assert field(server.requests[1], b"Range") is None


def test_the_part_of_another_url_is_begun_anew(serve: Serve, file: Path) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), ok(BODY, TAG))
    response = get(server, "/other", save=Save(str(file), resume=True))
    assert file.read_bytes() == BODY
    assert [one.message for one in response.warnings] == [
        f"{file}.part is begun anew: the part is of http://127.0.0.1:{server.port}/file"
    ]


@pytest.mark.parametrize(
    "answer",
    [
        ok(BODY, b"Content-Range: bytes 0-99/100", status=b"206 P"),  # from zero
        ok(BODY[40:], status=b"206 P"),
        rest(BODY[40:] + b"x", 40, 101),
        rest(BODY[50:], 50, 100),
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 40-59/100\r\nConnection: close\r\n\r\n" + BODY[40:],  # and more
        ok(b"no", b"Content-Range: bytes */2", status=b"416 R"),
        ok(b"no", b"Content-Range: bytes */100", status=b"416 R"),
        ok(b"no", status=b"416 R"),
    ],
)
def test_answers_that_do_not_fit_are_errors_and_the_part_stays(serve: Serve, file: Path, answer: bytes) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), answer)
    response = get(server, save=Save(str(file), resume=True))
    assert response.error is not None
    assert (response.exit_code, response.error.kind, response.body.saved_to) == (5, "resume", None)
    assert response.error.message.startswith(f"http://127.0.0.1:{server.port}/file: ")
    assert response.error.hint == "without -c it is fetched anew"
    assert Path(f"{file}.part").read_bytes() == BODY[:40]
    assert entries(file) == ["file.part", "file.part.json"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(ok(b"oh", status=b"500 Broken"), 9), (ok(b"no", status=b"404 Not Found"), 1), (b"", 3)],
)
def test_failures_leave_the_part_alone(serve: Serve, file: Path, answer: bytes, code: int) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), answer, rest(BODY[40:], 40))
    response = get(server, save=Save(str(file), resume=True))
    assert (response.exit_code, response.body.part) == (code, f"{file}.part")
    assert Path(f"{file}.part").read_bytes() == BODY[:40]
    assert get(server, save=Save(str(file), resume=True)).error is None
    assert file.read_bytes() == BODY


def test_416_with_our_size_is_the_end(serve: Serve, file: Path) -> None:
    """Killed between the last byte and the new name: all of it is here."""
    first = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + TAG + b"\r\n\r\n64\r\n" + BODY
    server = begun(serve, file, first, ok(b"no", b"Content-Range: bytes */100", status=b"416 R"))
    response = get(server, save=Save(str(file), resume=True))
    assert (response.error, file.read_bytes(), entries(file)) == (None, BODY, ["file"])
    assert (response.body.decoded_bytes, response.body.resumed_from) == (100, 100)
    assert response.body.sha256 == hashlib.sha256(BODY).hexdigest()


def test_less_than_the_rest_is_not_the_end(serve: Serve, file: Path) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), rest(BODY[40:60], 40), rest(BODY[60:], 60))
    response = get(server, save=Save(str(file), resume=True))
    assert response.error is not None
    assert response.error.kind == "short_range"
    assert get(server, save=Save(str(file), resume=True)).error is None
    assert file.read_bytes() == BODY


def test_a_range_that_nobody_asked_for_is_refused(serve: Serve, file: Path) -> None:
    response = get(serve(rest(BODY[:60], 0)), save=Save(str(file)))
    assert response.error is not None
    assert (response.exit_code, response.error.kind, entries(file)) == (5, "resume", [])


def test_a_range_of_the_users_own_is_saved_and_never_gone_on_with(serve: Serve, file: Path) -> None:
    server = serve(Answers(rest(BODY[20:30], 20, 100, TAG), cut(BODY[20:25], b"Content-Range: bytes 20-29/100", TAG)))
    own: dict[str, Any] = {"headers": ["Range: bytes=20-29"]}
    assert get(server, save=Save(str(file)), **own).error is None
    assert file.read_bytes() == BODY[20:30]
    get(server, save=Save(str(file)), **own)
    assert json.loads(Path(f"{file}.part.json").read_text())["etag"] is None
    with pytest.raises(BadInput, match="-c and a Range of your own"):
        get(server, save=Save(str(file), resume=True), **own)


def test_a_whole_file_is_left_alone(serve: Serve, file: Path) -> None:
    file.write_bytes(BODY)
    Path(f"{file}.part.json").write_text("left by a kill")
    old = b"Last-Modified: " + DATE.encode()
    server = serve(
        Answers(ok(BODY, old), ok(b"other" * 3), ok(b"x" * 15, b"Last-Modified: Fri, 01 Jan 2100 00:00:00 GMT"))
    )
    response = get(server, save=Save(str(file), resume=True))
    assert (response.error, response.body.saved_to, response.body.resumed_from) == (None, str(file), 100)
    assert response.body.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (file.read_bytes(), entries(file)) == (BODY, ["file"])
    assert get(server, save=Save(str(file), resume=True)).body.resumed_from is None  # another size
    assert file.read_bytes() == b"other" * 3
    get(server, save=Save(str(file), resume=True))  # newer
    assert file.read_bytes() == b"x" * 15


def test_a_part_that_is_not_ours_is_left_alone(serve: Serve, file: Path) -> None:
    part = Path(f"{file}.part")
    part.write_bytes(b"precious")
    server = serve(Answers(rest(BODY[40:], 40)))
    for facts in (None, "{}", "[", "[" * 100_000, '{"schema": "netkit.part/1", "url": 7}'):
        if facts is not None:
            Path(f"{part}.json").write_text(facts)
        for resume in (False, True):
            response = get(server, save=Save(str(file), resume=resume))
            assert response.error is not None
            assert (response.exit_code, response.error.kind, part.read_bytes()) == (11, "unknown_part", b"precious")
    assert server.requests == []
    part.write_bytes(BODY[:40])
    digest = hashlib.sha1(BODY).hexdigest()
    response = get(server, save=Save(str(file), resume=True), checksum=Checksum("sha1", digest))
    assert (response.error, response.body.checksum, file.read_bytes()) == (None, f"sha1:{digest}", BODY)


def test_two_downloads_of_one_file_do_not_mix(serve: Serve, file: Path) -> None:
    came, go_on = threading.Event(), threading.Event()

    def slowly(connection: socket.socket) -> None:
        connection.sendall(cut(BODY[:40], TAG))
        came.set()
        go_on.wait()
        connection.sendall(BODY[40:])

    server = serve(Answers(slowly, ok(b"x" * 100), ok(b"x" * 100)))
    found: list[Response] = []
    first = threading.Thread(target=lambda: found.append(fetch(request(server, save=Save(str(file))))))
    first.start()
    came.wait()
    while not Path(f"{file}.part").exists() or Path(f"{file}.part").stat().st_size < 40:
        assert first.is_alive()
    for resume in (False, True):
        response = get(server, save=Save(str(file), resume=resume))
        assert response.error is not None
        assert (response.exit_code, response.error.kind) == (11, "locked")
        assert f"(pid {os.getpid()})" in response.error.message
    go_on.set()
    first.join()
    assert (found[0].error, file.read_bytes(), len(server.requests)) == (None, BODY, 1)


# --- limits and checks


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize(
    ("answer", "here"),
    [
        (ok(BODY), 0),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY * 1000, 0),
        (ok(gzip.compress(bytes(5_000_000)), b"Content-Encoding: gzip"), 0),
    ],
)
def test_max_size(serve: Serve, file: Path, answer: bytes, here: int, saved: bool) -> None:
    out = bytearray()
    asked = request(serve(answer), save=Save(str(file)) if saved else None, max_size=99)
    response = drive(asked, sink=out.extend).response
    assert response.error is not None
    assert (response.exit_code, response.error.kind, file.exists()) == (5, "too_big", False)
    assert len(out) <= 99


def test_what_is_too_big_costs_no_part(serve: Serve, file: Path) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), ok(BODY, b'ETag: "two"'))
    response = get(server, save=Save(str(file), resume=True), max_size=99)
    assert response.error is not None
    assert (response.error.kind, Path(f"{file}.part").read_bytes()) == ("too_big", BODY[:40])


def test_max_size_counts_the_whole_file(serve: Serve, file: Path) -> None:
    server = begun(serve, file, cut(BODY[:40], TAG), rest(BODY[40:], 40), rest(BODY[40:], 40))
    response = get(server, save=Save(str(file), resume=True), max_size=99)
    assert response.error is not None
    assert (response.error.kind, Path(f"{file}.part").read_bytes()) == ("too_big", BODY[:40])
    assert get(server, save=Save(str(file), resume=True), max_size=100).error is None


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_a_checksum_is_compared_before_the_file_has_its_name(serve: Serve, file: Path, algorithm: str) -> None:
    digest = hashlib.new(algorithm, BODY).hexdigest()
    right = Checksum.parse(f"{algorithm.upper()}:{digest.upper()}")
    wrong = Checksum(algorithm, "0" * len(digest))
    server = serve(ok(BODY, TAG))
    response = get(server, save=Save(str(file)), checksum=wrong)
    assert response.error is not None
    assert (response.exit_code, response.error.kind, response.body.saved_to) == (1, "checksum", None)
    assert f"the {algorithm} is {digest}, not 000" in response.error.message
    assert response.error.hint == f"{file}.part holds what came"
    assert (file.exists(), Path(f"{file}.part").read_bytes()) == (False, BODY)
    response = get(server, save=Save(str(file)), checksum=right)
    assert (response.error, response.body.checksum, file.read_bytes()) == (None, f"{algorithm}:{digest}", BODY)
    assert response.body.sha256 == hashlib.sha256(BODY).hexdigest()


def test_a_checksum_of_what_is_not_saved(serve: Serve) -> None:
    out = bytearray()
    checksum = Checksum("md5", hashlib.md5(BODY).hexdigest())
    assert drive(request(serve(ok(BODY)), checksum=checksum), sink=out.extend).response.body.checksum == str(checksum)
    response = drive(request(serve(ok(BODY[1:])), checksum=checksum), sink=out.extend).response
    assert (response.exit_code, bytes(out)) == (1, BODY + BODY[1:])


def test_a_checksum_counts_what_was_here(serve: Serve, file: Path) -> None:
    checksum = Checksum("sha512", hashlib.sha512(BODY).hexdigest())
    server = begun(serve, file, cut(BODY[:40], TAG), rest(BODY[40:], 40))
    assert get(server, save=Save(str(file), resume=True), checksum=checksum, digest=False).error is None


@pytest.mark.parametrize(
    "text", ["", "sha256", "sha256:", "sha256:zz", "sha3:00", "md5:" + "0" * 31, "sha1:" + "0" * 39 + "g", "0" * 64]
)
def test_what_is_no_checksum(text: str) -> None:
    with pytest.raises(BadInput):
        Checksum.parse(text)


def test_mtime(serve: Serve, file: Path) -> None:
    server = serve(Answers(ok(BODY, b"Last-Modified: " + DATE.encode()), ok(BODY)))
    get(server, save=Save(str(file), mtime=True))
    assert file.stat().st_mtime == 1767225600
    response = get(server, save=Save(str(file), mtime=True))
    assert [one.code for one in response.warnings] == ["no_last_modified"]


# --- names


def test_the_server_names_the_file_and_replaces_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "a.txt.1"):
        Path(name).write_bytes(b"old")
    os.mkdir("a.txt.2")
    os.symlink("/nosuch", "a.txt.3")
    os.symlink("/nosuch", "a.txt.4.part")
    Path("a.txt.5.part").write_bytes(b"precious")
    server = serve(ok(BODY, b'Content-Disposition: attachment; filename="../a.txt"'))
    response = get(server, save=Save())
    assert (response.error, response.body.saved_to) == (None, "a.txt.6")
    assert (Path("a.txt.6").read_bytes(), Path("a.txt").read_bytes()) == (BODY, b"old")
    response = get(server, save=Save(overwrite=True))
    assert (response.body.saved_to, Path("a.txt").read_bytes()) == ("a.txt", BODY)
    assert not os.path.lexists("/nosuch")
    os.mkdir("file")
    assert get(serve(ok(BODY)), save=Save(overwrite=True)).exit_code is Exit.LOCAL


def test_a_folder_of_the_users_is_made_and_not_left(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    server = serve(ok(BODY, b"Content-Disposition: attachment; filename*=utf-8''..%2f..%2fetc%2fpasswd"))
    assert get(server, save=Save(folder=str(folder))).body.saved_to == f"{folder}/passwd"
    assert get(server, save=Save("mine", str(folder))).body.saved_to == f"{folder}/mine"
    assert sorted(os.listdir(folder)) == ["mine", "passwd"]
    with pytest.raises(BadInput):
        get(server, save=Save("/mine", str(folder)))
    with pytest.raises(BadInput, match="standard output"):
        get(server, save=Save("-"))
    (tmp_path / "no").touch()
    assert get(server, save=Save(folder=str(tmp_path / "no" / "x"))).exit_code is Exit.LOCAL


def test_what_is_beside_a_part_is_not_written_through_a_link(serve: Serve, file: Path) -> None:
    victim = file.parent / "victim"
    victim.write_bytes(b"safe")
    Path(f"{file}.part.json").symlink_to(victim)
    get(serve(cut(BODY[:40], TAG)), save=Save(str(file)))
    assert (victim.read_bytes(), Path(f"{file}.part.json").is_symlink()) == (b"safe", False)
    Path(f"{file}.part.json").unlink()
    Path(f"{file}.part.json").symlink_to(victim)
    response = get(serve(ok(BODY)), save=Save(str(file), resume=True))
    assert response.error is not None
    assert response.error.kind == "unknown_part"


def test_a_link_of_the_servers_name_is_not_followed(serve: Serve, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"safe")
    (tmp_path / "file").symlink_to(victim)
    server = serve(ok(BODY))
    assert get(server, save=Save(folder=str(tmp_path))).body.saved_to == f"{tmp_path}/file.1"
    assert get(server, save=Save(folder=str(tmp_path), overwrite=True)).body.saved_to == f"{tmp_path}/file"
    assert (victim.read_bytes(), (tmp_path / "file").is_symlink()) == (b"safe", False)


@pytest.mark.parametrize("planted", ["link", "folder", "pipe"])
def test_what_stands_in_the_way_of_a_part_is_named(serve: Serve, tmp_path: Path, planted: str) -> None:
    part, victim = tmp_path / "file.part", tmp_path / "victim"
    victim.write_bytes(b"safe")
    if planted == "link":
        part.symlink_to(victim)
    elif planted == "folder":
        part.mkdir()
    else:
        os.mkfifo(part)
    server = serve(ok(BODY))
    assert get(server, save=Save(folder=str(tmp_path))).body.saved_to == f"{tmp_path}/file.1"
    response = get(server, save=Save(folder=str(tmp_path), overwrite=True))
    why = {"link": "it is a symbolic link", "folder": "Is a directory", "pipe": "it is no file"}[planted]
    assert str(response.error) == f"cannot write {part}: {why}"
    assert victim.read_bytes() == b"safe"


def test_the_server_names_a_part_that_is_gone_on_with(serve: Serve, tmp_path: Path) -> None:
    named = b"Content-Disposition: attachment; filename=b.bin"
    server = serve(
        Answers(cut(BODY[:40], TAG, named), ok(BODY, TAG, named), rest(BODY[40:], 40, 100, TAG), ok(BODY, TAG, named))
    )
    save = Save(folder=str(tmp_path), resume=True)
    assert get(server, save=save).body.part == f"{tmp_path}/b.bin.part"
    response = get(server, save=save)
    assert (response.error, response.body.resumed_from, len(response.hops)) == (None, 40, 2)
    assert [field(one, b"Range") for one in server.requests] == [None, None, b"bytes=40-"]
    assert ((tmp_path / "b.bin").read_bytes(), os.listdir(tmp_path)) == (BODY, ["b.bin"])
    assert response.body.sha256 == hashlib.sha256(BODY).hexdigest()
    assert get(server, save=save).body.resumed_from == 100  # and a whole one is left alone
    assert os.listdir(tmp_path) == ["b.bin"]


def test_how_an_answer_of_no_use_ends_does_not_matter(serve: Serve, tmp_path: Path) -> None:
    server = serve(Answers(cut(BODY[:40], TAG), cut(BODY[:40], TAG), rest(BODY[40:], 40), cut(BODY[:40], TAG)))
    save = Save(folder=str(tmp_path), resume=True)
    get(server, save=save)
    assert get(server, save=save).error is None
    assert get(server, save=save).body.resumed_from == 100
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_server_that_is_gone_when_the_rest_is_asked_for(serve: Serve, tmp_path: Path) -> None:
    server = serve(Answers(cut(BODY[:40], TAG), ok(BODY, TAG), b""))
    save = Save(folder=str(tmp_path), resume=True)
    get(server, save=save)
    response = get(server, save=save)
    assert (response.exit_code, response.body.part, len(response.hops)) == (3, f"{tmp_path}/file.part", 2)


def test_a_name_that_came_meanwhile_is_not_replaced(serve: Serve, tmp_path: Path) -> None:
    def late(connection: socket.socket) -> None:
        connection.sendall(cut(BODY[:40], TAG))
        (tmp_path / "file").write_bytes(b"came meanwhile")
        connection.sendall(BODY[40:])

    assert get(serve(Answers(late)), save=Save(folder=str(tmp_path))).body.saved_to == f"{tmp_path}/file.1"
    assert (tmp_path / "file").read_bytes() == b"came meanwhile"


def test_after_a_redirect_the_last_url_names_it(serve: Serve, tmp_path: Path) -> None:
    server = serve(Answers(ok(b"", b"Location: /tool-1.2.tgz", status=b"302 Found"), ok(BODY)))
    assert get(server, "/latest", save=Save(folder=str(tmp_path))).body.saved_to == f"{tmp_path}/tool-1.2.tgz"


# --- again


BUSY = ok(b"busy", b"Retry-After: 1", status=b"503 Busy")


def test_busy_then_broken_then_whole(serve: Serve, file: Path) -> None:
    """Row 25: one clean file, three attempts."""
    server = serve(Answers(BUSY, reset_after(cut(BODY[:50], TAG)), rest(BODY[50:], 50, 100, TAG)))
    response, pauses = drive(request(server, save=Save(str(file)), retry=Retry(5)))
    assert (response.error, file.read_bytes(), entries(file)) == (None, BODY, ["file"])
    assert [field(one, b"Range") for one in server.requests] == [None, None, b"bytes=50-"]
    found = document(response)
    assert (found["attempts"], found["body"]["resumed_from"]) == (3, 50)
    busy, broken = found["retries"]
    assert (busy["status"], busy["error"]["kind"], busy["held_bytes"], busy["pause_ms"]) == (503, "http_503", 0, 1000)
    assert (broken["status"], broken["error"]["kind"], broken["held_bytes"]) == (200, "truncated", 50)
    assert pauses[0] == 1.0
    assert 0.5 <= pauses[1] <= 1.0


def test_without_a_validator_another_attempt_begins_anew(serve: Serve, file: Path) -> None:
    server = serve(Answers(cut(b"x" * 40), ok(BODY)))
    response = get(server, save=Save(str(file)), retry=Retry(1))
    assert (response.error, file.read_bytes()) == (None, BODY)
    assert [one.message for one in response.warnings] == [f"{file}.part is begun anew: {NOTHING}"]


def test_a_file_that_changes_between_attempts_is_never_spliced(serve: Serve, file: Path) -> None:
    server = serve(
        Answers(cut(b"x" * 40, TAG), cut(BODY[:70], b'ETag: "two"'), rest(BODY[70:], 70, 100, b'ETag: "two"'))
    )
    response = get(server, save=Save(str(file)), retry=Retry(2))
    assert (response.error, file.read_bytes()) == (None, BODY)
    assert [field(one, b"If-Range") for one in server.requests] == [None, b'"one"', b'"two"']


def test_what_is_tried_too_often_fails_with_the_last_reason(serve: Serve) -> None:
    server = serve(Answers(BUSY, BUSY, BUSY))
    response, pauses = drive(request(server, retry=Retry(2)))
    assert response.error is not None
    assert (response.exit_code, len(server.requests), pauses) == (9, 3, [1.0, 1.0])
    assert response.error.message.endswith("503 Busy, after 3 attempts")
    assert response.body.content == b"busy"


def test_a_status_that_is_expected_is_not_tried_again(serve: Serve) -> None:
    server = serve(Answers(BUSY, ok(BODY)))
    response = get(server, retry=Retry(3), checks=Checks(status=("503",)))
    assert (response.error, response.body.content, len(server.requests)) == (None, b"busy", 1)


@pytest.mark.parametrize("options", [{"checks": Checks(status=("200",))}, {"fail": False}, {"method": "HEAD"}])
def test_whatever_is_made_of_a_failure_it_is_tried_again(serve: Serve, options: dict[str, Any]) -> None:
    head_alone = options.get("method") == "HEAD"
    busy = BUSY.removesuffix(b"busy") if head_alone else BUSY
    server = serve(Answers(busy, ok(BODY)[:-100] if head_alone else ok(BODY)))
    response = get(server, retry=Retry(3), **options)
    assert (response.error, response.status, [one.status for one in response.retries]) == (None, 200, [503])
    response = get(serve(Answers(busy, busy)), retry=Retry(1), **options)
    kind = response.error.kind if response.error else None
    assert (len(response.retries), kind) == (
        1,
        {"checks": "check_failed", "fail": None}.get(next(iter(options)), "http_503"),
    )
    assert response.body.content == (None if head_alone else b"busy")


def test_a_huge_retry_after_is_not_waited_for(serve: Serve) -> None:
    server = serve(ok(b"busy", b"Retry-After: 86400", status=b"503 Busy"))
    response, pauses = drive(request(server, retry=Retry(5), timeout=1e6))
    assert response.error is not None
    assert (response.exit_code, pauses, len(server.requests)) == (9, [], 1)
    assert response.error.hint == "Retry-After: 86400 s goes beyond --retry-max-time 120s"
    assert response.body.content == b"busy"


def test_standard_output_gets_one_body(serve: Serve) -> None:
    out = bytearray()
    response = drive(request(serve(Answers(BUSY, BUSY, ok(BODY))), retry=Retry(2)), sink=out.extend).response
    assert (response.error, bytes(out)) == (None, BODY)
    out.clear()
    response = drive(request(serve(Answers(BUSY, BUSY)), retry=Retry(1)), sink=out.extend).response
    assert (response.exit_code, bytes(out)) == (9, b"busy")


def test_standard_output_is_not_begun_twice(serve: Serve) -> None:
    out = bytearray()
    server = serve(Answers(cut(BODY[:40], TAG), ok(BODY)))
    response = drive(request(server, retry=Retry(5)), sink=out.extend).response
    assert response.error is not None
    assert (response.exit_code, bytes(out), len(server.requests)) == (5, BODY[:40], 1)
    assert response.error.hint == "40 bytes of it are out already: -o FILE would have gone on behind them"


def test_a_device_is_not_begun_twice(serve: Serve) -> None:
    server = serve(Answers(cut(BODY[:40], TAG), ok(BODY)))
    assert get(server, save=Save("/dev/null"), retry=Retry(5)).exit_code is Exit.PROTOCOL
    assert len(server.requests) == 1
    with pytest.raises(BadInput, match="no file that could be continued"):
        get(server, save=Save("/dev/null", resume=True))


def test_another_attempt_begins_at_the_first_url_with_its_credentials(serve: Serve) -> None:
    other = serve(Answers(ok(b"", status=b"503 Busy"), ok(BODY)))
    moved = ok(b"", b"Location: http://127.0.0.1:%d/" % other.port, status=b"302 Found")
    server = serve(Answers(moved, moved))
    response = get(server, retry=Retry(1), auth=("user", "pw"))
    assert (response.body.content, len(response.hops)) == (BODY, 2)
    assert [field(one, b"Authorization") is not None for one in server.requests] == [True, True]
    assert [field(one, b"Authorization") for one in other.requests] == [None, None]


def test_a_connection_that_is_refused_is_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        asked = Request(parse_url(f"http://127.0.0.1:{unused.getsockname()[1]}/"), retry=Retry(3))
        response, pauses = drive(asked)
    assert (response.exit_code, len(response.retries), len(pauses)) == (Exit.UNREACHABLE, 3, 3)
    assert [0.5 <= pause / 2**number / 0.5 <= 1.0 for number, pause in enumerate(pauses)] == [True] * 3


def test_what_this_machine_refuses_is_not_tried_again(serve: Serve, file: Path) -> None:
    server = serve(ok(BODY))
    response = get(server, save=Save("/dev/full"), retry=Retry(3))
    assert isinstance(response.error, LocalFailure)
    assert len(server.requests) == 1
