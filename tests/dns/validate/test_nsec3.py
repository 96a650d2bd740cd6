"""Proofs by NSEC3 against the zone and the examples of RFC 5155, appendices A and B."""

import dns.name
import dns.rdata
import pytest
from dns.rdtypes.ANY.NSEC3 import NSEC3

from netkit.dns.types import parse_type
from netkit.dns.validate.denial import Proof
from netkit.dns.validate.limits import Work
from netkit.dns.validate.nsec3 import Nsec3Prover, nsec3

ZONE = dns.name.from_text("example.")
# Appendix A: owner's hash, next hash, types; flags 1, 12 iterations, salt aabbccdd.
RECORDS = """
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG
2t7b4g4vsa5smi47k61mv5bv1a22bojr 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
2vptu5timamqttgl4luu9kg21e0aor3s 35mthgpgcu1qg68fab165klnsnk3dpvl MX RRSIG
35mthgpgcu1qg68fab165klnsnk3dpvl b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG
b4um86eghhds6nea196smvmlo4ors995 gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG
gjeqe526plbf1g8mklp59enfd789njgi ji6neoaepv8b5o6k4ev33abha8ht9fgc HINFO A AAAA RRSIG
ji6neoaepv8b5o6k4ev33abha8ht9fgc k8udemvp1j2f7eg6jebps17vp3n8i58h
k8udemvp1j2f7eg6jebps17vp3n8i58h kohar7mbb8dc2ce8a9qvl8hon4k53uhi
kohar7mbb8dc2ce8a9qvl8hon4k53uhi q04jkcevqvmu85r014c7dkba38o0ji5r A RRSIG
q04jkcevqvmu85r014c7dkba38o0ji5r r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG
r53bq7cc2uvmubfu5ocmm6pers9tk9en t644ebqk9bibcna874givr6joj62mlhv MX RRSIG
t644ebqk9bibcna874givr6joj62mlhv 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom HINFO A AAAA RRSIG
"""
APEX, NS1, DEEP, CHILD, XW, AI, YW, W, _, NS2, STAR, XX = (line.split()[0] for line in RECORDS.strip().splitlines())


def example(
    *owners: str, iterations: int = 12, flags: int = 1, salt: str = "aabbccdd", algorithm: int = 1
) -> tuple[Nsec3Prover | None, dns.name.Name]:
    """A prover with the records of those owners, all of them for none."""
    found = []
    for line in RECORDS.strip().splitlines():
        owner, following, *types = line.split()
        if owners and owner not in owners:
            continue
        text = f"{algorithm} {flags} {iterations} {salt} {following} {' '.join(types)}"
        rdata = dns.rdata.from_text("IN", "NSEC3", text)
        assert isinstance(rdata, NSEC3)
        if one := nsec3(dns.name.from_text(owner, ZONE), rdata, ZONE):
            found.append(one)
    return (Nsec3Prover(ZONE, found, Work()) if found else None), ZONE


def prove(name: str, rdtype: str, *owners: str) -> Proof | None:
    prover, _ = example(*owners)
    assert prover is not None
    return prover.prove(dns.name.from_text(name), parse_type(rdtype))


def by(*owners: str) -> tuple[dns.name.Name, ...]:
    return tuple(dns.name.from_text(owner, ZONE) for owner in owners)


@pytest.mark.parametrize(
    ("name", "rdtype", "owners", "proof"),
    [
        # B.1: the closest encloser is x.w.example, the next closer name c.x.w.example, the wildcard *.x.w.example
        ("a.c.x.w.example.", "A", (APEX, XW, CHILD), Proof(False, by(XW, APEX, CHILD), opt_out=True)),
        ("ns1.example.", "MX", (NS1,), Proof(True, by(NS1))),  # B.2
        ("y.w.example.", "A", (YW,), Proof(True, by(YW))),  # B.2.1, an empty non-terminal
        ("mc.b.example.", "DS", (CHILD, APEX), None),  # b.example is in another span
        ("a.z.w.example.", "AAAA", (W, NS2, STAR), Proof(True, by(W, NS2, STAR), opt_out=True, wildcard=True)),  # B.5
        ("a.example.", "DS", (CHILD,), None),  # it has one
        ("a.example.", "A", (CHILD,), None),  # the parent's side of a delegation says nothing about it
        ("example.", "DS", (APEX,), None),  # the child's side says nothing about the DS (B.6 asks at the root)
        ("example.", "AAAA", (APEX,), Proof(True, by(APEX))),
        ("ns1.example.", "A", (NS1,), None),
        ("ns1.example.", "MX", (NS2,), None),
    ],
)
def test_the_examples_of_the_rfc(name: str, rdtype: str, owners: tuple[str, ...], proof: Proof | None) -> None:
    assert prove(name, rdtype, *owners) == proof


def test_every_record_of_a_proof_is_needed() -> None:
    owners = (APEX, XW, CHILD)
    for left_out in owners:
        prover, _ = example(*(one for one in owners if one != left_out), flags=0)
        assert prover is not None
        assert prover.prove(dns.name.from_text("a.c.x.w.example."), 1) is None
    left = {one: [other for other in owners if other != one] for one in owners}
    assert prove("a.c.x.w.example.", "A", *owners)
    found = {one: prove("a.c.x.w.example.", "A", *others) for one, others in left.items()}
    # With opt-out, without the one that denies the wildcard, CHILD, it is not proven that there is no such name.
    assert found == {APEX: None, XW: None, CHILD: Proof(None, by(XW, APEX), opt_out=True)}


def test_nothing_below_a_delegation_is_denied_by_the_parent() -> None:
    """a.example is delegated: the whole zone's records prove nothing about x.a.example (RFC 5155 8.3)."""
    assert prove("x.a.example.", "A") is None
    assert prove("nosuch.ns1.example.", "A") is not None


def test_an_unsigned_delegation_in_a_span_of_opt_out() -> None:
    """B.3: c.example has no record of its own."""
    proof = prove("c.example.", "DS")
    assert proof is not None
    assert proof.opt_out


def test_a_wildcard_that_stands_for_a_name() -> None:
    """B.4: z.w.example, the next closer name, is not there."""
    prover, _ = example(NS2)
    assert prover is not None
    name, encloser = dns.name.from_text("a.z.w.example."), dns.name.from_text("w.example.")
    assert prover.nothing_closer(name, encloser) == Proof(False, by(NS2), opt_out=True)
    prover, _ = example(STAR)
    assert prover is not None
    assert prover.nothing_closer(name, encloser) is None


def test_records_that_prove_nothing() -> None:
    """Unknown hashes and flags are passed over (RFC 5155 8.1, 8.2), and what is no hash or not below the apex."""
    assert example(algorithm=2)[0] is None
    assert example(flags=3)[0] is None
    rdata = dns.rdata.from_text("IN", "NSEC3", f"1 0 0 - {APEX}")
    assert isinstance(rdata, NSEC3)
    for owner in ("short.example.", f"{APEX}.sub.example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tow.example."):
        assert nsec3(dns.name.from_text(owner), rdata, ZONE) is None
    assert nsec3(dns.name.from_text(APEX.upper(), ZONE), rdata, ZONE) is not None


def test_records_with_other_parameters_do_not_mix() -> None:
    first, _ = example(XW)
    other, _ = example(APEX, CHILD, salt="00")
    assert first is not None
    assert other is not None
    mixed = Nsec3Prover(ZONE, [*first.records, *other.records], Work())
    assert mixed.prove(dns.name.from_text("a.c.x.w.example."), 1) is None
