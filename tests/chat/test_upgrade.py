"""SIGUSR2: another process goes on with everybody, and nobody notices."""

import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from netkit.chat.handover import GO, READY, TAKEN, VARIABLE, Taken, channel_of, send
from netkit.chat.hub import Hub
from netkit.chat.limits import Limits
from netkit.chat.metrics import render
from netkit.chat.server import ChatServer
from netkit.net.loop import Loop
from tests.chat.conftest import GREETING, Chat, Client, chatting
from tests.chat.web_server import Page
from tests.loopback import LIMIT

LIMITS = Limits(rate=None, skip=True, sendq=1 << 20)


@contextmanager
def replaced(chat: Chat, **options: Any) -> Iterator[Chat]:
    """Another server of this process, with everything of that one's."""
    ours, theirs = socket.socketpair()

    def hand_over() -> None:
        assert ours.recv(1) == READY
        chat.server.dismiss_others("upgrade", "come again")
        send(ours, chat.server, {"chat": chat.server.listening})
        assert ours.recv(1) == TAKEN
        chat.server.let_go()
        ours.sendall(GO)

    chat.server.loop.soon(hand_over)
    taken = Taken(theirs)
    events: Queue[Any] = Queue()
    hub = Hub(Loop(), limits=chat.hub.limits, bus=taken.bus(), on_log=events.put, moderate=chat.hub.moderate)
    server = ChatServer(taken.groups["chat"], hub, on_log=events.put, **options)
    taken.resume(server)
    ours.close()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Chat(server, events)
    finally:
        for client in chat.clients:
            client.close()
        server.loop.soon(server.stop)
        thread.join(LIMIT)


def test_names_rooms_history_and_half_lines_go_on() -> None:
    with chatting(LIMITS, moderate=lambda text: True) as chat:
        one, two = chat.join(), chat.join()
        one.expect(f"Client joined {two.name}\r\n")
        one.answer("/nick ann")
        two.expect(f"Client {one.name} is now ann\r\n")
        one.answer("/op x")
        two.answer("/ignore carl")
        three = chat.join(one, two)
        three.answer("/nick carl")
        one.expect(f"Client {three.name} is now carl\r\n")
        two.expect(f"Client {three.name} is now carl\r\n")
        three.answer("/join garden")
        one.expect("Client left carl\r\n")
        two.expect("Client left carl\r\n")
        one.send(b"said before\n/ping\nhalf a l\xff\xfa\x18")
        one.expect("* pong\r\n")
        two.expect("[ann] said before\n")
        seq = chat.hub.bus.seq
        with replaced(chat) as after:
            assert after.hub.seq == seq
            for name, room in chat.hub.rooms.items():
                same = after.hub.rooms[name]
                assert (same.born, same.floor) == (room.born, room.floor)
                assert list(same.history) == list(room.history)
            one.send(b"\xff\xf0ine\n")
            two.expect("[ann] half a line\n")
            assert after.hub.bus.epoch == chat.hub.bus.epoch
            assert after.hub.rooms["lobby"].history[-1].seq == seq + 1
            assert three.answer("/who") == ["* 1 in garden", "*   carl"]
            assert three.answer("/nick ann") == ["* ann is taken"]
            three.answer("/join lobby")
            one.expect("Client joined carl\r\n")
            two.expect("Client joined carl\r\n")
            three.send(b"not heard by two\n")
            one.expect("[carl] not heard by two\n")
            assert [line[8:] for line in two.answer("/history 3")] == [
                "[ann] said before", "[ann] half a line", "[carl] not heard by two",
            ]  # fmt: skip
            assert one.answer("/kick carl")[0] == "* carl is out"
            four = after.connect()
            four.expect(GREETING)
            assert after.wait_for("join").id == 4
            four.close()


def test_who_is_behind_loses_nothing() -> None:
    with chatting(LIMITS) as chat:
        one, two = chat.join(), chat.join()
        slow = chat.join(two, receive=4096)
        one.expect(f"Client joined {two.name}\r\nClient joined {slow.name}\r\n")
        said = b""
        for number in range(100):
            batch = b"".join(b"%d " % (number * 4 + each) + b"x" * 990 + b"\n" for each in range(4))
            one.send(batch)
            meant = b"".join(f"[{one.name}] ".encode() + line for line in batch.splitlines(keepends=True))
            two.expect(meant)
            said += meant
        slow.send(b"mine\n/ping\n")
        two.expect(f"[{slow.name}] mine\n")
        with replaced(chat) as after:
            assert after.in_loop(lambda: len(after.hub.rooms["lobby"].plain.laggards)) == 1
            one.expect(f"[{slow.name}] mine\n")
            one.send(b"end\n")
            got = slow.read(len(said))
            assert got.replace(b"* pong\r\n", b"") == said[: len(got.replace(b"* pong\r\n", b""))]
            rest = slow.line()
            while rest != f"[{one.name}] end\n".encode():
                got += rest
                rest = slow.line()
            assert got.replace(b"* pong\r\n", b"") == said
            assert got.count(b"* pong\r\n") == 1


