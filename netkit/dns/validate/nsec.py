"""NSEC: what lies between two names in canonical order is not there (RFC 4034 section 4, RFC 4035 section 5.4)."""

from collections.abc import Sequence
from typing import NamedTuple

import dns.name
from dns.rdtypes.ANY.NSEC import NSEC

from netkit.dns.validate.denial import (
    DS,
    Proof,
    common_ancestor,
    is_cut,
    lacks,
    speaks_for_below,
    wildcard_at,
)


class Nsec(NamedTuple):
    owner: dns.name.Name
    rdata: NSEC


class NsecProver:
    """The verified NSEC records of one zone in one reply."""

    type = "NSEC"

    def __init__(self, zone: dns.name.Name, records: Sequence[Nsec]) -> None:
        self.zone = zone
        self.records = records

    def prove(self, name: dns.name.Name, rdtype: int) -> Proof | None:
        if at := self._at(name):
            if not lacks(at.rdata.windows, rdtype, root=name == dns.name.root):
                return None
            return Proof(True, (at.owner,), cut=rdtype == DS and is_cut(at.rdata.windows))
        over = self._over(name)
        if over is None:
            return None
        if over.rdata.next.is_subdomain(name):  # there is something below it, so it is there, and has nothing
            return Proof(True, (over.owner,))
        star = wildcard_at(_encloser(name, over))
        if star is None:
            return Proof(False, (over.owner,))
        if at := self._at(star):
            if not lacks(at.rdata.windows, rdtype):
                return None
            return Proof(True, tuple(dict.fromkeys((over.owner, at.owner))), wildcard=True)
        if (second := self._over(star)) and not second.rdata.next.is_subdomain(star):
            return Proof(False, tuple(dict.fromkeys((over.owner, second.owner))))
        return None

    def nothing_closer(self, name: dns.name.Name, encloser: dns.name.Name) -> Proof | None:
        over = self._over(name)
        if over is None or over.rdata.next.is_subdomain(name) or _encloser(name, over) != encloser:
            return None
        return Proof(False, (over.owner,))

    def _at(self, name: dns.name.Name) -> Nsec | None:
        return next((one for one in self.records if one.owner == name), None)

    def _over(self, name: dns.name.Name) -> Nsec | None:
        """The record between whose names this one lies; the last of a zone leads back to its apex."""
        for one in self.records:
            last = one.rdata.next == self.zone
            inside = one.owner < name and (last or name < one.rdata.next)
            if inside and (not name.is_subdomain(one.owner) or speaks_for_below(one.rdata.windows)):
                return one
        return None


def _encloser(name: dns.name.Name, over: Nsec) -> dns.name.Name:
    """The deepest name above this one that is there: an ancestor of one of the record's names."""
    return max(common_ancestor(name, over.owner), common_ancestor(name, over.rdata.next), key=len)
