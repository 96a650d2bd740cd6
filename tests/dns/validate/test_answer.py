"""Verdicts on whole answers: a table of zones good and broken, and what a server in the middle may try."""

import base64
import random
from collections.abc import Callable
from typing import Any

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest

from netkit.dns.result import Outcome
from netkit.dns.validate.anchors import parse_anchors
from netkit.dns.validate.verdict import Verdict
from netkit.dns.wire import QueryOptions
from tests.conftest import MS
from tests.dns.conftest import Scripted
from tests.dns.validate.table import BOGUS, INDETERMINATE, SECURE, TABLE, plant, tampered
from tests.dns.validate.tree import DAY, NOW, SILENCE, Tree, ds_text, make_key

Serve = Callable[..., Scripted]
N = dns.name.from_text


@pytest.fixture(scope="module")
def zones() -> Tree:
    tree = Tree()
    plant(tree)
    return tree.grow()


@pytest.mark.parametrize(("name", "rdtype", "outcome", "verdict"), TABLE, ids=lambda one: str(one))
def test_verdicts(zones: Tree, serve: Serve, name: str, rdtype: str, outcome: Outcome, verdict: Verdict) -> None:
    found = zones.ask(serve(zones.answer), name, rdtype)
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict) == (outcome, verdict), found.dnssec.reason
    assert (found.dnssec.failing, found.dnssec.reason is None) == (None, verdict is SECURE)
    assert bool(found.records) == (outcome in (Outcome.ANSWER, Outcome.DANGLING_CNAME))
    assert {link.verdict for link in found.dnssec.chain} == {SECURE, verdict}


@pytest.mark.parametrize(
    ("name", "link", "reason"),
    [
        (
            "www.expired.test",
            ("expired.test.", "expired.test.", "DNSKEY"),
            "the signature expired on 2027-01-05T08:00:00Z, 10 days ago",
        ),
        (
            "www.future.test",
            ("future.test.", "future.test.", "DNSKEY"),
            "the signature is not valid before 2027-01-16T08:00:00Z, in 1 day",
        ),
        ("www.tampered.test", ("tampered.test.", "www.tampered.test.", "A"), "does not fit the data"),
        (
            "www.stripped.test",
            ("stripped.test.", "www.stripped.test.", "A"),
            "no signature, and stripped.test. is signed",
        ),
        (
            "nosuch.nonsec.test",
            ("nonsec.test.", "nosuch.nonsec.test.", "A"),
            "no NSEC or NSEC3 proves that there is none, and nonsec.test. is signed",
        ),
        (
            "x.wild.nonsec.test",
            ("nonsec.test.", "x.wild.nonsec.test.", "A"),
            "made from *.wild.nonsec.test., without proof that x.wild.nonsec.test. is not there itself",
        ),
        ("www.nokeys.test", ("nokeys.test.", "nokeys.test.", "DNSKEY"), "the zone has no DNSKEY, where its DS has key"),
        ("www.naked.test", ("naked.test.", "naked.test.", "DNSKEY"), "the zone has no DNSKEY"),
        ("www.wrongkey.test", ("wrongkey.test.", "wrongkey.test.", "DNSKEY"), "and none is that one"),
        ("www.baddigest.test", ("baddigest.test.", "baddigest.test.", "DNSKEY"), "and none is that one"),
        ("www.downgrade.test", ("downgrade.test.", "downgrade.test.", "DNSKEY"), "and none is that one"),
        ("bogus.aliases.test", ("tampered.test.", "www.tampered.test.", "A"), "does not fit the data"),
    ],
)
def test_what_is_bogus_names_the_link_and_shows_nothing(
    zones: Tree, serve: Serve, name: str, link: tuple[str, str, str], reason: str
) -> None:
    found = zones.ask(serve(zones.answer), name)
    assert (found.outcome, found.exit, found.records, found.canonical) == (Outcome.BOGUS, 6, (), None)
    assert found.dnssec is not None
    failing = found.dnssec.failing
    assert failing is not None
    assert (failing.zone, failing.name, failing.type) == link
    assert failing.verdict is found.dnssec.verdict is BOGUS
    assert reason in (failing.reason or "")
    assert found.dnssec.chain[-1] == failing
    assert found.detail == f"{failing.name} {failing.type}: {failing.reason}"


