"""Opens the sockets of a server: bound and listening, with the real port told, or an error that says who is in the way.

- TCP has SO_REUSEADDR, so that a server starts again over its own TIME_WAIT; UDP has not: on Linux it would let a
  second server take the port from under the first (socket(7)).
- v6 sockets are v6 only, always: `::` means IPv6 and `0.0.0.0` IPv4 on every system.
- Port 0 is any free one; several addresses and both protocols asked for at once get the same one.
- A unix socket that a dead server left behind is replaced; one that lives never is.

Left out: TLS and accepting, which are the servers'; `netkit.net.inherit` takes sockets over from a parent.
"""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from netkit.errors import BadInput, LocalFailure
from netkit.events import OnEvent, Step
from netkit.net.address import Endpoint, sockaddr, with_port
from netkit.net.blocking import addresses
from netkit.net.deadline import Deadline
from netkit.net.holder import find_holder, find_unix_holder

Transport = Literal["tcp", "udp"]

BACKLOG = 1024  # the kernel cuts it to net.core.somaxconn (4096 since Linux 5.4)
SAME_PORT_TRIES = 50  # a free port of one address may be taken on another; so many ports are tried
LOOKUP_SECONDS = 5.0  # for --bind NAME, which is /etc/hosts or a mistake

UNAVAILABLE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket, listening if it is a stream; `endpoint` has the real port. Close it here: that removes a path."""

    socket: socket.socket
    transport: Transport
    endpoint: Endpoint
    inode: tuple[int, int] | None = None  # (device, inode) of a unix path that is ours to remove

    def close(self) -> None:
        self.socket.close()
        if self.inode and self.endpoint.path:
            with suppress(OSError), _locked_folder(self.endpoint.path):
                found = os.lstat(self.endpoint.path)
                if (found.st_dev, found.st_ino) == self.inode:
                    os.unlink(self.endpoint.path)

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone reaches it."""
        endpoint = self.endpoint
        return bool(endpoint.path) or endpoint.host.startswith("127.") or endpoint.host == "::1"

    def __str__(self) -> str:
        return f"{self.transport} {self.endpoint}"


def listen(
    endpoints: Sequence[Endpoint],
    *,
    transports: Sequence[Transport] = ("tcp",),
    backlog: int = BACKLOG,
    skip_unavailable: Sequence[str] = (),
    reuse_port: bool = False,
    on_event: OnEvent | None = None,
) -> list[Listening]:
    """Sockets for every endpoint in every transport, all of them or none.

    Endpoints with port 0 share one free port. skip_unavailable: hosts that are left out where this machine has no
    such address (`::1` of a default). reuse_port: more sockets of this user may be bound to the same port, and the
    kernel spreads the clients (SO_REUSEPORT, socket(7)). Raises LocalFailure, or BadInput for a name that is none.
    """
    wanted = [found for endpoint in endpoints for found in _numeric(endpoint)]
    shared = len(wanted) * len(transports) > 1
    for attempt in range(SAME_PORT_TRIES):
        port = 0
        opened: list[Listening] = []
        try:
            for endpoint in wanted:
                for transport in transports:
                    asked = with_port(endpoint, port) if _any_port(endpoint) else endpoint
                    found = _skipping(asked, transport, backlog, skip_unavailable, reuse_port, on_event)
                    if found is None:
                        continue
                    opened.append(found)
                    if _any_port(endpoint):
                        port = found.endpoint.port
        except BaseException as exc:
            for each in opened:
                each.close()
            clash = shared and port and isinstance(exc, LocalFailure) and exc.kind == "address_in_use"
            if clash and attempt < SAME_PORT_TRIES - 1 and _any_port(endpoint):
                continue
            raise
        return opened
    raise AssertionError("unreachable: the last attempt returns or raises")


def open_socket(
    endpoint: Endpoint,
    transport: Transport = "tcp",
    *,
    backlog: int = BACKLOG,
    reuse_port: bool = False,
    on_event: OnEvent | None = None,
) -> Listening:
    """One socket for one numeric endpoint, unix path or descriptor. Raises LocalFailure."""
    if endpoint.path:
        return _open_unix(endpoint, transport, backlog, on_event)
    if endpoint.fd is not None:
        return adopt(endpoint.fd, backlog=backlog)
    family, address = sockaddr(endpoint)
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    try:
        opened = socket.socket(family, kind)
    except OSError as exc:
        raise bind_failure(endpoint, transport, exc) from exc
    try:
        if transport == "tcp":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        if transport == "tcp":
            opened.listen(backlog)
        opened.setblocking(False)
        real = with_port(endpoint, opened.getsockname()[1])
    except BadInput:
        opened.close()
        raise
    except OSError as exc:
        opened.close()
        failure = bind_failure(endpoint, transport, exc)
        if on_event:
            on_event(Step("bind", str(endpoint), transport, result=exc.strerror or str(exc)))
        raise failure from exc
    if on_event:
        on_event(Step("socket", detail=f"{socket.AddressFamily(family).name} {kind.name}"))
        on_event(Step("bind", str(real), transport))
        if transport == "tcp":
            on_event(Step("listen", str(real), f"backlog {backlog}"))
    return Listening(opened, transport, real)


