"""Proofs by NSEC: the records that must be there, and those that prove nothing."""

import dns.name
import dns.rdata
import pytest
from dns.rdtypes.ANY.NSEC import NSEC

from netkit.dns.types import parse_type
from netkit.dns.validate.denial import Proof
from netkit.dns.validate.nsec import Nsec, NsecProver

ZONE = dns.name.from_text("z.test.")
RECORDS = {
    "@": "alias NS SOA RRSIG NSEC",
    "alias": "cut CNAME RRSIG NSEC",
    "cut": "d NS RRSIG NSEC",
    "d": "a.ent DNAME RRSIG NSEC",
    "a.ent": "signed A RRSIG NSEC",
    "signed": "*.wild NS DS RRSIG NSEC",
    "*.wild": "www A RRSIG NSEC",
    "www": "@ A RRSIG NSEC",
}


def name(text: str) -> dns.name.Name:
    return dns.name.from_text(text, ZONE)


def prover(*owners: str) -> NsecProver:
    records = []
    for owner, text in RECORDS.items():
        if not owners or owner in owners:
            rdata = dns.rdata.from_text("IN", "NSEC", text, origin=ZONE, relativize=False)
            assert isinstance(rdata, NSEC)
            records.append(Nsec(name(owner), rdata))
    return NsecProver(ZONE, records)


def by(*owners: str) -> tuple[dns.name.Name, ...]:
    return tuple(map(name, owners))


@pytest.mark.parametrize(
    ("asked", "rdtype", "owners", "proof"),
    [
        ("www", "MX", ("www",), Proof(True, by("www"))),
        ("www", "A", ("www",), None),
        ("alias", "A", ("alias",), None),  # it has an alias, so the answer is elsewhere
        ("ent", "A", ("d",), Proof(True, by("d"))),  # a name below it makes it be there
        ("nosuch", "A", ("a.ent", "@"), Proof(False, by("a.ent", "@"))),
        ("nosuch", "A", ("a.ent",), None),  # a wildcard might stand for it
        ("nosuch", "A", ("@",), None),
        ("zzz", "A", ("www", "@"), Proof(False, by("www", "@"))),  # behind the last name
        ("a.b.nosuch", "A", ("a.ent", "@"), Proof(False, by("a.ent", "@"))),
        ("x.wild", "A", ("*.wild",), None),  # the wildcard has it
        ("x.wild", "MX", ("*.wild",), Proof(True, by("*.wild"), wildcard=True)),
        ("cut", "DS", ("cut",), Proof(True, by("cut"), cut=True)),
        ("cut", "A", ("cut",), None),  # the parent's side of a delegation
        ("x.cut", "A", (), None),
        ("x.d", "A", (), None),  # below a DNAME
        ("signed", "DS", ("signed",), None),
        ("@", "DS", ("@",), None),  # the child's side says nothing about the DS
        ("@", "MX", ("@",), Proof(True, by("@"))),
    ],
)
def test_proofs(asked: str, rdtype: str, owners: tuple[str, ...], proof: Proof | None) -> None:
    assert prover(*owners).prove(name(asked), parse_type(rdtype)) == proof


def test_the_root_has_no_ds_and_its_own_nsec_says_so() -> None:
    rdata = dns.rdata.from_text("IN", "NSEC", "test. NS SOA RRSIG NSEC DNSKEY")
    assert isinstance(rdata, NSEC)
    proof = NsecProver(dns.name.root, [Nsec(dns.name.root, rdata)]).prove(dns.name.root, 43)
    assert proof == Proof(True, (dns.name.root,))


def test_a_wildcard_stands_only_where_nothing_is_closer() -> None:
    every = prover()
    assert every.nothing_closer(name("x.wild"), name("wild")) == Proof(False, by("*.wild"))
    assert every.nothing_closer(name("x.y.wild"), name("wild")) == Proof(False, by("*.wild"))
    assert every.nothing_closer(name("x.wild"), name("@")) is None  # wild is there, so *.z.test. does not reach it
    assert every.nothing_closer(name("ent"), name("@")) is None  # it is there itself
    assert prover("www").nothing_closer(name("x.wild"), name("wild")) is None


def test_case_is_none() -> None:
    assert prover().prove(dns.name.from_text("WWW.Z.TEST."), 15) == Proof(True, by("www"))
