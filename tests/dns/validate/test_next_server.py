"""A bogus answer is asked of the next server: what one of them forges or strips, another has whole."""

from collections.abc import Callable
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.zone
import pytest

from netkit.dns.manner import Manner
from netkit.dns.result import Outcome, Question, Rejected
from netkit.dns.servers import Server
from netkit.dns.types import A
from netkit.dns.validate.anchors import parse_anchors
from netkit.dns.validate.next_server import validated
from netkit.events import Step
from netkit.net.deadline import Deadline
from tests.conftest import MS
from tests.dns.conftest import Scripted, reply_to
from tests.dns.validate.table import BOGUS, INSECURE, SECURE, stripped, tampered, without
from tests.dns.validate.tree import NOW, Tree, make_key

Serve = Callable[..., Scripted]
FORGED = f"www.good.test. A: the signature of key {make_key('good.test.')[1].key_id()} does not fit the data"
STRIPPED = "www.good.test. A: no signature, and good.test. is signed"


def tree(**options: Any) -> Tree:
    """All of them have the same keys."""
    made = Tree()
    made.add("good", **options)
    made.add("plain", signed=False)
    return made.grow()


def forge_no_such_name(query: dns.message.Message, reply: dns.message.Message) -> None:
    if str(query.question[0].name) == "www.good.test.":
        reply.answer.clear()
        reply.set_rcode(dns.rcode.NXDOMAIN)


@pytest.mark.parametrize(
    ("options", "wires", "reason"),
    [
        ({"change": tampered}, None, FORGED),
        ({"change": stripped}, None, STRIPPED),
        ({"change": without("RRSIG", "DNSKEY", "NSEC")}, None, "good.test. DNSKEY: the zone has no DNSKEY, where "),
        ({"begins": -40, "ends": -10}, None, "good.test. DNSKEY: the signature expired on 2027-01-05T08:00:00Z"),
        ({}, forge_no_such_name, "www.good.test. A: no NSEC or NSEC3 proves that there is none"),
    ],
)
def test_the_next_server_has_it(serve: Serve, options: dict[str, Any], wires: Any, reason: str) -> None:
    bad, good = tree(**options), tree()
    bad.wires = wires or bad.wires
    liar, honest = serve(bad.answer), serve(good.answer)
    steps: list[Step] = []
    found = good.ask(liar, "www.good.test", others=[honest], on_event=steps.append)
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict, found.server) == (Outcome.ANSWER, SECURE, str(honest))
    assert [one.data for one in found.records] == ["192.0.2.1"]
    [told] = found.rejected
    assert (told.server, found.tries) == (str(liar), 2)
    assert told.reason.startswith(f"bogus: {reason}")
    [step] = [one for one in steps if one.result.startswith("rejected: ")]
    assert (step.name, step.address, step.result) == ("recv", str(liar), f"rejected: {told.reason}")


def test_a_server_that_is_not_needed_is_not_asked(serve: Serve) -> None:
    good, other = tree(), serve(tree().answer)
    found = good.ask(serve(good.answer), "www.good.test", others=[other])
    assert (found.outcome, other.queries) == (Outcome.ANSWER, [])
    assert good.ask(serve(good.answer), "nosuch.good.test", others=[other]).outcome is Outcome.NXDOMAIN
    assert other.queries == []


def test_where_all_are_bogus_the_first_verdict_stands_with_what_each_gave(serve: Serve) -> None:
    first, second = tree(change=stripped), tree(change=tampered)
    one, two = serve(first.answer), serve(second.answer)
    found = first.ask(one, "www.good.test", others=[two, one])
    assert found.dnssec is not None
    assert (found.outcome, found.exit, found.records, found.server) == (Outcome.BOGUS, 6, (), str(one))
    assert (found.detail, found.dnssec.verdict) == (STRIPPED, BOGUS)
    assert found.rejected == (Rejected(str(two), f"bogus: {FORGED}"),)
    asked = [dns.message.from_wire(wire).question[0].to_text() for _, wire in one.queries]
    assert asked.count("www.good.test. IN A") == 1  # it is there twice, and has had its say


