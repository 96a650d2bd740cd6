"""Accepts connections from one listening socket, and stays calm when descriptors run out.

accept(2) fails with EMFILE before it looks at the queue, so a naive loop fails 200,000 times a second while one client
waits. A spare descriptor ends that: close it, accept with its number, close the client, open the spare again.
"""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from netkit.net.address import text_of
from netkit.net.gate import Refusals
from netkit.net.listen import Listening
from netkit.net.loop import Loop

ACCEPTS = 64  # in one turn of the loop, so that those who are connected get theirs
OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
OUT_OF_MEMORY = (errno.ENOBUFS, errno.ENOMEM)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds without accepting, when the kernel has no memory for a socket


class Door(Protocol):
    """Who may come in; `Gate` is one."""

    def enter(self, host: str, now: float) -> str | None:
        """Let a connection in, or say why not."""


OnClient = Callable[[socket.socket, str, str], None]  # the connection, its peer as HOST:PORT, its host


class Spare:
    """One descriptor kept for the moment when there is none left. Each listener has its own."""

    def __init__(self) -> None:
        self._fd = os.open(os.devnull, os.O_RDONLY)

    def shed(self, listener: socket.socket, word: bytes) -> bool:
        """Accept one connection, say a word and close it at once; False when none was waiting."""
        with suppress(OSError):
            os.close(self._fd)
        try:
            client, _ = listener.accept()
            refuse(client, word)
        except OSError:
            return False
        finally:
            with suppress(OSError):  # someone else was faster; the next call has another chance
                self._fd = os.open(os.devnull, os.O_RDONLY)
        return True

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._fd)


class Acceptor:
    def __init__(
        self,
        loop: Loop,
        listening: Listening,
        transport: str,
        gate: Door,
        refusals: Refusals,
        on_client: OnClient,
        *,
        word: Callable[[str], bytes] = lambda reason: b"",
    ) -> None:
        """word: what a client is told that may not come in, for the reason."""
        self._loop = loop
        self._listener = listening.socket
        self._transport = transport
        self._gate = gate
        self._refusals = refusals
        self._on_client = on_client
        self._word = word
        self._spare = Spare()
        self._pause = FIRST_PAUSE
        self._fd = listening.socket.fileno()
        self._closed = False
        if listening.socket.family in (socket.AF_INET, socket.AF_INET6):
            # Inherited by what is accepted (tcp(7)): small replies do not wait for the client's delayed ACK.
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.add(self._fd, self._accept)

    def close(self) -> None:
        """Accept no more. The socket stays its owner's."""
        if not self._closed:
            self._closed = True
            self._loop.remove(self._fd)
            self._spare.close()

    def _accept(self, events: int) -> None:
        for _ in range(ACCEPTS):
            if self._closed:
                return
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno in OUT_OF_DESCRIPTORS:
                    if not self._spare.shed(self._listener, self._word("descriptors")):
                        return
                    self._refusals.add("descriptors", self._transport, "")
                elif exc.errno in OUT_OF_MEMORY:
                    self._rest()
                    return
                continue  # ECONNABORTED, EPROTO: the client has gone again (accept(2))
            self._pause = FIRST_PAUSE
            client.setblocking(False)
            host, peer = _peer(address)
            if reason := self._gate.enter(host, self._loop.now):
                refuse(client, self._word(reason))
                self._refusals.add(reason, self._transport, peer)
            else:
                self._on_client(client, peer, host)

    def _rest(self) -> None:
        self._loop.change(self._fd, 0)
        self._loop.later(self._pause, self._resume)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.change(self._fd, 1)


def refuse(client: socket.socket, word: bytes) -> None:
    """Tell it why, as far as its socket takes that at once, and close it."""
    with suppress(OSError):
        if word:
            client.setblocking(False)
            client.send(word)
            client.shutdown(socket.SHUT_WR)
            client.recv(4096)  # what it has sent: closed with that unread, it would be reset, and the word lost
    client.close()


def _peer(address: object) -> tuple[str, str]:
    """(host, HOST:PORT) of a socket address; a unix socket's client has seldom a name."""
    return address[0] if isinstance(address, tuple) else "", text_of(address)
