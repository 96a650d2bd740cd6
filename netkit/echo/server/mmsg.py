"""recvmmsg(2) and sendmmsg(2): a batch of datagrams echoed in two system calls, with no Python for each of them.

recvmmsg fills the buffers and sender addresses of up to BATCH datagrams; sendmmsg sends the same array back. Between
the two only the lengths have to move, `iov[i].iov_len <- header[i].msg_len`, which is one slice assignment between
strided views of the two arrays. On a socket bound to a wildcard the received IP_PKTINFO control message is handed back
as it came, so that the reply leaves from the address that was asked.

No library offers these calls. The layout comes from ctypes, so 32-bit and big-endian Linux are covered as well; other
systems have another one (FreeBSD) or none (macOS): `available` says so, and the server takes its plain loop.
"""

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Container, Iterator
from functools import cache
from typing import Any

BATCH = 64
SIZE = 65536  # a datagram has at most 65,507 bytes of payload over IPv4, 65,527 over IPv6
SLOT = 32  # room for a sockaddr_in6 (28), aligned
CONTROL = 64  # room for an in6_pktinfo in a control message (40)
MSG_DONTWAIT = 0x40
IP_PKTINFO, IPV6_RECVPKTINFO = 8, 49  # linux/in.h, linux/in6.h
PASSING = (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)  # of earlier replies


class IOVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class MsgHdr(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class MMsgHdr(ctypes.Structure):
    _fields_ = [("hdr", MsgHdr), ("len", ctypes.c_uint32)]


@cache
def _calls() -> tuple[Any, Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        receive, send = libc.recvmmsg, libc.sendmmsg
    except AttributeError:
        return None
    receive.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
    send.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    return receive, send


def available() -> bool:
    return _calls() is not None


def answer_from_asked_address(sock: socket.socket) -> None:
    """Have each datagram come with the address it was sent to (ip(7) IP_PKTINFO, RFC 3542)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


class Batch:
    """The arrays for one non-blocking UDP socket. `receive`, then `send`, is one turn.

    Between them `peers[:n]` are the senders as numbers: the v4 address, or the upper half of the v6 address (its /64).
    """

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        calls = _calls()
        assert calls is not None, "ask `available` first"
        self._receive, self._send = calls
        self._fd = sock.fileno()
        v6 = sock.family == socket.AF_INET6
        name = 28 if v6 else 16
        self._buffers = ctypes.create_string_buffer(BATCH * SIZE)  # pages that are never touched cost no memory
        self._names = ctypes.create_string_buffer(BATCH * SLOT)
        self._controls = ctypes.create_string_buffer(BATCH * CONTROL if wildcard else 1)
        self._vectors = (IOVec * BATCH)()
        self._headers = (MMsgHdr * BATCH)()
        if wildcard:
            answer_from_asked_address(sock)
        for i in range(BATCH):
            self._vectors[i] = IOVec(ctypes.addressof(self._buffers) + i * SIZE, SIZE)
            header = self._headers[i].hdr
            header.name, header.namelen = ctypes.addressof(self._names) + i * SLOT, name
            header.iov, header.iovlen = ctypes.addressof(self._vectors) + i * ctypes.sizeof(IOVec), 1
            if wildcard:
                header.control, header.controllen = ctypes.addressof(self._controls) + i * CONTROL, CONTROL
        self._address = ctypes.addressof(self._headers)
        self.lengths = _view(self._headers, MMsgHdr, MMsgHdr.len)
        self._name_lengths = _view(self._headers, MMsgHdr, MsgHdr.namelen)
        self._control_lengths = _view(self._headers, MMsgHdr, MsgHdr.controllen) if wildcard else None
        self._vector_lengths = _view(self._vectors, IOVec, IOVec.len)
        self._full = _constant(SIZE)
        self._name_full = _constant(name)
        self._control_full = _constant(CONTROL)
        names = memoryview(self._names).cast("B")
        # sockaddr_in: family, port, address at 4; sockaddr_in6: family, port, flow label, address at 8
        self.peers = names.cast("Q")[1 :: SLOT // 8] if v6 else names.cast("I")[1 :: SLOT // 4]
        self.errors = 0

    def receive(self) -> int:
        """Receive what waits, at most BATCH; how many came. Raises OSError for what is no passing."""
        received: int = self._receive(self._fd, self._address, BATCH, MSG_DONTWAIT, None)
        if received <= 0:
            code = ctypes.get_errno()
            if received == 0 or code in PASSING:
                return 0
            raise OSError(code, os.strerror(code))
        self._vector_lengths[:received] = self.lengths[:received]
        return received

    def send(self, received: int, unheard: Container[int] = ()) -> int:
        """Send them back, but not to the unheard peers; how many went out. Those that could not add to `errors`."""
        if unheard:
            sent = sum(self._send_run(first, end) for first, end in self._runs(received, unheard))
        else:
            sent = self._send_run(0, received)
        self._vector_lengths[:received] = self._full[:received]
        self._name_lengths[:received] = self._name_full[:received]
        if self._control_lengths is not None:
            self._control_lengths[:received] = self._control_full[:received]
        return sent

    def _runs(self, received: int, unheard: Container[int]) -> Iterator[tuple[int, int]]:
        """Where those stand who are to be answered, as (first, end)."""
        first = 0
        for at, peer in enumerate(self.peers[:received]):
            if peer in unheard:
                yield first, at
                first = at + 1
        yield first, received

    def _send_run(self, first: int, end: int) -> int:
        """A call ends at the first datagram that cannot be sent. That one is dropped, as UDP may; the others go out."""
        sent, at = 0, first
        while at < end:
            more: int = self._send(self._fd, self._address + at * _HEADER, end - at, MSG_DONTWAIT)
            if more > 0:
                sent += more
                at += more
            else:
                self.errors += 1
                at += 1
        return sent


_HEADER = ctypes.sizeof(MMsgHdr)


def _view(array: Any, kind: type[ctypes.Structure], member: Any) -> memoryview:
    """The low 32 bits of a member, through the whole array."""
    high_first = sys.byteorder == "big" and member.size == 8
    first = member.offset // 4 + high_first
    return memoryview(array).cast("B").cast("I")[first :: ctypes.sizeof(kind) // 4]


def _constant(value: int) -> memoryview:
    return memoryview(struct.pack(f"={BATCH}I", *[value] * BATCH)).cast("I")