def test_what_was_heard_before_the_good_one_is_told_in_order(serve: Serve, refusing: str) -> None:
    bad, worse, good = tree(change=stripped), tree(change=tampered), tree()
    one, two, three = serve(bad.answer), serve(worse.answer), serve(good.answer)
    found = good.ask(one, "www.good.test", others=[two, refusing, three])
    assert (found.outcome, found.server) == (Outcome.ANSWER, str(three))
    assert found.rejected == (
        Rejected(str(one), f"bogus: {STRIPPED}"),
        Rejected(str(two), f"bogus: {FORGED}"),
        Rejected(refusing, "refused"),
    )


def test_a_silent_one_takes_no_longer_than_the_deadline(serve: Serve) -> None:
    bad = tree(change=stripped)
    silent = serve(lambda wire, transport, number: [])
    found = bad.ask(serve(bad.answer), "www.good.test", others=[silent], seconds=600 * MS)
    assert (found.outcome, found.detail) == (Outcome.BOGUS, STRIPPED)
    assert found.rejected == (Rejected(str(silent), "gave no reply"),)


def test_a_server_without_an_opinion_changes_nothing(serve: Serve) -> None:
    """It answers, and the keys are not to be had of it: that proves nothing, nor does it take the verdict away."""
    bad = tree(change=stripped)
    failing = serve(lambda wire, transport, number: [reply_to(wire, rcode="SERVFAIL")])
    found = bad.ask(serve(bad.answer), "www.good.test", others=[failing])
    assert (found.outcome, found.detail) == (Outcome.BOGUS, STRIPPED)
    assert {one.server for one in found.rejected} == {str(failing)}


def test_a_proof_that_it_is_insecure_counts(serve: Serve) -> None:
    """The first has lost the proof that plain.test. is delegated without DS."""
    bad, good = tree(), tree()
    bad.wires = lambda query, reply: reply.authority.clear()
    found = good.ask(serve(bad.answer), "www.plain.test", others=[serve(good.answer)])
    assert found.dnssec is not None
    assert (found.outcome, found.dnssec.verdict) == (Outcome.ANSWER, INSECURE)


def test_only_what_is_bogus_is_asked_again(serve: Serve) -> None:
    bad, good = tree(change=stripped), tree()
    liar, honest = serve(bad.answer), serve(good.answer)
    names = ("alias.good.test", "dname.good.test", "x.wild.good.test")
    found = validated(
        [Question(name, dns.name.from_text(name).to_wire() or b"", A) for name in names],
        [Server("127.0.0.1", one.port) for one in (liar, honest)],
        Manner(Deadline.after(60)),
        parse_anchors(good.anchor, "the test"),
        now=NOW,
    )
    assert [one.outcome for one in found] == [Outcome.ANSWER, Outcome.NODATA, Outcome.ANSWER]
    assert [one.server for one in found] == [str(honest), str(liar), str(liar)]
    assert not set(honest.questions) & set(names[1:])


def test_keys_of_another_server_are_not_the_fault_of_the_one_that_answers(serve: Serve) -> None:
    """It fails once when asked for the keys, and the next one has none: alone it proves all."""
    good, without_keys = tree(), tree(change=without("DNSKEY"))
    failed: list[tuple[str, str]] = []

    def once(query: dns.message.Message, reply: dns.message.Message) -> bytes | None:
        asked = (str(query.question[0].name), query.question[0].rdtype.name)
        if asked != ("good.test.", "DNSKEY") or failed:
            return None
        failed.append(asked)
        return reply_to(query.to_wire(), rcode="SERVFAIL")

    good.wires = once
    first = serve(good.answer)
    found = good.ask(first, "www.good.test", others=[serve(without_keys.answer)])
    assert failed == [("good.test.", "DNSKEY")]
    assert (found.outcome, found.server) == (Outcome.ANSWER, str(first))
    assert found.rejected[0].reason.startswith("bogus: good.test. DNSKEY: the zone has no DNSKEY")
