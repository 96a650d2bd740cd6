"""Endpoints watched against real servers that do one thing each."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from netkit.errors import BadInput, Exit, Unreachable
from netkit.net.address import Endpoint
from netkit.net.ca import Authority
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.tls_server import from_leaf
from netkit.watch.condition import parse as condition
from netkit.watch.event import Event
from netkit.watch.target import parse, unique
from netkit.watch.watcher import Watcher
from tests.echo.server.conftest import serving
from tests.loopback import LIMIT, reset, tcp
from tests.ports import find_free_port


class Watched:
    def __init__(self, code: Exit, events: list[Event]) -> None:
        self.code = code
        self.events = events

    def names(self, label: str = "") -> list[str]:
        return [one.event for one in self.events if not label or one.label == label]

    def data(self, direction: str = "in") -> bytes:
        return b"".join(one.data or b"" for one in self.events if one.event == "data" and one.direction == direction)


def watch(
    *words: object,
    listen: tuple[str, ...] = (),
    until: str = "",
    then: Callable[[Event], None] | None = None,
    over: Callable[[Event], bool] | None = None,
    timeout: float = LIMIT,
    **options: Any,
) -> Watched:
    """over: the timeout passes with this event, however long it takes to come."""
    events: list[Event] = []

    def on_watch(event: Event) -> None:
        events.append(event)
        if then:
            then(event)
        if over and over(event):
            watcher.loop.later(0, watcher._over)

    targets = unique([parse(str(word)) for word in words] + [parse(word, listen=True) for word in listen])
    watcher = Watcher(targets, on_watch=on_watch, until=condition(until) if until else None, **options)
    return Watched(watcher.run(timeout), events)


def test_data_half_close_and_close() -> None:
    with tcp(lambda client: client.sendall(b"one\ntwo\nrest")) as address:
        seen = watch(f"a={address}")
    assert seen.code is Exit.OK
    assert seen.names() == ["connecting", "open", "data", "data", "half_close", "data", "close"]
    assert [(one.data, one.partial) for one in seen.events if one.data] == [
        (b"one\n", False),
        (b"two\n", False),
        (b"rest", True),
    ]
    assert seen.events[1].peer == str(address)
    assert seen.events[1].ms is not None


def test_a_reset_is_no_close() -> None:
    with tcp(reset) as address:
        seen = watch(address)
    assert (seen.names()[-1], seen.code) == ("reset", Exit.UNREACHABLE)


@pytest.mark.parametrize(("family", "ends", "code"), [("tcp", "reset", Exit.UNREACHABLE), ("unix", "close", Exit.OK)])
def test_what_a_half_closed_peer_does_next_is_told(tmp_path: Path, family: str, ends: str, code: Exit) -> None:
    """Our side stays open for standard input, which does not end; the poller would tell of the end for ever."""
    half_closed = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.shutdown(socket.SHUT_WR)
            assert half_closed.wait(LIMIT)
            reset(client)

    listener = socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET)
    listener.bind(str(tmp_path / "s") if family == "unix" else ("127.0.0.1", 0))
    listener.listen()
    name = f"unix:{tmp_path / 's'}" if family == "unix" else f"127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=serve)
    thread.start()
    read, write = os.pipe()
    with listener, stdin_from(read):
        seen = watch(
            f"a={name}", stdin="a", then=lambda event: half_closed.set() if event.event == "half_close" else None
        )
    thread.join(LIMIT)
    os.close(write)
    assert seen.names()[-2:] == ["half_close", ends]
    assert seen.code is code


def test_a_unix_socket_with_a_full_queue_is_not_open(tmp_path: Path) -> None:
    """connect(2) says EAGAIN there, and the socket is not on its way: it would look connected to a poller."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        seen = watch(f"a=unix:{path}")
        assert (seen.names(), seen.events[-1].detail) == (["connecting", "refused"], f"unix:{path} queue full")
        with pytest.raises(Unreachable, match="queue full"):
            connect(Endpoint("tcp", path=path), deadline=Deadline.after(LIMIT))