def test_counters_go_on() -> None:
    with chatting(LIMITS) as chat:
        one, two = chat.join(), chat.join()
        two.send(b"hello\n")
        one.expect(f"Client joined {two.name}\r\n[{two.name}] hello\n")

        def counted() -> list[str]:
            return [
                line
                for line in render(chat.server).splitlines()
                if "deliveries_total " in line or "writes_total " in line
            ]

        def browsers() -> list[str]:
            chat.hub.rooms["lobby"].web.writes += 7  # of browsers that will come again
            return counted()

        before = chat.in_loop(browsers)
        with replaced(chat) as chat:
            assert chat.in_loop(counted) == before


def test_who_has_not_said_the_password_has_still_to() -> None:
    with chatting(LIMITS, password=b"secret") as chat:
        one = chat.connect()
        one.expect("* password?\r\n")
        one.send(b"wrong\nsec")
        one.expect("* that is not the password; again?\r\n")
        with replaced(chat, password=b"secret"):
            one.send(b"ret\n")
            one.expect(GREETING)


def test_channel_of() -> None:
    assert channel_of({}) is None
    assert channel_of({VARIABLE: "x"}) is None
    with open(os.devnull) as no_socket:
        assert channel_of({VARIABLE: str(no_socket.fileno())}) is None


@contextmanager
def process(
    *arguments: str, stdin: Any = None
) -> Iterator["tuple[subprocess.Popen[str], list[str], Callable[[str], dict[str, Any]]]"]:
    """`chat serve` with its own interpreter, since it is started again; (process, addresses, next event)."""
    read, write = os.pipe()
    log_read, log_write = os.pipe()
    running = subprocess.Popen(
        [*(sys.executable, "-m", "netkit", "chat", "serve", "--port", "0", "--bind", "127.0.0.1", "--json"),
         *("--ready-fd", str(write)), *arguments],
        pass_fds=[write], stdin=stdin, stdout=log_write, stderr=log_write, text=True,
    )  # fmt: skip
    os.close(write)
    os.close(log_write)
    log = os.fdopen(log_read)
    pids = [running.pid]

    events: Queue[dict[str, Any]] = Queue()

    def read_log() -> None:
        for line in log:
            if line.startswith("{"):
                event: dict[str, Any] = json.loads(line)
                if event["event"] == "upgrade" and event["reason"] == "upgrade":
                    pids.append(int(event["detail"].split()[1]))
                events.put(event)

    reader = threading.Thread(target=read_log)  # a full pipe would stop the server
    reader.start()

    def wait_for(name: str) -> dict[str, Any]:
        while True:
            event = events.get(timeout=LIMIT)
            if event["event"] == name:
                return event

    with os.fdopen(read) as ready:
        lines = ready.read().splitlines()
    try:
        yield running, lines, wait_for
    finally:
        for pid in pids:
            for _ in range(2):
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    break
        running.wait(LIMIT)
        reader.join(LIMIT)
        log.close()


def port_of(lines: list[str]) -> int:
    return int(lines[0].rpartition(":")[2])


