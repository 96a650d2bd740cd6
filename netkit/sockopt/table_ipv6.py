"""Options of IPPROTO_IPV6: ipv6(7), RFC 3493, RFC 3542, linux/in6.h; all probed on Linux 6.18."""

from netkit.sockopt.option import IPV6, Kind, Option
from netkit.sockopt.table_ip import MTU_DISCOVER, TOS

NET_ADMIN, NET_RAW = "CAP_NET_ADMIN", "CAP_NET_RAW"
PREFERENCES = {"tmp": 1, "public": 2, "coa": 4, "cga": 8, "pubtmp_default": 0x100, "home": 0x400, "noncga": 0x800}


def row(number: int, name: str, kind: Kind, meaning: str, **rest: object) -> Option:
    return Option(f"IPV6_{name}", IPV6, number, kind, meaning, **rest)  # type: ignore[arg-type]


OPTIONS = (
    row(1, "ADDRFORM", "int", "make it an IPv4 socket (value 2); cannot be undone", access="w", names={"inet": 2}),
    row(6, "2292PKTOPTIONS", "bytes", "control messages of the last packet", access="r", size=512, shown=False),
    row(7, "CHECKSUM", "int", "where the kernel puts the checksum; -1: nowhere", unit="bytes", kinds="raw"),
    row(16, "UNICAST_HOPS", "int", "hops a packet may take; -1: the system's", unit="hops", low=-1, high=255),
    row(17, "MULTICAST_IF", "interface", "multicasts leave by this interface", kinds="dgram raw"),
    row(18, "MULTICAST_HOPS", "int", "hops a multicast may take; -1: 1",
        unit="hops", low=-1, high=255, kinds="dgram raw"),
    row(19, "MULTICAST_LOOP", "bool", "this machine receives its own multicasts", kinds="dgram raw"),
    row(20, "ADD_MEMBERSHIP", "group6", "join a group: GROUP or GROUP%INTERFACE", access="w", kinds="dgram raw"),
    row(21, "DROP_MEMBERSHIP", "group6", "leave a group", access="w", kinds="dgram raw"),
    row(22, "ROUTER_ALERT", "int", "receive packets with this router alert", kinds="raw"),
    row(23, "MTU_DISCOVER", "int", "Path MTU discovery: whether packets may be fragmented", names=MTU_DISCOVER,
        low=0, high=5),
    row(24, "MTU", "int", "the known MTU of the path; set: an upper limit", unit="bytes", fact=True),
    row(25, "RECVERR", "bool", "ICMP errors come to the error queue with their details"),
    row(26, "V6ONLY", "bool", "IPv6 alone, not IPv4 as well; only before bind()"),
    row(27, "JOIN_ANYCAST", "group6", "take an anycast address: ADDRESS%INTERFACE", access="w", kinds="dgram raw"),
    row(28, "LEAVE_ANYCAST", "group6", "give it up", access="w", kinds="dgram raw"),
    row(29, "MULTICAST_ALL", "bool", "receive the groups that others joined, too", kinds="dgram raw"),
    row(30, "ROUTER_ALERT_ISOLATE", "bool", "router alerts of the own namespace alone", kinds="raw"),
    row(31, "RECVERR_RFC4884", "bool", "ICMP errors come with their extensions"),
    row(32, "FLOWLABEL_MGR", "bytes", "ask for flow labels (struct in6_flowlabel_req)", access="w",
        never="the kernel takes what is in the caller's memory for the question"),
    row(33, "FLOWINFO_SEND", "bool", "send the flow label of the address"),
    row(34, "IPSEC_POLICY", "bytes", "an IPsec policy of this socket", access="w", cap=NET_ADMIN),
    row(35, "XFRM_POLICY", "bytes", "an IPsec policy of this socket", access="w", cap=NET_ADMIN),
    row(36, "HDRINCL", "bool", "the program writes the IPv6 header itself", kinds="raw"),
    row(49, "RECVPKTINFO", "bool", "each message brings its interface and destination"),
    row(50, "PKTINFO", "bytes", "interface and source of what is sent", access="w"),
    row(51, "RECVHOPLIMIT", "bool", "each message brings its hop limit"),
    row(53, "RECVHOPOPTS", "bool", "each message brings its hop-by-hop options"),
    row(54, "HOPOPTS", "bytes", "hop-by-hop options sent with each packet", cap=NET_RAW, size=512),
    row(55, "RTHDRDSTOPTS", "bytes", "destination options before the routing header", cap=NET_RAW, size=512),
    row(56, "RECVRTHDR", "bool", "each message brings its routing header"),
    row(57, "RTHDR", "bytes", "routing header sent with each packet", size=512),
    row(58, "RECVDSTOPTS", "bool", "each message brings its destination options"),
    row(59, "DSTOPTS", "bytes", "destination options sent with each packet", cap=NET_RAW, size=512),
    row(60, "RECVPATHMTU", "bool", "each message may bring a new path MTU"),
    row(61, "PATHMTU", "bytes", "the path's address and MTU (struct ip6_mtuinfo)", access="r", size=32, fact=True,
        shown=False),
    row(62, "DONTFRAG", "bool", "never fragment; what is too long is refused"),
    row(66, "RECVTCLASS", "bool", "each message brings its traffic class"),
    row(67, "TCLASS", "int", "DSCP and ECN of what is sent; -1: 0", names=TOS, low=-1, high=255),
    row(70, "AUTOFLOWLABEL", "bool", "flow labels are made up from the connection"),
    row(72, "ADDR_PREFERENCES", "flags", "which source address is preferred (RFC 5014)", names=PREFERENCES),
    row(73, "MINHOPCOUNT", "int", "packets with a lower hop limit are dropped (RFC 5082)", unit="hops", low=0,
        high=255),
    row(74, "RECVORIGDSTADDR", "bool", "each message brings the destination before redirection"),
    row(75, "TRANSPARENT", "bool", "bind to addresses of others, for proxies", cap=NET_ADMIN),
    row(76, "UNICAST_IF", "interface_be", "datagrams leave by this interface", kinds="dgram raw"),
    row(77, "RECVFRAGSIZE", "bool", "each message brings the size of its largest fragment"),
    row(78, "FREEBIND", "bool", "bind to an address that is not there yet"),
)  # fmt: skip
