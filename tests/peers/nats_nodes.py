"""A nats-server that is killed and started again, and nodes of the chat on it within the test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netkit.chat.nats.bus import NatsBus
from netkit.net.asyncio_loop import AsyncioLoop
from netkit.net.ca import Authority
from tests.chat.bus_contract import Node
from tests.peers.daemons import await_port
from tests.ports import find_free_port


class Server:
    """nats-server on its own port, with its store in a folder of the test."""

    def __init__(self, program: str, folder: Path, *more: str, name: str = "nats", scheme: str = "nats") -> None:
        """more: what it is started with besides."""
        self.port = find_free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._log = folder / f"{name}.log"
        store = str(folder / f"{name}.store")
        self._argv = [program, "-a", "127.0.0.1", "-p", str(self.port), "-n", name, "-js", "-sd", store, *more]
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        await_port(self.process, self.port, self._log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Running(Node):
    """A node with a bus and a loop; `turn` has it work a little."""

    def __init__(self, server: "Server | Cluster", node: str, **more: Any) -> None:
        """more: of NatsBus."""
        super().__init__(node)
        self.loop = AsyncioLoop()
        self.bus = NatsBus(self.loop, server.url.split(","), node, **more)
        self.bus.open(self)

    def figure(self, name: str) -> float:
        return {each: value for each, _, _, value in self.bus.figures()}[name]

    def turn(self) -> None:
        self.loop.asyncio.call_soon(self.loop.asyncio.stop)
        self.loop.asyncio.run_forever()

    def close(self) -> None:
        self.bus.close()
        self.loop.close()

    def die(self) -> None:
        """As with SIGKILL: nothing is said, the connection is gone."""
        transport: Any = self.bus._broker.client._transport
        transport._io_writer.transport.abort()
        self.loop.close()


@contextmanager
def nodes(server: "Server | Cluster", *names: str, **more: Any) -> Iterator[list[Running]]:
    running = [Running(server, name, **more) for name in names]
    try:
        yield running
    finally:
        for one in running:
            one.close()


def all_turn(*running: Running) -> None:
    for one in running:
        one.turn()


class Cluster:
    """Three servers, each of which has everything; url: of all of them."""

    def __init__(self, program: str, folder: Path) -> None:
        ports = [find_free_port() for _ in range(3)]
        routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports)
        self.servers = {
            name: Server(
                program, folder, "--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{port}", "--routes", routes,
                name=name,
            )
            for name, port in zip(("n1", "n2", "n3"), ports, strict=True)
        }  # fmt: skip
        self.url = ",".join(server.url for server in self.servers.values())

    def kill(self) -> None:
        for server in self.servers.values():
            server.kill()


def tls_options(folder: Path) -> tuple[str, ...]:
    """A server with them speaks TLS alone; whom to trust is in ca.pem."""
    ca = Authority()
    leaf = ca.issue(["localhost", "127.0.0.1"])
    for name, data in (("ca.pem", ca.pem), ("cert.pem", leaf.certificate), ("key.pem", leaf.key)):
        (folder / name).write_bytes(data)
    return "--tls", "--tlscert", str(folder / "cert.pem"), "--tlskey", str(folder / "key.pem")
