"""EDNS options (RFC 6891): those that a query carries, and what those of a reply say.

NSID (RFC 5001), client subnet (RFC 7871), cookies (RFC 7873) and extended errors (RFC 8914); padding is `wire.Query`'s,
which alone knows how long the message is. An option of a reply that is not made as its RFC says is passed over; one
that belongs to another question than ours, by its cookie or its subnet, makes the whole reply somebody else's.
"""

from collections.abc import Iterator
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import TYPE_CHECKING

from netkit.dns.cookies import CLIENT_COOKIE, COOKIE, MAX_SERVER_COOKIE
from netkit.dns.result import Ede, Edns
from netkit.dns.wire import DO, Malformed, Mismatch, Query, Reply
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.dns.servers import Server

NSID, SUBNET, EXTENDED_ERROR = 3, 8, 15
FAMILIES = {1: (AF_INET, 4), 2: (AF_INET6, 16)}  # IANA's address families: the system's, octets

# The names of the extended errors from 0 on (IANA, RFC 8914 5.2).
ERRORS = (
    "Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
    "DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing",
    "RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored",
    "Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority",
    "Network Error", "Invalid Data", "Signature Expired before Valid", "Too Early",
    "Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized", "Invalid Query Type",
    "Rate Limited", "Over Quota",
)  # fmt: skip


def subnet_option(text: str) -> tuple[int, bytes]:
    """The client subnet `192.0.2.0/24`, `2001:db8::/56`, or `0`: no part of it to be told. Raises BadInput.

    A bare address is taken whole; bits behind the prefix are cleared, as RFC 7871 section 6 wants them.
    """
    address, slash, length = ("0.0.0.0", "/", "0") if text == "0" else text.partition("/")
    number = 2 if ":" in address else 1
    family, octets = FAMILIES[number]
    try:
        packed = inet_pton(family, address)
        prefix = int(length) if slash else 8 * octets
        if not (length.isascii() and length.isdecimal() and len(length) <= 3) and slash:
            raise ValueError
    except (OSError, ValueError):
        raise BadInput(
            f"client subnet {text[:60]!r} is no network", hint="write 192.0.2.0/24, 2001:db8::/56, or 0 for none"
        ) from None
    if prefix > 8 * octets:
        raise BadInput(f"client subnet {text!r}: the prefix length is over {8 * octets}")
    masked = (int.from_bytes(packed) >> (8 * octets - prefix) << (8 * octets - prefix)).to_bytes(octets)
    return SUBNET, bytes([0, number, prefix, 0]) + masked[: (prefix + 7) // 8]


def options(reply: Reply) -> Iterator[tuple[int, bytes]]:
    """(code, data) of each option of the reply. Raises Malformed when they run past the OPT record's end."""
    if reply.opt is None:
        return
    at, end = reply.opt.start, reply.opt.end
    while at < end:
        behind = at + 4 + int.from_bytes(reply.wire[at + 2 : at + 4])
        if behind > end:
            raise Malformed("an EDNS option runs past the end of its record")
        yield int.from_bytes(reply.wire[at : at + 2]), reply.wire[at + 4 : behind]
        at = behind


def read(reply: Reply) -> Edns | None:
    """What the reply's OPT record says; None when it has none. Raises Malformed."""
    opt = reply.opt
    if opt is None:
        return None
    edns = Edns(opt.ttl >> 16 & 0xFF, int.from_bytes(reply.wire[opt.start - 8 : opt.start - 6]), bool(opt.ttl & DO))
    for code, data in options(reply):
        if code == EXTENDED_ERROR and len(data) >= 2:
            edns = edns._replace(ede=(*edns.ede, _error(data)))
        elif code == NSID:
            edns = edns._replace(nsid=data)
        elif code == SUBNET and (network := _subnet(data)):
            edns = edns._replace(subnet=network, scope=data[3])
        elif code == COOKIE and _is_cookie(data):
            edns = edns._replace(client_cookie=data[:CLIENT_COOKIE], server_cookie=data[CLIENT_COOKIE:] or None)
    return edns


def _error(data: bytes) -> Ede:
    """Its text may end with a NUL that is no part of it (RFC 8914 2)."""
    code = int.from_bytes(data[:2])
    name = ERRORS[code] if code < len(ERRORS) else "Private Use" if code >= 49152 else "Unassigned"
    return Ede(code, name, data[2:].removesuffix(b"\0").decode("utf-8", "backslashreplace"))


def _subnet(data: bytes) -> str | None:
    if len(data) < 4 or int.from_bytes(data[:2]) not in FAMILIES:
        return None
    family, octets = FAMILIES[int.from_bytes(data[:2])]
    if data[2] > 8 * octets or len(data) != 4 + (data[2] + 7) // 8:
        return None
    return f"{inet_ntop(family, data[4:].ljust(octets, bytes(1)))}/{data[2]}"


def _is_cookie(data: bytes) -> bool:
    theirs = len(data) - CLIENT_COOKIE
    return theirs == 0 or CLIENT_COOKIE <= theirs <= MAX_SERVER_COOKIE


def accept(query: Query, reply: Reply, server: "Server") -> None:
    """Keep the server's cookie. Raises Mismatch when cookie or subnet are not those that the query has, Malformed.

    RFC 7873 5.3 and RFC 7871 7.3: whoever sent such a reply has not seen the query.
    """
    sent = dict(query.options.extra)
    for code, data in options(reply):
        if code == COOKIE and COOKIE in sent and _is_cookie(data):
            if data[:CLIENT_COOKIE] != sent[COOKIE][:CLIENT_COOKIE]:
                raise Mismatch("it has another cookie than ours")
            if query.options.cookies and data[CLIENT_COOKIE:]:
                query.options.cookies.keep(server, data[CLIENT_COOKIE:])
        if code == SUBNET and SUBNET in sent and data[:3] + data[4:] != sent[SUBNET][:3] + sent[SUBNET][4:]:
            raise Mismatch("it is for another client subnet than the one that was sent")
