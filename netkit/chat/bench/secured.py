"""TLS for the clients of the bench: one context for all, each handshake a step at a time on the loop.

A client reads its socket when that is readable, as under plain TCP: a read as large as READ_SIZE takes a whole record
(16 kB at most, RFC 8446 section 5.1), so OpenSSL keeps nothing back that the kernel does not tell of.

ssl costs 12 ms of CPU, so this module is imported for tls:// alone.
"""

import socket
import ssl

from netkit.net.address import Endpoint
from netkit.net.loop import READ, WRITE
from netkit.net.tls import client_context, explain, handshake
from netkit.net.tls_client import Security


class Tls:
    """Raises BadInput about the CA file."""

    def __init__(self, target: Endpoint, security: Security) -> None:
        self._context = client_context(cacert=security.cacert, insecure=security.insecure)
        self.where = str(target)
        self._name = security.server_name or target.host or "localhost"

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        """The socket under TLS, its handshake still to be done; `plain` is used up. Raises Insecure."""
        try:
            plain.getpeername()  # or wrap_socket() would raise as well, and forget its descriptor
            return self._context.wrap_socket(plain, server_hostname=self._name, do_handshake_on_connect=False)
        except OSError as exc:
            plain.close()
            raise handshake(self.where, "reset") from exc

    def shake_hands(self, secured: ssl.SSLSocket) -> int:
        """Go on with it: what is waited for now, READ or WRITE, and 0 when it is done. Raises Insecure."""
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            return READ
        except ssl.SSLWantWriteError:
            return WRITE
        except ssl.SSLCertVerificationError as exc:
            raise explain(self._name, reason=exc.verify_message, code=exc.verify_code, where=self.where) from exc
        except OSError as exc:
            raise handshake(self.where, str(exc)) from exc
        return 0