def test_two_thousand_in_the_middle_of_their_lines() -> None:
    """Row 25."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, before[1]), before[1]))
    clients: list[Client] = []
    try:
        with process("--rate", "off", "--notices", "off") as (old, lines, wait_for):
            address = ("127.0.0.1", port_of(lines))
            for _ in range(2000):
                clients.append(Client(socket.create_connection(address, timeout=LIMIT)))
            for client in clients:
                client.send(b"/ping\n/pi")
                client.expect(GREETING + b"* pong\r\n")
            talker, listener = clients[:2]
            stop = threading.Event()
            talker.send(b"ng t\n")
            talker.expect("* pong t\r\n")
            said: list[int] = []

            def talk() -> None:
                while not stop.is_set():
                    said.append(len(said))
                    talker.send(b"%d\n" % said[-1])
                    talker.send(b"/ping %d\n" % said[-1])
                    assert talker.line() == b"* pong %d\r\n" % said[-1]

            thread = threading.Thread(target=talk)
            thread.start()
            heard = 0
            old.send_signal(signal.SIGUSR2)
            listener.send(b"ng x\n")

            def hear() -> bool:
                """Whether the line was one said."""
                nonlocal heard
                line = listener.line()
                if line == b"* pong x\r\n":
                    return False
                assert line == f"[{talker.name}] {heard}\n".encode()
                heard += 1
                return True

            while old.poll() is None:
                hear()
            assert old.returncode == 0
            for number, client in enumerate(clients[2:]):
                client.send(b"ng %d\n" % number)
            stop.set()
            thread.join(LIMIT)
            while heard < len(said):
                hear()
            for number, client in enumerate(clients[2:]):
                for line in iter(client.line, b"* pong %d\r\n" % number):
                    assert line.startswith(b"[")
            assert said
            late = Client(socket.create_connection(address, timeout=LIMIT))
            clients.append(late)
            late.expect(GREETING)
            while wait_for("upgrade")["reason"] != "upgrade":
                pass
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_when_the_new_one_does_not_start_the_old_one_goes_on(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    with process("--password-file", str(secret)) as (old, lines, wait_for):
        with socket.create_connection(("127.0.0.1", port_of(lines)), timeout=LIMIT) as sock:
            client = Client(sock)
            client.send(b"x\n/pi")
            client.expect(b"* password?\r\n" + GREETING)
            secret.unlink()
            old.send_signal(signal.SIGUSR2)
            event = wait_for("upgrade")
            assert (event["reason"], event["detail"]) == ("failed", "it ended before it was ready")
            client.send(b"ng\n")
            client.expect("* pong\r\n")
            secret.write_text("x\n")
            old.send_signal(signal.SIGUSR2)  # and once more
            assert wait_for("upgrade")["reason"] == "upgrade"
            client.send(b"/ping\n")
            client.expect("* pong\r\n")
        assert old.wait(LIMIT) == 0


def test_tls_is_told_to_come_again_and_the_ports_go_on(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    file = tmp_path / "ready"

    def secured(lines: list[str]) -> Client:
        sock = socket.create_connection(("127.0.0.1", port_of(lines)), timeout=LIMIT)
        client = Client(context.wrap_socket(sock, suppress_ragged_eofs=False))
        client.expect(GREETING)
        return client

    with process("--tls-self-signed", "--metrics", "0", "--ready-file", str(file)) as (old, lines, wait_for):
        one = secured(lines)
        old.send_signal(signal.SIGUSR2)
        one.expect_end("* the server is replaced, come again\r\n")
        one.close()
        assert wait_for("leave")["reason"] == "upgrade"
        assert wait_for("upgrade")["reason"] == "upgrade"
        assert old.wait(LIMIT) == 0
        two = secured(lines)
        assert two.answer("/who")[0] == "* 1 in lobby"
        two.close()
        assert file.read_text().splitlines() == lines  # the new one's, metrics at the same place
    assert not file.exists()


def test_systemd_is_told_which_process_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(LIMIT)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with process() as (old, _, wait_for):
            assert systemd.recv(1000).startswith(b"READY=1\n")
            old.send_signal(signal.SIGUSR2)
            pid = wait_for("upgrade")["detail"].split()[1]
            assert old.wait(LIMIT) == 0
            told = [systemd.recv(1000)]
            while told[-1] != f"MAINPID={pid}".encode():
                told.append(systemd.recv(1000))
            assert b"STOPPING=1" not in told
        while (last := systemd.recv(1000)).startswith(b"READY=1\n"):
            pass
        assert last == b"STOPPING=1"


def test_a_path_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "chat"
    with process("--unix", str(path)) as (old, _, wait_for):
        old.send_signal(signal.SIGUSR2)
        assert wait_for("upgrade")["reason"] == "upgrade"
        assert old.wait(LIMIT) == 0
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            Client(sock).expect(GREETING)
    assert not path.exists()


def test_a_browser_comes_again_and_misses_nothing() -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with process("--web", "0") as (old, lines, wait_for):
        place = next(line for line in lines if line.startswith("web ")).removeprefix("web http")

        def page() -> Any:
            return connect(f"ws{place}ws", compression=None, proxy=None, ping_interval=None)

        with socket.create_connection(("127.0.0.1", port_of(lines)), timeout=LIMIT) as sock:
            ann = Client(sock)
            ann.expect(GREETING)
            with page() as link:
                bob = Page(link, nick="bob")
                ann.expect("Client joined bob\r\n")
                ann.send(b"before\n")
                seq = bob.line()["seq"]
                old.send_signal(signal.SIGUSR2)
                with suppress(ConnectionClosed):
                    while bob.next():
                        pass
            ann.expect("Client left bob\r\n")
            assert wait_for("upgrade")["reason"] == "upgrade"
            ann.send(b"meanwhile\n/ping\n")
            ann.expect("* pong\r\n")
            back = {name: bob.welcome[name] for name in ("session", "room", "epoch")}
            with page() as link:
                missed = Page(link, nick="bob", seq=seq, **back).get("entries")
            assert (missed["gap"], missed["more"]) == ("", False)
            assert [entry["text"] for entry in missed["entries"] if entry["kind"] == "say"] == ["meanwhile"]
        assert old.wait(LIMIT) == 0
