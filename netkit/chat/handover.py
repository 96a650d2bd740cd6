"""What a chat server is, as bytes and descriptors, so that another process can go on with it: over a unix socket.

A frame of JSON (bytes in it as Latin-1 text), then the sockets, at most 253 a message (SCM_RIGHTS, unix(7)). Three
words make sure that never two go on, and never none: the new one says READY when it can take over, TAKEN when it has
everything and has touched nothing, and goes on when it hears GO; before that the old one has only stopped to read.

TLS sessions cannot be handed over, the kernel has but half of them. A node among others stays the node that it is: what
its bus has (`Bus.save`) goes along, and the new process has a connection of its own to the broker.
"""

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from netkit.chat.bus import LocalBus
from netkit.chat.client import Client
from netkit.chat.entry import Entry, restored, saved
from netkit.chat.server import handed_over
from netkit.net.address import Endpoint
from netkit.net.listen import Listening

if TYPE_CHECKING:
    from netkit.chat.fanout import Fanout
    from netkit.chat.hub import Hub
    from netkit.chat.server import ChatServer

VARIABLE = "NETKIT_CHAT_HANDOVER"  # the descriptor of the socket to the old process
VERSION = 2
READY, TAKEN, GO = b"r", b"t", b"g"
SECONDS = 10.0  # for the whole of it, while nobody is served
MOST = 253  # SCM_MAX_FD
LONGEST = 1 << 30  # bytes of the JSON: the rings and histories of all rooms

Groups = Mapping[str, Sequence[Listening]]


def send(channel: socket.socket, server: "ChatServer", groups: Groups) -> None:
    """Send everything. Raises OSError."""
    clients = [one for one in server.everybody if handed_over(one) and isinstance(one, Client)]
    state = {
        "version": VERSION,
        "groups": {name: [_listening(each) for each in group] for name, group in groups.items()},
        "bus": server.hub.bus.save(),
        "hub": _hub(server.hub),
        "number": server.number() - 1,
        "clients": [one.save() for one in clients],
    }
    text = json.dumps(state, separators=(",", ":")).encode()
    channel.sendall(struct.pack("!Q", len(text)) + text)
    files = [each.socket.fileno() for group in groups.values() for each in group] + [one.fd for one in clients]
    for place in range(0, len(files), MOST):
        socket.send_fds(channel, [b"f"], files[place : place + MOST])


class Taken:
    """What came from the old process. Raises OSError, ValueError when that is not what this version knows."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        channel.settimeout(SECONDS)
        channel.sendall(READY)
        channel.settimeout(None)  # it comes when the old one is ready for it
        (size,) = struct.unpack("!Q", self._read(8))
        channel.settimeout(SECONDS)
        if size > LONGEST:
            raise ValueError(f"a state of {size} bytes")
        self._state: dict[str, Any] = json.loads(self._read(size))
        if self._state["version"] != VERSION:
            raise ValueError(f"a state of version {self._state['version']}")
        groups = self._state["groups"]
        files = self._files(sum(map(len, groups.values())) + len(self._state["clients"]))
        self.groups: dict[str, list[Listening]] = {}
        for name, group in groups.items():
            self.groups[name] = [_adopted(each, files.pop(0)) for each in group]
        self._clients = [(saved, _client(fd)) for saved, fd in zip(self._state["clients"], files, strict=True)]

    def bus(self) -> LocalBus:
        """The order goes on, with the names that are taken and what was said."""
        state = self.bus_state
        return LocalBus(state["epoch"], state["seq"], state["nicks"], self.said)

    @property
    def bus_state(self) -> dict[str, Any]:
        """What its bus has saved."""
        found: dict[str, Any] = self._state["bus"]
        return found

    @property
    def said(self) -> dict[str, list[Entry]]:
        """The histories of its rooms."""
        return {room["name"]: [restored(entry) for entry in room["history"]] for room in self._state["hub"]["rooms"]}

    def resume(self, server: "ChatServer") -> None:
        """Let everybody go on there. Raises OSError when the old process has not given its word."""
        hub, saved = server.hub, self._state["hub"]
        vars(hub.counts).update(saved["counts"])
        hub.bans.update(saved["bans"])
        hub.seq, hub.missed = saved["seq"], saved["missed"]
        for each in saved["rooms"]:
            room = hub.room(each["name"])
            room.lines, room.born, room.floor = each["lines"], each["born"], each["floor"]
            room.plain.resume(each["end"], _bytes(each["ring"]), each["pieces"])
            room.plain.writes = each["writes"]
        server.resume(self._state["number"], [(one, sock) for one, sock in self._clients])
        self._channel.sendall(TAKEN)
        if self._channel.recv(1) != GO:
            raise ConnectionAbortedError("the old process goes on")
        self._channel.close()
        hub.bus.go_on()

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not (part := self._channel.recv(min(size - len(data), 1 << 20))):
                raise EOFError("the old process has gone")
            data += part
        return bytes(data)

    def _files(self, number: int) -> list[int]:
        found: list[int] = []
        while len(found) < number:
            data, files, _, _ = socket.recv_fds(self._channel, 1, MOST)
            if not data or not files:
                raise EOFError("not all sockets came: this process may open too few")
            found += files
        return found


def _hub(hub: "Hub") -> dict[str, Any]:
    return {
        "seq": hub.seq,
        "missed": hub.missed,
        "bans": hub.bans,
        "counts": {
            **vars(hub.counts),
            "writes": hub.counts.writes + sum(room.web.writes for room in hub.rooms.values()),
        },
        "rooms": [
            {
                "name": room.name,
                "history": [saved(entry) for entry in room.history],
                "lines": room.lines,
                "born": room.born,
                "floor": room.floor,
                **_stream(room.plain),
            }
            for room in hub.rooms.values()
        ],
    }


def _stream(stream: "Fanout") -> dict[str, Any]:
    ring, pieces = stream.save()
    return {"end": stream.end, "ring": ring.decode("latin-1"), "pieces": pieces, "writes": stream.writes}


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _listening(each: Listening) -> dict[str, Any]:
    endpoint = each.endpoint
    return {
        "transport": each.transport,
        "endpoint": [endpoint.scheme, endpoint.host, endpoint.port, endpoint.zone, endpoint.path],
        "inode": each.inode,
    }


def _adopted(saved: dict[str, Any], fd: int) -> Listening:
    inode = saved["inode"]
    return Listening(_client(fd), saved["transport"], Endpoint(*saved["endpoint"]), tuple(inode) if inode else None)


def _client(fd: int) -> socket.socket:
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock


def channel_of(environ: "dict[str, str] | Any") -> socket.socket | None:
    """The socket to the old process, where this one is to take over; the variable is taken out."""
    text = environ.pop(VARIABLE, "")
    if not (text.isascii() and text.isdecimal()):
        return None
    with suppress(OSError):
        sock = socket.socket(fileno=int(text))
        sock.set_inheritable(False)
        return sock
    return None