def test_the_chain_names_every_link(zones: Tree, serve: Serve) -> None:
    found = zones.ask(serve(zones.answer), "www.good.test")
    assert found.dnssec is not None
    root, test, good = (key[1].key_id() for key in (zones.root, make_key("test.", 13), make_key("good.test.")))
    assert [(one.role, one.zone, one.name, one.type, one.key_tag, one.key_tags) for one in found.dnssec.chain] == [
        ("anchor", ".", ".", "DS", None, (root,)),
        ("keys", ".", ".", "DNSKEY", root, (root,)),
        ("delegation", ".", "test.", "DS", root, (test,)),
        ("keys", "test.", "test.", "DNSKEY", test, (test,)),
        ("delegation", "test.", "good.test.", "DS", test, (good,)),
        ("keys", "good.test.", "good.test.", "DNSKEY", good, (good,)),
        ("answer", "good.test.", "www.good.test.", "A", good, ()),
    ]
    last = found.dnssec.chain[-1]
    assert (last.algorithm, last.inception, last.expires) == (
        "ED25519",
        "2027-01-14T08:00:00Z",
        "2027-02-14T08:00:00Z",
    )


def test_a_clock_that_is_wrong_is_thought_of(zones: Tree, serve: Serve) -> None:
    found = zones.ask(serve(zones.answer), "www.future.test")
    assert found.dnssec is not None
    assert found.dnssec.hint == "this machine's clock says 2027-01-15T08:00:00Z: is that right?"


def test_the_questions_go_together_with_do_and_cd(zones: Tree, serve: Serve) -> None:
    server = serve(zones.answer)
    zones.ask(server, "www.good.test")
    queries = [dns.message.from_wire(wire) for _, wire in server.queries]
    asked = sorted((str(query.question[0].name), query.question[0].rdtype.name) for query in queries)
    assert asked == [
        (".", "DNSKEY"),
        ("good.test.", "DNSKEY"),
        ("good.test.", "DS"),
        ("test.", "DNSKEY"),
        ("test.", "DS"),
        ("www.good.test.", "A"),
    ]
    assert all(query.ednsflags & dns.flags.DO and query.flags & dns.flags.CD for query in queries)


# --- what a server in the middle may try


def on(name: str, rdtype: str, change: Callable[[dns.message.Message], Any]) -> Any:
    """Change the reply to one question."""

    def wires(query: dns.message.Message, reply: dns.message.Message) -> Any:
        question = query.question[0]
        return change(reply) if (str(question.name), question.rdtype.name) == (name, rdtype) else None

    return wires


def grown(**options: Any) -> Tree:
    tree = Tree()
    tree.add("good", **options)
    tree.add("plain", signed=False)
    return tree.grow()


def drop(section: str, *types: str) -> Callable[[dns.message.Message], None]:
    numbers = [dns.rdatatype.from_text(one) for one in types]

    def change(reply: dns.message.Message) -> None:
        rrsets = getattr(reply, section)
        rrsets[:] = [one for one in rrsets if one.rdtype not in numbers and one.covers not in numbers]

    return change


def test_a_ds_that_is_left_out_makes_nothing_insecure(serve: Serve) -> None:
    tree = grown()
    tree.wires = on("good.test.", "DS", drop("answer", "DS"))
    found = tree.ask(serve(tree.answer), "www.good.test")
    assert found.dnssec is not None
    assert found.dnssec.failing is not None
    assert (found.outcome, found.dnssec.failing.name, found.dnssec.failing.type) == (Outcome.BOGUS, "good.test.", "DS")