def test_a_file_on_standard_input_waits_for_one_that_does_not_read(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes((b"x" * 79 + b"\n") * 200_000)
    over = threading.Event()
    turns = 0
    with tcp(lambda client: [over.wait(LIMIT)].clear()) as address, stdin_from(os.open(path, os.O_RDONLY)):
        watcher = Watcher([parse(f"a={address}")], on_watch=lambda event: None, stdin="a")
        turn = watcher.loop.turn

        def counted(timeout: float | None = None) -> None:
            nonlocal turns
            turns += 1
            turn(timeout)

        watcher.loop.turn = counted  # type: ignore[method-assign]
        assert watcher.run(0.5) is Exit.TIMEOUT
        over.set()
    assert turns < 2000  # one that spins makes more than ten thousand


def test_an_inherited_socket_keeps_its_flags_and_blocks_nobody() -> None:
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    os.write(write, b"x" * 60_000 + b"\n")
    with ours, theirs, stdin_from(read):
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        seen = watch(f"a=fd:{ours.fileno()}", stdin="a", timeout=0.3)
        assert ours.getblocking()
        assert os.get_blocking(ours.fileno())
    os.close(write)
    assert seen.code is Exit.TIMEOUT  # a send that blocks would never have come back
    assert 0 < len(seen.data("out")) < 60_001


def test_urgent_data_is_told_apart() -> None:
    def serve(client: socket.socket) -> None:
        client.send(b"!", socket.MSG_OOB)
        with suppress(ConnectionResetError):
            client.recv(1)

    with tcp(serve) as address:
        seen = watch(address, until="never", over=lambda event: event.event == "urgent")
        assert ("urgent", b"!") in [(one.event, one.data) for one in seen.events]
    assert seen.code is Exit.TIMEOUT


def test_refused_and_an_address_that_is_no_host() -> None:
    seen = watch(f"a=127.0.0.1:{find_free_port()}", "b=nosuch.invalid:80")
    assert seen.code is Exit.UNREACHABLE
    assert seen.names("a") == ["connecting", "refused"]
    assert seen.names("b") == ["resolving", "refused"]


def test_some_well_some_not_is_8() -> None:
    with tcp(lambda client: None) as address:
        seen = watch(address, f"127.0.0.1:{find_free_port()}")
    assert seen.code is Exit.PARTIAL


def test_all_up_waits_for_one_that_comes_later() -> None:
    port = find_free_port()
    opened: list[socket.socket] = []

    def then(event: Event) -> None:
        if event.event == "retry" and not opened:
            opened.append(socket.create_server(("127.0.0.1", port)))

    with serving() as echo:
        seen = watch(f"late=127.0.0.1:{port}", f"echo=127.0.0.1:{echo.port}", until="all-up", reconnect=True, then=then)
    opened[0].close()
    assert seen.code is Exit.OK
    assert seen.names("late") == ["connecting", "refused", "retry", "connecting", "open"]


def test_all_up_that_never_comes() -> None:
    seen = watch(f"127.0.0.1:{find_free_port()}", until="all-up", reconnect=True, timeout=0.3)
    assert seen.code is Exit.TIMEOUT


def test_a_silent_address_is_a_timeout() -> None:
    with socket.socket() as full:  # a listener whose queue is full answers nothing (Linux drops the SYN)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        held = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(address)
            held.append(client)
        seen = watch(f"127.0.0.1:{address[1]}", connect_timeout=0.2)
        for client in held:
            client.close()
    assert seen.names()[-1] == "timeout"
    assert seen.code is Exit.TIMEOUT


@pytest.mark.parametrize(("until", "lines"), [("any-data", 1), ("2", 2), ("thr.e$", 3), ("all-closed", 3)])
def test_conditions(until: str, lines: int) -> None:
    with tcp(lambda client: client.sendall(b"one\ntwo\nthree\n")) as address:
        seen = watch(address, until=until)
    assert seen.code is Exit.OK
    assert seen.data().count(b"\n") >= lines


def test_all_ended_before_it_held_is_1() -> None:
    with tcp(lambda client: client.sendall(b"one\n")) as address:
        assert watch(address, until="never").code is Exit.NO


def test_listeners_and_what_they_accept() -> None:
    clients: list[socket.socket] = []

    def then(event: Event) -> None:
        if event.event == "listening":
            client = socket.create_connection(("127.0.0.1", int(event.detail.rpartition(":")[2])), timeout=LIMIT)
            clients.append(client)
            client.sendall(b"hello\n")

    seen = watch(listen=("in=:0",), until="1", then=then)
    clients[0].close()
    assert seen.code is Exit.OK
    assert seen.names() == ["listening", "open", "data"]
    assert seen.events[1].peer.startswith("127.0.0.1:")


def test_a_listener_closes_what_is_too_much() -> None:
    clients: list[socket.socket] = []

    def then(event: Event) -> None:
        if event.event == "listening":
            for _ in range(2):
                address = ("127.0.0.1", int(event.detail.rpartition(":")[2]))
                clients.append(socket.create_connection(address, timeout=LIMIT))
        if event.event == "refused":
            assert clients[1].recv(1) == b""
            clients[0].sendall(b"x\n")

    seen = watch(listen=(":0",), until="any-data", then=then, max_conns=1)
    for client in clients:
        client.close()
    assert "--max-conns" in next(one.detail for one in seen.events if one.event == "refused")


def test_datagrams_both_ways() -> None:
    with serving() as echo, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        port = find_free_port()
        sender = threading.Event()

        def then(event: Event) -> None:
            if event.event == "listening" and not sender.is_set():
                sender.set()
                other.sendto(b"dgram", ("127.0.0.1", port))

        seen = watch(f"udp://127.0.0.1:{echo.port}", listen=(f"udp://127.0.0.1:{port}",), until="any-data", then=then)
    assert (seen.code, seen.data()) == (Exit.OK, b"dgram")


def test_a_refused_datagram_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, b"anyone?\n")
    with stdin_from(read):
        seen = watch(f"u=udp://127.0.0.1:{find_free_port()}", stdin="u")
    os.close(write)
    assert (seen.names()[-1], seen.code) == ("refused", Exit.UNREACHABLE)


