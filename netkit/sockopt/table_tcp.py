"""Options of IPPROTO_TCP: tcp(7), linux/tcp.h; all probed on Linux 6.18."""

from netkit.sockopt.option import TCP, Kind, Option

NET_ADMIN = "CAP_NET_ADMIN"


def row(number: int, name: str, kind: Kind, meaning: str, **rest: object) -> Option:
    return Option(f"TCP_{name}", TCP, number, kind, meaning, **rest)  # type: ignore[arg-type]


OPTIONS = (
    row(1, "NODELAY", "bool", "send small writes at once (no Nagle)"),
    row(2, "MAXSEG", "int", "largest segment; 0: the path's", unit="bytes", low=0, high=32767),
    row(3, "CORK", "bool", "send full segments alone until it is off again, 200 ms at most"),
    row(4, "KEEPIDLE", "int", "idle for so long, then keepalive probes", unit="s", low=1, high=32767),
    row(5, "KEEPINTVL", "int", "between keepalive probes", unit="s", low=1, high=32767),
    row(6, "KEEPCNT", "int", "unanswered probes that end the connection", low=1, high=127),
    row(7, "SYNCNT", "int", "SYNs sent again before connect() gives up", low=1, high=127),
    row(8, "LINGER2", "int", "how long FIN-WAIT-2 lasts; 0: the system's, -1: not at all", unit="s"),
    row(9, "DEFER_ACCEPT", "int", "a listener waits for data so long before accept()", unit="s"),
    row(10, "WINDOW_CLAMP", "int", "largest window offered; 0: no limit", unit="bytes", low=0),
    row(11, "INFO", "tcp_info", "the connection's state and measurements", access="r", size=512, fact=True,
        shown=False),
    row(12, "QUICKACK", "bool", "acknowledge at once; the kernel turns it off and on again"),
    row(13, "CONGESTION", "text", "congestion control algorithm", size=16),
    row(14, "MD5SIG", "bytes", "an MD5 key for a peer (RFC 2385)", access="w"),
    row(16, "THIN_LINEAR_TIMEOUTS", "bool", "no exponential back-off for thin streams"),
    row(17, "THIN_DUPACK", "bool", "without effect since Linux 4.10"),
    row(18, "USER_TIMEOUT", "int", "unacknowledged for so long ends the connection; 0: the system's (RFC 5482)",
        unit="ms", low=0),
    row(19, "REPAIR", "int", "take a connection apart or put it together", cap=NET_ADMIN,
        names={"off": 0, "on": 1, "off_no_wp": -1}, low=-1, high=1),
    row(20, "REPAIR_QUEUE", "int", "the queue to repair", cap=NET_ADMIN, names={"none": 0, "recv": 1, "send": 2},
        shown=False),
    row(21, "QUEUE_SEQ", "u32", "the sequence number of that queue", cap=NET_ADMIN, shown=False),
    row(22, "REPAIR_OPTIONS", "bytes", "options of a connection under repair", access="w", cap=NET_ADMIN),
    row(23, "FASTOPEN", "int", "fast open requests a listener queues; 0: off", low=0),
    row(24, "TIMESTAMP", "u32", "the timestamp clock", access="rw", cap=NET_ADMIN, fact=True, shown=False),
    row(25, "NOTSENT_LOWAT", "u32", "poll() says writable below so much unsent; 0: the system's", unit="bytes"),
    row(26, "CC_INFO", "bytes", "what the congestion control knows", access="r", size=64, fact=True, shown=False),
    row(27, "SAVE_SYN", "int", "keep the SYN of each connection; 2: with its link header", low=0, high=2),
    row(28, "SAVED_SYN", "bytes", "the SYN that was kept", access="r", size=512, fact=True,
        never="reading it frees what the owner kept"),
    row(29, "REPAIR_WINDOW", "bytes", "window of a connection under repair", cap=NET_ADMIN, size=20, shown=False),
    row(30, "FASTOPEN_CONNECT", "bool", "connect() waits for the first write, to send data with the SYN"),
    row(31, "ULP", "text", "upper layer protocol, as tls or mptcp", size=16),
    row(32, "MD5SIG_EXT", "bytes", "an MD5 key for a network", access="w"),
    row(33, "FASTOPEN_KEY", "bytes", "the secret of fast open cookies", size=32, shown=False),
    row(34, "FASTOPEN_NO_COOKIE", "bool", "fast open without a cookie"),
    row(35, "ZEROCOPY_RECEIVE", "bytes", "receive by mapping pages", access="r", size=64, fact=True,
        never="reading it takes data from the stream"),
    row(36, "INQ", "bool", "each read brings the number of bytes left"),
    row(37, "TX_DELAY", "int", "delay whatever is sent", unit="us", low=0),
    row(38, "AO_ADD_KEY", "bytes", "add a key of RFC 5925", access="w"),
    row(39, "AO_DEL_KEY", "bytes", "delete a key of RFC 5925", access="w"),
    row(40, "AO_INFO", "bytes", "settings of RFC 5925", access="w",
        never="the kernel takes what is in the caller's memory for the question"),
    row(41, "AO_GET_KEYS", "bytes", "the keys of RFC 5925", access="r", fact=True,
        never="the kernel takes what is in the caller's memory for the question"),
    row(42, "AO_REPAIR", "bytes", "state of RFC 5925 of a connection under repair", cap=NET_ADMIN, shown=False),
    row(43, "IS_MPTCP", "bool", "speaks Multipath TCP", access="r", fact=True),
    row(44, "RTO_MAX_MS", "int", "longest retransmission timeout", unit="ms", low=1000, high=120000),
    row(45, "RTO_MIN_US", "int", "shortest retransmission timeout", unit="us"),
    row(46, "DELACK_MAX_US", "int", "longest delay of an acknowledgement", unit="us"),
)  # fmt: skip