def test_the_parents_side_of_a_cut_denies_nothing_of_the_child(serve: Serve) -> None:
    """An NSEC of test. at good.test. says NS, DS, RRSIG, NSEC: no A, and nothing about the child (RFC 6840 4.1)."""
    tree = grown()
    assert tree.served is not None
    parent = tree.zones["test."]
    owner = N("good.test.")

    def deny(reply: dns.message.Message) -> None:
        reply.answer.clear()
        reply.authority.clear()
        for kind in (("NSEC",), ("RRSIG", "NSEC")):
            found = parent.find_rdataset(owner, *kind)
            reply.authority.append(dns.rrset.from_rdata_list(owner, 60, list(found)))

    for name, rcode in (("good.test.", dns.rcode.NOERROR), ("www.good.test.", dns.rcode.NXDOMAIN)):

        def refuse(reply: dns.message.Message, rcode: dns.rcode.Rcode = rcode) -> None:
            deny(reply)
            reply.set_rcode(rcode)

        tree.wires = on(name, "A", refuse)
        found = tree.ask(serve(tree.answer), name)
        assert (found.outcome, found.records) == (Outcome.BOGUS, ())


@pytest.mark.parametrize(("name", "rcode"), [("nosuch.good.test.", "NOERROR"), ("ent.good.test.", "NXDOMAIN")])
def test_a_code_that_the_proof_contradicts(serve: Serve, name: str, rcode: str) -> None:
    tree = grown()
    tree.wires = on(name, "A", lambda reply: reply.set_rcode(dns.rcode.from_text(rcode)))
    found = tree.ask(serve(tree.answer), name)
    assert found.outcome is Outcome.BOGUS
    assert "proves the contrary" in str(found.detail)


def test_an_answer_for_a_name_that_a_wildcard_is_passed_off_for(serve: Serve) -> None:
    """x.wild is there with an address of its own; the wildcard's, signed, is no answer for it."""
    tree = Tree()
    tree.add("good", "*.wild A 192.0.2.2\nx.wild A 192.0.2.9\n")
    tree.grow()
    zone = tree.zones["good.test."]
    star, name = N("*.wild.good.test."), N("x.wild.good.test.")

    def pass_off(reply: dns.message.Message) -> None:
        reply.answer.clear()
        for kind in (("A",), ("RRSIG", "A")):
            reply.answer.append(dns.rrset.from_rdata_list(name, 300, list(zone.find_rdataset(star, *kind))))
        for kind in (("NSEC",), ("RRSIG", "NSEC")):
            reply.authority.append(dns.rrset.from_rdata_list(star, 60, list(zone.find_rdataset(star, *kind))))

    tree.wires = on("x.wild.good.test.", "A", pass_off)
    found = tree.ask(serve(tree.answer), "x.wild.good.test.")
    assert found.outcome is Outcome.BOGUS
    assert "without proof that x.wild.good.test. is not there itself" in str(found.detail)


def test_two_aliases_where_a_name_has_one(serve: Serve) -> None:
    """dnspython keeps the signed one, a reader of the answer might take the other."""
    tree = grown()

    def forge(reply: dns.message.Message) -> bytes:
        first = dns.rrset.from_text("alias.good.test.", 300, "IN", "CNAME", "www.plain.test.")
        reply.answer.insert(0, first)
        return reply.to_wire(max_size=65535)

    tree.wires = on("alias.good.test.", "A", forge)
    found = tree.ask(serve(tree.answer), "alias.good.test")
    assert (found.outcome, found.records) == (Outcome.BOGUS, ())
    assert "more than one CNAME" in str(found.detail)


def test_a_cname_that_its_dname_does_not_make(serve: Serve) -> None:
    tree = grown()

    def forge(reply: dns.message.Message) -> None:
        reply.answer[:] = [one for one in reply.answer if one.rdtype in (dns.rdatatype.DNAME, dns.rdatatype.RRSIG)]
        reply.answer.append(dns.rrset.from_text("x.dname.good.test.", 300, "IN", "CNAME", "www.plain.test."))
        reply.answer.append(dns.rrset.from_text("www.plain.test.", 300, "IN", "A", "192.0.2.66"))

    tree.wires = on("x.dname.good.test.", "A", forge)
    found = tree.ask(serve(tree.answer), "x.dname.good.test")
    assert (found.outcome, found.records) == (Outcome.BOGUS, ())
    assert found.detail == "x.dname.good.test. CNAME: no signature, and good.test. is signed"


