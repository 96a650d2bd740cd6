"""Nodes of the chat as processes of their own, over Debian's nats-server: brokers and nodes are killed and stopped."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from tests.chat.conftest import GREETING, Client
from tests.conftest import Finished
from tests.loopback import LIMIT
from tests.peers.nats_nodes import Cluster, Server, nodes, tls_options
from tests.warm import Process

HELD, ON = "* messages are held: the other machines cannot be reached", "* messages go on"


@pytest.fixture
def server(program: Callable[[str], str], tmp_path: Path) -> Iterator[Server]:
    running = Server(program("nats-server"), tmp_path)
    yield running
    running.kill()


class Node:
    """`netkit chat serve --bus`, and what it reports."""

    def __init__(self, server: Server | Cluster, name: str, *more: str) -> None:
        self.name = name
        self.process = Process(
            "chat", "serve", "--bind", "127.0.0.1", "--port", "0", "--rate", "off", "--json", "--bus", server.url,
            "--node", name, *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.events: Queue[dict[str, Any] | None] = Queue()
        self.complaints = ""
        self.clients: list[Client] = []
        self._readers = [threading.Thread(target=read) for read in (self._read_events, self._read_complaints)]
        for reader in self._readers:
            reader.start()
        self.port = int(self.wait_for("listening")["address"].rpartition(":")[2])

    def _read_events(self) -> None:
        for line in self.process.stdout or ():
            self.events.put(json.loads(line))
        self.events.put(None)

    def _read_complaints(self) -> None:
        for line in self.process.stderr or ():
            self.complaints += line

    def wait_for(self, event: str, reason: str | None = None) -> dict[str, Any]:
        """The next event of that name, and reason."""
        while (entry := self.events.get(timeout=LIMIT)) is not None:
            assert "event" in entry, entry
            if entry["event"] == event and reason in (None, entry["reason"]):
                return entry
        raise AssertionError(f"{self.name} ended: {self.complaints}")

    def join(self) -> Client:
        client = Client(socket.create_connection(("127.0.0.1", self.port), LIMIT))
        self.clients.append(client)
        client.expect(GREETING)
        while (entry := self.wait_for("say"))["node"] != self.name or entry["name"] != client.name:
            pass  # until its joining came back: it is in the order of all
        return client

    def stop(self) -> tuple[int, str]:
        """Its exit code, and what it had to complain of."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        self.process.kill()
        self.ended()
        for client in self.clients:
            client.close()

    def ended(self) -> tuple[int, str]:
        code: int = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code, self.complaints


@contextmanager
def running(server: Server | Cluster, *names: str) -> Iterator[list[Node]]:
    found: list[Node] = []
    try:
        for name in names:
            found.append(Node(server, name))
        yield found
    finally:
        for node in found:
            node.kill()


def said(client: Client, last: str) -> list[str]:
    """The lines that people said until that one, without their names; what the server says stays."""
    found: list[str] = []
    while last not in found[-1:]:
        line = client.line().decode().rstrip("\r\n")
        assert line, found
        if not line.startswith("Client "):
            found.append(line.rpartition("] ")[2])
    return found


def test_a_broker_that_is_killed_loses_nothing_and_doubles_nothing(server: Server) -> None:
    with running(server, "a", "b") as [a, b]:
        b.wait_for("node", "came")
        speaker, near = a.join(), a.join()
        far = b.join()
        lines = [f"line {number}" for number in range(1, 301)]
        speaker.send("\n".join(lines[:100]).encode() + b"\n")
        assert said(far, lines[99]) == lines[:100]
        speaker.send("\n".join(lines[100:200]).encode() + b"\n")
        server.kill()
        speaker.send("\n".join(lines[200:]).encode() + b"\n")
        for node in (a, b):
            node.wait_for("bus", "lost")
        server.start()
        heard = {"near": said(near, lines[-1]), "far": lines[:100] + said(far, lines[-1])}
        for client, found in heard.items():
            assert [line for line in found if not line.startswith("* ")] == lines, client
            assert found.count(HELD) <= 1
            assert found.count(ON) <= 1

        # Both stop with nothing to complain of, and tell those who are left.
        assert a.stop() == (0, "")
        assert near.line() == b"* the server stops\r\n"
        b.wait_for("node", "left")
        assert far.answer("/who")[-2:] == ["* 1 in lobby", f"*   {far.name}"]
        assert b.stop() == (0, "")


def test_a_node_that_stands_still_reads_on_and_one_that_is_killed_leaves_its_nicks(server: Server) -> None:
    with running(server, "a", "b") as [a, b]:
        speaker, far = a.join(), b.join()
        b.process.send_signal(signal.SIGSTOP)
        lines = [f"line {number}" for number in range(500)]
        speaker.send("\n".join(lines).encode() + b"\n/nick bob\n")
        while speaker.line() != b"* you are bob\r\n":
            pass
        b.process.send_signal(signal.SIGCONT)
        assert said(far, lines[-1]) == lines

        # One that comes late has the history.
        c = Node(server, "c")
        try:
            late = c.join()
            late.send(b"/history 3\n/nick Bob\n")
            assert [late.line().decode()[8:].rpartition("] ")[2] for _ in range(3)] == [
                f"{one}\r\n" for one in lines[-3:]
            ]
            assert late.line() == b"* Bob is taken\r\n"
            a.kill()
            answer = b""
            while answer != b"* you are Bob\r\n":
                late.send(b"/nick Bob\n")
                answer = late.line()
                assert answer in (b"* Bob is taken\r\n", b"* you are Bob\r\n")
            assert c.stop() == (0, "")
        finally:
            c.kill()
        assert b.stop() == (0, "")


