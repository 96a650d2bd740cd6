"""A chat with its page in a thread, and browsers of it without a browser."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from websockets.sync.client import ClientConnection, connect

from netkit.chat.event import Event
from netkit.chat.hub import Hub
from netkit.chat.limits import Limits
from netkit.chat.server import ChatServer
from netkit.chat.web import Web
from netkit.chat.web_frames import entries
from netkit.net.address import Endpoint
from netkit.net.listen import listen
from netkit.net.loop import Loop
from tests.conftest import MS

if TYPE_CHECKING:
    import ssl

LIMIT = 20_000 * MS
QUICK = Limits(rate=None)
Found = TypeVar("Found")


class Page:
    """What the page does, message by message."""

    def __init__(self, link: ClientConnection, **hello: object) -> None:
        self.link = link
        self.welcome: dict[str, Any] = {}
        if hello.pop("quiet", None) is None:
            self.send("hello", **hello)
            self.welcome = self.get("welcome")

    def send(self, type: str, **fields: object) -> None:
        self.link.send(json.dumps({"type": type, **fields}), text=True)

    def say(self, text: str, **fields: object) -> None:
        self.send("say", text=text, **fields)

    def next(self) -> dict[str, Any]:
        message = json.loads(self.link.recv(LIMIT))
        assert isinstance(message, dict)
        return message

    def get(self, type: str) -> dict[str, Any]:
        """The next message of that type."""
        while True:
            message = self.next()
            if message["type"] == type:
                return message

    def line(self, kind: str = "say") -> dict[str, Any]:
        """The next entry of that kind, of those that come by themselves; the others of its message are dropped."""
        while True:
            for entry in self.get("entries")["entries"]:
                if entry["kind"] == kind:
                    found: dict[str, Any] = entry
                    return found

    def texts(self, last: str) -> list[str]:
        """What is said until that."""
        found: list[str] = []
        while last not in found:
            found += [entry["text"] for entry in self.get("entries")["entries"] if entry["kind"] == "say"]
        return found


class Chat:
    def __init__(self, server: ChatServer, web: Web, port: int, web_port: int, events: list[Event]) -> None:
        self.server, self.web, self.port, self.web_port, self.events = server, web, port, web_port, events

    @contextmanager
    def page(self, **hello: object) -> Iterator[Page]:
        with connect(f"ws://127.0.0.1:{self.web_port}/ws", compression=None, proxy=None, ping_interval=None) as link:
            yield Page(link, **hello)

    @contextmanager
    def nc(self, nick: str = "") -> Iterator[socket.socket]:
        """A plain client, with its greeting read."""
        with socket.create_connection(("127.0.0.1", self.port), LIMIT) as client:
            until(client, b"chatserver\r\n")
            if nick:
                client.sendall(b"/nick " + nick.encode() + b"\n")
                until(client, b"* you are " + nick.encode() + b"\r\n")
            yield client

    @contextmanager
    def raw(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.web_port), LIMIT) as client:
            yield client

    def within(self, call: Callable[[], Found]) -> Found:
        """Its value, called in the server's loop."""
        found: list[Found] = []
        done = threading.Event()

        def run() -> None:
            try:
                found.append(call())
            finally:
                done.set()

        self.server.loop.soon(run)
        assert done.wait(LIMIT)
        return found[0]

    def await_(self, condition: Callable[[], bool]) -> None:
        """Return when it holds in the server; looked at after each of its turns."""
        done = threading.Event()

        def look() -> None:
            if condition():
                done.set()
            else:
                self.server.loop.later(0.002, look)

        self.server.loop.soon(look)
        assert done.wait(LIMIT)


def until(client: socket.socket, last: bytes) -> bytes:
    """What comes up to that, and not an octet more: what follows may be there already."""
    data = b""
    while not data.endswith(last):
        more = client.recv(1)
        assert more, data
        data += more
    return data


def upgrade(port: int, *lines: str) -> bytes:
    """What asks for the WebSocket."""
    head = [
        "GET /ws HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13", *lines,
    ]  # fmt: skip
    return "\r\n".join([*head, "", ""]).encode()


@contextmanager
def chatting(
    limits: Limits = QUICK,
    *,
    password: bytes | None = None,
    tls: "ssl.SSLContext | None" = None,
    moderate: Callable[[str], bool] | None = None,
    ping: float = 30.0,
    epoch: str | None = None,
    **options: Any,
) -> Iterator[Chat]:
    from netkit.chat.bus import LocalBus

    plain, shown = (listen([Endpoint("tcp", "127.0.0.1", 0)])[0] for _ in range(2))
    events: list[Event] = []
    bus = LocalBus(epoch) if epoch else None
    hub = Hub(Loop(), limits=limits, bus=bus, moderate=moderate, frames=entries, on_log=events.append)
    server = ChatServer([plain], hub, password=password, on_log=events.append, **options)
    web = Web(server, [shown], tls=tls, password=password, origins=["https://chat.example"], ping=ping)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Chat(server, web, plain.endpoint.port, shown.endpoint.port, events)
    finally:
        server.loop.soon(server.stop)
        thread.join(LIMIT)
        assert not thread.is_alive()