@contextmanager
def stdin_from(fd: int) -> Iterator[None]:
    before = os.dup(0)
    os.dup2(fd, 0)
    os.close(fd)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_standard_input_goes_where_it_is_told() -> None:
    read, write = os.pipe()
    os.write(write, b"to all\n@b to b\nlast")
    os.close(write)
    with serving() as echo, stdin_from(read):
        seen = watch(f"a=127.0.0.1:{echo.port}", f"b=127.0.0.1:{echo.port}", stdin="all")
    assert seen.code is Exit.OK
    per = {
        label: b"".join(one.data or b"" for one in seen.events if one.label == label and one.direction == "in")
        for label in ("a", "b")
    }
    assert per == {"a": b"to all\nlast", "b": b"to all\nto b\nlast"}
    assert seen.names("a")[-2:] in (["half_close", "close"], ["data", "close"])


def test_a_large_file_on_standard_input(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    path = tmp_path / "data"
    path.write_bytes(data)
    with serving() as echo, stdin_from(os.open(path, os.O_RDONLY)):
        seen = watch(f"127.0.0.1:{echo.port}", stdin="all")
    assert (seen.code, seen.data() == data, seen.data("out") == data) == (Exit.OK, True, True)


def test_files_fifos_and_descriptors(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("from a file\n")
    read, write = os.pipe()
    os.write(write, b"from a pipe\n")
    os.close(write)
    blocking = os.get_blocking(read)
    seen = watch(str(file), f"fd:{read}")
    assert os.get_blocking(read) == blocking
    os.close(read)
    assert seen.code is Exit.OK
    assert sorted(one.data or b"" for one in seen.events if one.event == "data") == [
        b"from a file\n",
        b"from a pipe\n",
    ]


def test_a_unix_socket_and_tls(tmp_path: Path) -> None:
    import ssl

    authority = Authority()
    path = str(tmp_path / "s")
    context = ssl.create_default_context(cadata=authority.pem.decode())
    with serving(unix=[path]), serving(tls=from_leaf(authority.issue(["127.0.0.1"]))) as echo:
        seen = watch(f"u=unix:{path}", f"t=tls://127.0.0.1:{echo.port}", until="all-up", client_tls=context)
        assert seen.code is Exit.OK
        assert next(one.detail for one in seen.events if one.label == "t" and one.event == "open").startswith("TLSv1.3")
        strict = ssl.create_default_context()
        refused = watch(f"t=tls://127.0.0.1:{echo.port}", client_tls=strict)
    assert refused.code is Exit.SECURITY
    assert refused.names()[-1] == "error"


def test_a_character_in_two_segments_is_one() -> None:
    def serve(client: socket.socket) -> None:
        client.sendall("é".encode()[:1])
        client.recv(1)  # until the watcher has had time to show a piece, it hears nothing
        client.sendall("é".encode()[1:] + b"\n")

    events: list[Event] = []
    with tcp(serve) as address:
        watcher = Watcher([parse(f"a={address}")], on_watch=events.append, stdin="a", until=condition("1"))
        read, write = os.pipe()
        watcher.loop.later(0.4, lambda: [os.write(write, b"x\n")].clear())
        with stdin_from(read):
            assert watcher.run(LIMIT) is Exit.OK
        os.close(write)
    assert [one.data for one in events if one.direction == "in"] == ["é\n".encode()]


def test_more_descriptors_than_select_knows() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        with serving(max_conns=2000) as echo:
            seen = watch(*[f"n{number}=127.0.0.1:{echo.port}" for number in range(1100)], until="all-up")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert seen.code is Exit.OK
    assert seen.names().count("open") == 1100


def test_names_for_standard_input_that_nobody_has() -> None:
    with pytest.raises(BadInput, match="no endpoint has that name"):
        watch("a=127.0.0.1:1", stdin="b")


def test_reconnect_after_an_end() -> None:
    with serving(idle=0.05) as echo:
        opened = count(1)
        again = lambda event: event.event == "open" and next(opened) == 2  # noqa: E731
        seen = watch(f"127.0.0.1:{echo.port}", reconnect=True, over=again)
    assert seen.code is Exit.TIMEOUT
    assert seen.names().count("open") >= 2
    assert "retry" in seen.names()


def test_descriptors_that_are_sockets() -> None:
    ours, theirs = socket.socketpair()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ours, theirs, datagrams, socket.create_server(("127.0.0.1", 0)) as listener:
        datagrams.bind(("127.0.0.1", 0))
        theirs.sendall(b"pair\n")
        datagrams.sendto(b"dgram\n", datagrams.getsockname())
        client = socket.create_connection(listener.getsockname(), timeout=LIMIT)
        client.sendall(b"accepted\n")
        words = [f"p=fd:{ours.fileno()}", f"l=fd:{listener.fileno()}", f"d=fd:{datagrams.fileno()}"]
        seen = watch(*words, until="3")
        client.close()
    assert seen.code is Exit.OK
    assert sorted(one.data or b"" for one in seen.events if one.data) == [b"accepted\n", b"dgram\n", b"pair\n"]


def test_a_bound_datagram_socket_answers_who_spoke_last() -> None:
    port = find_free_port()
    read, write = os.pipe()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(LIMIT)

        def then(event: Event) -> None:
            if event.event == "listening":
                other.sendto(b"hello", ("127.0.0.1", port))
            elif event.direction == "in":
                os.write(write, b"answer\n")
            elif event.direction == "out":
                os.close(write)

        with stdin_from(read):
            said = lambda event: event.direction == "out"  # noqa: E731
            seen = watch(listen=(f"u=udp://127.0.0.1:{port}",), stdin="u", then=then, over=said)
        assert other.recv(100) == b"answer\n"
    assert seen.code is Exit.TIMEOUT
    assert seen.data("out") == b"answer\n"


def test_nobody_to_answer_yet() -> None:
    read, write = os.pipe()
    os.write(write, b"anyone?\n")
    os.close(write)
    with stdin_from(read):
        seen = watch(listen=("u=udp://:0",), stdin="u", over=lambda event: event.event == "error")
    assert "nobody has sent a datagram yet" in next(one.detail for one in seen.events if one.event == "error")


def test_listening_with_tls(tmp_path: Path) -> None:
    import ssl

    authority = Authority()
    client = ssl.create_default_context(cadata=authority.pem.decode())
    done: list[bytes] = []

    def speak(port: int) -> None:
        with client.wrap_socket(
            socket.create_connection(("127.0.0.1", port), timeout=LIMIT), server_hostname="127.0.0.1"
        ) as secured:
            secured.sendall(b"secret\n")
            done.append(secured.recv(1))

    threads: list[threading.Thread] = []

    def then(event: Event) -> None:
        if event.event == "listening":
            threads.append(threading.Thread(target=speak, args=(int(event.detail.rpartition(":")[2]),)))
            threads[0].start()

    seen = watch(
        listen=("t=tls://:0",), until="secret", then=then, server_tls=from_leaf(authority.issue(["127.0.0.1"]))
    )
    threads[0].join(LIMIT)
    assert (seen.code, seen.data()) == (Exit.OK, b"secret\n")


def test_a_trace_has_the_steps() -> None:
    steps: list[str] = []
    with tcp(lambda client: client.sendall(b"x\n")) as address:
        watch(address, on_event=lambda step: steps.append(step.name))
    assert steps == ["connect", "recv", "close"]


def test_descriptors_that_run_out_make_it_wait() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients: list[socket.socket] = []

    def then(event: Event) -> None:
        if event.event == "listening":
            client = socket.socket()
            clients.append(client)
            lowest_free = os.dup(0)
            os.close(lowest_free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
            client.settimeout(LIMIT)
            client.connect(("127.0.0.1", int(event.detail.rpartition(":")[2])))
            client.sendall(b"after all\n")
        elif event.event == "error":
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    try:
        seen = watch(listen=(":0",), until="any-data", then=then)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    clients[0].close()
    assert seen.code is Exit.OK
    assert seen.names() == ["listening", "error", "open", "data"]
    assert "cannot accept" in seen.events[1].detail


def test_unix_datagrams_both_ways(tmp_path: Path) -> None:
    """As many lines as the queue of a unix socket does not hold: none is lost, and each comes back."""
    path = str(tmp_path / "echo.sock")
    read, write = os.pipe()
    lines = b"".join(b"%d\n" % number for number in range(1000))
    os.write(write, lines)
    with serving(unix=[f"unix-dgram:{path}"]), stdin_from(read):
        seen = watch(f"u=unix-dgram:{path}", stdin="u", until="1000")
    os.close(write)
    assert seen.code is Exit.OK
    assert (seen.data("out"), seen.data("in")) == (lines, lines)
    assert {one.peer for one in seen.events if one.direction == "in"} == {f"unix-dgram:{path}"}


def test_unix_datagrams_that_come(tmp_path: Path) -> None:
    path, name = str(tmp_path / "w.sock"), f"netkit watch test {os.getpid()}"
    read, write = os.pipe()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unnamed,
    ):
        named.settimeout(LIMIT)
        named.bind(f"\0{name}")

        def then(event: Event) -> None:
            if event.event == "listening":
                named.sendto(b"n" * 100_000, path)
            elif event.direction == "in" and event.peer:
                os.write(write, b"answer\n")
            elif event.direction == "out":
                unnamed.sendto(b"u", path)
            elif event.direction == "in":
                os.write(write, b"no answer\n")

        with stdin_from(read):
            failed = lambda event: event.event == "error"  # noqa: E731
            seen = watch(listen=(f"u=unix-dgram:{path}",), stdin="u", then=then, over=failed)
        assert named.recv(100) == b"answer\n"
    os.close(write)
    assert [(one.event, one.peer, len(one.data or b"")) for one in seen.events] == [
        ("listening", "", 0),
        ("data", f"unix-dgram:@{name}", 100_000),
        ("data", f"unix-dgram:@{name}", 7),
        ("data", "", 1),
        ("error", "", 0),
    ]
    assert seen.events[-1].detail == "the last datagram came without a name, so there is nobody to answer"
    assert not Path(path).exists()


def test_a_unix_datagram_socket_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    refused = watch(f"unix-dgram:{path}")
    assert (refused.names(), refused.code) == (["refused"], Exit.UNREACHABLE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as late:
        seen = watch(
            f"unix-dgram:{path}",
            until="all-up",
            reconnect=True,
            then=lambda event: late.bind(path) if event.event == "retry" else None,
        )
    assert (seen.names(), seen.code) == (["refused", "retry", "open"], Exit.OK)


def test_a_unix_datagram_socket_that_goes_away(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(path)

        def then(event: Event) -> None:
            if event.event == "open":
                peer.close()
                os.write(write, b"x\n")

        with stdin_from(read):
            seen = watch(f"u=unix-dgram:{path}", stdin="u", then=then)
    os.close(write)
    assert (seen.names(), seen.events[-1].detail, seen.code) == (["open", "refused"], "refused", Exit.UNREACHABLE)


def test_no_more_than_so_many_lines() -> None:
    def serve(client: socket.socket) -> None:
        client.sendall(b"1\n2\n3\nrest")
        client.recv(1)

    with tcp(serve) as one, tcp(serve) as two:
        seen = watch(f"a={one}", f"b={two}", max_lines=2, reconnect=True)
    assert seen.code is Exit.OK
    for label in ("a", "b"):
        assert seen.names(label) == ["connecting", "open", "data", "data", "close"]
        assert [one.data for one in seen.events if one.label == label and one.data] == [b"1\n", b"2\n"]
    assert seen.events[-1].detail == "2 lines came (--max-lines)"
    with tcp(serve) as one:
        assert watch(f"a={one}", max_lines=1).events[-1].detail == "1 line came (--max-lines)"


def test_no_more_than_so_many_lines_of_all_that_a_listener_accepts() -> None:
    clients = [socket.socket(), socket.socket()]

    def then(event: Event) -> None:
        if event.event == "listening":
            for client in clients:
                client.settimeout(LIMIT)
                client.connect(("127.0.0.1", int(event.detail.rpartition(":")[2])))
            clients[0].sendall(b"1\n2\n")
        elif event.data == b"2\n":
            clients[1].sendall(b"3\n4\n")

    seen = watch(listen=("l=:0",), max_lines=3, then=then)
    for client in clients:
        client.close()
    assert (seen.data(), seen.names()[-3:], seen.code) == (b"1\n2\n3\n", ["close", "close", "close"], Exit.OK)


def test_no_more_than_so_many_datagrams_and_lines_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"line\n" * 100_000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:

        def then(event: Event) -> None:
            if event.event == "listening":
                for text in (b"a", b"b", b"c"):
                    peer.sendto(text, ("127.0.0.1", int(event.detail.rpartition(":")[2])))

        seen = watch(f"f={tmp_path / 'log'}", listen=("u=udp://:0",), max_lines=2, then=then)
    assert seen.code is Exit.OK
    assert sorted(one.data or b"" for one in seen.events if one.data) == [b"a", b"b", b"line\n", b"line\n"]


def test_a_tls_server_that_never_answers_is_a_timeout() -> None:
    import ssl

    with tcp(lambda client: [client.recv(65536), client.recv(1)].clear()) as address:
        seen = watch(f"a=tls://{address}", connect_timeout=0.2, client_tls=ssl.create_default_context())
    assert (seen.names(), seen.code) == (["connecting", "timeout"], Exit.TIMEOUT)
    assert seen.events[-1].detail == "no TLS session within 0.2 s"


def test_tls_clients_that_are_gone_or_never_speak_do_not_end_it() -> None:
    clients: list[socket.socket] = []

    def then(event: Event) -> None:
        if event.event == "listening":
            for _ in range(2):  # in this callback nothing is accepted yet
                client = socket.create_connection(("127.0.0.1", int(event.detail.rpartition(":")[2])), timeout=LIMIT)
                clients.append(client)
            reset(clients[0])

    seen = watch(
        listen=("t=tls://:0",), then=then, over=lambda event: event.event == "timeout", connect_timeout=0.2,
        server_tls=from_leaf(Authority().issue(["localhost"])),
    )  # fmt: skip
    clients[1].close()
    assert (seen.names(), seen.code) == (["listening", "refused", "timeout"], Exit.TIMEOUT)
    assert seen.events[1].detail.endswith(": gone before the handshake")


def test_a_flood_that_is_not_let_in_is_told_in_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.watch.listener.SUM_SECONDS", 0.05)
    clients: list[socket.socket] = []

    def then(event: Event) -> None:
        if event.event == "listening":
            for _ in range(6):
                client = socket.create_connection(("127.0.0.1", int(event.detail.rpartition(":")[2])), timeout=LIMIT)
                clients.append(client)

    seen = watch(listen=(":0",), then=then, over=lambda event: event.detail == "4 more", max_conns=1)
    for client in clients:
        client.close()
    assert seen.names() == ["listening", "open", "refused", "refused"]
    assert seen.events[2].detail.endswith(": 1 connections are open (--max-conns)")
    assert seen.events[3].detail == "4 more"


def test_a_flood_of_short_lines_leaves_the_others_their_turns(tmp_path: Path) -> None:
    """As many lines as one slice holds come at once; from then on a thousand or so in a turn."""
    (tmp_path / "flood").write_bytes(b"\n" * 200_000)
    turns: list[int] = []
    seen = 0

    def then(event: Event) -> None:
        nonlocal seen
        if event.label == "f" and event.data:
            seen += 1

    def turn() -> None:
        turns.append(seen)
        watcher.loop.later(0, turn)

    targets = [parse(f"f={tmp_path / 'flood'}")]
    watcher = Watcher(targets, on_watch=then)
    watcher.loop.later(0, turn)
    assert watcher.run(LIMIT) is Exit.OK
    steps = [later - before for before, later in pairwise([0, *turns, seen])]
    assert sum(steps) == 200_000
    assert max(steps) == 65536
    assert max(step for step in steps if step != 65536) <= 2048
