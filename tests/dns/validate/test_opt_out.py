"""Proofs that lie in a span of opt-out (RFC 5155 6, 9.2), and what is left when a server leaves a part of one out."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dns.dnssec
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest

from netkit.dns.result import Outcome, Resolution
from tests.dns.conftest import Scripted
from tests.dns.validate.table import BOGUS, INSECURE, SECURE, without
from tests.dns.validate.tree import ANY_POLICY, DAY, NOW, Tree

Serve = Callable[..., Scripted]
N = dns.name.from_text
TYPES = {
    "opt.test.": "NS SOA RRSIG DNSKEY NSEC3PARAM",
    "www.opt.test.": "A RRSIG",
    "wild.opt.test.": "",
    "*.wild.opt.test.": "A RRSIG",
    "other.opt.test.": "A RRSIG",
}


def hashed(name: str) -> str:
    digest = hashlib.sha1(N(name).to_digestable(), usedforsecurity=False).digest()
    return base64.b32hexencode(digest).decode().lower()


HASHES = {hashed(name): types for name, types in TYPES.items()}
CHAIN = sorted(HASHES)


def over(name: str) -> str:
    """The hash whose record is at the name or spans it."""
    return max((one for one in CHAIN if one <= hashed(name)), default=CHAIN[-1])


# A name whose next closer lies in another span than the wildcard's, so that each needs a record of its own.
NOSUCH = next(
    f"n{number}.opt.test."
    for number in range(1000)
    if len({over(f"n{number}.opt.test."), over("*.opt.test."), hashed("opt.test.")}) == 3
)


def answered(
    serve: Serve,
    name: str,
    rdtype: str,
    proof: Sequence[str],
    rcode: str = "NOERROR",
    flags: int = 1,
    no_ds: Sequence[str] = (),
) -> Resolution:
    """What is made of a reply with the NSEC3 at or over those names, and nothing else but the SOA.

    no_ds: those in the reply to the question for the name's DS.
    """
    tree = Tree()
    private, key = tree.add("opt", change=without("NSEC"))

    def wires(query: dns.message.Message, reply: dns.message.Message) -> None:
        question = query.question[0]
        if str(question.name) != name or question.rdtype not in (dns.rdatatype.from_text(rdtype), dns.rdatatype.DS):
            return
        asked = question.rdtype == dns.rdatatype.from_text(rdtype)
        reply.set_rcode(dns.rcode.from_text(rcode if asked else "NOERROR"))
        for owner in dict.fromkeys(map(over, proof if asked else no_ds)):
            following = CHAIN[(CHAIN.index(owner) + 1) % len(CHAIN)]
            data = f"1 {flags} 0 - {following} {HASHES[owner]}"
            rrset = dns.rrset.from_text(f"{owner}.opt.test.", 60, "IN", "NSEC3", data)
            begins, ends = (datetime.fromtimestamp(NOW + days * DAY, UTC) for days in (-1, 30))
            signature = dns.dnssec.sign(
                rrset, private, N("opt.test."), key, inception=begins, expiration=ends, policy=ANY_POLICY
            )
            reply.authority += [rrset, dns.rrset.from_rdata(rrset.name, 60, signature)]

    tree.wires = wires
    return tree.ask(serve(tree.grow().answer), name.rstrip("."), rdtype)


NO_NAME = ("opt.test.", NOSUCH, "*.opt.test.")


def test_a_name_that_is_not_there_is_secure_and_may_be_an_unsigned_delegation(serve: Serve) -> None:
    found = answered(serve, NOSUCH, "A", NO_NAME, "NXDOMAIN")
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict, found.dnssec.opt_out) == (Outcome.NXDOMAIN, SECURE, True)
    assert found.dnssec.reason is None
    last = found.dnssec.chain[-1]
    assert (last.verdict, last.opt_out) == (SECURE, True)
    assert last.reason == f"no {NOSUCH}, or an unsigned delegation: the NSEC3 of opt.test. opt out (RFC 5155 9.2)"
    plain = answered(serve, NOSUCH, "A", NO_NAME, "NXDOMAIN", flags=0)
    assert plain.dnssec is not None
    assert (plain.outcome, plain.dnssec.verdict, plain.dnssec.opt_out) == (Outcome.NXDOMAIN, SECURE, False)


@pytest.mark.parametrize("rdtype", ["A", "DS"])
def test_nothing_signed_by_that_name(serve: Serve, rdtype: str) -> None:
    """An unsigned delegation's DS (RFC 5155 8.6), and any type of a name that has only such delegations below it."""
    found = answered(serve, NOSUCH, rdtype, NO_NAME[:2])
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict, found.dnssec.opt_out) == (Outcome.NODATA, SECURE, True)
    assert found.dnssec.chain[-1].reason == (
        f"{NOSUCH} has no {rdtype}, or an unsigned delegation: the NSEC3 of opt.test. opt out (RFC 5155 9.2)"
    )
    # That there is no wildcard either proves no less.
    assert answered(serve, NOSUCH, rdtype, NO_NAME).outcome is Outcome.NODATA


