"""Many fetches at once, from servers that behave and servers that do not beside each other."""

import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.http import Request, Response, fetch, parse_url
from netkit.http.headers import parse_header
from netkit.http.many import fetch_many
from netkit.http.results import Results
from netkit.http.save import Save
from netkit.net.cookies import CookieJar
from netkit.net.hop import Route
from tests.conftest import MS

Serve = Callable[..., Any]


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


def path_of(head: bytes) -> bytes:
    return head.split()[1]


def echo(connection: socket.socket, head: bytes) -> None:
    """Answers with the path."""
    connection.sendall(ok(path_of(head)))


def requests(server: Any, *paths: str, **options: Any) -> list[Request]:
    return [Request(parse_url(f"http://127.0.0.1:{server.port}{path}"), **options) for path in paths]


def ended(given: Any, **options: Any) -> dict[int, Response]:
    return dict(fetch_many(given, **options))


def kinds(found: dict[int, Response]) -> list[str | None]:
    return [response.error.kind if response.error else None for _, response in sorted(found.items())]


def test_each_has_its_own_answer_and_connections_are_kept(serve: Serve) -> None:
    server = serve(echo, keep_alive=True)
    paths = [f"/{number}" for number in range(300)]
    found = ended(requests(server, *paths), parallel=32)
    assert sorted(found) == list(range(300))
    assert all(response.body.content == paths[number].encode() for number, response in found.items())
    assert len(server.open) <= 32
    assert sum(response.hops[0].reused for response in found.values()) == 300 - len(server.open)


def test_never_more_at_once_than_asked(serve: Serve) -> None:
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def count(connection: socket.socket, head: bytes) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 4:
                full.set()
        full.wait()
        with lock:
            running -= 1
        echo(connection, head)

    found = ended(requests(serve(count), *[f"/{number}" for number in range(12)]), parallel=4)
    assert (len(found), most) == (12, 4)


def bad(connection: socket.socket, head: bytes) -> None:
    path = path_of(head)
    if path.startswith(b"/hang"):
        connection.recv(1)  # until the client goes away
    elif path == b"/reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif path == b"/cut":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345")
    elif path == b"/garbage":
        connection.sendall(b"\x00\xff" * 1000)
    elif path == b"/drip":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1")
        connection.recv(1)
    elif path == b"/moved":
        connection.sendall(ok(b"", b"Location: /good", status=b"302 Found"))
    else:
        echo(connection, head)


def test_what_one_server_does_wrong_is_no_other_s_concern(serve: Serve) -> None:
    server = serve(bad)
    wrong = requests(server, "/hang", "/reset", "/cut", "/garbage", "/drip", timeout=1.0)
    right = requests(server, *["/good", "/moved"] * 10)
    nowhere = [Request(parse_url("http://127.0.0.1:1/"))]
    found = ended([*wrong, *right, *nowhere], parallel=26)
    assert kinds(found) == ["timeout_wait", "reset", "truncated", "malformed", "timeout_body", *[None] * 20, "refused"]
    assert all(found[number].body.content == b"/good" for number in range(5, 25))
    assert found[2].body.content == b"12345"


def test_those_that_hang_do_not_hold_up_the_others(serve: Serve) -> None:
    server = serve(bad)
    given = [*requests(server, "/hang1", "/hang2", timeout=3600.0), *requests(server, *["/good"] * 10)]
    first = []
    results = fetch_many(given, parallel=3)
    for number, response in results:
        first.append((number, response.body.content))
        if len(first) == 10:
            break
    results.close()  # ends the two that hang
    assert sorted(number for number, _ in first) == list(range(2, 12))
    assert {content for _, content in first} == {b"/good"}


def test_a_request_is_taken_when_there_is_room_for_it(serve: Serve) -> None:
    server, taken = serve(echo, keep_alive=True), 0

    def endless() -> Iterator[Request]:
        nonlocal taken
        while True:
            taken += 1
            yield requests(server, f"/{taken}")[0]

    results = fetch_many(endless(), parallel=5)
    for seen, _ in enumerate(results, 1):
        assert taken <= seen + 10  # those under way, and those that ended with this one
        if seen == 100:
            break
    results.close()


def test_what_is_no_request_is_passed_on_with_its_number(serve: Serve) -> None:
    server = serve(echo)
    wrong = Response.unsent("GET", "no url", BadInput("no url"))
    unsendable = Request(parse_url("http://a@127.0.0.1:1/"), bearer="x", auth=("a", "b"))
    found = ended([wrong, *requests(server, "/one"), unsendable, wrong], parallel=2)
    assert kinds(found) == ["bad_input", None, "bad_input", "bad_input"]
    assert [str(found[number].url) for number in (0, 2)] == ["no url", "http://127.0.0.1:1/"]
    assert len(server.requests) == 1


