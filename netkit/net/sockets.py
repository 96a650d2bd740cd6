"""Opens the sockets of a server as its options say: addresses, one port for all transports, unix paths."""

import socket
from collections.abc import Sequence

from netkit.errors import BadInput
from netkit.events import OnEvent
from netkit.net.address import Endpoint, parse_endpoint, parse_host
from netkit.net.inherit import inherited
from netkit.net.listen import Listening, Transport, listen, open_socket

LOOPBACK = ("127.0.0.1", "::1")


def open_sockets(
    *,
    bind: Sequence[str] = (),
    port: int = 0,
    transports: Sequence[Transport] = ("tcp", "udp"),
    unix: Sequence[str] = (),
    reuse_port: bool = False,
    on_event: OnEvent | None = None,
) -> list[Listening]:
    """The sockets a parent handed over (LISTEN_FDS), else those for the addresses, loopback by default.

    bind: host names, IP addresses, `unix:PATH`, `unix-dgram:PATH`, `fd:N`. unix: paths, with or without that prefix,
    instead of addresses unless `bind` is given too. A bare path is of streams, or of datagrams where those alone are
    served. Raises BadInput, LocalFailure.
    """
    given = inherited()
    if given:
        wrong = [each.listening for each in given if each.listening.transport not in transports]
        if wrong:
            raise BadInput(f"LISTEN_FDS: {wrong[0]} was handed over, and this serves {' and '.join(transports)} alone")
        return [each.listening for each in given]
    endpoints = [_endpoint(text, port, transports) for text in bind]
    paths = [_path(text, transports) for text in unix]
    if not endpoints and not paths:
        endpoints = [Endpoint("tcp", host, port) for host in LOOPBACK]
    optional = () if bind else ("::1",)  # a machine without IPv6 is no mistake of the user's
    placed = [each for each in endpoints if not each.path and each.fd is None]
    opened = (
        listen(placed, transports=transports, skip_unavailable=optional, reuse_port=reuse_port, on_event=on_event)
        if placed
        else []
    )
    try:
        for each in [*(one for one in endpoints if one not in placed), *paths]:
            opened += listen([each], transports=("udp" if each.scheme == "udp" else "tcp",), on_event=on_event)
    except BaseException:
        close_all(opened)
        raise
    return opened


def open_sets(
    workers: int,
    *,
    bind: Sequence[str] = (),
    port: int = 0,
    transports: Sequence[Transport] = ("tcp", "udp"),
    unix: Sequence[str] = (),
    on_event: OnEvent | None = None,
) -> list[list[Listening]]:
    """The same for each of several processes: a socket each at an address (SO_REUSEPORT), so that the kernel spreads
    the clients; unix sockets and those that were handed over are one for all, and whoever is first takes the client.
    """
    several = workers > 1
    sets = [open_sockets(bind=bind, port=port, transports=transports, unix=unix, reuse_port=several, on_event=on_event)]
    try:
        for _ in range(workers - 1):
            sets.append([])
            for each in sets[0]:
                sets[-1].append(each if _one_for_all(each) else _another(each, on_event))
    except BaseException:
        for opened in sets:
            close_all(opened)
        raise
    return sets


def _one_for_all(each: Listening) -> bool:
    return bool(each.endpoint.path) or not each.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)


def _another(each: Listening, on_event: OnEvent | None) -> Listening:
    return open_socket(each.endpoint, each.transport, reuse_port=True, on_event=on_event)


def _endpoint(text: str, port: int, transports: Sequence[Transport]) -> Endpoint:
    if text.startswith(("unix:", "unix-dgram:")):
        return _path(text, transports)
    if text.startswith("fd:"):
        return parse_endpoint(text, server=True)
    host, zone = parse_host(text.removeprefix("[").removesuffix("]"), text)
    return Endpoint("tcp", host, port, zone)


def _path(text: str, transports: Sequence[Transport]) -> Endpoint:
    if not text.startswith(("unix:", "unix-dgram:")):
        text = f"unix:{text}"
    alone = "udp" not in transports
    endpoint = parse_endpoint(text, schemes=("udp", "tcp") if "tcp" not in transports else ("tcp", "udp"), server=True)
    if alone and endpoint.scheme == "udp":
        raise BadInput(f"{text}: datagrams, and this serves streams alone")
    return endpoint


def close_all(opened: Sequence[Listening]) -> None:
    for each in opened:
        each.close()