@pytest.mark.parametrize("rdtype", ["A", "DS"])
@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ((0, 1), "the reply says no such name, and opt.test. does not prove it"),
        ((0, 2), "the NSEC3 records do not prove that there is none, and opt.test. is signed"),
        ((1, 2), "the NSEC3 records do not prove that there is none, and opt.test. is signed"),
    ],
)
def test_no_such_name_needs_all_of_its_proof(serve: Serve, rdtype: str, proof: tuple[int, int], reason: str) -> None:
    """Otherwise whoever is in the way could deny what a wildcard has."""
    found = answered(serve, NOSUCH, rdtype, [NO_NAME[one] for one in proof], "NXDOMAIN")
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict) == (Outcome.BOGUS, BOGUS)
    assert found.dnssec.reason == reason


@pytest.mark.parametrize("proof", [(), NO_NAME[:1], NO_NAME[1:], NO_NAME[:2]])
def test_what_an_unsigned_delegation_may_say_is_insecure(serve: Serve, proof: Sequence[str]) -> None:
    """The proof of the name is none, and that of its DS says that an unsigned zone may begin there."""
    found = answered(serve, NOSUCH, "A", proof, "NXDOMAIN", no_ds=NO_NAME[:2])
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict, found.dnssec.opt_out) == (Outcome.NXDOMAIN, INSECURE, False)
    link = found.dnssec.chain[-2]
    assert (link.role, link.name, link.type, link.opt_out) == ("delegation", f"{over(NOSUCH)}.opt.test.", "NSEC3", True)
    assert found.dnssec.reason == (
        f"opt.test. proves that {NOSUCH} has no DS: it is in a span of opt-out, so nothing from there down has to be "
        "signed"
    )
    closed = answered(serve, NOSUCH, "A", proof, "NXDOMAIN", flags=0, no_ds=NO_NAME)
    assert closed.outcome is Outcome.BOGUS


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (NO_NAME[:2], "the NSEC3 records do not prove that there is none, and opt.test. is signed"),
        (NO_NAME, "the reply says that the name is there, and opt.test. proves the contrary"),
    ],
)
def test_without_opt_out_a_name_that_is_there_has_its_own_record(
    serve: Serve, proof: Sequence[str], reason: str
) -> None:
    found = answered(serve, NOSUCH, "A", proof, flags=0)
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.reason) == (Outcome.BOGUS, reason)


def test_a_wildcard_in_a_span_of_opt_out_is_insecure(serve: Serve) -> None:
    """An unsigned delegation may be what has the name, and nothing of the wildcard's: delv says the same."""
    found = answered(serve, "x.wild.opt.test.", "A", ["x.wild.opt.test."])
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict, found.dnssec.opt_out) == (Outcome.ANSWER, INSECURE, True)
    plain = answered(serve, "x.wild.opt.test.", "A", ["x.wild.opt.test."], flags=0)
    assert plain.dnssec is not None
    assert (plain.dnssec.verdict, plain.dnssec.opt_out) == (SECURE, False)
    nodata = answered(serve, "x.wild.opt.test.", "TXT", ["x.wild.opt.test.", "wild.opt.test.", "*.wild.opt.test."])
    assert nodata.dnssec is not None
    assert (nodata.outcome, nodata.dnssec.verdict, nodata.dnssec.opt_out) == (Outcome.NODATA, SECURE, True)
