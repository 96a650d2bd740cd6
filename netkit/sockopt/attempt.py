"""A new connection with options set before connect(): what they are before, after they were set, and connected.

Over UDP connect() sends nothing: it fixes the peer, and with it the route, the own address and what IP_MTU tells.
"""

import socket
from collections.abc import Sequence
from typing import NamedTuple

from netkit.errors import Exit, combine
from netkit.events import OnEvent
from netkit.net import tcp_info
from netkit.net.address import Endpoint
from netkit.net.connect import connect, connect_datagrams
from netkit.net.deadline import Deadline
from netkit.net.tcp_info import TcpInfo
from netkit.sockopt.change import Change, apply, parse
from netkit.sockopt.read import value_of
from netkit.sockopt.table import BY_NAME


class Tried(NamedTuple):
    """address: the peer that was reached. exit: 0 when every option is effective."""

    endpoint: str
    address: str
    local: str
    changes: tuple[Change, ...]
    tcp_info: TcpInfo | None

    @property
    def exit(self) -> Exit:
        return combine(one.exit for one in self.changes)


def attempt(
    endpoint: Endpoint, assignments: Sequence[str], *, timeout: float, on_event: OnEvent | None = None
) -> Tried:
    """Connect a stream or a UDP socket with the options set, look, and hang up.

    Raises BadInput, Unreachable, TimedOut, LocalFailure.
    """
    wanted = parse(assignments)
    made: dict[socket.socket, tuple[Change, ...]] = {}

    def prepare(sock: socket.socket) -> None:
        made[sock] = apply(sock, wanted, on_event=on_event)

    reach = connect_datagrams if endpoint.scheme == "udp" else connect
    found = reach(endpoint, deadline=Deadline.after(timeout), prepare=prepare, on_event=on_event)
    with found.socket as sock:
        changes = tuple(one._replace(connected=_now(sock, one)) for one in made[sock])
        return Tried(str(endpoint), found.address, _local(sock), changes, tcp_info.read(sock))


def _now(sock: socket.socket, one: Change) -> object:
    shows = BY_NAME.get(one.option.reads_as, one.option)
    return value_of(sock, shows)[0] if shows.readable else None


def _local(sock: socket.socket) -> str:
    from netkit.sockopt.who import address_text

    return address_text(sock.getsockname()) or ""
