"""A socket's queues, memory and TCP_INFO, sampled again and again.

Each time the socket is taken, looked at and given back: a duplicate held in between would keep a connection open that
its owner has closed.
"""

from collections.abc import Callable, Iterator
from functools import cache
from time import monotonic, sleep, time
from typing import NamedTuple

from netkit.errors import BadInput, LocalFailure, Unreachable
from netkit.events import OnEvent
from netkit.net import tcp_info
from netkit.net.tcp_info import TcpInfo
from netkit.sockopt.borrow import NOT_ALLOWED
from netkit.sockopt.diag import Seen, internet, unix
from netkit.sockopt.queues import Queues, memory_of, queues_of, queues_seen
from netkit.sockopt.read import PARTIAL
from netkit.sockopt.target import Found, find, opened, parse_target
from netkit.sockopt.who import Who, who_is, who_seen


class Sample(NamedTuple):
    """One look at one socket. at: seconds since the epoch. number: 1 for the first look at all of them."""

    at: float
    number: int
    who: Who
    tcp_info: TcpInfo | None
    queues: Queues
    memory: dict[str, int] | None
    partial: str = ""


def watch(
    target: str, *, interval: float, count: int | None = None, on_event: OnEvent | None = None
) -> Iterator[Sample]:
    """Samples of every socket the target leads to, until `count` of each were taken or all sockets are gone.

    Raises as `read.show`, before the first sample.
    """
    sockets = find(parse_target(target))
    # A descriptor's socket is known by its inode from the first look on: the number may be taken by another one.
    start, number = monotonic(), 0
    while True:
        number += 1
        told = cache(lambda: {one.inode: one for source in (internet(), unix()) for one in source})
        for found in list(sockets):
            try:
                sample = _sample(found, number, told, on_event)
            except (Unreachable, BadInput):  # closed; the second: and the descriptor is something else now
                if number == 1 and len(sockets) == 1:
                    raise
                sockets.remove(found)
                continue
            if found.inode is None and found.fresh is None:
                sockets[sockets.index(found)] = found._replace(inode=sample.who.inode)
            yield sample
        if not sockets or number == count:
            return
        sleep(max(0.0, start + number * interval - monotonic()))


def _sample(found: Found, number: int, told: Callable[[], dict[int, Seen]], on_event: OnEvent | None) -> Sample:
    """told: what netlink says now, asked for once however many sockets need it."""
    try:
        with opened(found, on_event=on_event) as sock:
            info = tcp_info.read(sock)
            who = who_is(found, sock, info)
            return Sample(time(), number, who, info, queues_of(sock, info), memory_of(sock))
    except LocalFailure as exc:
        if exc.kind != NOT_ALLOWED or found.inode is None:
            raise
        seen = told().get(found.inode)
        if seen is None:
            raise Unreachable(f"{found.label}: that socket was closed", kind="no_socket") from exc
        info = tcp_info.decode(seen.tcp_info) if seen.tcp_info else None
        return Sample(time(), number, who_seen(found, seen), info, queues_seen(seen), seen.memory, PARTIAL)
