"""DNS cookies (RFC 7873): what tells a server that it has seen us, and us that a reply is its own."""

import os

from netkit.dns.servers import Server

COOKIE = 10  # the EDNS option
CLIENT_COOKIE = 8  # octets; a server's has 8 to 32 behind it (RFC 7873 4)
MAX_SERVER_COOKIE = 32


class Cookies:
    """The cookies of a run: ours for each server, random and never told to another, and what each gave us."""

    def __init__(self) -> None:
        self._ours: dict[Server, bytes] = {}
        self._theirs: dict[Server, bytes] = {}

    def option(self, server: Server) -> tuple[int, bytes]:
        return COOKIE, self._ours.setdefault(server, os.urandom(CLIENT_COOKIE)) + self._theirs.get(server, b"")

    def keep(self, server: Server, theirs: bytes) -> None:
        self._theirs[server] = theirs
