"""NSEC3: what lies between two hashes is not there (RFC 5155 section 8), opt-out and iterations included."""

import hashlib
from base64 import b32hexdecode
from collections.abc import Sequence
from typing import NamedTuple

import dns.name
from dns.rdtypes.ANY.NSEC3 import NSEC3

from netkit.dns.validate.denial import DS, Proof, is_cut, lacks, speaks_for_below, wildcard_at
from netkit.dns.validate.limits import Work

SHA1 = 1  # the one hash there is (RFC 5155 section 11)
OPT_OUT = 1
HASH_OCTETS = 20


class Nsec3(NamedTuple):
    """A record with its owner's hash."""

    owner: dns.name.Name
    hash: bytes
    rdata: NSEC3

    @property
    def opt_out(self) -> bool:
        return bool(self.rdata.flags & OPT_OUT)


def nsec3(owner: dns.name.Name, rdata: NSEC3, zone: dns.name.Name) -> Nsec3 | None:
    """The record if it can prove anything: a known hash, known flags, directly below the apex (RFC 5155 8.1, 8.2)."""
    if rdata.algorithm != SHA1 or rdata.flags not in (0, OPT_OUT) or owner.parent() != zone:
        return None
    try:
        digest = b32hexdecode(owner.labels[0].upper())
    except ValueError:
        return None
    return Nsec3(owner, digest, rdata) if len(digest) == len(rdata.next) == HASH_OCTETS else None


class Nsec3Prover:
    """The verified NSEC3 records of one zone in one reply; those with the parameters of the first count."""

    type = "NSEC3"

    def __init__(self, zone: dns.name.Name, records: Sequence[Nsec3], work: Work) -> None:
        self.zone = zone
        first = records[0].rdata
        self.iterations: int = first.iterations
        self.salt: bytes = first.salt or b""
        self.records = [one for one in records if self._same(one.rdata)]
        self.work = work
        self.hashes: dict[dns.name.Name, bytes] = {}

    def prove(self, name: dns.name.Name, rdtype: int) -> Proof | None:
        if at := self._at(name):
            if not lacks(at.rdata.windows, rdtype, root=name == dns.name.root):
                return None
            return Proof(True, (at.owner,), cut=rdtype == DS and is_cut(at.rdata.windows))
        found = self._encloser(name)
        if found is None:
            return None
        encloser, by, over = found
        star = wildcard_at(encloser)
        if star and (at := self._at(star)):
            if not lacks(at.rdata.windows, rdtype):
                return None
            return Proof(True, tuple(dict.fromkeys((*by, at.owner))), opt_out=over.opt_out, wildcard=True)
        if star and (second := self._over(star)):
            return Proof(False, tuple(dict.fromkeys((*by, second.owner))), opt_out=over.opt_out)
        if over.opt_out:  # a delegation that was left out (RFC 5155 8.6), or a name that has nothing but those below it
            return Proof(None, by, opt_out=True)
        return None

    def nothing_closer(self, name: dns.name.Name, encloser: dns.name.Name) -> Proof | None:
        closer = name.split(len(encloser) + 1)[1]
        over = self._over(closer)
        return Proof(False, (over.owner,), opt_out=over.opt_out) if over else None

    def _encloser(self, name: dns.name.Name) -> tuple[dns.name.Name, tuple[dns.name.Name, ...], Nsec3] | None:
        """(closest encloser, the records that prove it, that over the next closer name), RFC 5155 8.3."""
        closer = name
        while closer != self.zone:
            encloser = closer.parent()
            if at := self._at(encloser):
                over = self._over(closer)
                if over is None or not speaks_for_below(at.rdata.windows):
                    return None
                return encloser, tuple(dict.fromkeys((at.owner, over.owner))), over
            closer = encloser
        return None

    def _same(self, rdata: NSEC3) -> bool:
        return (rdata.iterations, rdata.salt or b"") == (self.iterations, self.salt)

    def _at(self, name: dns.name.Name) -> Nsec3 | None:
        digest = self._hash(name)
        return next((one for one in self.records if one.hash == digest), None)

    def _over(self, name: dns.name.Name) -> Nsec3 | None:
        digest = self._hash(name)
        for one in self.records:
            last = one.rdata.next <= one.hash  # the last of the zone leads back to the first
            if (one.hash < digest or (last and digest < one.rdata.next)) and (last or digest < one.rdata.next):
                return one
        return None

    def _hash(self, name: dns.name.Name) -> bytes:
        """RFC 5155 section 5."""
        known = self.hashes.get(name)
        if known is None:
            self.work.hash(1 + self.iterations)
            digest = hashlib.sha1(name.to_digestable() + self.salt, usedforsecurity=False).digest()
            for _ in range(self.iterations):
                digest = hashlib.sha1(digest + self.salt, usedforsecurity=False).digest()
            known = self.hashes[name] = digest
        return known
