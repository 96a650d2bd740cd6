"""TSIG (RFC 8945): a query signed with a key that the server shares, and whether its reply is signed with the same.

Signing and checking are dnspython's (dns.tsig); here is where in a message the signature stands. Keys are `tsig_key`'s.
The messages of a zone transfer, several to one signature, are `transfer.signed`'s.
"""

from time import time
from typing import Any

from netkit.dns.tsig_key import Key
from netkit.dns.wire import Malformed, Query, Reply, read_name, read_record

TSIG, CLASS_ANY = 250, b"\0\xff"
FUDGE = 300  # seconds that the two clocks may differ (RFC 8945 5.2.3)


class Forged(Exception):
    """The reply is not signed, or not with the key; the text says which."""


class Untaken(Exception):
    """The server does not take our key or signature; the text says why."""


def sign(query: Query, key: Key) -> Query:
    """The query with its signature, which the reply's depends on."""
    signed, mac = attach(query.wire, key)
    return query._replace(signed=signed, mac=mac)


def attach(wire: bytes, key: Key) -> tuple[bytes, bytes]:
    """(the message with its signature, the signature alone)."""
    import dns.rdtypes.ANY.TSIG
    import dns.tsig

    made_record: Any = dns.rdtypes.ANY.TSIG.TSIG
    signed: Any = dns.tsig.sign
    made = made_key(key)
    empty = made_record(255, TSIG, made.algorithm, 0, FUDGE, b"", int.from_bytes(wire[:2]), 0, b"")
    rdata, _ = signed(wire, made, empty, int(time()), b"")
    data, owner = rdata.to_wire(), made.name.to_wire()
    record = owner + TSIG.to_bytes(2) + CLASS_ANY + bytes(4) + len(data).to_bytes(2) + data
    records = int.from_bytes(wire[10:12]) + 1
    return wire[:10] + records.to_bytes(2) + wire[12:] + record, rdata.mac


def verify(query: Query, key: Key, reply: Reply) -> None:
    """Check that the reply is signed with the key, for this query. Raises Forged, Untaken, Malformed."""
    check(reply.wire, key, query.mac)


def check(wire: bytes, key: Key, mac: bytes, context: Any = None, *, several: bool = False) -> Any:
    """Check a message's signature; what dnspython needs to check the next one of several (RFC 8945 5.3.1).

    mac: the signature before it. Raises Forged, Untaken, Malformed.
    """
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.tsig

    validate: Any = dns.tsig.validate
    found = signature(wire)
    if found is None:
        raise Forged("it is not signed")
    start, owner, data, end = found
    try:
        rdata = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, wire, data, end - data)
        name, _ = dns.name.from_wire(owner, 0)
        return validate(wire, made_key(key), name, rdata, int(time()), mac, start, context, several)
    except dns.tsig.PeerError as exc:
        raise Untaken(_PEER.get(type(exc).__name__, str(exc))) from exc
    except dns.tsig.BadTime as exc:
        raise Forged("its signature is of another time than this machine's") from exc
    except (dns.tsig.BadKey, dns.tsig.BadAlgorithm) as exc:
        raise Forged("it is signed with another key") from exc
    except dns.tsig.BadSignature as exc:
        raise Forged("its signature is wrong") from exc
    except (dns.exception.DNSException, ValueError, NotImplementedError) as exc:
        raise Malformed(f"its TSIG record: {exc or type(exc).__name__}") from exc


_PEER = {
    "PeerBadKey": "BADKEY: it does not know the key",
    "PeerBadSignature": "BADSIG: to it the signature is wrong, so its secret is another",
    "PeerBadTime": "BADTIME: its clock differs from this machine's",
    "PeerBadTruncation": "BADTRUNC: the signature is too short for it",
}


def signature(wire: bytes) -> tuple[int, bytes, int, int] | None:
    """(start, owner, start and end of the data) of the TSIG record, which is the last (RFC 8945 5.1)."""
    questions, *counts = (int.from_bytes(wire[at : at + 2]) for at in (4, 6, 8, 10))
    at = 12
    for _ in range(questions):
        at = read_name(wire, at)[1] + 4
    last = None
    for _ in range(sum(counts)):
        start = at
        record, at, _ = read_record(wire, at)
        last = (start, record.owner, record.start, record.end) if record.type == TSIG else None
    return last if counts[-1] else None


def made_key(key: Key) -> Any:
    import dns.tsig

    return dns.tsig.Key(key.name, key.secret, key.algorithm)
