"""Runs a system call that cannot be interrupted (getaddrinfo, getnameinfo) in a thread, under a deadline.

The resolver of the C library has its own timeouts, tens of seconds long, and heeds no signal while it waits; in a
daemon thread it neither delays Ctrl-C nor the end of the process.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from netkit.errors import TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.deadline import Deadline

T = TypeVar("T")
SocketAddress = tuple[int, tuple[str, int] | tuple[str, int, int, int]]  # (family, sockaddr)


def call(function: Callable[[], T], *, deadline: Deadline, what: str) -> T:
    """The function's result; its exception if it raised one. Raises TimedOut naming `what`."""
    results: list[T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as exc:
            failures.append(exc)

    thread = threading.Thread(target=work, name=f"netkit: {what}", daemon=True)
    thread.start()
    thread.join(deadline.left)
    if failures:
        raise failures[0]
    if not results:
        raise TimedOut(f"{what}: no answer within {deadline.seconds:g} s")
    return results[0]


def addresses(
    host: str, port: int, *, deadline: Deadline, family: int = socket.AF_UNSPEC, on_event: OnEvent | None = None
) -> Sequence[SocketAddress]:
    """The socket addresses of a host as the system finds them (getaddrinfo(3), RFC 6724 order).

    Raises Unreachable when there is none, TimedOut.
    """
    try:
        found = call(
            lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM),
            deadline=deadline,
            what=f"looking up {host}",
        )
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        if on_event:
            on_event(Step("resolve", host, result=reason))
        raise Unreachable(f"{host}: no such host ({reason})", kind="no_such_host") from exc
    unique = list(dict.fromkeys((int(entry[0]), entry[4]) for entry in found))
    if on_event:
        on_event(Step("resolve", host, detail=" ".join(str(sockaddr[0]) for _, sockaddr in unique)))
    return [(family, sockaddr) for family, sockaddr in unique]  # type: ignore[misc]