def test_a_moderator_reaches_all_nodes(server: Server, tmp_path: Path) -> None:
    (tmp_path / "admin").write_text("open sesame\n")
    found: list[Node] = []
    try:
        for name in ("a", "b"):
            found.append(Node(server, name, "--admin-password-file", str(tmp_path / "admin")))
        a, b = found
        b.wait_for("node", "came")
        ann, bob = a.join(), b.join()
        ann.expect(f"Client joined {bob.name}\r\n")  # from now on its node is known to have it
        assert ann.answer("/op open sesame") == ["* you are a moderator"]

        ann.send(b"/notice tea is ready\n")
        ann.expect("* tea is ready\r\n")
        while (line := bob.line()) != b"* tea is ready\r\n":  # he may have come before she had
            assert line == f"Client joined {ann.name}\r\n".encode()

        ann.send(f"/mute {bob.name} 1m\n".encode())
        ann.expect(f"* {bob.name} is muted for 60 s\r\n")
        bob.expect(f"* muted by {ann.name} for 60 s\r\n")
        assert b.wait_for("kick")["by"] == ann.name

        ann.send(b"/ban 192.0.2.1 1h\n")
        ann.expect("* 192.0.2.1 is banned for 3600 s\r\n")
        for node in (a, b):
            kick = node.wait_for("kick")
            assert (kick["reason"], kick["detail"], kick["by"]) == ("banned", "192.0.2.1", ann.name)

        ann.send(f"/kick {bob.name} too loud\n".encode())
        bob.expect_end(f"* kicked by {ann.name}: too loud\r\n")
        answers = {ann.line(), ann.line()}
        assert answers == {f"* {bob.name} is out\r\n".encode(), f"Client left {bob.name}\r\n".encode()}
        assert b.wait_for("drop")["reason"] == "kicked"
    finally:
        for node in found:
            node.kill()


def test_of_two_nodes_of_one_name_the_second_is_refused(server: Server, netkit: Callable[..., Finished]) -> None:
    with running(server, "a"):
        done = netkit("chat", "serve", "--port", "0", "--bus", server.url, "--node", "a")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "netkit: --node a: a node of that name is there already\nhint: take another name\n"


def test_of_a_cluster_the_server_that_leads_is_killed(program: Callable[[str], str], tmp_path: Path) -> None:
    """The other two choose another after 4 to 9 seconds, which is theirs to know; nothing is lost or doubled."""
    cluster = Cluster(program("nats-server"), tmp_path)
    try:
        with running(cluster, "a", "b") as [a, b]:
            speaker, near, far = a.join(), a.join(), b.join()
            lines = [f"line {number}" for number in range(1, 301)]
            far.send(b"/nick bob\n")
            while (line := far.line()) != b"* you are bob\r\n":
                assert line.startswith(b"Client joined ")
            speaker.send("\n".join(lines[:100]).encode() + b"\n")
            assert said(far, lines[99]) == lines[:100]
            with nodes(cluster, "c") as [c]:
                about = c.loop.asyncio.run_until_complete(c.bus._broker.jetstream.stream_info("NETKIT_CHAT"))
            assert about.config.num_replicas == 3
            assert about.cluster is not None
            for client in (near, far):
                client.socket.settimeout(3 * LIMIT)
            speaker.send("\n".join(lines[100:200]).encode() + b"\n")
            cluster.servers[str(about.cluster.leader)].kill()
            speaker.send("\n".join(lines[200:]).encode() + b"\n")
            heard = {"near": said(near, lines[-1]), "far": lines[:100] + said(far, lines[-1])}
            for name, found in heard.items():
                assert [line for line in found if not line.startswith("* ")] == lines, name
                assert [line for line in found if line.startswith("* ")] in ([], [HELD], [HELD, ON]), name
            answer = ""
            while answer != "* Bob is taken":  # the nicks have a leader of their own to choose
                near.send(b"/nick Bob\n")
                while not (answer := near.line().decode().rstrip()).startswith("* Bob"):
                    assert answer == ON, answer
            assert a.stop() == (0, "")
            assert b.stop() == (0, "")
    finally:
        cluster.kill()


def test_a_node_logs_in_over_tls(
    program: Callable[[str], str], netkit: Callable[..., Finished], tmp_path: Path
) -> None:
    more = (*tls_options(tmp_path), "--user", "ann", "--pass", "secret")
    server = Server(program("nats-server"), tmp_path, *more, scheme="tls")
    login = ("--bus-cacert", str(tmp_path / "ca.pem"), "--bus-user", "ann")
    (tmp_path / "right").write_text("secret\n")
    try:
        node = Node(server, "a", *login, "--bus-password-file", str(tmp_path / "right"))
        speaker, other = node.join(), node.join()
        speaker.send(b"hello\n")
        assert said(other, "hello") == ["hello"]
        assert node.stop() == (0, "")
        node.kill()
        argv = ("chat", "serve", "--port", "0", "--bus", server.url)
        done = netkit(*argv, *login, "--bus-password-cmd", "echo wrong")
        assert (done.returncode, done.stdout) == (7, "")
        assert done.stderr == f"netkit: the broker at {server.url} refuses: 'Authorization Violation'\n"
        done = netkit(*argv, *login[:2])
        assert (done.returncode, done.stdout) == (7, "")
        assert done.stderr.endswith("\nhint: --bus-user and --bus-password-file log in\n")
        done = netkit(*argv, env={"NETKIT_BUS_PASSWORD": "a token"})
        assert (done.returncode, done.stdout) == (6, "")
        assert done.stderr.startswith(f"netkit: the broker at {server.url}: the certificate is issued by ")
    finally:
        server.kill()
