"""DNS over TLS (RFC 7858): the stream of `link_stream` in a session that is verified before a question goes out.

A session that cannot be had is told as such and never replaced by one in the clear.
"""

import selectors

from netkit.dns.link_stream import StreamLink
from netkit.dns.tls_session import Session, context_of
from netkit.errors import Insecure
from netkit.events import Step


class TlsLink(StreamLink):
    """A StreamLink whose socket is an SSLSocket once it is connected."""

    session: Session | None = None

    def established(self) -> bool:
        """Whether the session is made. Raises BadInput about the CA file."""
        try:
            if self.session is None:
                if not super().established():
                    return False
                if self.shared.context is None:
                    self.shared.context = context_of(self.shared.security)
                assert self.socket is not None
                self.shared.selector.unregister(self.socket)
                self.events = 0
                self.session = Session(self.socket, self.server, self.shared.context, self.shared.security)
                self.socket = self.session.socket
            if events := self.session.go_on():
                self.wait_for(events)
                return False
        except Insecure as exc:
            self.refuse(exc)
            return False
        if self.trace:
            self.trace(Step("tls", self.address, self.session.words))
        self.wait_for(selectors.EVENT_READ | selectors.EVENT_WRITE)
        return True

    def refuse(self, error: Insecure) -> None:
        left = list(self.waiting.values())
        self.close()
        for exchange in left:
            exchange.question.unproven(exchange, error)

    def send(self, data: bytes) -> int:
        assert self.session is not None
        return self.session.send(data)

    def receive(self) -> bytes | None:
        assert self.session is not None
        return self.session.receive()
