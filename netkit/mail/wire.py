"""One connection of a mail client: sends while the peer takes it and reads whenever there is something, at once.

A client that writes its commands first and reads the answers then locks up with a server that does the same, as soon
as the buffers between them are full (RFC 2449 section 6.6); here nothing ever waits for one direction alone, so any
number of commands may be under way. One deadline holds for everything; a peer that trickles bytes cannot extend it.
"""

import select
import socket
from typing import TYPE_CHECKING

from netkit.errors import Insecure, PeerError, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.connect import Connection
from netkit.net.deadline import Deadline
from netkit.net.reasons import reason_of, would_block
from netkit.net.tls_client import Security, secure

if TYPE_CHECKING:
    import ssl

READ = 64 * 1024  # bytes; whoever takes many short answers out of one piece copies what is left of it for each
# Python's ssl has written several records of a long piece when it says that none of it could be sent, and whether a
# message's end has left must be known.
RECORD = 16 * 1024  # bytes
SHORTEST = 4  # bytes of a secret that is looked for: a shorter one is in every other word


class Wire:
    """name: how messages call the peer."""

    def __init__(self, connection: Connection, name: str, deadline: Deadline, on_event: OnEvent | None) -> None:
        self.socket: socket.socket | ssl.SSLSocket = connection.socket
        self.name = name
        self.address = connection.address
        self.deadline = deadline
        self.idle: float | None = None  # seconds in which nothing moves, where the deadline is far off
        self.tls: ssl.SSLSocket | None = None
        self._on_event = on_event
        self.sent = 0  # bytes that this machine's kernel has taken
        self._out = bytearray()
        self._shown = bytearray()
        self._secrets: list[bytes] = []
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, host: str, security: Security) -> "ssl.SSLSocket":
        """Go on under TLS; the socket of it. Raises Insecure, TimedOut."""
        try:
            self.tls = self.socket = secure(
                self.socket, host, where=self.name, security=security, deadline=self.deadline, on_event=self._on_event
            )
        except Insecure as exc:
            if exc.kind != "tls_plain_port":
                raise
            hint = "smtp:// and pop3://, without the s, begin in the clear; --tls starttls asks for TLS then"
            raise Insecure(exc.message, kind=exc.kind, hint=hint) from exc
        return self.tls

    def queue(self, data: bytes, secret: bytes = b"") -> None:
        """Send as soon as the peer takes it; the secret in it is masked in traces, also where the peer repeats it."""
        self._out += data
        if self._on_event:
            self._shown += data.replace(secret, b"*" * len(secret)) if secret else data
            self.hide(secret)

    def hide(self, secret: bytes) -> None:
        """Mask it in what the peer sends, in traces. One that is split over two pieces is seen."""
        if len(secret) >= SHORTEST:
            self._secrets.append(secret)

    @property
    def unsent(self) -> int:
        """Bytes that are queued and wait for the peer."""
        return len(self._out)

    def turn(self) -> bytes:
        """Send and read what is possible; returns what came, b"" if only sending went on.

        Raises TimedOut, Unreachable for a reset, PeerError when the peer has closed.
        """
        while True:
            if self.deadline.passed:  # also when the peer never pauses
                raise self._late()
            sent = self._send()
            data = self._receive()
            if data or sent:
                return data
            self._wait()

    def close(self) -> None:
        self.socket.close()
        if self._on_event:
            self._on_event(Step("close", self.address))

    def _send(self) -> int:
        if not self._out:
            return 0
        try:
            sent = self.socket.send(self._out if self.tls is None else self._out[:RECORD])
        except OSError as exc:
            if would_block(exc):
                return 0
            gone = isinstance(exc, (BrokenPipeError, ConnectionResetError)) or type(exc).__name__ == "SSLEOFError"
            if gone and self._last_words():
                return 0
            raise self._broken(exc) from exc
        del self._out[:sent]
        self.sent += sent
        if self._on_event:
            shown = bytes(self._shown[:sent])
            del self._shown[:sent]
            self._on_event(Step("send", self.address, size=sent, data=shown))
        return sent

    def _last_words(self) -> bool:
        """Whether something is left to read: a peer may say why it hung up before it did."""
        self._out.clear()
        self._shown.clear()
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    def _receive(self) -> bytes:
        try:
            data = self.socket.recv(READ)
        except OSError as exc:
            if would_block(exc):
                return b""
            raise self._broken(exc) from exc
        if not data:
            raise PeerError(f"{self.name}: the server closed the connection", kind="closed")
        if self._on_event:
            shown = data
            for secret in self._secrets:
                shown = shown.replace(secret, b"*" * len(secret))
            self._on_event(Step("recv", self.address, size=len(data), data=shown))
        return data

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | (select.POLLOUT if self._out else 0))
        left = self.deadline.left
        if self.idle is None or left <= self.idle:
            poll.poll(left * 1000)
        elif not poll.poll(self.idle * 1000):
            raise TimedOut(f"{self.name}: nothing came for {self.idle:g} s")

    def _late(self) -> TimedOut:
        return TimedOut(f"{self.name}: not done within {self.deadline.seconds:g} s")

    def _broken(self, exc: OSError) -> Exception:
        if type(exc).__name__.startswith("SSL"):
            return PeerError(f"{self.name}: TLS broke off: {reason_of(exc)}", kind="closed")
        return Unreachable(f"{self.name}: {reason_of(exc)}", kind="reset")
