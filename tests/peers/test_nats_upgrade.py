"""SIGUSR2 at a node among others: another process is that node, and no line is lost, doubled or out of order."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netkit.chat.bus import TAKEN, Present
from netkit.chat.direct import Direct
from netkit.chat.entry import Entry
from tests.chat.bus_contract import say
from tests.chat.bus_contract import until as until_so
from tests.chat.conftest import GREETING, Client
from tests.chat.test_upgrade import port_of, process
from tests.loopback import LIMIT
from tests.peers.nats_nodes import Running, Server, all_turn, nodes
from tests.peers.test_nats_nodes import HELD, ON


@pytest.fixture
def server(program: Callable[[str], str], tmp_path: Path) -> Iterator[Server]:
    running = Server(program("nats-server"), tmp_path)
    yield running
    running.kill()


class Node:
    """pid: of the process that is it now."""

    def __init__(self, stack: ExitStack, server: Server, name: str) -> None:
        self._stack = stack
        arguments = ("--bus", server.url, "--node", name, "--rate", "off")
        self.running, lines, self.wait_for = stack.enter_context(process(*arguments))
        self.port = port_of(lines)
        self.pid = self.running.pid

    def join(self, nick: str) -> Client:
        client = Client(self._stack.enter_context(socket.create_connection(("127.0.0.1", self.port), LIMIT)))
        client.expect(GREETING)
        client.send(b"/nick %b\n" % nick.encode())
        until(client, f"* you are {nick}")
        return client

    def replace(self) -> dict[str, Any]:
        """Ask for it; the event that tells what came of it."""
        os.kill(self.pid, signal.SIGUSR2)
        event = self.wait_for("upgrade")
        if event["reason"] == "upgrade":
            self.pid = int(event["detail"].split()[1])
        return event


def until(client: Client, last: str) -> list[str]:
    """The lines up to that one, without it."""
    found: list[str] = []
    while (line := client.line().decode()) and line.rstrip("\r\n") != last:
        found.append(line.rstrip("\r\n"))
    assert line, found
    return found


def test_nothing_is_lost_or_doubled_while_all_speak(server: Server) -> None:
    with ExitStack() as stack:
        a, b = Node(stack, server, "a"), Node(stack, server, "b")
        b.wait_for("node")
        speakers = {name: (a if name in ("ann", "ada") else b).join(name) for name in ("ann", "ada", "bob")}
        near, far, wes = a.join("near"), b.join("far"), b.join("wes")
        stop = threading.Event()
        counts = dict.fromkeys(speakers, 0)

        def talk(name: str) -> None:
            """Each line when the one before was heard here: a half of it is under way at any time."""
            while not stop.is_set():
                number = counts[name] = counts[name] + 1
                speakers[name].send(b" %d\n/ping %d\n" % (number, number))
                speakers[name].send(b"line")
                until(speakers[name], f"* pong {number}")

        whispered: dict[str, bool] = {}  # whether it was said for sure

        def whisper() -> None:
            """From one node to the other; each when the one before was answered, or nobody had time for it."""
            while not stop.is_set():
                number, line = len(whispered), ""
                wes.send(b"/msg near %d\n" % number)
                while line not in (f"* to near: {number}", "* a does not answer"):
                    line = wes.line().decode().rstrip("\r\n")
                    assert line[:2] != "* " or line in (f"* to near: {number}", "* a does not answer")
                whispered[f"* [wes] to you: {number}"] = line.startswith("* to near")

        for one in speakers.values():
            one.send(b"line")
        threads = [threading.Thread(target=talk, args=(name,)) for name in speakers]
        threads.append(threading.Thread(target=whisper))
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                assert a.replace()["reason"] == "upgrade"
        finally:
            stop.set()
            for thread in threads:
                thread.join(LIMIT)
        assert a.running.wait(LIMIT) == 0
        for one in speakers.values():
            one.send(b"\n")
        heard: dict[str, list[str]] = {"near": [], "far": []}
        to_near: list[str] = []
        for name, one in (("near", near), ("far", far)):
            while sum(line.endswith("] line") for line in heard[name]) < len(speakers):
                line = one.line().decode().rstrip("\r\n")
                assert not line.startswith("Client left")
                if line.startswith("["):
                    heard[name].append(line)
                elif " to you: " in line:
                    to_near.append(line)
        sure = [one for one, answered in whispered.items() if answered]
        assert [one for one in to_near if one in sure] == sure
        assert len(set(to_near)) == len(to_near)
        for name, count in counts.items():
            mine = [line for line in heard["far"] if line.startswith(f"[{name}]")]
            assert mine == [f"[{name}] line {number}" for number in range(1, count + 1)] + [f"[{name}] line"]
            assert count > 1
        assert heard["near"] == heard["far"]

        # It is the same node: its nicks are taken, its people are there, and what they let go of is free.
        assert far.answer("/nick ANN") == ["* ANN is taken"]
        here, *people = [line.partition(",")[0] for line in far.answer("/who")]
        assert (here, people) == (
            "* 6 in lobby",
            [f"*   {one}" for one in ("bob", "far", "wes", "ada on a", "ann on a", "near on a")],
        )
        speakers["ann"].send(b"/quit\n")
        until(speakers["ann"], "* goodbye")
        until(far, "Client left ann")
        while (answer := far.answer("/nick ann")[0]) != "* you are ann":
            assert answer == "* ann is taken"  # its key goes after the line


def test_it_waits_for_a_broker_that_is_away_and_hands_over_what_is_held(server: Server) -> None:
    with ExitStack() as stack:
        a = Node(stack, server, "a")
        ann, near = a.join("ann"), a.join("near")
        server.kill()
        while a.wait_for("bus")["reason"] != "lost":
            pass
        ann.send(b"".join(b"%d\n" % number for number in range(50)) + b"/ping\n")
        until(ann, "* pong")
        os.kill(a.pid, signal.SIGUSR2)
        ann.send(b"last\n")
        server.start()
        assert a.replace()["reason"] == "upgrade"  # a second signal meanwhile changes nothing
        found = [line for line in until(near, "[ann] last") if line not in (HELD, ON)]
        assert [line for line in found if line[0] == "["] == [f"[ann] {number}" for number in range(50)]


def test_what_was_on_its_way_is_said_once_whoever_goes_on(server: Server) -> None:
    with nodes(server, "b") as [b]:
        a = Running(server, "a")
        turn = partial(all_turn, a, b)
        a.bus.publish([say("one", node="a")])
        until_so(turn, lambda: a.texts and b.texts)
        a.bus.claim("bob", "a/1", lambda why: None)
        assert a.bus.hold_up() == "other nodes have not answered yet what was asked"
        until_so(turn, lambda: not a.bus.hold_up())

        # It goes on itself after all; a batch was in flight, and lines waited.
        a.bus.publish([say("two", node="a")])
        a.turn()
        a.bus.publish([say("three", node="a")])
        a.bus.save()
        a.turn()
        a.bus.publish([say("four", node="a")])
        a.bus.go_on()
        until_so(turn, lambda: len(b.texts) == 4)

        # Another goes on, with what came meanwhile.
        a.bus.publish([say("five", node="a")])
        a.turn()
        a.bus.publish([say("six", node="a")])
        a.bus.catch_up()
        state = json.loads(json.dumps(a.bus.save()))
        shown = list(a.entries)
        b.bus.publish([say("from b", node="b")])
        until_so(b.turn, lambda: "from b" in b.texts)
        heir = Running(server, "a", before=state, said={})
        a.bus.let_go()
        a.close()
        heir.bus.go_on()
        heir.bus.publish([say("seven", node="a")])
        try:
            until_so(partial(all_turn, heir, b), lambda: "seven" in b.texts and "seven" in heir.texts)
            assert shown + heir.entries == b.entries
            assert [text for text in b.texts if text != "from b"] == [
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
            ]
            got: list[str | None] = []
            heir.here = [Present(1, "bob", "lobby")]
            b.bus.claim("bob", "b/1", got.append)
            until_so(partial(all_turn, heir, b), lambda: got)
            assert got == [TAKEN]
            assert b.events("node").count("left") == 0
            assert [one.text for one in heir.bus.history("lobby")][:2] == [b"one", b"two"]
        finally:
            heir.close()
    assert heir.events("bus") == []


def test_what_others_ask_while_it_is_taken_over_is_done_once_and_answered(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netkit.chat.nats.asks.ANSWER", LIMIT)
    with nodes(server, "b") as [b]:
        a = Running(server, "a")
        a.here = [Present(1, "bob", "lobby")]
        turn = partial(all_turn, a, b)
        a.bus.publish([Entry("join", "lobby", "bob", member=1, node="a", time=1700000000.5)])
        until_so(turn, lambda: [one.name for one in b.bus.elsewhere()] == ["bob"])
        answers: list[str | None] = []

        def ask(text: str) -> Direct:
            """The other node asks for it, and the broker has it."""
            direct = Direct("msg", "bob", "ann", text)
            b.bus.ask(direct, answers.append)
            b.bus.broadcast(notice := Direct("notice", "", "ann", text))
            b.loop.asyncio.run_until_complete(b.bus._broker.client.flush())
            expected.extend([direct, notice])
            return direct

        expected: list[Direct] = []
        # It goes on itself after all.
        a.bus.save()
        ask("to one that stays")
        for _ in range(20):
            a.turn()
        assert a.done == []
        a.bus.go_on()
        until_so(turn, lambda: answers)
        until_so(turn, lambda: len(a.done) == 2)
        assert (sorted(a.done), answers) == (sorted(expected), ["msg done"])

        # Another goes on: one message comes to the old one alone, one to both.
        a.done.clear()
        expected.clear()
        answers.clear()
        a.bus.catch_up()
        state = json.loads(json.dumps(a.bus.save()))
        ask("before the new one listens")
        heir = Running(server, "a", before=state, said={})
        ask("when it does, and is not ready")
        for _ in range(20):
            heir.turn()
        assert heir.done == []
        a.bus.let_go()
        heir.here = a.here
        heir.bus.go_on()
        a.close()
        try:
            until_so(partial(all_turn, heir, b), lambda: len(answers) == 2)
            ask("afterwards")
            until_so(partial(all_turn, heir, b), lambda: len(answers) == 3)
            until_so(partial(all_turn, heir, b), lambda: len(heir.done) >= 6)
            assert sorted(heir.done) == sorted(expected)
            assert (a.done, answers) == ([], ["msg done"] * 3)
        finally:
            heir.close()


def test_a_descriptor_with_the_password_cannot_be_read_once_more(program: Callable[[str], str], tmp_path: Path) -> None:
    server = Server(program("nats-server"), tmp_path, "--auth", "secret")
    try:
        with (tmp_path / "secret").open("wb+") as secret, ExitStack() as stack:
            secret.write(b"secret\n")
            secret.seek(0)
            running, lines, wait_for = stack.enter_context(
                process("--bus", server.url, "--bus-password-fd", "0", stdin=secret)
            )
            running.send_signal(signal.SIGUSR2)
            event = wait_for("upgrade")
            assert (event["reason"], event["detail"]) == (
                "failed", "--bus-password-fd cannot be read once more: use --bus-password-file",
            )  # fmt: skip
            with socket.create_connection(("127.0.0.1", port_of(lines)), LIMIT) as sock:
                Client(sock).expect(GREETING)
    finally:
        server.kill()
