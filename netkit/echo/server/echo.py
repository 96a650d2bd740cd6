"""The echo server: which of its ways each socket is served in, the quick ones where nothing speaks against them.

`netkit.net.listen` binds, `EchoServer` serves.
"""

import socket
from collections.abc import Sequence
from typing import Unpack

from netkit.echo.server import mmsg
from netkit.echo.server.datagram import REORDER_SECONDS, Batches, EchoOneByOne
from netkit.echo.server.echoing import Echoing
from netkit.echo.server.faults import Faults
from netkit.echo.server.server import Client, Datagrams, Options
from netkit.echo.server.stream import CarefulEcho, Echo
from netkit.net.listen import Listening


class EchoServer(Echoing):
    """faults: see there; seed: of their randomness. For the rest see Server."""

    def __init__(
        self,
        listening: Sequence[Listening],
        *,
        faults: Faults = Faults(),  # noqa: B008 - immutable
        seed: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(listening, faults, seed, **options)
        self.linger = faults.delay + (REORDER_SECONDS if faults.reorder else 0.0)

    def connection(self, client: socket.socket, peer: str, host: str, number: int, id: int) -> Client:
        if self.tls is not None or self.faults.on_streams or self.on_event:
            return CarefulEcho(self, client, peer, host, number, id)
        return Echo(self, client, peer, host, number, id)

    def source(self, listening: Listening, own_ports: set[int]) -> Datagrams:
        careful = self.on_event is not None or self.faults.on_datagrams or self.counting or listening.endpoint.path
        if careful or not mmsg.available():
            return EchoOneByOne(self, listening, own_ports)
        return Batches(self, listening, own_ports)
