"""The lab's chat: the very server that `netkit chat serve` runs."""

from collections.abc import Mapping
from typing import ClassVar

from netkit.chat.event import Event
from netkit.chat.hub import Hub
from netkit.chat.server import ChatServer
from netkit.lab.echo import LoopService
from netkit.lab.event import EventName
from netkit.lab.service import Port
from netkit.net.listen import Listening
from netkit.net.loop import Loop

MAX_CLIENTS = 100
LOGGED: Mapping[str, EventName] = {
    "say": "request",
    "drop": "request",
    "kick": "request",
    "limit": "request",
    "refused": "refused",
}


class ChatService(LoopService):
    ports: ClassVar[tuple[Port, ...]] = (Port("chat", 2626, {"tcp": "tcp"}),)

    def make(self, listening: list[Listening]) -> ChatServer:
        hub = Hub(Loop(), on_log=self.report)
        return ChatServer(listening, hub, max_clients=MAX_CLIENTS, on_log=self.report)

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
        return {"NETKIT_LAB_CHAT": addresses["chat"]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        return [f"netkit watch --raw {environment['NETKIT_LAB_CHAT']} --stdin all"]