def test_none_means_wait_until_the_descriptor_is_readable(serve: Serve) -> None:
    server = serve(echo)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asked = 0

        def coming() -> Iterator[Request | None]:
            nonlocal asked
            yield requests(server, "/one")[0]
            asked += 1
            yield None
            assert ours.recv(1) == b"x"  # it is there
            yield requests(server, "/two")[0]

        results = fetch_many(coming(), parallel=4, ready=ours.fileno())
        assert next(results)[1].body.content == b"/one"
        assert asked == 1
        theirs.sendall(b"x")
        assert [response.body.content for _, response in results] == [b"/two"]


def test_what_a_sink_raises_ends_it_all(serve: Serve) -> None:
    def sink(number: int) -> Callable[[bytes], object]:
        def take(data: bytes) -> None:
            raise LocalFailure("full") if number == 0 else ZeroDivisionError

        return take

    found = fetch_many(requests(serve(echo), "/a", "/b", "/c"), parallel=1, sink=sink)
    _, response = next(found)
    assert response.error is not None  # an error of ours is the response's
    assert response.error.message == "full"
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_ctrl_c_ends_it_all_at_once(serve: Serve) -> None:
    asked = threading.Barrier(5)

    def hang(connection: socket.socket, head: bytes) -> None:
        asked.wait()
        connection.recv(1)

    def interrupt() -> None:
        asked.wait()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        ended(requests(serve(hang), *["/"] * 4, timeout=3600.0), parallel=4)
    thread.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("where", ["data", "result"])