def adopt(fd: int, *, backlog: int = BACKLOG) -> Listening:
    """The socket behind an open descriptor, made to listen if it is a stream that does not yet. Raises LocalFailure."""
    try:
        taken = socket.socket(fileno=fd)
    except OSError as exc:
        raise LocalFailure(f"descriptor {fd} is no socket: {exc.strerror}", kind="bad_descriptor") from exc
    try:
        transport: Transport = "udp" if taken.type == socket.SOCK_DGRAM else "tcp"
        taken.set_inheritable(False)
        if transport == "tcp" and not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            taken.listen(backlog)
        taken.setblocking(False)
        return Listening(taken, transport, endpoint_of(taken))
    except OSError as exc:
        taken.detach()  # it stays open: it belongs to whoever handed it over
        raise LocalFailure(f"descriptor {fd} cannot serve: {exc.strerror}", kind="bad_descriptor") from exc


def endpoint_of(opened: socket.socket) -> Endpoint:
    """The endpoint a socket is bound to."""
    address = opened.getsockname()
    scheme = "udp" if opened.type == socket.SOCK_DGRAM else "tcp"
    if opened.family in (socket.AF_INET, socket.AF_INET6):
        host, percent, zone = address[0].partition("%")
        return Endpoint(scheme, host, address[1], zone if percent else "")
    path = os.fsdecode(address).replace("\0", "@") if isinstance(address, (bytes, str)) else ""
    return Endpoint(scheme, path=path or "(unnamed)")


def bind_failure(endpoint: Endpoint, transport: str, exc: OSError) -> LocalFailure:
    """What a failed bind() means, with who is in the way and the way out."""
    match exc.errno:
        case errno.EADDRINUSE:
            holder = find_holder("udp" if transport == "udp" else "tcp", endpoint.host, endpoint.port)
            by = f" by {holder}" if holder else ""
            name = f"{endpoint}/udp" if transport == "udp" else str(endpoint)
            return LocalFailure(f"{name} is in use{by}", kind="address_in_use", hint="--port 0 picks a free one")
        case errno.EACCES | errno.EPERM:
            return LocalFailure(
                f"{endpoint}: not allowed to bind port {endpoint.port}",
                kind="permission",
                hint=f"ports below {_first_free_port()} need root or CAP_NET_BIND_SERVICE; --port 0 picks a free one",
            )
        case errno.EADDRNOTAVAIL:
            return LocalFailure(
                f"{endpoint.host_and_zone} is not an address of this machine",
                kind="address_not_available",
                hint="ip address lists those it has",
            )
        case errno.EINVAL if endpoint.host.startswith("fe80:") and not endpoint.zone:
            return LocalFailure(
                f"{endpoint.host} needs an interface", kind="address_not_available", hint=f"{endpoint.host}%eth0"
            )
        case errno.EAFNOSUPPORT:
            return LocalFailure(f"{endpoint}: this machine has no IPv6", kind="address_not_available")
    return LocalFailure(f"{endpoint}: cannot bind: {exc.strerror or exc}", kind="bind")


def _any_port(endpoint: Endpoint) -> bool:
    return endpoint.port == 0 and not endpoint.path and endpoint.fd is None


def _numeric(endpoint: Endpoint) -> list[Endpoint]:
    """The endpoint itself, or for a host name one endpoint for each of its addresses."""
    if endpoint.path or endpoint.fd is not None or endpoint.is_ip:
        return [endpoint]
    found = addresses(endpoint.host, endpoint.port, deadline=Deadline.after(LOOKUP_SECONDS))
    return [Endpoint(endpoint.scheme, str(sockaddr[0]), endpoint.port) for _, sockaddr in found]


def _skipping(
    endpoint: Endpoint,
    transport: Transport,
    backlog: int,
    skip: Sequence[str],
    reuse_port: bool,
    on_event: OnEvent | None,
) -> Listening | None:
    try:
        return open_socket(endpoint, transport, backlog=backlog, reuse_port=reuse_port, on_event=on_event)
    except LocalFailure as exc:
        if exc.kind == "address_not_available" and endpoint.host in skip:
            return None
        raise


def _first_free_port() -> int:
    """The lowest port that needs no privilege, ip(7)."""
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def _open_unix(endpoint: Endpoint, transport: Transport, backlog: int, on_event: OnEvent | None) -> Listening:
    """A unix socket at a path. Servers of ours starting at once take turns, by a lock on the folder."""
    path = endpoint.path
    try:
        with _locked_folder(path):
            _remove_stale(path)
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM)
            try:
                opened.bind(path)
                if transport == "tcp":
                    opened.listen(backlog)
                opened.setblocking(False)
                found = os.lstat(path)
            except BaseException:
                opened.close()
                raise
    except OSError as exc:
        raise LocalFailure(f"{endpoint}: cannot bind: {exc.strerror or exc}", kind="bind") from exc
    if on_event:
        on_event(Step("bind", str(endpoint), "AF_UNIX"))
    return Listening(opened, transport, endpoint, (found.st_dev, found.st_ino))


def _remove_stale(path: str) -> None:
    """Remove the socket that a dead server left at the path. Raises LocalFailure when it lives or is no socket."""
    try:
        before = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(before.st_mode):
        raise LocalFailure(f"unix:{path} exists and is no socket", kind="address_in_use")
    holder = find_unix_holder(path)  # it also knows a socket that is bound and does not listen yet
    if holder or not _refuses(path):
        by = f" by {holder}" if holder else ""
        raise LocalFailure(f"unix:{path} is in use{by}", kind="address_in_use")
    now = os.lstat(path)
    if (now.st_dev, now.st_ino) == (before.st_dev, before.st_ino):
        os.unlink(path)


def _refuses(path: str) -> bool:
    """Whether nobody is behind the path. A full backlog, another socket type, a lacking right: somebody may be."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


@contextmanager
def _locked_folder(path: str) -> Iterator[None]:
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
