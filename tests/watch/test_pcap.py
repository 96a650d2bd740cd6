"""Captures: checksums, sequence numbers, and every byte where it belongs."""

import struct
from pathlib import Path

import pytest

from netkit.errors import LocalFailure
from netkit.watch.pcap import ACK, FIN, RST, SEGMENT, SYN, Address, Capture, Flow, checksum


def packets(path: Path) -> list[bytes]:
    data = path.read_bytes()
    assert struct.unpack_from("=IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
    found, at = [], 24
    while at < len(data):
        _, _, length, original = struct.unpack_from("=IIII", data, at)
        assert length == original
        found.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return found


@pytest.mark.parametrize(("ours", "theirs"), [("127.0.0.1", "127.0.0.2"), ("::1", "2001:db8::1")])
def test_a_connection(tmp_path: Path, ours: str, theirs: str) -> None:
    path = tmp_path / "x.pcap"
    capture = Capture(path)
    flow = Flow(Address.of(ours, 5000), Address.of(theirs, 80), stream=True)
    capture.open(flow)
    capture.data(flow, b"q" * (SEGMENT + 1), ours=True)
    capture.data(flow, b"answer", ours=False)
    capture.end(flow, ours=False)
    capture.end(flow, ours=True)
    capture.end(flow, ours=True)  # once is enough
    capture.close()
    seen = []
    for packet in packets(path):
        v4 = packet[0] >> 4 == 4
        head = 20 if v4 else 40
        source, target = (packet[12:16], packet[16:20]) if v4 else (packet[8:24], packet[24:40])
        tcp = packet[head:]
        pseudo = source + target + (struct.pack("!HH", 6, len(tcp)) if v4 else struct.pack("!II", len(tcp), 6))
        assert checksum(pseudo + tcp) == 0
        if v4:
            assert checksum(packet[:20]) == 0
        sport, _, sequence, answer = struct.unpack_from("!HHII", tcp)
        seen.append((sport, sequence, answer, tcp[13], len(tcp) - 20))
    assert seen == [
        (5000, 1000, 0, SYN, 0),
        (80, 5000, 1001, SYN | ACK, 0),
        (5000, 1001, 5001, ACK, 0),
        (5000, 1001, 5001, 8 | ACK, SEGMENT),
        (5000, 1001 + SEGMENT, 5001, 8 | ACK, 1),
        (80, 5001, 1002 + SEGMENT, 8 | ACK, 6),
        (80, 5007, 1002 + SEGMENT, FIN | ACK, 0),
        (5000, 1002 + SEGMENT, 5008, FIN | ACK, 0),
    ]


def test_a_reset_ends_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    capture = Capture(path)
    flow = Flow(Address.of("127.0.0.1", 1), Address.of("127.0.0.1", 2), stream=True, accepted=True)
    capture.open(flow)
    capture.end(flow, ours=False, reset=True)
    capture.end(flow, ours=True)
    capture.close()
    assert [packet[20 + 13] for packet in packets(path)] == [SYN, SYN | ACK, ACK, RST | ACK]


def test_datagrams(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    capture = Capture(path)
    flow = Flow(Address.of("::1", 1), Address.of("::1", 2), stream=False)
    for data in (b"", b"odd", bytes(60000)):
        capture.data(flow, data, ours=True)
    capture.close()
    assert [len(packet) - 48 for packet in packets(path)] == [0, 3, 60000]


def test_a_file_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="No such file"):
        Capture(tmp_path / "none" / "x.pcap")
