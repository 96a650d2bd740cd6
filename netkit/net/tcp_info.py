"""What the kernel knows of a TCP connection: `struct tcp_info` (tcp(7), linux/tcp.h), decoded as far as it reaches.

The structure has grown with nearly every release (104 bytes in 2.6, 280 in 6.18), so its length tells the version:
each field is read when the kernel's answer holds it, and is None otherwise. No size is demanded.
"""

import socket
import struct
import sys
from typing import NamedTuple

SIZE = 512  # more than any kernel has; the answer is as long as the kernel's structure
TCP_INFO = 11  # linux/tcp.h; the same on every architecture

STATES = {
    1: "established",
    2: "syn-sent",
    3: "syn-received",
    4: "fin-wait-1",
    5: "fin-wait-2",
    6: "time-wait",
    7: "closed",
    8: "close-wait",
    9: "last-ack",
    10: "listen",
    11: "closing",
    12: "new-syn-received",
}
CONGESTION_STATES = {0: "open", 1: "disorder", 2: "cwr", 3: "recovery", 4: "loss"}
OPTIONS = {1: "timestamps", 2: "sack", 4: "wscale", 8: "ecn", 16: "ecn-seen", 32: "syn-data", 64: "usec-ts", 128: "tfo"}


class Field(NamedTuple):
    """One member: its offset and struct format in native order, and the unit of its value, "" for a plain count."""

    name: str
    offset: int
    format: str
    unit: str = ""


def _layout() -> tuple[Field, ...]:
    """The members behind the eight bytes of states and scales, in the order of linux/tcp.h."""
    words = (
        "rto:us ato:us snd_mss:bytes rcv_mss:bytes unacked sacked lost retrans fackets last_data_sent:ms "
        "last_ack_sent:ms last_data_recv:ms last_ack_recv:ms pmtu:bytes rcv_ssthresh:bytes rtt:us rttvar:us "
        "snd_ssthresh:segments snd_cwnd:segments advmss:bytes reordering rcv_rtt:us rcv_space:bytes total_retrans "
        "pacing_rate:bytes/s:Q max_pacing_rate:bytes/s:Q bytes_acked:bytes:Q bytes_received:bytes:Q segs_out segs_in "
        "notsent_bytes:bytes min_rtt:us data_segs_in data_segs_out delivery_rate:bytes/s:Q busy_time:us:Q "
        "rwnd_limited:us:Q sndbuf_limited:us:Q delivered delivered_ce bytes_sent:bytes:Q bytes_retrans:bytes:Q "
        "dsack_dups reord_seen rcv_ooopack snd_wnd:bytes rcv_wnd:bytes rehash total_rto::H total_rto_recoveries::H "
        "total_rto_time:ms"
    )
    fields, offset = [], 8
    for word in words.split():
        name, _, rest = word.partition(":")
        unit, _, format = rest.partition(":")
        format = format or "I"
        fields.append(Field(name, offset, format, unit))
        offset += struct.calcsize("=" + format)
    return tuple(fields)


FIELDS = _layout()
UNLIMITED = (1 << 64) - 1  # max_pacing_rate of a socket that has none
INFINITE_SSTHRESH = 0x7FFFFFFF  # TCP_INFINITE_SSTHRESH: slow start has not ended yet


class TcpInfo(NamedTuple):
    """values: by the name in linux/tcp.h without `tcpi_`, in `FIELDS`' units; what this kernel lacks is not in it."""

    state: str
    congestion_state: str
    retransmits: int
    probes: int
    backoff: int
    options: tuple[str, ...]
    snd_wscale: int
    rcv_wscale: int
    app_limited: bool
    values: dict[str, int]

    @property
    def rtt_us(self) -> int | None:
        """The smoothed round-trip time, microseconds; None before the first sample (RFC 6298)."""
        return self.values.get("rtt") or None

    @property
    def min_rtt_us(self) -> int | None:
        found = self.values.get("min_rtt")
        return found if found and found != 0xFFFFFFFF else None  # all ones: no sample yet

    @property
    def retransmitted(self) -> int | None:
        """Segments sent again since the connection began."""
        return self.values.get("total_retrans")


def decode(data: bytes) -> TcpInfo:
    """A `struct tcp_info` of any length from 8 bytes on; a shorter one is padded with zeros."""
    head = data[:8].ljust(8, b"\0")
    state, congestion, retransmits, probes, backoff, options = head[:6]
    return TcpInfo(
        STATES.get(state, f"state {state}"),
        CONGESTION_STATES.get(congestion, f"state {congestion}"),
        retransmits,
        probes,
        backoff,
        tuple(name for bit, name in OPTIONS.items() if options & bit),
        *_nibbles(head[6]),
        bool(head[7] & (1 if sys.byteorder == "little" else 0x80)),
        {
            field.name: struct.unpack_from("=" + field.format, data, field.offset)[0]
            for field in FIELDS
            if field.offset + struct.calcsize("=" + field.format) <= len(data)
        },
    )


def _nibbles(byte: int) -> tuple[int, int]:
    """Two bit fields of four bits; the first is the low one on little-endian machines."""
    low, high = byte & 15, byte >> 4
    return (low, high) if sys.byteorder == "little" else (high, low)


def read(sock: socket.socket) -> TcpInfo | None:
    """The connection's state now; None where the system has no TCP_INFO, or the socket is no TCP socket."""
    try:
        return decode(sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, SIZE))
    except OSError:
        return None
