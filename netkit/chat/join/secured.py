"""TLS whose own side can be closed while the other still speaks: what `printf hi | nc -N` does, under TLS.

Python's SSLSocket.unwrap() waits for the peer's answer, and what the peer says meanwhile is lost ("application data
after close notify"). With the TLS engine between two buffers (ssl.MemoryBIO) the close_notify goes out when nothing of
the peer's is in the engine, and reading goes on. ssl costs 12 ms of CPU, so this module is imported for tls:// alone.
"""

import select
import socket
import ssl
from contextlib import suppress

from netkit.errors import TimedOut
from netkit.events import OnEvent, Step
from netkit.net.deadline import Deadline
from netkit.net.tls import client_context, explain, handshake
from netkit.net.tls_client import Security

RECORD = 16 * 1024  # bytes, the most of a record (RFC 8446 section 5.1)
READ = 64 * 1024


class Secured:
    """A connected, non-blocking socket under TLS; it has send, recv, half_close and close as a plain one would."""

    def __init__(self, plain: socket.socket, host: str, security: Security) -> None:
        context = client_context(cacert=security.cacert, insecure=security.insecure, version=security.version)
        self._plain = plain
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._waiting = b""  # records that the kernel has not taken
        self._read = b""  # what was read ahead of half_close
        self.name = security.server_name or host or "localhost"
        self._engine = context.wrap_bio(self._in, self._out, server_hostname=self.name)

    def fileno(self) -> int:
        return self._plain.fileno()

    @property
    def unsent(self) -> bool:
        """Whether records wait for the kernel."""
        return bool(self._waiting or self._out.pending)

    @property
    def ahead(self) -> bool:
        """Whether there is something to read that the kernel does not know of."""
        return bool(self._read or self._in.pending or self._engine.pending())

    def shake_hands(self, where: str, deadline: Deadline, on_event: OnEvent | None) -> None:
        """Raises Insecure, TimedOut."""
        poll = select.poll()
        while True:
            try:
                try:
                    self._engine.do_handshake()
                    self.flush()
                    break
                except ssl.SSLWantReadError:
                    self.flush()
                poll.register(self._plain, select.POLLIN | (select.POLLOUT if self.unsent else 0))
                if not poll.poll(deadline.left * 1000) and deadline.passed:
                    raise TimedOut(f"{where}: no TLS handshake within {deadline.seconds:g} s")
                self._take()
            except ssl.SSLCertVerificationError as exc:
                raise explain(self.name, reason=exc.verify_message, code=exc.verify_code, where=where) from exc
            except OSError as exc:
                raise handshake(where, str(exc)) from exc
        if on_event:
            on_event(Step("tls", where, f"{self._engine.version()} {(self._engine.cipher() or ('',))[0]}"))

    def send(self, data: bytes) -> int:
        """As socket.send; what it has taken may still be `unsent`, and `flush` is due. Raises OSError."""
        if self.unsent and not self.flush():
            raise BlockingIOError
        taken = self._engine.write(data[:RECORD])
        self.flush()
        return taken

    def flush(self) -> bool:
        """Give the kernel what it takes of the records; whether that was all."""
        self._waiting += self._out.read()
        while self._waiting:
            try:
                self._waiting = self._waiting[self._plain.send(self._waiting) :]
            except BlockingIOError:
                return False
        return True

    def recv(self, size: int) -> bytes:
        """As socket.recv; b"" also for an end without close_notify, which lines do not need."""
        while True:
            if self._read:
                data, self._read = self._read[:size], self._read[size:]
                return data
            try:
                return self._engine.read(size)
            except ssl.SSLWantReadError:
                if not self._take():
                    raise BlockingIOError from None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _take(self) -> bool:
        """Feed the engine; False when the kernel has nothing."""
        try:
            data = self._plain.recv(READ)
        except BlockingIOError:
            return False
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()
        return True

    def half_close(self) -> None:
        """Say that nothing more comes; `recv` goes on."""
        with suppress(ssl.SSLError):  # SSLWantReadError: that was all there is
            while data := self._engine.read(READ):  # no more than `_take` has fed it
                self._read += data
        with suppress(ssl.SSLError):  # SSLWantReadError: the peer has not closed its side, and need not
            self._engine.unwrap()
        self.flush()

    def close(self) -> None:
        self._plain.close()
