"""The lab's echo and hello servers: the very ones that `netkit echo-server` and `hello-server` run.

Their loop is a descriptor that is readable when something is due; asyncio watches it, and gives it a turn.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from netkit.echo.server.echo import EchoServer
from netkit.echo.server.event import Event
from netkit.echo.server.hello import HelloServer, greeting
from netkit.lab.event import EventName
from netkit.lab.service import Port, Service, Shared
from netkit.net.listen import Listening
from netkit.net.loop import Loop

MAX_CONNS = 100
GREETING = "Hello {peer}, this is the lab on {host}\n"
LOGGED: Mapping[str, EventName] = {"close": "request", "greeted": "request", "refused": "refused"}


class Server(Protocol):
    loop: Loop

    def close(self) -> None: ...


class LoopService(Service):
    """A server with a loop of its own, driven by the lab's."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._server: Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    @abstractmethod
    def make(self, listening: list[Listening]) -> Server:
        """The server on these sockets."""

    @property
    def name(self) -> str:
        return self.ports[0].name

    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        self._server = self.make(list(listening[self.name]))
        asyncio.get_running_loop().add_reader(self._server.loop.fileno(), self._turn)
        self._turn()

    async def stop(self) -> None:
        if self._server is not None:
            asyncio.get_running_loop().remove_reader(self._server.loop.fileno())
            if self._timer:
                self._timer.cancel()
            self._server.close()
            self._server = None

    def _turn(self) -> None:
        """Let the server do what is due, and come again when its next timer is."""
        if self._server is None:
            return
        self._server.loop.turn(0)
        if self._timer:
            self._timer.cancel()
        due = self._server.loop.next_due()
        self._timer = None if due is None else asyncio.get_running_loop().call_later(due, self._turn)

    def log(self, entry: Event) -> None:
        if name := LOGGED.get(entry.event):
            words = [f"{entry.sent} bytes" if entry.sent is not None else "", entry.reason or "", entry.detail]
            self.shared.log(
                self.name,
                name,
                address=entry.address,
                peer=entry.peer,
                summary=f"{entry.transport} " + " ".join(word for word in words if word),
                received=entry.received,
                sent=entry.sent,
                reason=entry.reason,
            )


class EchoService(LoopService):
    ports: ClassVar[tuple[Port, ...]] = (Port("echo", 45000, {"tcp": "tcp", "udp": "udp"}),)

    def make(self, listening: list[Listening]) -> Server:
        return EchoServer(listening, max_conns=MAX_CONNS, on_log=self.log, on_event=self.shared.on_event)

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {"NETKIT_LAB_ECHO": addresses["echo"]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        return [f"netkit echo-client {environment['NETKIT_LAB_ECHO']} -n 5 -i 100ms"]


class HelloService(LoopService):
    ports: ClassVar[tuple[Port, ...]] = (Port("hello", 45001, {"tcp": "tcp", "udp": "udp"}),)

    def make(self, listening: list[Listening]) -> Server:
        say = greeting(GREETING)
        return HelloServer(listening, say, max_conns=MAX_CONNS, on_log=self.log, on_event=self.shared.on_event)

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {"NETKIT_LAB_HELLO": addresses["hello"]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        host, _, port = environment["NETKIT_LAB_HELLO"].rpartition(":")
        return [f"cat < /dev/tcp/{host.strip('[]')}/{port}   # in bash"]
