"""Opens files, and says where a socket is, and whom it is connected to."""

import os
import socket
from contextlib import suppress

from netkit.errors import LocalFailure
from netkit.net.address import text_of
from netkit.watch.target import Target


def open_file(target: Target) -> int:
    try:
        # a FIFO would make open(2) wait for a writer; reading it waits in the loop instead
        return os.open(target.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise LocalFailure(f"{target.path}: cannot read it: {exc.strerror}", kind="read") from exc


def peer_of(sock: socket.socket) -> str:
    with suppress(OSError):
        return text_of(sock.getpeername(), "unix-dgram" if sock.type == socket.SOCK_DGRAM else "unix")
    return ""


def place_of(sock: socket.socket) -> str:
    return text_of(sock.getsockname(), "unix-dgram" if sock.type == socket.SOCK_DGRAM else "unix")
