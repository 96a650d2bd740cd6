"""The hello server: greets whoever comes, and hangs up so that the greeting arrives.

A server that sends and closes at once resets the connection when the client had sent anything: the reset overtakes the
greeting, or destroys it in the client's buffer (RFC 1122 4.2.2.13, RFC 2525 2.17). So this one sends all, closes its
own side, and reads what the client still has to say, for a while, before it closes: a lingering close.

A datagram is answered with the greeting, cut to the length of what was asked unless that was asked on loopback, so
that nobody can have us send more than they sent.
"""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from netkit.echo.server.datagram import OneByOne, Source, Where
from netkit.echo.server.event import Reason, event
from netkit.echo.server.server import Client, Options, Server
from netkit.echo.server.stream import RESET
from netkit.errors import BadInput, LocalFailure
from netkit.events import Step
from netkit.net.address import text_of
from netkit.net.listen import Listening
from netkit.net.loop import GONE, READ, WRITE
from netkit.net.reasons import reason_of, would_block

LINGER_SECONDS = 1.0  # for the client to end its side after the greeting
LINGER_BYTES = 64 * 1024  # of what it still sends; then it is closed anyway
TOTAL_SECONDS = 5.0  # for a client that does not read, and for the handshake of TLS
DELAYED = 65536  # greetings of a UDP socket that wait for --delay; above it datagrams are dropped, and counted
HEARD = 256  # bytes of what a client said that are reported
MAX_TEXT = 16 * 1024 * 1024  # of --file: it is held in memory
FIELDS = ("peer", "peer_port", "time", "n", "host")

if TYPE_CHECKING:
    import ssl


def greeting(text: str) -> Callable[[str, int, int], bytes]:
    """A function of (peer's host, port, number of the greeting) for a text with {fields}. Raises BadInput."""
    fields: dict[str, object] = {**dict.fromkeys(FIELDS, ""), "n": 1, "peer_port": 1}
    try:
        text.format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError) as exc:
        raise BadInput(
            f"{text!r}: not a text with fields: {exc}",
            hint="the fields are " + ", ".join(f"{{{name}}}" for name in FIELDS) + "; {{ and }} are braces",
        ) from exc
    own = socket.gethostname()

    def make(host: str, port: int, number: int) -> bytes:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        filled = text.format(peer=host, peer_port=port, time=now, n=number, host=own)
        return filled.encode("utf-8", "surrogateescape")

    return make


