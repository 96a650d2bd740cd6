"""Accepts the connections of a service and ends them all when it stops; each is one task.

`asyncio.start_server` is not used: closing it just after a client came leaves that client's connection open (3.11),
it says nothing of TLS handshakes that fail, and it writes to a log of its own when descriptors run out.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress

from netkit.net.reasons import EXHAUSTED

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bool], Coroutine[None, None, None]]
OnFailure = Callable[[str, str], None]  # (peer, reason): a handshake or an accept that failed

READ = 64 * 1024  # what a reader holds that nobody has asked for yet
HANDSHAKE_SECONDS = 20.0
ACCEPTS = 100  # in one turn of the loop, so that those who are connected get theirs
EXHAUSTED_PAUSE = 0.5  # seconds: accept() would fail again at once, for as long as the client waits


class Connections:
    """limit: how many at once; to those above it `serve` is called with True, to tell them; twice as many are closed.

    serve: what a connection's task does, with its streams.
    """

    def __init__(self, serve: Serve, on_failure: OnFailure, limit: int) -> None:
        self._serve = serve
        self._limit = limit
        self._on_failure = on_failure
        self._listeners: list[socket.socket] = []
        self._closed = False
        self._open: dict[asyncio.Task[None], socket.socket | asyncio.StreamWriter] = {}

    def listen(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve what comes to a listening, non-blocking socket. The socket stays the caller's."""
        own = listener.dup()
        own.setblocking(False)
        self._listeners.append(own)
        self._watch(own, tls)

    async def close(self) -> None:
        """Accept no more and end every connection at once."""
        self._closed = True
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener.fileno())
            listener.close()
        tasks = list(self._open)
        left = [self._open[task] for task in tasks]
        for task, end in zip(tasks, left, strict=True):
            if isinstance(end, asyncio.StreamWriter):
                end.transport.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in left:
            if isinstance(end, socket.socket):  # cancelled before its first step, or in the handshake
                with suppress(OSError):
                    end.close()

    def _watch(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        if not self._closed:
            asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener, tls)

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take what waits. Not a coroutine: one that is cancelled after accept() would lose the connection."""
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTS):
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in EXHAUSTED:
                    self._on_failure("", f"accept: {exc.strerror}")
                    loop.remove_reader(listener.fileno())
                    loop.call_later(EXHAUSTED_PAUSE, self._watch, listener, tls)
                    return
                continue  # the client has gone again (accept(2), ECONNABORTED)
            if len(self._open) >= 2 * self._limit:
                client.close()
                continue
            client.setblocking(False)
            if client.family != socket.AF_UNIX:  # asyncio does it for sockets that it made itself alone
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(self._run(client, tls, len(self._open) >= self._limit))
            self._open[task] = client
            task.add_done_callback(self._done)

    async def _run(self, client: socket.socket, tls: ssl.SSLContext | None, full: bool) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        reader = asyncio.StreamReader(READ, loop)
        writers: list[asyncio.StreamWriter] = []
        # The writer comes by the callback: start_tls() takes a protocol without one for a client's.
        protocol = asyncio.StreamReaderProtocol(reader, lambda _, writer: writers.append(writer), loop=loop)
        try:
            address = client.getpeername()
            await loop.connect_accepted_socket(
                lambda: protocol, client, ssl=tls, ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None
            )
        except OSError as exc:  # ssl.SSLError and TimeoutError are such
            client.close()
            if tls:
                self._on_failure(f"{address[0]}:{address[1]}", f"TLS: {getattr(exc, 'reason', None) or exc}")
            return
        self._open[task] = writer = writers.pop()
        await self._serve(reader, writer, full)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task)
        if not task.cancelled() and (exc := task.exception()):
            task.get_loop().call_exception_handler({"message": "a connection's task failed", "exception": exc})
