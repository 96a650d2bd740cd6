"""DNS over TLS (RFC 7858): the stream of `link_stream` in a session that is verified before a question goes out.

The certificate must be for the server's name, or for its address where the user gave no name. A session that cannot be
had is told as such and never replaced by one in the clear.
"""

import selectors
import ssl

from netkit.dns.link_stream import READ, StreamLink
from netkit.errors import Insecure
from netkit.events import Step
from netkit.net.tls import client_context, explain, handshake


class TlsLink(StreamLink):
    """A StreamLink whose socket is an SSLSocket once it is connected."""

    secured: ssl.SSLSocket | None = None

    def established(self) -> bool:
        """Whether the session is made. Raises BadInput about the CA file."""
        if self.secured is None:
            if not super().established():
                return False
            security = self.shared.security
            context = self.shared.context
            if context is None:
                context = self.shared.context = client_context(cacert=security.cacert, insecure=security.insecure)
                context.set_alpn_protocols(["dot"])
            self.peer = security.server_name or self.server.name or self.server.host.partition("%")[0]
            assert self.socket is not None
            self.shared.selector.unregister(self.socket)  # the SSLSocket takes the descriptor over
            self.events = 0
            try:
                self.secured = context.wrap_socket(
                    self.socket, server_hostname=self.peer, do_handshake_on_connect=False
                )
            except OSError as exc:
                self.refuse(handshake(self.address, str(exc)))
                return False
            self.socket = self.secured
        try:
            self.secured.do_handshake()
        except ssl.SSLWantReadError:
            self.wait_for(selectors.EVENT_READ)
            return False
        except ssl.SSLWantWriteError:
            self.wait_for(selectors.EVENT_WRITE)
            return False
        except ssl.SSLCertVerificationError as exc:
            self.refuse(explain(self.peer, reason=exc.verify_message, code=exc.verify_code, where=self.address))
            return False
        except OSError as exc:
            self.refuse(handshake(self.address, str(exc)))
            return False
        if self.trace:
            cipher = (self.secured.cipher() or ("",))[0]
            self.trace(Step("tls", self.address, f"{self.secured.version()} {cipher}"))
        self.wait_for(selectors.EVENT_READ | selectors.EVENT_WRITE)
        return True

    def refuse(self, error: Insecure) -> None:
        left = list(self.waiting.values())
        self.close()
        for exchange in left:
            exchange.question.unproven(exchange, error)

    def send(self, data: bytes) -> int:
        assert self.secured is not None
        try:
            return self.secured.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def receive(self) -> bytes | None:
        """All that is decrypted: what OpenSSL holds already wakes no selector."""
        assert self.secured is not None
        data = b""
        try:
            while len(data) < READ and (chunk := self.secured.recv(READ)):
                data += chunk
                if not self.secured.pending():
                    return data
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return data or None
        except ssl.SSLError as exc:
            if data:
                return data
            raise ConnectionResetError(f"TLS: {exc.reason or exc}") from exc
        return data