def greeting_file(file: Path) -> Callable[[str, int, int], bytes]:
    """The same for a file, sent as it is. Raises BadInput when it is too long, LocalFailure when it cannot be read."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_TEXT + 1)
    except OSError as exc:
        raise LocalFailure(f"{file}: cannot read it: {exc.strerror}", kind="read") from exc
    if len(data) > MAX_TEXT:
        raise BadInput(f"{file}: a greeting has at most {MAX_TEXT >> 20} MiB")
    return lambda host, port, number: data


class HelloServer(Server):
    """say: the greeting of (peer's host, port, number). delay: seconds before it. partial: send so many bytes alone.

    abort: reset instead of a close. The rest as for Server.
    """

    def __init__(
        self,
        listening: list[Listening],
        say: Callable[[str, int, int], bytes],
        *,
        delay: float = 0.0,
        partial: int | None = None,
        abort: bool = False,
        **options: Unpack[Options],
    ) -> None:
        self.say = say
        self.delay = delay
        self.partial = partial
        self.abort = abort
        self.greeted = 0
        super().__init__(listening, **options)
        self.linger = delay

    def text(self, host: str, port: int) -> bytes:
        self.greeted += 1
        return self.say(host, port, self.greeted)[: self.partial]

    def connection(self, client: socket.socket, peer: str, host: str, number: int, id: int) -> Client:
        return Hello(self, client, peer, host, number, id)

    def source(self, listening: Listening, own_ports: set[int]) -> Source:
        return HelloDatagrams(self, listening, own_ports)


class HelloDatagrams(OneByOne):
    server: HelloServer
    delayed = 0  # greetings that wait for --delay

    def answer(self, data: bytes, where: Where) -> None:
        sender = where[1]
        host, port = sender[:2] if isinstance(sender, tuple) else ("", 0)
        if self.delayed >= DELAYED:
            self.server.counters.send_errors += 1
            return
        text = self.server.text(host, port)
        if not (self.loopback or host.startswith("127.") or host == "::1"):
            text = text[: len(data)]
        peer = text_of(sender, self.transport)
        self.server.log(event("greeted", transport=self.transport, peer=peer, sent=len(text), detail=first_line(data)))
        if not self.server.delay:
            self.send(text, where)
            return

        def send() -> None:
            self.delayed -= 1
            self.send(text, where)

        self.delayed += 1
        self.server.loop.later(self.server.delay, send)


class Hello:
    """One connection: handshake if there is TLS, greet, close our side, hear the client out, close."""

    def __init__(self, server: HelloServer, sock: socket.socket, peer: str, host: str, listener: int, id: int) -> None:
        self.server = server
        self.peer, self.host, self.listener, self.id = peer, host, listener, id
        self.received = self.sent = 0
        self.last = self.opened = server.loop.now
        self.state = "greeting"
        self._heard = b""
        self._left = memoryview(b"")
        self._tls: ssl.SSLSocket | None = None
        if server.tls is not None:
            self._tls = cast("ssl.SSLSocket", sock)
            self.state = "handshake"
        self.socket = sock
        self.fd = sock.fileno()
        self._limit = server.loop.later(server.delay + TOTAL_SECONDS, lambda: self.close("idle"))
        server.loop.add(self.fd, self._ready, READ if self._tls else 0)
        if self._tls is None:
            self._greet()

    @property
    def waiting(self) -> int:
        return 1  # a greeting is never cut short by a draining server; its own limit ends it

    def _greet(self) -> None:
        if self.server.delay:
            self.state = "delay"
            self.server.loop.change(self.fd, 0)
            self.server.loop.later(self.server.delay, self._begin)
        else:  # not now: the server has still to put it into its books
            self.server.loop.later(0, self._begin)

    def _begin(self) -> None:
        if self.fd < 0:
            return
        self.state = "greeting"
        port = int(self.peer.rpartition(":")[2]) if self.host else 0
        self._left = memoryview(self.server.text(self.host, port))
        self._send()

    def _ready(self, events: int) -> None:
        if self.state == "handshake":
            self._shake_hands()
        elif self.state == "delay":
            self.close("reset")  # with nothing asked for, the poller tells of a reset alone
        elif self.state == "greeting":
            self._send(events)
        else:
            self._listen()

    def _shake_hands(self) -> None:
        import ssl

        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self.server.loop.change(self.fd, READ)
        except ssl.SSLWantWriteError:
            self.server.loop.change(self.fd, WRITE)
        except OSError as exc:
            self.server.refusals.add("tls", "tls", self.peer)
            self.close("tls", str(getattr(exc, "reason", None) or exc.strerror or exc).lower().replace("_", " "))
        else:
            self._greet()

    def _send(self, events: int = WRITE) -> None:
        try:
            while self._left:
                sent = self.socket.send(self._left)
                self._step("send", size=sent, data=bytes(self._left[:sent]))
                self.sent += sent
                self.last = self.server.loop.now
                self._left = self._left[sent:]
        except OSError as exc:
            if not would_block(exc):
                self._lost(exc)
            elif events & GONE:
                self.close("reset")
            else:
                self.server.loop.change(self.fd, WRITE)
            return
        self._hang_up()

    def _hang_up(self) -> None:
        if self.server.abort:
            self._listen_once()
            self.close("reset_after")
            return
        try:
            if self._tls is not None:
                self._say_goodbye()
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as exc:
            self._lost(exc)
            return
        self._step("shutdown", "SHUT_WR")
        self.state = "lingering"
        self._limit.cancel()
        self._limit = self.server.loop.later(LINGER_SECONDS, lambda: self.close("eof"))
        self.server.loop.change(self.fd, READ)

    def _say_goodbye(self) -> None:
        assert self._tls is not None
        try:
            self._tls.unwrap()
        except OSError as exc:
            if not would_block(exc):
                raise
        except ValueError:
            pass

    def _listen_once(self) -> bool:
        """Hear what the client says; whether more may come."""
        try:
            # behind our close_notify what comes is ciphertext nobody reads, so it is taken from the socket itself
            data = socket.socket.recv(self.socket, 8192) if self._tls is None else self._raw()
        except OSError as exc:
            if would_block(exc):
                return True
            self._lost(exc)
            return False
        self.received += len(data)
        self._heard = (self._heard + data)[:HEARD] if self._tls is None else self._heard
        if data:
            self._step("recv", size=len(data), data=data)
        return bool(data) and self.received < LINGER_BYTES

    def _raw(self) -> bytes:
        plain = socket.socket(fileno=self.fd)
        try:
            return plain.recv(8192)
        finally:
            plain.detach()

    def _listen(self) -> None:
        if not self._listen_once() and self.fd >= 0:
            self.close("eof")

    def _lost(self, exc: OSError) -> None:
        gone = isinstance(exc, (ConnectionResetError, BrokenPipeError))
        self.close("reset" if gone else "error", "" if gone else reason_of(exc))

    def _step(self, name: str, detail: str = "", *, size: int | None = None, data: bytes | None = None) -> None:
        if on_event := self.server.on_event:
            on_event(Step(name, self.peer, detail, size, data=data))  # type: ignore[arg-type]

    def close(self, reason: Reason, detail: str = "") -> None:
        if self.fd < 0:
            return
        self.server.loop.remove(self.fd)
        self.fd = -1
        self._limit.cancel()
        if reason == "reset_after":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()
        self._step("close")
        self.server.left(self, reason, detail or first_line(self._heard))


def first_line(data: bytes) -> str:
    """What a client said, for the log: its first line, quoted; "" when it said nothing."""
    line = data.partition(b"\n")[0].rstrip(b"\r")[:HEARD]
    return repr(line.decode("utf-8", "backslashreplace")) if data else ""
