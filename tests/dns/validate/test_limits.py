"""What a hostile zone may cost: KeyTrap (CVE-2023-50387), NSEC3 hashing (CVE-2023-50868) and their kind."""

import random
from collections.abc import Callable
from time import monotonic

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG

from netkit.dns.result import Outcome
from netkit.dns.validate import limits
from netkit.dns.validate.limits import OutOfTime, TooMuch, Work
from netkit.dns.validate.nsec3 import Nsec3Prover
from netkit.dns.validate.records import Signed
from netkit.dns.validate.signature import Failed, usable, verify
from netkit.dns.validate.verdict import Verdict
from netkit.net.deadline import Deadline
from tests.dns.conftest import Scripted
from tests.dns.validate.test_nsec3 import example
from tests.dns.validate.tree import NOW, Key, Tree, ds_text, make_key, sign

Serve = Callable[..., Scripted]
N = dns.name.from_text


def with_tag(tag: int, algorithm: int, seed: int, flags: int = 257) -> DNSKEY:
    """A key that is another one each time and has that tag: the tag is a sum of 16-bit words (RFC 4034 appendix B)."""
    data = bytearray(random.Random(seed).randbytes(32))
    for _ in range(2):  # a carry may need the second
        key = make_dnskey(bytes(data), algorithm, flags)
        word = (int.from_bytes(data[-2:]) + tag - key.key_id()) % 0x10000
        data[-2:] = word.to_bytes(2)
    key = make_dnskey(bytes(data), algorithm, flags)
    return key if key.key_id() == tag else with_tag(tag, algorithm, seed + 100_000, flags)


def make_dnskey(data: bytes, algorithm: int, flags: int = 257) -> DNSKEY:
    wire = flags.to_bytes(2) + bytes([3, algorithm]) + data
    made = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DNSKEY, wire, 0, len(wire))
    assert isinstance(made, DNSKEY)
    return made


def zone_with_keys(count: int, *, same_tag: bool) -> Callable[[dns.zone.Zone, Key], None]:
    """Signed anew by a key that the zone then leaves out, so that all that are left have to be tried in vain."""

    def change(zone: dns.zone.Zone, key: Key) -> None:
        tag = key[1].key_id()
        keys = [with_tag(tag, 15, seed) for seed in range(count)]
        if not same_tag:
            keys = [key[1], *(make_dnskey(random.Random(seed).randbytes(32), 15) for seed in range(count))]
        zone.replace_rdataset("@", dns.rdataset.from_rdata_list(300, keys))

    return change


def detail(tree: Tree, serve: Serve, name: str = "www.trap.test", rdtype: str = "A") -> str:
    found = tree.ask(serve(tree.grow().answer), name, rdtype)
    assert (found.outcome, found.exit, found.records) == (Outcome.BOGUS, 6, ())
    return str(found.detail)


def test_keys_with_the_same_tag(serve: Serve) -> None:
    count = limits.MAX_SAME_TAG + 1
    tree = Tree()
    tree.add("trap", ds=[], change=zone_with_keys(count, same_tag=True))
    keys = list(tree.zones["trap.test."].find_rdataset(N("trap.test."), "DNSKEY"))
    tree.delegations += "".join(f"trap DS {ds_text('trap.test.', key)}\n" for key in keys)
    assert f"{count} keys with the tag {keys[0].key_id()}, more than {count - 1}" in detail(tree, serve)


def test_two_keys_with_one_tag_are_an_accident(serve: Serve) -> None:
    def change(zone: dns.zone.Zone, key: Key) -> None:
        keys = [with_tag(key[1].key_id(), 15, 7), key[1]]
        origin = N("twins.test.")
        zone.replace_rdataset(origin, dns.rdataset.from_rdata_list(300, keys))
        zone.delete_rdataset(origin, "RRSIG", "DNSKEY")
        rrset = dns.rrset.from_rdata_list(origin, 300, keys)
        signature = dns.dnssec.sign(rrset, key[0], origin, key[1], inception=NOW - 60, expiration=NOW + 60)
        node = zone.find_node(origin)
        node.rdatasets.append(dns.rdataset.from_rdata(300, signature))

    tree = Tree()
    tree.add("twins", change=change)
    assert tree.ask(serve(tree.grow().answer), "www.twins.test").outcome is Outcome.ANSWER


