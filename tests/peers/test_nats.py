"""Chats on several nodes over Debian's nats-server: one order, nothing lost, nothing twice, whoever is killed."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from nats.js.api import StreamConfig

from netkit.chat.bus import TAKEN, Present
from netkit.chat.direct import Direct
from netkit.chat.entry import Entry
from netkit.chat.nats.broker import Login
from netkit.errors import AuthRefused, Insecure, PeerError, Unreachable
from tests.chat.bus_contract import check, say, until
from tests.peers.nats_nodes import Running, Server, all_turn, nodes, tls_options
from tests.ports import find_free_port


@pytest.fixture
def server(program: Callable[[str], str], tmp_path: Path) -> Iterator[Server]:
    running = Server(program("nats-server"), tmp_path)
    yield running
    running.kill()


def test_the_bus_of_many_keeps_the_contract(server: Server) -> None:
    with nodes(server, "a") as [a]:
        check(a.bus, a, a.turn)


def test_two_nodes_show_one_order_and_know_who_is_where(server: Server) -> None:
    with nodes(server, "a", "b") as [a, b]:
        turn = partial(all_turn, a, b)
        for number in range(50):
            for one in (a, b):
                assert one.bus.publish([say(f"{one.node} {number}", node=one.node)]) == 1
            turn()
        until(turn, lambda: len(a.entries) == len(b.entries) == 100)
        assert a.entries == b.entries
        assert [one for one in a.texts if one[0] == "a"] == [f"a {number}" for number in range(50)]

        # Comings and goings on another node, between two heartbeats.
        until(turn, lambda: "came" in b.events("node"))
        a.here = [Present(3, "tim", "hall")]
        join = Entry("join", "hall", "127.0.0.1:7", member=3, node="a", time=1.0)
        a.bus.publish([join, Entry("nick", "hall", "127.0.0.1:7", b"tim", member=3, node="a", time=1.0)])
        until(turn, lambda: len(b.entries) == 102)
        [there] = b.bus.elsewhere()
        assert (there.node, there.name, there.room) == ("a", "tim", "hall")
        assert there.age >= 0

        # A private message goes to that node, and its answer comes back.
        answers: list[str | None] = []
        b.bus.ask(Direct("msg", "TIM", "ann", "psst"), answers.append)
        until(turn, lambda: answers)
        assert answers == [None]  # it does not call him so: names are compared by the node that he is on
        b.bus.ask(Direct("msg", "tim", "ann", "psst"), answers.append)
        b.bus.broadcast(Direct("ban", "", "ann", "", 60.0))
        until(turn, lambda: len(answers) == 2 and len(a.done) == 2)
        assert answers[1] == "msg done"
        assert sorted(a.done) == [Direct("ban", "", "ann", "", 60.0), Direct("msg", "tim", "ann", "psst")]
        assert b.done == []

        a.close()
        until(b.turn, lambda: "left" in b.events("node"))
        assert b.bus.elsewhere() == []


def test_a_node_that_comes_late_has_the_history(server: Server) -> None:
    with nodes(server, "a") as [a]:
        a.bus.publish([say(f"{number}", node="a", room=("lobby", "hall")[number % 2]) for number in range(20)])
        until(a.turn, lambda: len(a.entries) == 20)
        with nodes(server, "b") as [b]:
            assert b.entries == []
            assert b.bus.history("hall") == [one for one in a.entries if one.room == "hall"]
            assert b.bus.history("nowhere") == []
            assert b.bus.epoch == a.bus.epoch
            a.bus.publish([say("20", node="a")])
            until(partial(all_turn, a, b), lambda: b.texts == ["20"] and len(a.entries) == 21)
            assert b.entries == a.entries[20:]


def test_of_two_nodes_that_want_a_nick_at_once_one_gets_it(server: Server) -> None:
    with nodes(server, "a", "b") as [a, b]:
        turn = partial(all_turn, a, b)
        until(turn, lambda: "came" in a.events("node") and "came" in b.events("node"))
        for one in (a, b):
            one.here = [Present(1, "x", "lobby")]
        answers: dict[str, list[str | None]] = {f"nick{number}": [] for number in range(20)}
        for nick, got in answers.items():
            for one in (a, b):
                one.bus.claim(nick, f"{one.node}/1", got.append)
        until(turn, lambda: all(len(got) == 2 for got in answers.values()))
        assert [sorted(got, key=str) for got in answers.values()] == [[None, TAKEN]] * 20


def test_a_nick_is_claimed_also_from_a_bucket_that_nobody_listens_for_yet(server: Server) -> None:
    """As nats-server has it for a moment while another node makes it."""
    with nodes(server, "a") as [a]:
        jetstream, wait = a.bus._broker.jetstream, a.loop.asyncio.run_until_complete
        config = StreamConfig("KV_NETKIT_CHAT_NICKS", subjects=["nowhere"], max_msgs_per_subject=1, allow_direct=True)
        wait(jetstream.add_stream(config))
        got: list[str | None] = []
        a.bus.claim("bob", "a/1", got.append)
        for _ in range(10):  # one connection: the claim has been asked for, and was answered
            wait(jetstream.stream_info("KV_NETKIT_CHAT_NICKS"))
        assert got == []
        wait(jetstream.update_stream(replace(config, subjects=["$KV.NETKIT_CHAT_NICKS.>"])))
        until(a.turn, lambda: got)
        assert got == [None]


def test_a_node_that_dies_is_given_up_and_its_nicks_are_free(server: Server) -> None:
    with nodes(server, "b", "c", beat=0.1, silent=0.4) as [b, c]:
        a = Running(server, "a", beat=0.1, silent=0.4)
        a.here = [Present(1, "bob", "lobby")]
        got: list[str | None] = []
        a.bus.claim("bob", "a/1", got.append)
        until(a.turn, lambda: got)
        until(partial(all_turn, a, b, c), lambda: b.bus.elsewhere() and c.bus.elsewhere())
        a.die()
        turn = partial(all_turn, b, c)
        until(turn, lambda: all("gone" in one.events("node") for one in (b, c)))
        until(turn, lambda: b.entries and c.entries)
        assert [(one.kind, one.name, one.room, one.node) for one in b.entries] == [("leave", "bob", "lobby", "a")]
        assert c.entries == b.entries  # both noticed, it was said once
        assert b.bus.elsewhere() == []
        b.bus.claim("bob", "b/1", got.append)
        until(turn, lambda: len(got) == 2)
        assert got == [None, None]


def test_a_node_that_was_given_up_and_goes_on_comes_again(server: Server) -> None:
    with nodes(server, "a", "b", beat=0.1, silent=0.4) as [a, b]:
        a.here = [Present(1, "bob", "lobby"), Present(2, "eve", "lobby")]
        got: list[str | None] = []
        a.bus.claim("bob", "a/1", got.append)
        a.bus.claim("eve", "a/2", got.append)
        until(partial(all_turn, a, b), lambda: len(got) == 2 and b.bus.elsewhere())
        until(b.turn, lambda: "gone" in b.events("node"))  # a stands still meanwhile
        b.here = [Present(1, "bob", "lobby")]
        b.bus.claim("bob", "b/1", got.append)
        until(b.turn, lambda: len(got) == 3)
        until(partial(all_turn, a, b), lambda: [one.kind for one in b.entries].count("join") == 2 and a.lost)
        assert [(one.kind, one.name) for one in b.entries] == [
            ("leave", "bob"), ("leave", "eve"), ("join", "bob"), ("join", "eve"),
        ]  # fmt: skip
        assert a.lost == ["bob"]  # b has it
        assert got == [None, None, None]


def test_while_the_broker_is_away_messages_are_held(server: Server) -> None:
    with nodes(server, "a", "b", patience=0.05) as [a, b]:
        turn = partial(all_turn, a, b)
        server.kill()
        until(turn, lambda: a.announced and b.announced)
        held = ["messages are held: the other machines cannot be reached"]
        assert (a.announced, b.announced) == (held, held)
        got: list[str | None] = []
        a.bus.claim("bob", "a/1", got.append)
        assert got == []
        until(turn, lambda: got)
        assert got == ["not to be had now: the other machines cannot be reached"]
        assert a.bus.publish([say(f"{number}", node="a") for number in range(1010)]) == 1000
        assert a.figure("bus_held_lines") == 1000
        server.start()
        until(turn, lambda: len(a.texts) == len(b.texts) == 1000 and len(a.announced) == len(b.announced) == 2)
        assert a.texts == b.texts == [f"{number}" for number in range(1000)]
        assert a.announced == b.announced == [*held, "messages go on"]
        assert a.events("bus") == ["lost", "held", "connected", "on"]
        assert a.figure("bus_reconnects_total") == 1


def test_who_stops_while_the_broker_is_away_says_what_was_not_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netkit.chat.nats.bus.SETTLE", 0.1)
    with nodes(server, "a") as [a]:
        server.kill()
        until(a.turn, lambda: "lost" in a.events("bus"))
        a.bus.publish([say("first", node="a")])
        a.turn()
        a.bus.publish([say("second", node="a")])
        settled: list[bool] = []
        a.bus.settle(lambda: settled.append(True))
        until(a.turn, lambda: settled)
        assert a.not_sent == [(b"second", False), (b"first", True)]


def test_what_the_stream_has_lost_is_told(server: Server) -> None:
    with nodes(server, "a", "b") as [a, b]:
        a.bus.publish([say("before", node="a")])
        until(partial(all_turn, a, b), lambda: a.texts and b.texts)
        for number in range(4):  # b stands still
            a.bus.publish([say(f"{number}.{line}", node="a") for line in range(number + 1)])
            until(a.turn, lambda: a.texts[-1:] == [f"{number}.{number}"])  # noqa: B023
        stream = a.loop.asyncio.run_until_complete(a.bus._broker.jetstream.stream_info("NETKIT_CHAT"))
        for back in (1, 2):
            a.loop.asyncio.run_until_complete(
                a.bus._broker.jetstream.delete_msg("NETKIT_CHAT", stream.state.last_seq - back)
            )
        b.bus._reader.interrupt()  # it would have them in its buffers
        b.bus._reader.seq = stream.state.first_seq
        until(b.turn, lambda: "3.3" in b.texts)
        until(b.turn, lambda: b.announced)
        assert b.announced == ["5 skipped"]
        assert b.events("bus") == ["hole", "skipped"]


HOSTILE = [
    b"",
    b"\xff\xfe",
    b"{",
    b"[" * 100_000,
    b"null",
    b'{"node": "evil", "boot": "1"}',
    b'{"node": "../x", "boot": "1", "number": 1, "first": 1, "entries": []}',
    b'{"node": "evil", "boot": "1", "number": 1, "first": 1, "entries": [[1, 2]]}',
    b'{"node": "evil", "boot": "1", "number": -1, "first": 1, "entries": []}',
    b'{"node": "evil", "boot": "1", "number": 1e999, "first": 1, "entries": []}',
    b'{"node": "evil", "boot": "1", "number": 1, "first": 1, "entries": [["me", "lobby", "", "\\ud800", "\\n", 1, 1]]}',
    b'{"node": "evil", "boot": "1", "number": 1, "first": 1, "entries": [["say", "../..", "x", "y", "\\n", 1, 1]]}',
    b'{"node": "evil", "boot": "1", "number": 1, "first": 1, "entries": [["say", "lobby", "x", "y", "\\n\\n", 1, 1]]}',
    b'{"beat": 1, "node": "evil", "boot": "1", "part": 5, "parts": 2, "present": []}',
    b'{"beat": 1, "node": "evil", "boot": "1", "part": 0, "parts": 1, "present": [[1, 2, 3]]}',
    b'{"act": "kick", "to": {}, "by": "x", "text": "", "seconds": 0}',
    b'{"act": [], "to": "x", "by": "x", "text": "", "seconds": 0}',
    b'{"act": "exec", "to": "x", "by": "x", "text": "", "seconds": 0}',
    b"x" * 1_000_000,
]


def test_nothing_on_the_broker_ends_a_node_or_reaches_a_terminal_raw(server: Server) -> None:
    with nodes(server, "a", "b") as [a, b]:
        client = a.bus._broker.client

        async def attack() -> None:
            for data in HOSTILE:
                for subject in ("said", "beat", "all", "node.b"):
                    await client.publish(f"netkit.chat.{subject}", data)
            # Headers that nats-py cannot read, in a message that the stream keeps; a subject that is no UTF-8.
            head = b"NATS/1.0 \xff\xff\r\n\r\n"
            await client._send_command(b"HPUB netkit.chat.said %d %d\r\n%b\r\n" % (len(head), len(head), head))
            await client._send_command(b"PUB netkit.chat.node.b.\xff\xfe 2\r\nhi\r\n")
            entry = ["say", "lobby", "e\x1b[2J", "one\r\n[bob] two\u202e", "\n", 1, 1]
            bad = {"node": "evil", "boot": "1", "number": 1, "first": 1, "entries": [entry]}
            await client.publish("netkit.chat.said", json.dumps(bad).encode())
            await client.flush()

        a.loop.asyncio.run_until_complete(attack())
        a.bus.publish([say("still here", node="a")])
        until(partial(all_turn, a, b), lambda: len(a.entries) == len(b.entries) == 2)
        assert [(one.name, one.text) for one in b.entries] == [
            ("e\\x1b[2J", b"one\\x0d\\x0a[bob] two\\u202e"),
            ("ann", b"still here"),
        ]
        assert b.done == []
        assert b.bus.elsewhere() == []
        got: list[str | None] = []
        b.bus.claim("bob", "b/1", got.append)
        until(b.turn, lambda: got)
        assert got == [None]
        assert b.figure("bus_foreign_total") > len(HOSTILE)


def test_a_stream_that_begins_anew_is_told(server: Server) -> None:
    with nodes(server, "a", "b") as [a, b]:
        turn = partial(all_turn, a, b)
        a.bus.publish([say("before", node="a")])
        until(turn, lambda: a.texts and b.texts)
        epoch = a.bus.epoch
        a.loop.asyncio.run_until_complete(a.bus._broker.jetstream.delete_stream("NETKIT_CHAT"))
        a.bus.publish([say("after", node="a")])
        until(turn, lambda: len(a.texts) == len(b.texts) == 2)
        assert a.announced == b.announced == ["began anew"]
        assert a.bus.epoch == b.bus.epoch != epoch


def test_a_broker_that_is_none_is_told(program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.nats.broker.OPEN_SECONDS", 0.1)
    nowhere = Server.__new__(Server)
    nowhere.url = f"nats://127.0.0.1:{find_free_port()}"
    with pytest.raises(Unreachable, match="cannot be reached"):
        Running(nowhere, "a")


def test_a_broker_without_jetstream_is_told(
    daemon: Callable[..., object], program: Callable[[str], str], free_port: Callable[[], int]
) -> None:
    bare = Server.__new__(Server)
    port = free_port()
    bare.url = f"nats://127.0.0.1:{port}"
    daemon(program("nats-server"), "-a", "127.0.0.1", "-p", str(port), port=port)
    with pytest.raises(PeerError, match="no JetStream"):
        Running(bare, "a")


def test_a_connection_that_is_closed_for_good_is_made_anew(server: Server) -> None:
    with nodes(server, "a") as [a]:
        a.loop.asyncio.run_until_complete(a.bus._broker.client._process_err("'who are you'"))  # nats-py ends it then
        until(a.turn, lambda: "connected" in a.events("bus"))
        assert a.events("bus") == ["lost", "connected"]
        a.bus.publish([say("here again", node="a")])
        until(a.turn, lambda: a.texts == ["here again"])
        got: list[str | None] = []
        a.bus.ask(Direct("msg", "nobody", "ann", "hi"), got.append)
        assert got == [None]


def test_the_bus_over_tls_with_a_login_keeps_the_contract_also_when_the_broker_comes_back(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    more = (*tls_options(tmp_path), "--user", "ann", "--pass", "secret")
    server = Server(program("nats-server"), tmp_path, *more, scheme="tls")
    cacert = str(tmp_path / "ca.pem")
    try:
        with nodes(server, "a", login=Login("ann", "secret"), cacert=cacert) as [a]:
            check(a.bus, a, a.turn)
            server.kill()
            a.bus.publish([say("meanwhile", node="a")])
            server.start()
            until(a.turn, lambda: a.texts[-1:] == ["meanwhile"])
        with pytest.raises(AuthRefused, match="Authorization Violation"):
            Running(server, "a", login=Login("ann", "wrong"), cacert=cacert)
        with pytest.raises(Insecure) as caught:
            Running(server, "a", login=Login("ann", "secret"))
        assert caught.value.kind == "cert_unknown_ca"
    finally:
        server.kill()


def test_a_token(program: Callable[[str], str], tmp_path: Path) -> None:
    server = Server(program("nats-server"), tmp_path, "--auth", "secret")
    try:
        with nodes(server, "a", login=Login(None, "secret")) as [a]:
            a.bus.publish([say("hello", node="a")])
            until(a.turn, lambda: a.texts == ["hello"])
    finally:
        server.kill()


def test_a_cluster_that_is_too_small_is_told(program: Callable[[str], str], tmp_path: Path) -> None:
    ports = [find_free_port() for _ in range(2)]
    routes = ("--routes", ",".join(f"nats://127.0.0.1:{port}" for port in ports))
    servers = [
        Server(program("nats-server"), tmp_path, "--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{port}",
               *routes, name=f"n{port}")
        for port in ports
    ]  # fmt: skip
    try:
        with pytest.raises(PeerError, match="fewer than 3 servers") as caught:
            Running(servers[0], "a")
        assert caught.value.kind == "too_few_servers"
    finally:
        for server in servers:
            server.kill()


def test_a_broker_that_wants_a_password_is_told(
    daemon: Callable[..., object], program: Callable[[str], str], free_port: Callable[[], int]
) -> None:
    closed = Server.__new__(Server)
    port = free_port()
    closed.url = f"nats://127.0.0.1:{port}"
    daemon(program("nats-server"), "-a", "127.0.0.1", "-p", str(port), "--auth", "secret", port=port)
    with pytest.raises(AuthRefused, match="refuses"):
        Running(closed, "a")
