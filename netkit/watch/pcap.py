"""What passed, as packets that Wireshark and tshark open: a classic pcap file of LINKTYPE_RAW.

The bytes are real, the packets are made: a handshake when a connection opened, segments with right sequence numbers
and checksums, FIN or RST at its end (RFC 9293, 768, 791, 8200). Over TLS it is the plain text. Unix sockets and files
have no addresses and are left out. The file has its name from the start, for tools may follow it; it is flushed
record by record, so whatever is there is whole.
"""

import ipaddress
import struct
import time
from pathlib import Path
from typing import NamedTuple

from netkit.errors import LocalFailure

LINKTYPE_RAW = 101
SEGMENT = 1400  # payload bytes of a packet
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Address(NamedTuple):
    packed: bytes
    port: int

    @classmethod
    def of(cls, host: str, port: int) -> "Address":
        return cls(ipaddress.ip_address(host.partition("%")[0]).packed, port)


class Flow:
    """One connection or pair of datagram ends; sequence numbers of both sides."""

    def __init__(self, ours: Address, theirs: Address, *, stream: bool, accepted: bool = False) -> None:
        self.ours, self.theirs, self.stream, self.accepted = ours, theirs, stream, accepted
        self.sequence = {True: 1000, False: 5000}  # ours, theirs
        self.ended = {True: False, False: False}


class Capture:
    def __init__(self, path: Path) -> None:
        """Raises LocalFailure when the file cannot be written."""
        self.path = path
        try:
            self._file = path.open("wb")
        except OSError as exc:
            raise LocalFailure(f"--pcap {path}: {exc.strerror}", kind="write") from exc
        self._write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINKTYPE_RAW))

    def close(self) -> None:
        self._file.close()

    def open(self, flow: Flow) -> None:
        """The handshake; the side that connected speaks first."""
        if flow.stream:
            first = not flow.accepted
            self._segment(flow, first, SYN)
            self._segment(flow, not first, SYN | ACK)
            self._segment(flow, first, ACK)

    def data(self, flow: Flow, data: bytes, *, ours: bool) -> None:
        if not flow.stream:
            self._datagram(flow, data, ours)
            return
        for at in range(0, len(data), SEGMENT):
            self._segment(flow, ours, PSH | ACK, data[at : at + SEGMENT])

    def end(self, flow: Flow, *, ours: bool, reset: bool = False) -> None:
        if flow.stream and not flow.ended[ours]:
            flow.ended[ours] = True
            self._segment(flow, ours, (RST if reset else FIN) | ACK)
            if reset:
                flow.ended = {True: True, False: True}

    def _segment(self, flow: Flow, ours: bool, flags: int, data: bytes = b"") -> None:
        source, target = (flow.ours, flow.theirs) if ours else (flow.theirs, flow.ours)
        answer = flow.sequence[not ours] if flags & ACK else 0
        head = struct.pack(
            "!HHIIBBHHH", source.port, target.port, flow.sequence[ours], answer, 5 << 4, flags, 65535, 0, 0
        )
        flow.sequence[ours] = (flow.sequence[ours] + len(data) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        self._packet(source.packed, target.packed, 6, head, 16, data)

    def _datagram(self, flow: Flow, data: bytes, ours: bool) -> None:
        source, target = (flow.ours, flow.theirs) if ours else (flow.theirs, flow.ours)
        head = struct.pack("!HHHH", source.port, target.port, 8 + len(data), 0)
        self._packet(source.packed, target.packed, 17, head, 6, data)

    def _packet(self, source: bytes, target: bytes, protocol: int, head: bytes, at: int, data: bytes) -> None:
        """at: where in the head the checksum stands."""
        length = len(head) + len(data)
        pseudo = (
            source + target + struct.pack("!II" if len(source) == 16 else "!HH", *_lengths(source, length, protocol))
        )
        value = checksum(pseudo + head + data) or 0xFFFF
        body = head[:at] + struct.pack("!H", value) + head[at + 2 :] + data
        if len(source) == 4:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, protocol, 0) + source + target
            ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        else:
            ip = struct.pack("!IHBB", 6 << 28, length, protocol, 64) + source + target
        now = time.time()
        packet = ip + body
        self._write(struct.pack("=IIII", int(now), int(now % 1 * 1e6), len(packet), len(packet)) + packet)

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as exc:
            raise LocalFailure(f"--pcap {self.path}: {exc.strerror}", kind="write") from exc


def _lengths(source: bytes, length: int, protocol: int) -> tuple[int, int]:
    """The rest of the pseudo header: v4 has zero, protocol, length; v6 length, zeros, next header."""
    return (length, protocol) if len(source) == 16 else (protocol, length)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
