"""What an operation may report while it runs: one `Step` for each thing it does at the socket.

An operation takes `on_event: OnEvent | None = None` and does `if on_event: on_event(Step(...))`, so that nothing
is built when nobody listens. `netkit --trace` prints these steps; a library user may collect them.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

StepName = Literal[
    "resolve",
    "socket",
    "setsockopt",
    "bind",
    "listen",
    "accept",
    "connect",
    "tls",
    "send",
    "recv",
    "shutdown",
    "close",
]


class Step(NamedTuple):
    """One step in the words of the socket API.

    address: the peer (`connect`, `send`, `recv`, `accept`) or the own address (`bind`, `listen`), as HOST:PORT.
    detail: what else was passed, for people: "SOCK_STREAM AF_INET6", "TLSv1.3 x25519".
    size: bytes sent or received. result: "ok" or why it failed. data: the payload, secrets already masked.
    """

    name: StepName
    address: str = ""
    detail: str = ""
    size: int | None = None
    result: str = "ok"
    data: bytes | None = None


OnEvent = Callable[[Step], None]