def test_ctrl_c_while_more_comes_tells_what_is_left_of_each_download(
    serve: Serve, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amid a turn of the loop, whose next pieces are refused, or while a result is shown."""
    monkeypatch.chdir(tmp_path)
    parts, begun = (tmp_path / "a.part", tmp_path / "b.part"), threading.Event()

    def answer(connection: socket.socket, head: bytes) -> None:
        if path_of(head) == b"/ends":
            begun.wait()
            connection.sendall(ok(b""))
            return
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 1000000000\r\n\r\n')
        with suppress(OSError):
            while True:
                connection.sendall(b"x" * 70_000)
                begun.wait()
                if where == "result":
                    connection.recv(1)

    def progress(number: int, request: Request) -> Callable[[int, int], None]:
        def came(done: int, total: int) -> None:
            if all(part.exists() and part.stat().st_size for part in parts):
                begun.set()
                if where == "data":
                    signal.raise_signal(signal.SIGINT)

        return came

    server = serve(answer)
    given = requests(server, "/a", "/b", save=Save(folder="."))
    if where == "result":
        given += requests(server, "/ends")
    fetching = fetch_many(given, parallel=3, on_progress=progress)
    if where == "result":
        assert next(fetching)[0] == 2
    with pytest.raises(KeyboardInterrupt) as caught:
        next(fetching) if where == "data" else fetching.throw(KeyboardInterrupt())
    assert sorted(caught.value.__notes__) == [
        f"./{name}.part holds what came until then, -c goes on with it" for name in "ab"
    ]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_steps_of_the_socket_are_told(serve: Serve) -> None:
    steps = []
    ended(requests(serve(echo, keep_alive=True), *["/"] * 6), parallel=2, on_event=lambda step: steps.append(step.name))
    assert steps.count("connect") <= 2
    assert steps.count("send") == 6


def test_progress_is_told_by_number(serve: Serve) -> None:
    told: dict[int, tuple[int, int]] = {}

    def progress(number: int, request: Request) -> Callable[[int, int], None]:
        return lambda done, total: told.update({number: (done, total)})

    ended(requests(serve(ok(b"x" * 1000)), "/a", "/b"), parallel=2, on_progress=progress)
    assert told == {0: (1000, 1000), 1: (1000, 1000)}


def test_tls_facts_are_those_of_the_connection_also_when_it_is_shared(serve: Serve, authority: Any) -> None:
    server = serve(echo, authority.context("127.0.0.1"), keep_alive=True)
    route = Route(cacert=authority.ca)
    given = [Request(parse_url(f"https://127.0.0.1:{server.port}/{number}"), route=route) for number in range(20)]
    found = ended(given, parallel=4)
    assert kinds(found) == [None] * 20
    facts = {hop.tls for response in found.values() for hop in response.hops}
    assert len(facts) == 1
    assert any(response.hops[0].reused for response in found.values())


def test_secrets_are_for_their_own_host(serve: Serve) -> None:
    one, two = serve(echo, keep_alive=True), serve(echo, keep_alive=True)
    mine = (parse_header("Authorization: mine"),)
    ended([*requests(one, "/", headers=mine) * 5, *requests(two, "/") * 5], parallel=4)
    assert [b"mine" in head for head in one.requests] == [True] * 5
    assert [b"mine" in head for head in two.requests] == [False] * 5


def test_a_kept_connection_that_died_is_no_failure(serve: Serve) -> None:
    asked: set[socket.socket] = set()

    def answer(connection: socket.socket, head: bytes) -> None:
        if connection in asked:  # at its second request it is reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return
        asked.add(connection)
        moved = ok(b"", b"Location: /good", status=b"302 Found")
        connection.sendall(moved if path_of(head) == b"/moved" else ok(b"good"))

    server = serve(answer, keep_alive=True)
    found = ended(requests(server, "/a", "/b", "/moved", "/c"), parallel=1)
    assert kinds(found) == [None] * 4
    assert [hop.reused for number in range(4) for hop in found[number].hops] == [False] * 5
    assert fetch(requests(server, "/moved")[0]).body.content == b"good"


def test_a_new_connection_that_dies_is_a_failure(serve: Serve) -> None:
    server = serve(bad)
    assert kinds(ended(requests(server, "/reset", "/reset"), parallel=1)) == ["reset"] * 2
    assert len(server.requests) == 2


def test_a_silent_peer_is_not_waited_for_longer_than_asked(serve: Serve) -> None:
    server = serve(bad)
    given = requests(server, "/hang", "/drip", timeout=3600.0, route=Route(stall_timeout=0.2))
    found = ended([*given, *requests(server, "/good")], parallel=3)
    assert [response.error.exit if response.error else 0 for _, response in sorted(found.items())] == [4, 4, 0]
    assert "0.2 s" in found[0].error.message  # type: ignore[union-attr]


def test_hosts_are_looked_up_beside_what_is_fetched(serve: Serve) -> None:
    server = serve(echo)
    nowhere = [Request(parse_url("http://x.test/"), dns_servers=("127.0.0.1:1",))] * 3
    found = ended([*nowhere, *requests(server, "/good")], parallel=4)
    assert [response.error.exit if response.error else 0 for _, response in sorted(found.items())] == [3, 3, 3, 0]


def test_cookies_of_all_are_in_one_jar(serve: Serve, tmp_path: Path) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(ok(b"", b"Set-Cookie: c%s=1" % path_of(head)[1:]))

    jar = CookieJar(str(tmp_path / "jar"))
    ended(requests(serve(answer, keep_alive=True), *[f"/{number}" for number in range(20)], jar=jar), parallel=5)
    assert sorted(name for _, _, name in jar.cookies) == sorted(f"c{number}" for number in range(20))


# In order.


def response(content: bytes | None = None) -> Response:
    made = Response.unsent("GET", "x", BadInput("x"))
    return made._replace(body=made.body._replace(content=content))


def test_results_come_in_order_and_bodies_whole() -> None:
    written = bytearray()
    results = Results(written.extend)
    sinks = [results.sink(number) for number in range(3)]
    sinks[1](b"one ")
    sinks[0](b"zero ")
    sinks[2](b"two ")
    assert written == b"zero "
    assert list(results.put(2, response())) == []
    sinks[1](b"one more ")
    sinks[0](b"zero more ")
    assert len(list(results.put(0, response()))) == 1
    assert written == b"zero zero more one one more "  # it is the second's turn
    sinks[1](b"and more ")
    assert len(list(results.put(1, response()))) == 2
    assert written == b"zero zero more one one more and more two "
    assert results.held == 0


def test_as_they_come_a_body_is_written_when_it_is_whole() -> None:
    written = bytearray()
    results = Results(written.extend, ordered=False)
    sinks = [results.sink(number) for number in range(2)]
    sinks[0](b"a")
    sinks[1](b"b")
    assert written == b""
    assert len(list(results.put(1, response()))) == 1
    sinks[0](b"aa")
    assert len(list(results.put(0, response()))) == 1
    assert written == b"baaa"


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 1_000_000])
def test_a_body_that_waits_is_the_same_in_memory_and_in_a_file(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    written = bytearray()
    results = Results(written.extend)
    sink = results.sink(1)
    for at in range(0, size, 100_003):
        sink(data[at : min(at + 100_003, size)])
    list(results.put(1, response()))
    list(results.put(0, response()))
    assert written == data[:size]


def test_no_more_is_begun_when_too_much_waits() -> None:
    results = Results()
    list(results.put(1, response(b"x" * (64 * 1024 * 1024 - 9000))))
    assert not results.full()
    list(results.put(2, response(b"x")))
    assert results.full()
    assert len(list(results.put(0, response()))) == 3
    assert not results.full()


def test_no_more_is_begun_when_too_many_wait_in_files() -> None:
    results = Results(bytearray().extend, files=2)
    for number in (1, 2):
        assert not results.full()
        results.sink(number)(b"x" * 300_000)
    assert results.full()
    list(results.put(0, response()))
    assert not results.full()
    results.close()


def test_a_body_that_cannot_be_kept_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with pytest.raises(LocalFailure, match="cannot keep a body until its turn: No such file"):
        Results(bytearray().extend).sink(1)(b"x" * 300_000)


# Bodies that wait.

PIECES = 1024 * 1024  # bytes that may be on their way to a body when it is told to wait


def big(letter: bytes) -> bytes:
    return letter * (3 * 1024 * 1024)


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> int:
    """What may wait in all, here."""
    monkeypatch.setattr("netkit.http.results.MOST", 1024 * 1024)
    return 1024 * 1024


def test_where_too_much_waits_the_rest_stays_with_its_server(little: int) -> None:
    written = bytearray()
    results = Results(written.extend)
    assert not results.waits(1)
    results.sink(1)(b"a" * little)
    assert [results.waits(number) for number in range(3)] == [False, True, True]
    list(results.put(0, response()))
    assert (len(written), results.waiting) == (little, 0)
    assert not results.waits(2)


def test_bodies_that_wait_for_their_turn_are_paused_and_come_whole(serve: Serve, little: int) -> None:
    """For longer than their own deadline, which stands still."""
    paused: set[int] = set()
    full, never = threading.Event(), threading.Event()

    def answer(connection: socket.socket, head: bytes) -> None:
        path = path_of(head)
        if path == b"/first":
            full.wait(20_000 * MS)
            never.wait(3.5)
        connection.sendall(ok(b"0" if path == b"/first" else big(path[1:])))

    written = bytearray()
    most = 0
    results = Results(written.extend)

    def waits(number: int) -> bool:
        nonlocal most
        most = max(most, results.waiting)
        if results.waits(number):
            paused.add(number)
            if len(paused) == 3:
                full.set()
            return True
        return False

    server = serve(answer)
    given = [*requests(server, "/first", timeout=60_000 * MS), *requests(server, "/a", "/b", "/c", timeout=3.0)]
    codes = []
    for number, response in fetch_many(given, parallel=4, sink=results.sink, hold=results.full, waits=waits):
        codes += [one.error for one in results.put(number, response)]
    assert codes == [None] * 4
    assert written == b"0" + big(b"a") + big(b"b") + big(b"c")
    assert most <= little + 3 * PIECES


def test_as_they_come_one_goes_out_where_too_much_waits(serve: Serve, little: int) -> None:
    server = serve(lambda connection, head: connection.sendall(ok(big(path_of(head)[1:]))))
    written = bytearray()
    results = Results(written.extend, ordered=False)
    most, codes = 0, []
    given = requests(server, "/a", "/b", "/c", "/d")
    for number, response in fetch_many(given, parallel=4, sink=results.sink, hold=results.full, waits=results.waits):
        most = max(most, results.waiting)
        codes += [one.error for one in results.put(number, response)]
    assert codes == [None] * 4
    size = len(big(b"a"))
    parts = [bytes(written[at : at + size]) for at in range(0, len(written), size)]
    assert sorted(parts) == [big(letter) for letter in (b"a", b"b", b"c", b"d")]
    assert most <= little + 4 * PIECES
    assert (results.turn, results.waiting) == (-1, 0)


def test_a_body_that_waits_is_told_of_when_it_was_cut(serve: Serve, little: int) -> None:
    paused = threading.Event()

    def answer(connection: socket.socket, head: bytes) -> None:
        if path_of(head) == b"/first":
            paused.wait(60_000 * MS)
            connection.sendall(ok(b"0"))
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + big(b"a"))

    results = Results(bytearray().extend)

    def waits(number: int) -> bool:
        if results.waits(number):
            paused.set()
            return True
        return False

    given = requests(serve(answer), "/first", "/cut")
    found = []
    for number, response in fetch_many(given, parallel=2, sink=results.sink, waits=waits):
        found += [one.error and one.error.message.partition(": ")[2] for one in results.put(number, response)]
    assert found == [None, f"closed after {len(big(b'a'))} of 9999999 bytes of the body"]