def test_a_ttl_that_was_raised_on_the_way(serve: Serve) -> None:
    tree = grown()

    def raise_it(reply: dns.message.Message) -> None:
        for one in reply.answer:
            one.update_ttl(1)
            one.ttl = 1_000_000

    tree.wires = on("www.good.test.", "A", raise_it)
    found = tree.ask(serve(tree.answer), "www.good.test")
    assert [record.ttl for record in found.records] == [300]


def test_twenty_aliases_and_their_signatures(serve: Serve) -> None:
    tree = Tree()
    tree.add("long", "".join(f"a{n} CNAME a{n + 1}\n" for n in range(20)) + "a20 A 192.0.2.1\n")
    server = serve(tree.grow().answer)
    found = tree.ask(server, "a0.long.test")
    assert (found.outcome, len(found.records), found.canonical) == (Outcome.ANSWER, 21, "a20.long.test.")
    shown = tree.ask(server, "a0.long.test", options=QueryOptions(dnssec=True))
    assert [record.type for record in shown.records].count("RRSIG") == 21


def test_what_the_parent_signs_is_the_parents_word(serve: Serve) -> None:
    """test. signs for a name below plain.test.: whoever may say that there is no DS may say that."""
    tree = grown()
    _, key = make_key("test.", 13)
    private = make_key("test.", 13)[0]

    def sign_it(reply: dns.message.Message) -> None:
        rrset = dns.rrset.from_text("nowhere.plain.test.", 300, "IN", "A", "192.0.2.66")
        signature = dns.dnssec.sign(rrset, private, N("test."), key, inception=NOW - DAY, expiration=NOW + DAY)
        reply.set_rcode(dns.rcode.NOERROR)
        reply.authority.clear()
        reply.answer[:] = [rrset, dns.rrset.from_rdata(rrset.name, 300, signature)]

    tree.wires = on("nowhere.plain.test.", "A", sign_it)
    found = tree.ask(serve(tree.answer), "nowhere.plain.test.")
    assert found.dnssec is not None
    assert found.dnssec.verdict is SECURE

    def spoil_it(reply: dns.message.Message) -> None:
        sign_it(reply)
        old = reply.answer[1][0]
        data = bytes([old.signature[0] ^ 1]) + old.signature[1:]
        reply.answer[1] = dns.rrset.from_rdata(reply.answer[1].name, 300, old.replace(signature=data))

    tree.wires = on("nowhere.plain.test.", "A", spoil_it)
    assert tree.ask(serve(tree.answer), "nowhere.plain.test.").outcome is Outcome.BOGUS


def test_the_authentic_data_flag_counts_for_nothing(serve: Serve) -> None:
    tree = grown(change=tampered)

    def wires(query: dns.message.Message, reply: dns.message.Message) -> None:
        reply.flags |= dns.flags.AD

    tree.wires = wires
    assert tree.ask(serve(tree.answer), "www.good.test").outcome is Outcome.BOGUS


# --- what does not come


def refuse(code: dns.rcode.Rcode) -> Callable[[dns.message.Message], None]:
    def change(reply: dns.message.Message) -> None:
        reply.answer.clear()
        reply.authority.clear()
        reply.set_rcode(code)

    return change


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode", "outcome"),
    [
        ("good.test.", "DNSKEY", dns.rcode.SERVFAIL, Outcome.SERVFAIL),
        ("good.test.", "DS", dns.rcode.REFUSED, Outcome.REFUSED),
        (".", "DNSKEY", dns.rcode.FORMERR, Outcome.RCODE),
    ],
)
def test_what_is_needed_and_does_not_come(
    serve: Serve, name: str, rdtype: str, rcode: dns.rcode.Rcode, outcome: Outcome
) -> None:
    """The exit code is that of the query which failed: worth trying again, or not."""
    tree = grown()
    tree.wires = on(name, rdtype, refuse(rcode))
    found = tree.ask(serve(tree.answer), "www.good.test")
    assert found.dnssec is not None
    assert (found.outcome, found.exit, found.dnssec.verdict) == (outcome, 9, INDETERMINATE)
    assert found.records == ()
    assert f"{name} {rdtype}: no {rdtype} to be had: {outcome}" in str(found.detail)


