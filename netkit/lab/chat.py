"""The lab's chat: the very server that `netkit chat serve` runs, and its page for browsers where that can be served.

The page needs the package websockets, of the extra `chat`. Where it is not installed the lab has no such port, and the
tour leaves its step out. It is 60 ms of CPU to load, so that waits for the first browser.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import ClassVar

from netkit.chat.event import Event
from netkit.chat.hub import Hub
from netkit.chat.server import ChatServer
from netkit.chat.web_frames import entries
from netkit.lab.echo import LoopService
from netkit.lab.event import EventName
from netkit.lab.service import Port
from netkit.net.listen import Listening
from netkit.net.loop import Loop

MAX_CLIENTS = 100
PAGE = Port("chat-web", 8026, {"tcp": "http"})
LOGGED: Mapping[str, EventName] = {
    "say": "request",
    "drop": "request",
    "kick": "request",
    "limit": "request",
    "refused": "refused",
}


class ChatService(LoopService):
    ports: ClassVar[tuple[Port, ...]] = (
        Port("chat", 2626, {"tcp": "tcp"}),
        *((PAGE,) if find_spec("websockets") else ()),
    )
    _pages: Sequence[Listening] = ()

    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        self._pages = listening.get(PAGE.name, ())
        await super().start(listening)

    def make(self, listening: list[Listening]) -> ChatServer:
        hub = Hub(Loop(), frames=entries, on_log=self.report)
        server = ChatServer(listening, hub, max_clients=MAX_CLIENTS, on_log=self.report)
        self._await_browser(server)
        return server

    def _await_browser(self, server: ChatServer) -> None:
        """Serve the page from the first connection on, which waits in the kernel's queue meanwhile."""

        def first(events: int) -> None:
            from netkit.chat.web import Web

            for page in self._pages:
                server.loop.remove(page.socket.fileno())
            Web(server, self._pages)

        for page in self._pages:
            page.socket.setblocking(False)
            server.loop.add(page.socket.fileno(), first)

    def report(self, entry: Event) -> None:
        if name := LOGGED.get(entry.event):
            said = None if entry.line is None else entry.line.decode("utf-8", "backslashreplace").rstrip("\r\n")
            words = [entry.event, entry.reason, entry.detail]
            self.shared.log(
                self.name,
                name,
                peer=entry.addr,
                summary=said if said is not None else " ".join(word for word in words if word),
                room=entry.room,
                name=entry.name,
                reason=entry.reason,
            )

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        page = {"NETKIT_LAB_CHAT_WEB": f"http://{addresses[PAGE.name]}/"} if PAGE.name in addresses else {}
        return {"NETKIT_LAB_CHAT": addresses["chat"], **page}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        return [f"netkit watch --raw {environment['NETKIT_LAB_CHAT']} --stdin all"]
