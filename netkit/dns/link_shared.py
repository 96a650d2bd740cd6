"""What the connections of a run to the servers it asks have in common, of whatever kind they are."""

import selectors
from typing import TYPE_CHECKING

from netkit.dns.result import Transport
from netkit.dns.servers import Server
from netkit.net.tls_client import Security

if TYPE_CHECKING:
    import ssl

Key = tuple[Server, Transport, str]  # the last is the address to send from


class Shared:
    """security: how certificates are verified."""

    def __init__(self, security: Security) -> None:
        self.security = security
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self.context: ssl.SSLContext | None = None  # of all connections over TLS: the CAs are read once
        self.closing: set[Key] = set()  # servers that closed a connection on queries
