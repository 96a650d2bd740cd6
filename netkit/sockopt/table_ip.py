"""Options of IPPROTO_IP: ip(7), linux/in.h; all probed on Linux 6.18."""

from netkit.sockopt.option import IP, Kind, Option

NET_ADMIN, NET_RAW = "CAP_NET_ADMIN", "CAP_NET_RAW"
MTU_DISCOVER = {"dont": 0, "want": 1, "do": 2, "probe": 3, "interface": 4, "omit": 5}
# DSCP of RFC 2474, 2597, 3246, 5865 and 8622, in the upper six bits; the lower two are ECN (RFC 3168).
TOS = {
    "cs0": 0, "le": 0x04, "cs1": 0x20, "af11": 0x28, "af12": 0x30, "af13": 0x38, "cs2": 0x40, "af21": 0x48,
    "af22": 0x50, "af23": 0x58, "cs3": 0x60, "af31": 0x68, "af32": 0x70, "af33": 0x78, "cs4": 0x80, "af41": 0x88,
    "af42": 0x90, "af43": 0x98, "cs5": 0xA0, "va": 0xB0, "ef": 0xB8, "cs6": 0xC0, "cs7": 0xE0,
}  # fmt: skip
GARBAGE = "the kernel takes what is in the caller's memory for the question"


def row(number: int, name: str, kind: Kind, meaning: str, **rest: object) -> Option:
    return Option(f"IP_{name}", IP, number, kind, meaning, **rest)  # type: ignore[arg-type]


OPTIONS = (
    row(1, "TOS", "int", "DSCP and ECN of what is sent; TCP keeps the ECN bits for itself", names=TOS),
    row(2, "TTL", "int", "hops a packet may take; -1: the system's", unit="hops", low=-1, high=255),
    row(3, "HDRINCL", "bool", "the program writes the IP header itself", kinds="raw"),
    row(4, "OPTIONS", "bytes", "IP options sent with each packet", size=40),
    row(5, "ROUTER_ALERT", "bool", "receive packets with the router alert option", kinds="raw", shown=False),
    row(6, "RECVOPTS", "bool", "each message brings the IP options"),
    row(7, "RETOPTS", "bool", "the same, ready to be sent back"),
    row(8, "PKTINFO", "bool", "each message brings its interface and destination"),
    row(9, "PKTOPTIONS", "bytes", "control messages of the last packet", access="r", size=512, shown=False),
    row(10, "MTU_DISCOVER", "int", "Path MTU discovery: whether packets may be fragmented", names=MTU_DISCOVER,
        low=0, high=5),
    row(11, "RECVERR", "bool", "ICMP errors come to the error queue with their details"),
    row(12, "RECVTTL", "bool", "each message brings its TTL"),
    row(13, "RECVTOS", "bool", "each message brings its TOS"),
    row(14, "MTU", "int", "the known MTU of the path", unit="bytes", access="r", fact=True),
    row(15, "FREEBIND", "bool", "bind to an address that is not there yet"),
    row(16, "IPSEC_POLICY", "bytes", "an IPsec policy of this socket", access="w", cap=NET_ADMIN),
    row(17, "XFRM_POLICY", "bytes", "an IPsec policy of this socket", access="w", cap=NET_ADMIN),
    row(18, "PASSSEC", "bool", "each message brings the peer's security label"),
    row(19, "TRANSPARENT", "bool", "bind to addresses of others, for proxies", cap=NET_ADMIN),
    row(20, "RECVORIGDSTADDR", "bool", "each message brings the destination before redirection"),
    row(21, "MINTTL", "int", "packets with a lower TTL are dropped (RFC 5082)", unit="hops", low=0, high=255),
    row(22, "NODEFRAG", "bool", "do not put fragments together", kinds="raw"),
    row(23, "CHECKSUM", "bool", "each message brings its checksum", kinds="dgram"),
    row(24, "BIND_ADDRESS_NO_PORT", "bool", "bind() to port 0 picks no port; connect() does"),
    row(25, "RECVFRAGSIZE", "bool", "each message brings the size of its largest fragment"),
    row(26, "RECVERR_RFC4884", "bool", "ICMP errors come with their extensions"),
    row(32, "MULTICAST_IF", "address", "multicasts leave by the interface of this address", kinds="dgram raw"),
    row(33, "MULTICAST_TTL", "int", "hops a multicast may take; -1: 1",
        unit="hops", low=-1, high=255, kinds="dgram raw"),
    row(34, "MULTICAST_LOOP", "bool", "this machine receives its own multicasts", kinds="dgram raw"),
    row(35, "ADD_MEMBERSHIP", "group4", "join a group: GROUP or GROUP%INTERFACE", access="w", kinds="dgram raw"),
    row(36, "DROP_MEMBERSHIP", "group4", "leave a group", access="w", kinds="dgram raw"),
    row(37, "UNBLOCK_SOURCE", "bytes", "hear a source again (struct ip_mreq_source)", access="w", kinds="dgram raw"),
    row(38, "BLOCK_SOURCE", "bytes", "do not hear a source", access="w", kinds="dgram raw"),
    row(39, "ADD_SOURCE_MEMBERSHIP", "bytes", "join a group for one source", access="w", kinds="dgram raw"),
    row(40, "DROP_SOURCE_MEMBERSHIP", "bytes", "leave it", access="w", kinds="dgram raw"),
    row(41, "MSFILTER", "bytes", "the sources of a group (struct ip_msfilter)", access="w", never=GARBAGE,
        kinds="dgram raw"),
    row(49, "MULTICAST_ALL", "bool", "receive the groups that others joined, too", kinds="dgram raw"),
    row(50, "UNICAST_IF", "interface_be", "datagrams leave by this interface", kinds="dgram raw"),
    row(51, "LOCAL_PORT_RANGE", "ports", "ports to pick from: LOW-HIGH, 0-0: the system's"),
    row(52, "PROTOCOL", "int", "the protocol of a raw socket", access="r", kinds="raw", fact=True),
)  # fmt: skip
