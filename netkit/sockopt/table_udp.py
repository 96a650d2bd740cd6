"""Options of IPPROTO_UDP: udp(7), udplite(7), linux/udp.h; all probed on Linux 6.18."""

from netkit.sockopt.option import UDP, Kind, Option


def row(number: int, name: str, kind: Kind, meaning: str, **rest: object) -> Option:
    return Option(name, UDP, number, kind, meaning, **rest)  # type: ignore[arg-type]


OPTIONS = (
    row(1, "UDP_CORK", "bool", "put writes together until it is off again"),
    row(10, "UDPLITE_SEND_CSCOV", "int", "bytes the checksum covers", unit="bytes", kinds="udplite"),
    row(11, "UDPLITE_RECV_CSCOV", "int", "bytes a checksum must cover", unit="bytes", kinds="udplite"),
    row(100, "UDP_ENCAP", "int", "a tunnel lives in this socket",
        names={"none": 0, "espinudp_non_ike": 1, "espinudp": 2, "l2tpinudp": 3, "gtp0": 4, "gtp1u": 5, "rxrpc": 6}),
    row(101, "UDP_NO_CHECK6_TX", "bool", "send over IPv6 without a checksum"),
    row(102, "UDP_NO_CHECK6_RX", "bool", "take datagrams over IPv6 without a checksum"),
    row(103, "UDP_SEGMENT", "int", "cut one large write into datagrams of this size", unit="bytes", low=0, high=65535),
    row(104, "UDP_GRO", "bool", "several datagrams in one large read"),
)  # fmt: skip
