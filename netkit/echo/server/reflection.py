"""Whom a UDP echo must not answer: sources that only a forger, or another echo server, has.

Echo does not amplify, but it reflects, and two of them answer each other for ever (CVE-1999-0103, CVE-2024-2169;
RFC 862 knows no defence). Refused are source port 0, those below 1024, 2049 (NFS) and the server's own; sources in
0/8, multicast and 240/4, and 127/8 unless loopback was asked; and for a while, peers that were over the rate.

On Linux a classic BPF program on the socket does it (SO_ATTACH_FILTER, socket(7); no privilege needed), so a refused
datagram wakes nobody. For a UDP socket the program sees the packet from the UDP header on; the IP header is at
SKF_NET_OFF (linux/filter.h). Elsewhere `refused` says the same in Python.
"""

import socket
import struct
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress

LOWEST_PORT = 1024
NFS = 2049
SO_ATTACH_FILTER = 26  # asm-generic/socket.h; the same on every architecture CPython runs on but alpha, mips, sparc
MOST_BLOCKED = 256  # peers in the filter; a classic BPF program has at most 4096 instructions (BPF_MAXINSNS)

LDH, LDW, LDB, JEQ, JGE, AND, RET = 0x28, 0x20, 0x30, 0x15, 0x35, 0x54, 0x06
NET = 0xFFF00000  # SKF_NET_OFF, -0x100000: offsets from the IP header
ACCEPT, DROP = 0xFFFFFFFF, 0

Instruction = tuple[int, int, int, int]  # (code, jump if true, jump if false, k)


def program(family: int, own_ports: Collection[int], blocked: Collection[bytes] = ()) -> list[Instruction]:
    """The filter for a socket of this family. blocked: v4 addresses (4 bytes) or v6 /64 prefixes (8 bytes)."""
    code: list[Instruction] = [(LDH, 0, 0, 0), (JGE, 1, 0, LOWEST_PORT), (RET, 0, 0, DROP)]
    for port in sorted({NFS, *own_ports}):
        code += _drop_if_equal(port)
    if family == socket.AF_INET:
        code += [(LDW, 0, 0, NET + 12), (JGE, 0, 1, 0xE0000000), (RET, 0, 0, DROP)]
        for address in blocked:
            code += _drop_if_equal(int.from_bytes(address, "big"))
        code += [(AND, 0, 0, 0xFF000000), *_drop_if_equal(0)]
        # 127/8 as a source: fine if the destination is in 127/8 too
        code += [(JEQ, 0, 4, 0x7F000000), (LDW, 0, 0, NET + 16), (AND, 0, 0, 0xFF000000), (JEQ, 1, 0, 0x7F000000)]
        code += [(RET, 0, 0, DROP)]
    else:
        code += [(LDB, 0, 0, NET + 8), *_drop_if_equal(0xFF)]
        for prefix in blocked:
            high, low = struct.unpack("!II", prefix)
            code += [(LDW, 0, 0, NET + 8), (JEQ, 0, 3, high), (LDW, 0, 0, NET + 12), *_drop_if_equal(low)]
    return [*code, (RET, 0, 0, ACCEPT)]


def _drop_if_equal(value: int) -> list[Instruction]:
    """Each test has its own RET: conditional jumps reach 255 instructions, blocked peers may be more."""
    return [(JEQ, 0, 1, value), (RET, 0, 0, DROP)]


def attach(sock: socket.socket, code: Sequence[Instruction]) -> bool:
    """Put the program on the socket in place of the one that was there; whether the system took it."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # 8 ms of CPU; a UDP server on Linux has it loaded for recvmmsg anyway

    text = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(text, len(text))
    with suppress(OSError):
        fprog = struct.pack("@HP", len(code), ctypes.addressof(buffer))
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
        return True
    return False


def refused(source: bytes, port: int, own_ports: Collection[int], *, loopback: bool) -> bool:
    """Whether a datagram from there gets no answer; source: 4 or 16 bytes; loopback: the server was asked there."""
    if port < LOWEST_PORT or port == NFS or port in own_ports:
        return True
    if len(source) == 4:
        return source[0] == 0 or source[0] >= 0xE0 or (source[0] == 127 and not loopback)
    return source[0] == 0xFF