def test_too_many_keys(serve: Serve) -> None:
    tree = Tree()
    tree.add("trap", change=zone_with_keys(limits.MAX_KEYS, same_tag=False))
    assert f"{limits.MAX_KEYS + 1} keys in trap.test., more than {limits.MAX_KEYS}" in detail(tree, serve)


def test_too_many_digests(serve: Serve) -> None:
    """As many DS with one tag as keys with it: each pair is a hash."""
    tree = Tree()
    key = make_key("trap.test.")[1]
    ds = [f"{key.key_id()} 15 2 {number:064x}" for number in range(7)]
    tree.add("trap", ds=ds, change=zone_with_keys(5, same_tag=True))
    assert "35 keys to hash for the DS of trap.test., more than 32" in detail(tree, serve)


def spoiled(signature: RRSIG, number: int) -> RRSIG:
    made = signature.replace(signature=number.to_bytes(4) + signature.signature[4:])
    assert isinstance(made, RRSIG)
    return made


def test_too_many_signatures_over_one_rrset(serve: Serve) -> None:
    def change(zone: dns.zone.Zone, key: Key) -> None:
        signatures = zone.find_rdataset(N("www.trap.test."), "RRSIG", "A")
        many = [spoiled(signatures[0], number) for number in range(limits.MAX_SIGNATURES + 1)]
        node = zone.find_node(N("www.trap.test."))
        node.rdatasets.remove(signatures)
        node.rdatasets.append(dns.rdataset.from_rdata_list(300, many))

    tree = Tree()
    tree.add("trap", change=change)
    assert "9 signatures of trap.test. over one RRset, more than 8" in detail(tree, serve)