def test_silence_is_a_timeout(serve: Serve) -> None:
    tree = grown()
    tree.wires = on("good.test.", "DNSKEY", lambda reply: SILENCE)
    server = serve(tree.answer)
    found = tree.ask(server, "www.good.test", seconds=500 * MS)
    assert (found.outcome, found.exit, found.records) == (Outcome.TIMEOUT, 4, ())
    asked = [dns.message.from_wire(wire) for _, wire in server.queries]
    assert all(query.ednsflags & dns.flags.DO for query in asked)  # also the next try: no DO, no signature


def test_a_name_that_no_anchor_is_above(serve: Serve) -> None:
    tree = grown()
    anchors = parse_anchors(f"good.test. IN DS {ds_text('good.test.', make_key('good.test.')[1])}", "the test")
    server = serve(tree.answer)
    assert tree.ask(server, "www.good.test", anchors=anchors).outcome is Outcome.ANSWER
    found = tree.ask(server, "www.plain.test", anchors=anchors)
    assert found.dnssec is not None
    assert (found.outcome, found.exit, found.records) == (Outcome.INDETERMINATE, 1, ())
    assert found.detail == "no trust anchor is at or above www.plain.test.: there are those of good.test."
    assert tree.ask(server, "good.test", "DS", anchors=anchors).dnssec.verdict is INDETERMINATE  # type: ignore[union-attr]


def test_an_anchor_that_was_rolled(serve: Serve) -> None:
    tree = grown()
    old = make_key("old root", 15)[1]
    text = f". DNSKEY {old.flags} 3 {int(old.algorithm)} {base64.b64encode(old.key).decode()}"
    anchors = parse_anchors(text, "old.key")
    found = tree.ask(serve(tree.answer), "www.good.test", anchors=anchors)
    assert found.outcome is Outcome.BOGUS
    new = tree.root[1].key_id()
    assert found.detail == (
        f". DNSKEY: the trust anchor (old.key) has key {old.key_id()}; the zone's keys are {new}, and none is that one"
    )
    assert found.dnssec is not None
    assert "been rolled?" in str(found.dnssec.hint)
    both = parse_anchors(text + "\n" + tree.anchor, "both")
    assert tree.ask(serve(tree.answer), "www.good.test", anchors=both).outcome is Outcome.ANSWER


def test_a_server_that_knows_nothing_of_dnssec(serve: Serve) -> None:
    tree = grown()

    def wires(query: dns.message.Message, reply: dns.message.Message) -> None:
        for section in ("answer", "authority"):
            drop(section, "RRSIG", "NSEC", "DS", "DNSKEY")(reply)

    tree.wires = wires
    found = tree.ask(serve(tree.answer), "www.good.test")
    assert (found.outcome, found.records) == (Outcome.BOGUS, ())
    assert found.dnssec is not None
    assert "knows nothing of DNSSEC" in str(found.dnssec.hint)


def test_octets_that_change_on_the_way_make_no_other_answer(serve: Serve) -> None:
    """Whatever is hit, the answer, a key or a proof: the same records or none, and never an exception."""
    tree = grown()
    chance = random.Random(7)
    hit = -1

    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        [reply] = tree.answer(wire, transport, number)
        changed = bytearray(reply)
        if number == hit:
            behind = 12 + len(dns.message.from_wire(wire).question[0].name.to_wire() or b"") + 4
            for _ in range(chance.choice((1, 1, 3))):
                changed[chance.randrange(behind, len(changed))] = chance.randrange(256)
        return [bytes(changed)]

    server = serve(script)
    names = ("www.good.test", "x.wild.good.test", "x.dname.good.test", "nosuch.good.test")
    right = {name: tree.ask(server, name) for name in names}
    for _ in range(60):
        name = chance.choice(names)
        server.queries.clear()
        hit = chance.randrange(6)
        found = tree.ask(server, name, seconds=400 * MS)
        assert found.dnssec is not None
        if found.dnssec.verdict is SECURE:
            assert found.outcome is right[name].outcome
            assert [one.data.lower() for one in found.records] == [one.data.lower() for one in right[name].records]
        else:
            assert found.records == ()
    assert server.failures == []
