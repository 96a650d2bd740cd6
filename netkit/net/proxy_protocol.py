"""The PROXY protocol's header, v1 and v2: a proxy tells for whom it connects, in front of what the client sends.

It is believed of nobody but proxies that are trusted: whoever may send it, may be anybody. No byte behind the header is
read, so that TLS or whatever follows finds its beginning. haproxy.org's proxy-protocol.txt, versions 1 and 2.
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

from netkit.net.address import text_of
from netkit.net.loop import Loop
from netkit.net.reasons import would_block

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
SHORTEST = 15  # bytes of "PROXY UNKNOWN\r\n": no header of either version is shorter
MAX_V1 = 107
MAX_V2 = 16 + 2048  # with extensions (TLVs), which are passed over
SECONDS = 10.0  # for the header to come


class Source(NamedTuple):
    """For whom the proxy connects; host "" when for itself (a health check), or for what is no IP address."""

    host: str
    port: int


HERSELF = Source("", 0)


class Header:
    """Takes the bytes of a header, no more than `wants` at a time; source: what it says, None before it is whole."""

    def __init__(self) -> None:
        self.source: Source | None = None
        self._data = b""

    @property
    def wants(self) -> int:
        """How many bytes surely belong to it still; of version 1 as many as there are up to its line's end."""
        if len(self._data) < SHORTEST:
            return SHORTEST - len(self._data)
        if not self._data.startswith(SIGNATURE):
            return 1 if self.source is None else 0
        return 16 + int.from_bytes(self._data[14:16], "big") - len(self._data) if len(self._data) >= 16 else 1

    def feed(self, data: bytes) -> None:
        """Raises ValueError for what is no header."""
        self._data += data
        begin = self._data[: len(SIGNATURE)]
        if self._data.startswith(b"PROXY "):
            if self._data.endswith(b"\r\n"):
                self.source = _version_1(self._data[:-2])
            elif len(self._data) >= MAX_V1:
                raise ValueError("a line of over 107 bytes")
        elif SIGNATURE.startswith(begin):
            if len(self._data) >= 16 and len(self._data) + self.wants > MAX_V2:
                raise ValueError(f"a header of over {MAX_V2} bytes")
            if len(self._data) >= 16 and not self.wants:
                self.source = _version_2(self._data)
        elif not b"PROXY ".startswith(self._data):
            raise ValueError("no PROXY header")


def _version_1(line: bytes) -> Source:
    words = line.decode("ascii").split(" ")
    if words[1] == "UNKNOWN":
        return HERSELF
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise ValueError("not PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT")
    host = ip_address(words[2])
    if host.version != int(words[1][3]) or ip_address(words[3]).version != host.version:
        raise ValueError("addresses of the other family")
    ports = [int(word) if word.isdigit() and len(word) < 6 else 65536 for word in words[4:]]
    if max(ports) > 65535:
        raise ValueError("no port")
    return Source(str(host), ports[0])


def _version_2(data: bytes) -> Source:
    if data[12] >> 4 != 2 or data[12] & 15 > 1:
        raise ValueError(f"version and command {data[12]:#x}")
    if data[12] & 15 == 0:
        return HERSELF  # LOCAL: its own, whatever addresses are there
    size = {1: 4, 2: 16}.get(data[13] >> 4)
    if size is None or data[13] & 15 != 1:
        return HERSELF  # not TCP: nothing that we could show
    body = data[16:]
    if len(body) < 2 * size + 4:
        raise ValueError("too short for its addresses")
    return Source(str(ip_address(body[:size])), int.from_bytes(body[2 * size : 2 * size + 2], "big"))


class Proxied:
    """A connection of a proxy, until its header is there; then on_header, with HOST:PORT and host of whom it is for.

    on_bad: what came is none, or nothing came. The connection is the callee's.
    """

    def __init__(
        self,
        loop: Loop,
        client: socket.socket,
        on_header: "Callable[[Proxied, Source], None]",
        on_bad: "Callable[[Proxied, str], None]",
    ) -> None:
        self.socket = client
        self._loop = loop
        self._header = Header()
        self._on_header, self._on_bad = on_header, on_bad
        self._timer = loop.later(SECONDS, lambda: self._end(f"no PROXY header in {SECONDS:g} s"))
        loop.add(client.fileno(), self._ready)

    def stop(self) -> None:
        """Read no more of it."""
        self._timer.cancel()
        self._loop.remove(self.socket.fileno())

    def _ready(self, events: int) -> None:
        try:
            while self._header.source is None:
                data = self.socket.recv(self._header.wants)
                if not data:
                    self._end("no PROXY header")
                    return
                self._header.feed(data)
        except OSError as exc:
            if not would_block(exc):
                self._end("reset")
        except ValueError as exc:
            self._end(str(exc))
        else:
            self.stop()
            self._on_header(self, self._header.source)

    def _end(self, why: str) -> None:
        self.stop()
        self._on_bad(self, why)


def peer_of(source: Source) -> str:
    """As it is shown."""
    return text_of((source.host, source.port))
