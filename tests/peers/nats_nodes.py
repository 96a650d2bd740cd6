"""A nats-server that is killed and started again, and nodes of the chat on it within the test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netkit.chat.nats.bus import NatsBus
from netkit.net.asyncio_loop import AsyncioLoop
from tests.chat.bus_contract import Node
from tests.peers.daemons import await_port, find_free_port


class Server:
    """nats-server on its own port, with its store in a folder of the test."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = find_free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._log = folder / "nats.log"
        self._argv = [program, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(folder / "store")]
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

    def __init__(self, server: Server, node: str, *, beat: float = 5.0, silent: float = 15.0, patience: float = 2.0):
        super().__init__(node)
        self.loop = AsyncioLoop()
        self.bus = NatsBus(self.loop, [server.url], node, beat=beat, silent=silent, patience=patience)
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
def nodes(server: Server, *names: str, **seconds: float) -> Iterator[list[Running]]:
    running = [Running(server, name, **seconds) for name in names]
    try:
        yield running
    finally:
        for one in running:
            one.close()


def all_turn(*running: Running) -> None:
    for one in running:
        one.turn()
