"""The counters over HTTP, for a Prometheus server to scrape: `GET /metrics`, one request a connection.

Not `http.server`, whose thread would hold the interpreter from the echoes; a scrape is a line in and a page out.
"""

import socket
from collections.abc import Callable
from contextlib import suppress

from netkit.net.acceptor import Acceptor
from netkit.net.gate import Gate, Refusals
from netkit.net.listen import Listening
from netkit.net.loop import READ, WRITE, Loop

MAX_SCRAPES = 16  # connections at once
MAX_REQUEST = 8 * 1024  # bytes; Prometheus sends a few hundred
SECONDS = 5.0  # for the whole of a scrape


class Metrics:
    """render: the page of now."""

    def __init__(self, loop: Loop, listening: Listening, render: Callable[[], str]) -> None:
        self._loop = loop
        self._render = render
        self._gate = Gate(MAX_SCRAPES, None, None)
        self._open: set[Scrape] = set()
        # A scrape too many is no event of the service.
        refusals = Refusals(loop, lambda *refusal: None, lambda *refusal: None)
        self._acceptor = Acceptor(loop, listening, "metrics", self._gate, refusals, self._accepted)

    def close(self) -> None:
        self._acceptor.close()
        for scrape in list(self._open):
            scrape.close()

    def _accepted(self, client: socket.socket, peer: str, host: str) -> None:
        self._open.add(Scrape(self._loop, client, self._render, lambda scrape: self._left(scrape, host)))

    def _left(self, scrape: "Scrape", host: str) -> None:
        self._open.discard(scrape)
        self._gate.leave(host)


class Scrape:
    def __init__(
        self, loop: Loop, client: socket.socket, render: Callable[[], str], on_close: Callable[["Scrape"], None]
    ) -> None:
        self._loop = loop
        self._socket = client
        self._render = render
        self._on_close = on_close
        self._request = b""
        self._reply = b""
        self._fd = client.fileno()
        self._timer = loop.later(SECONDS, self.close)
        loop.add(self._fd, self._ready)

    def close(self) -> None:
        if self._fd >= 0:
            self._timer.cancel()
            self._loop.remove(self._fd)
            self._fd = -1
            self._socket.close()
            self._on_close(self)

    def _ready(self, events: int) -> None:
        try:
            if self._reply:
                self._reply = self._reply[self._socket.send(self._reply) :]
            elif not self._read():
                return
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not self._reply:
            with suppress(OSError):  # the scraper may have gone
                self._socket.shutdown(socket.SHUT_WR)
            self.close()
        else:
            self._loop.change(self._fd, WRITE)

    def _read(self) -> bool:
        """Read more of the request; True when there is a reply to send, or nothing more to say."""
        data = self._socket.recv(MAX_REQUEST)
        self._request += data
        head, end, _ = self._request.partition(b"\r\n\r\n")
        if not data:
            return True
        if not end and b"\n\n" not in self._request and len(self._request) <= MAX_REQUEST:
            return False
        self._reply = answer(head.partition(b"\r\n")[0], self._render)
        self._loop.change(self._fd, READ)
        return True


def answer(line: bytes, render: Callable[[], str]) -> bytes:
    """The reply to a request line (RFC 9112)."""
    method, _, rest = line.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    body = b""
    if not rest.endswith((b" HTTP/1.1", b" HTTP/1.0")):
        status, body = "400 Bad Request", b"not HTTP/1.1\n"
    elif method not in (b"GET", b"HEAD"):
        status, body = "405 Method Not Allowed", b"GET /metrics\n"
    elif path not in (b"/metrics", b"/"):
        status, body = "404 Not Found", b"GET /metrics\n"
    else:
        status, body = "200 OK", render().encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
    )
    head += "Allow: GET, HEAD\r\n" if status.startswith("405") else ""
    return head.encode() + b"\r\n" + (b"" if method == b"HEAD" else body)