def test_too_many_checks_for_one_answer(serve: Serve) -> None:
    """Denials that are not signed as they should be, each within its own limit."""
    tree = Tree()
    tree.add("trap")

    def wires(query: dns.message.Message, reply: dns.message.Message) -> bytes | None:
        if str(query.question[0].name) != "nosuch.trap.test.":
            return None
        [*_, nsec, signatures] = real = list(reply.authority)
        reply.authority.clear()
        for number in range(limits.MAX_CHECKS // limits.MAX_SIGNATURES + 1):
            name = N(f"n{number}.trap.test.")
            reply.authority.append(dns.rrset.from_rdata(name, 60, nsec[0]))
            bad = [spoiled(signatures[0], one) for one in range(limits.MAX_SIGNATURES)]
            reply.authority.append(dns.rrset.from_rdata_list(name, 60, bad))
        reply.authority += real
        return reply.to_wire(max_size=65535)

    tree.wires = wires
    assert f"more than {limits.MAX_CHECKS} signatures to check" in detail(tree, serve, "nosuch.trap.test")


def test_too_many_names_on_the_way(serve: Serve) -> None:
    """An unsigned answer with the longest of names: each label may be a zone, but nobody asks for all of them twice."""
    deep = ".".join("a" * 110)
    tree = Tree()
    body = f"{deep} CNAME {deep.replace('a', 'b')}\n{deep.replace('a', 'b')} A 192.0.2.1\n"
    tree.add("trap", body)
    server = serve(tree.grow().answer)
    tree.wires = lambda query, reply: _unsigned(reply) if query.question[0].rdtype == dns.rdatatype.A else None
    assert tree.ask(server, f"{deep}.trap.test").outcome is Outcome.BOGUS
    assert len(server.queries) <= 2 * limits.MAX_QUERIES


def _unsigned(reply: dns.message.Message) -> None:
    reply.answer[:] = [one for one in reply.answer if one.rdtype != dns.rdatatype.RRSIG]


def test_names_that_are_hashed_too_often() -> None:
    """The longest name, at the most iterations that are taken, costs less than the limit; a second one is too much."""
    prover, zone = example(iterations=limits.MAX_ITERATIONS)
    assert isinstance(prover, Nsec3Prover)
    prover.prove(N(".".join("a" * 120), zone), 1)
    assert 18_000 < prover.work.rounds < limits.MAX_HASH_ROUNDS
    with pytest.raises(TooMuch, match="more than 20,000 rounds of NSEC3 hashing"):
        prover.prove(N(".".join("b" * 120), zone), 1)


def test_what_is_not_checked_in_time_is_not_shown(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """256 signatures over 4,000 records each take four seconds, and a run may have a hundred such answers."""
    tree = Tree()
    tree.add("trap")
    server = serve(tree.grow().answer)
    monkeypatch.setattr(limits, "OVERTIME", -60.0)
    found = tree.ask(server, "www.trap.test", seconds=60)
    assert (found.outcome, found.records) == (Outcome.TIMEOUT, ())
    assert found.detail == "not all signatures could be checked within 60 s"
    assert found.dnssec is not None
    assert found.dnssec.verdict is Verdict.INDETERMINATE
    late = Work(Deadline(monotonic() - 1, 1.0))
    with pytest.raises(OutOfTime):
        late.check()


def test_old_signatures_that_cover_several_types(serve: Serve) -> None:
    """SIG of RFC 2535, which dnspython takes for one set to a type."""
    tree = Tree()
    tree.add("trap")

    def wires(query: dns.message.Message, reply: dns.message.Message) -> None:
        if query.question[0].rdtype == dns.rdatatype.A:
            for covered in (1, 2):
                data = covered.to_bytes(2) + bytes([15, 3]) + bytes(14) + b"\0" + bytes(64)
                old = dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.SIG, data)
                reply.answer.append(dns.rrset.from_rdata("www.trap.test.", 60, old))

    tree.wires = wires
    found = tree.ask(serve(tree.grow().answer), "www.trap.test")
    assert (found.outcome, found.records) == (Outcome.MALFORMED, ())
    assert found.detail == "SIG records of several types at www.trap.test."


def test_questions_end() -> None:
    work = Work()
    for _ in range(limits.MAX_QUERIES):
        work.query()
    with pytest.raises(TooMuch, match="more than 192 DS and DNSKEY records to ask for"):
        work.query()


def test_rsa_keys_that_cost_too_much() -> None:
    """A check of an RSA signature costs as much as the exponent is long."""
    modulus = ((1 << 2047) | 1).to_bytes(256)
    usual = make_dnskey(b"\x03\x01\x00\x01" + modulus, 8)
    long_form = make_dnskey(b"\x00\x00\x03\x01\x00\x01" + modulus, 8)
    exponent = make_dnskey(b"\x08" + b"\xff" * 8 + modulus, 8)
    wide = make_dnskey(b"\x03\x01\x00\x01" + b"\xff" * 513, 8)
    assert [usable(key) for key in (usual, long_form, exponent, wide)] == [True, True, False, False]
    assert not usable(make_dnskey(b"\x00", 8))
    assert not usable(make_dnskey(modulus, 8, flags=0))
    assert not usable(make_dnskey(modulus, 8, flags=257 | 0x80))
    assert not usable(make_dnskey(modulus, 1))


def test_keys_and_signatures_of_any_octets_are_failures_and_nothing_else() -> None:
    zone = N("fuzz.test.")
    chance = random.Random(1)
    rrset = dns.rrset.from_text("www.fuzz.test.", 300, "IN", "A", "192.0.2.1")
    for _ in range(600):
        algorithm = chance.choice((5, 7, 8, 10, 13, 14, 15, 16))
        head = chance.choice((b"", b"\x01\x03", b"\x03\x01\x00\x01", b"\x00\x00\x01\x05"))
        key = make_dnskey(head + chance.randbytes(chance.choice((0, 1, 32, 57, 64, 96, 128, 256))), algorithm)
        data = chance.randbytes(chance.choice((0, 1, 64, 96, 114, 128, 256)))
        wire = (
            (1).to_bytes(2)
            + bytes([algorithm, chance.choice((0, 2, 3))])
            + (300).to_bytes(4)
            + (NOW + 60).to_bytes(4)
            + (NOW - 60).to_bytes(4)
            + key.key_id().to_bytes(2)
            + zone.to_digestable()
            + data
        )
        signature = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RRSIG, wire, 0, len(wire))
        assert isinstance(signature, RRSIG)
        with pytest.raises(Failed):
            verify(Signed(rrset, (signature,)), zone, [key], now=NOW, work=Work())


def test_a_signed_zone_for_the_tests_of_limits_is_good(serve: Serve) -> None:
    """What the tests above change is what makes the difference."""
    tree = Tree()
    tree.add("trap", change=lambda zone, key: sign(zone, [key]))
    assert tree.ask(serve(tree.grow().answer), "www.trap.test").outcome is Outcome.ANSWER
