"""What a signed zone proves about what it does not have, in the words that NSEC and NSEC3 share.

The records are verified before they come here. A proof says what is so, whatever the reply's code said; who asked
compares. `Prover` is made for the records of one zone in one reply.
"""

from typing import NamedTuple, Protocol

import dns.name
import dns.rdatatype

from netkit.dns.types import CNAME, DNAME, NS, SOA

DS = 43


class Proof(NamedTuple):
    """What is proven about a (name, type).

    exists: the name is there, without the type; False, there is no such name, nor a wildcard for it; None, nothing
    signed is there by that name. by: the owners of the records that prove it. cut: the name is a delegation without DS.
    opt_out: a delegation without DS may be there, unsaid, or below (RFC 5155 6). wildcard: what is there is a wildcard
    that stands for the name.
    """

    exists: bool | None
    by: tuple[dns.name.Name, ...]
    cut: bool = False
    opt_out: bool = False
    wildcard: bool = False


class Prover(Protocol):
    """The denial records of one zone."""

    type: str

    def prove(self, name: dns.name.Name, rdtype: int) -> Proof | None:
        """What is proven about the name and type: one of them is not there. None where neither is proven."""

    def nothing_closer(self, name: dns.name.Name, encloser: dns.name.Name) -> Proof | None:
        """That no name between a wildcard's encloser and the name takes its place (RFC 4035 5.3.4)."""


def has_type(windows: tuple[tuple[int, bytes], ...] | list[tuple[int, bytes]], rdtype: int) -> bool:
    """Whether the bitmap of an NSEC or NSEC3 has the type (RFC 4034 4.1.2)."""
    window, low = rdtype >> 8, rdtype & 255
    return any(
        number == window and low >> 3 < len(bits) and bool(bits[low >> 3] & 0x80 >> (low & 7))
        for number, bits in windows
    )


def lacks(windows: tuple[tuple[int, bytes], ...] | list[tuple[int, bytes]], rdtype: int, *, root: bool = False) -> bool:
    """Whether the bitmap of the name itself proves that it has no such type, and no alias.

    The parent's side of a delegation speaks for the DS alone, the child's for everything else (RFC 6840 4.1, 4.4).
    """
    apex, cut = has_type(windows, SOA), has_type(windows, NS) and not has_type(windows, SOA)
    if (rdtype == DS and apex and not root) or (rdtype != DS and cut):
        return False
    return not has_type(windows, rdtype) and not has_type(windows, CNAME)


def speaks_for_below(windows: tuple[tuple[int, bytes], ...] | list[tuple[int, bytes]]) -> bool:
    """Whether names below the owner are this zone's: not below a delegation or a DNAME (RFC 6840 4.1)."""
    return not has_type(windows, DNAME) and (not has_type(windows, NS) or has_type(windows, SOA))


def is_cut(windows: tuple[tuple[int, bytes], ...] | list[tuple[int, bytes]]) -> bool:
    return has_type(windows, NS) and not has_type(windows, SOA)


def wildcard_at(encloser: dns.name.Name) -> dns.name.Name | None:
    """`*` at a name; None where no name is as long."""
    try:
        return dns.name.Name((b"*", *encloser.labels))
    except dns.name.NameTooLong:
        return None


def common_ancestor(one: dns.name.Name, other: dns.name.Name) -> dns.name.Name:
    """The deepest name at or above both."""
    _, _, labels = one.fullcompare(other)
    return one.split(labels)[1]
