"""A TLS session with a DNS server (RFC 7858) on a connected socket, in steps that never block.

The certificate must be for the server's name, or for its address where the user gave no name. Whoever drives it, the
stub's connections or those of many names, waits for what `go_on` wants, and only then sends.
"""

import selectors
import socket
import ssl

from netkit.dns.servers import Server
from netkit.net.tls import client_context, explain, handshake
from netkit.net.tls_client import Security

READ = 65537  # octets at a time: the largest message with its length


def context_of(security: Security) -> ssl.SSLContext:
    """What all sessions of a run share: the CAs are read once. Raises BadInput about the CA file."""
    context = client_context(cacert=security.cacert, insecure=security.insecure)
    context.set_alpn_protocols(["dot"])
    return context


class Session:
    """socket: the SSLSocket, which has taken the descriptor over."""

    def __init__(self, plain: socket.socket, server: Server, context: ssl.SSLContext, security: Security) -> None:
        """plain: connected, in no selector; it is used up. Raises Insecure, and then it is not."""
        self.address = str(server)
        self.peer = security.server_name or server.name or server.host.partition("%")[0]
        try:
            plain.getpeername()  # or wrap_socket() would raise as well, and forget its descriptor
            self.socket = context.wrap_socket(plain, server_hostname=self.peer, do_handshake_on_connect=False)
        except OSError as exc:
            raise handshake(self.address, str(exc)) from exc

    def go_on(self) -> int:
        """Shake hands as far as it goes: the event to wait for, 0 once the session is made. Raises Insecure."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            return selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            return selectors.EVENT_WRITE
        except ssl.SSLCertVerificationError as exc:
            raise explain(self.peer, reason=exc.verify_message, code=exc.verify_code, where=self.address) from exc
        except OSError as exc:
            raise handshake(self.address, str(exc)) from exc
        return 0

    @property
    def words(self) -> str:
        """Version and cipher."""
        return f"{self.socket.version()} {(self.socket.cipher() or ('',))[0]}"

    def send(self, data: bytes | bytearray) -> int:
        """Octets sent, 0 when it would block. Raises OSError."""
        try:
            return self.socket.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def receive(self) -> bytes | None:
        """All that has come, up to READ octets and a record; None when nothing did, b"" at the end.

        Read until there is no more: what OpenSSL holds already wakes no selector, and servers send a record a reply, of
        which each would cost a turn of the loop. Raises OSError.
        """
        data = b""
        try:
            while len(data) < READ and (chunk := self.socket.recv(READ)):
                data += chunk
            if self.socket.pending():
                data += self.socket.recv(READ)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return data or None
        except ssl.SSLError as exc:
            if data:
                return data
            raise ConnectionResetError(f"TLS: {exc.reason or exc}") from exc
        return data
