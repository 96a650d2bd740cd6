"""A connection over TLS (RFC 7858): that of `stream`, in a session that is verified before a question goes out."""

import selectors
from typing import TYPE_CHECKING

from netkit.dns.bulk.stream import PIECE, OverTcp
from netkit.errors import Insecure
from netkit.events import Step

if TYPE_CHECKING:
    from netkit.dns.tls_session import Session


class OverTls(OverTcp):
    transport = "tls"
    session: "Session | None" = None

    def _is_connected(self) -> bool:
        """Whether the session is made. Raises BadInput about the CA file."""
        engine = self.upstream.engine
        try:
            if self.session is None:
                if not super()._is_connected():
                    return False
                from netkit.dns.tls_session import Session

                self.connected = False  # for queries
                self.unwatch()
                self.session = Session(self.socket, self.upstream.server, engine.context, engine.security)
                self.socket = self.session.socket
                self.watch(selectors.EVENT_READ)
            if events := self.session.go_on():
                engine.selector.modify(self.socket, events, self)
                return False
        except Insecure as exc:
            if not self.closed:
                self.close()
                self.upstream.ended(self, "", exc)
            return False
        if self.trace:
            self.trace(Step("tls", self.server, self.session.words))
        engine.selector.modify(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        self.writing = self.connected = True
        return True

    def _transmit(self) -> int:
        assert self.session is not None
        return self.session.send(self.out[:PIECE])

    def _take(self) -> bytes | None:
        assert self.session is not None
        return self.session.receive()
