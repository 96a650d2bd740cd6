"""The quick reader accepts what dns.wire and dnspython accept, says the same of it, and leaves the rest to dns.wire."""

import ipaddress
import random

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.dns.bulk.quick import MAX_SHAPES, _shapes, is_harmless, read, read_answer, template
from netkit.dns.bulk.task import Quick, Task
from netkit.dns.chase import Chase, judge
from netkit.dns.name import parse_name
from netkit.dns.result import Outcome, Resolution
from netkit.dns.servers import Server
from netkit.dns.stub import Reached, outcome_of
from netkit.dns.types import AAAA, CNAME, MX, PTR, A
from netkit.dns.wire import USUAL, Malformed, Mismatch, Query, parse

NUMBERS = {"A": A, "AAAA": AAAA, "PTR": PTR, "CNAME": CNAME, "MX": MX}
SERVER = "192.0.2.53:53"


def task_of(name: str = "www.test", rdtype: int = A) -> Task:
    wire = parse_name(name)
    task = Task(name, f"{name}.", wire + rdtype.to_bytes(2) + b"\0\1", rdtype, (), True)
    task.began, task.tries = 1.0, 1
    return task


def quick(wire: bytes, task: Task) -> Quick | None:
    return read(wire, task, SERVER, "udp", 1.0015)


def slow(wire: bytes, task: Task) -> Resolution | None:
    """What `resolve` says of the same reply; None where it would ask again. Raises Malformed, Mismatch."""
    reply = parse(wire, Query(int.from_bytes(wire[:2]), task.wire, task.type))
    chase = Chase(task.text, task.wire, task.type, "IN", (), at=task.wire)
    judge(
        chase,
        Reached(
            task.wire, task.type, outcome_of(reply), reply, Server("192.0.2.53"), "udp", 1, 1.5,
            notes=[reply.note] if reply.note else [],
        ),
    )  # fmt: skip
    return chase.result


def response(
    task: Task,
    *answer: str,
    authority: tuple[str, ...] = (),
    additional: tuple[str, ...] = (),
    rcode: int = 0,
    flags: str = "QR AA RD RA",
    edns: bool = True,
) -> dns.message.Message:
    query = dns.message.make_query(task.name, dns.rdatatype.RdataType(task.type), use_edns=edns, id=7)
    made = dns.message.make_response(query)
    made.flags = dns.flags.from_text(flags)
    made.set_rcode(dns.rcode.Rcode(rcode))
    for section, lines in ((made.answer, answer), (made.authority, authority), (made.additional, additional)):
        for line in lines:
            owner, ttl, rdtype, data = line.split(maxsplit=3)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", rdtype, data))
    return made


# --- equal to the slow way, and to dnspython

labels = st.text("abcXYZ019_-", min_size=1, max_size=12)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
ttls = st.integers(0, 2**31 - 1)


@st.composite
def replies(draw: st.DrawFn) -> tuple[Task, dns.message.Message]:
    """A valid reply as servers send them: aliases that follow each other, then records of the type, or none."""
    kind = draw(st.sampled_from(["A", "AAAA", "PTR", "CNAME", "MX"]))
    task = task_of(draw(names).lower() + ".test", NUMBERS[kind])
    owner = task.name
    lines: list[str] = []
    if kind != "CNAME":
        for _ in range(draw(st.integers(0, 3))):
            target = draw(names) + ".test."
            lines.append(f"{owner} {draw(ttls)} CNAME {target}")
            owner = target
    for _ in range(draw(st.integers(0, 1 if kind == "CNAME" else 4))):
        data = {
            "A": lambda: str(ipaddress.IPv4Address(draw(st.integers(0, 2**32 - 1)))),
            "AAAA": lambda: str(ipaddress.IPv6Address(draw(st.integers(0, 2**128 - 1)))),
            "PTR": lambda: draw(names) + ".test.",
            "CNAME": lambda: draw(names) + ".elsewhere.",
            "MX": lambda: "10 " + draw(names) + ".test.",
        }[kind]()
        lines.append(f"{owner} {draw(ttls)} {kind} {data}")
    soa = "test. 60 SOA ns.test. host.test. 1 2 3 4 5"
    extra = draw(st.sampled_from([(), ("ns.test. 60 A 192.0.2.1",), ("ns.test. 60 AAAA 2001:db8::1",)]))
    return task, response(
        task,
        *lines,
        authority=draw(st.sampled_from([(), (), (soa,), ("test. 60 NS ns.test.",)])),
        additional=extra,
        rcode=draw(st.sampled_from([0, 0, 0, 3, 2, 5])),
        flags=draw(st.sampled_from(["QR AA RD", "QR RD RA", "QR RD RA AD", "QR RD RA CD", "QR TC RD"])),
        edns=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(replies())
def test_it_says_what_resolve_says(given_reply: tuple[Task, dns.message.Message]) -> None:
    task, message = given_reply
    wire = message.to_wire(max_size=65535)
    found = quick(wire, task)
    if found:
        assert found.resolution == slow(wire, task)


@settings(max_examples=150, deadline=None)
@given(replies())
def test_it_says_what_dnspython_says(given_reply: tuple[Task, dns.message.Message]) -> None:
    task, message = given_reply
    wire = message.to_wire(max_size=65535)
    found = quick(wire, task)
    if not found:
        return
    read_by_dnspython = dns.message.from_wire(wire, one_rr_per_rrset=True)
    rows = [
        (str(one.name), dns.rdatatype.to_text(one.rdtype), one.ttl, one[0].to_text())
        for one in read_by_dnspython.answer
    ]
    assert list(found.rows) == rows
    assert found.shape.rcode == read_by_dnspython.rcode()
    assert [flag.upper() for flag in found.shape.flags] == [
        word for word in dns.flags.to_text(read_by_dnspython.flags).split() if word != "QR"
    ]


@pytest.mark.parametrize(
    ("rdtype", "answer", "rcode", "outcome"),
    [
        (A, ["www.test. 60 A 192.0.2.1"], 0, "answer"),
        (A, ["www.test. 60 A 192.0.2.1", "www.test. 60 A 192.0.2.2"], 0, "answer"),
        (AAAA, ["www.test. 60 AAAA 2001:db8::1"], 0, "answer"),
        (A, ["www.test. 60 CNAME b.test.", "b.test. 30 CNAME c.test.", "c.test. 5 A 192.0.2.3"], 0, "answer"),
        (CNAME, ["www.test. 60 CNAME b.test."], 0, "answer"),
        (PTR, ["www.test. 60 PTR host.test."], 0, "answer"),
        (A, [], 3, "nxdomain"),
        (A, [], 0, "nodata"),
    ],
)
@pytest.mark.parametrize("edns", [True, False])
def test_the_usual_replies_are_read_quickly(
    rdtype: int, answer: list[str], rcode: int, outcome: str, edns: bool
) -> None:
    task = task_of(rdtype=rdtype)
    wire = response(task, *answer, rcode=rcode, edns=edns).to_wire()
    found = quick(wire, task)
    assert found is not None
    assert found.outcome.value == outcome
    assert found.resolution == slow(wire, task)


def test_a_negative_reply_is_left_where_it_is_to_be_confirmed() -> None:
    task = task_of()
    answer, negative = response(task, "www.test. 60 A 192.0.2.1").to_wire(), response(task, rcode=3).to_wire()
    found = read_answer(answer, task, SERVER, "udp", 2.0)
    assert found
    assert found.outcome is Outcome.ANSWER
    assert quick(negative, task) is not None
    assert read_answer(negative, task, SERVER, "udp", 2.0) is None


# --- what it leaves

GOOD = response(task_of(), "www.test. 60 A 192.0.2.1", edns=False).to_wire()
ANSWER = 12 + len(task_of().question)


def changed(at: int, octets: bytes, wire: bytes = GOOD) -> bytes:
    return wire[:at] + octets + wire[at + len(octets) :]


def reason_for(wire: bytes, task: Task) -> str | None:
    """Why `resolve` does not take it."""
    try:
        result = slow(wire, task)
    except (Malformed, Mismatch) as exc:
        return str(exc)
    return result.detail if result and result.outcome is Outcome.MALFORMED else None


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (changed(2, b"\x01"), "it is a query, not a reply"),
        (changed(2, b"\xa9"), "opcode 5, not QUERY"),
        (changed(12, b"\3ww2"), "it answers ww2.test. A"),
        (changed(5, b"\2"), "2 questions"),
        (changed(ANSWER + 11, b"\xff"), "a record's data runs past the end"),
        (changed(ANSWER, b"\xc0\xff"), "a compressed name points forwards or at itself"),
        (changed(ANSWER, bytes([0xC0, ANSWER])), "a compressed name points forwards or at itself"),
        (changed(ANSWER + 11, b"\3", GOOD[:-1]), "an A record of 3 octets"),
        (GOOD[:-1], "a record's data runs past the end"),
        (GOOD[:11], "11 octets are no DNS message: the header alone has 12"),
    ],
)
def test_what_is_wrong_is_left_to_who_says_why(wire: bytes, reason: str) -> None:
    task = task_of()
    assert quick(GOOD, task) is not None
    assert quick(wire, task) is None
    assert reason_for(wire, task) == reason


@pytest.mark.parametrize(
    "answer",
    [
        ["other.test. 60 A 6.6.6.6"],  # a foreign owner
        ["www.test. 60 A 192.0.2.1", "other.test. 60 A 6.6.6.6"],
        ["www.test. 60 CNAME b.test.", "c.test. 60 A 6.6.6.6"],
        ["www.test. 60 CNAME b.test.", "b.test. 60 CNAME www.test.", "www.test. 60 A 6.6.6.6"],  # in a circle
        ["www.test. 60 CNAME b.test."],  # the target is left out
        ["www.test. 60 CNAME a\\032b.test.", "a\\032b.test. 60 A 192.0.2.1"],  # odd characters
        ["www.test. 60 MX 10 mail.test."],
    ],
)
def test_what_is_unusual_is_left(answer: list[str]) -> None:
    task = task_of()
    assert quick(response(task, *answer).to_wire(), task) is None


@pytest.mark.parametrize("extra", [b"\0", b"x" * 11])
def test_octets_behind_the_message_are_left_to_be_noted(extra: bytes) -> None:
    task = task_of()
    assert quick(GOOD + extra, task) is None
    result = slow(GOOD + extra, task)
    assert result
    assert result.notes == (f"{len(extra)} octets behind the message",)


def test_edns_options_and_the_upper_bits_of_an_rcode_are_left() -> None:
    task = task_of()
    message = response(task, "www.test. 60 A 192.0.2.1")
    plain = message.to_wire()
    assert quick(plain, task) is not None
    message.use_edns(options=[dns.edns.EDEOption(dns.edns.EDECode.PROHIBITED, "no")])
    assert quick(message.to_wire(), task) is None
    assert quick(changed(len(plain) - 6, b"\1", plain), task) is None


def test_a_referral_is_left() -> None:
    task = task_of()
    wire = response(task, authority=("test. 60 NS ns.test.",), flags="QR RD").to_wire()
    assert quick(wire, task) is None
    result = slow(wire, task)
    assert result
    assert result.outcome is Outcome.LAME


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, len(GOOD)))
def test_random_octets_raise_nothing(octets: bytes, keep: int) -> None:
    quick(GOOD[:keep] + octets, task_of())


def test_a_changed_reply_is_read_as_resolve_reads_it_or_not_at_all() -> None:
    task = task_of()
    chance = random.Random(7)
    bases = [
        response(task, "www.test. 60 CNAME b.test.", "b.test. 9 A 192.0.2.1").to_wire(),
        response(task, authority=("test. 60 SOA ns.test. h.test. 1 2 3 4 5",), rcode=3).to_wire(),
        GOOD,
    ]
    for number in range(3000):
        wire = bytearray(bases[number % 3])
        for _ in range(chance.randint(1, 3)):
            wire[chance.randrange(2, len(wire))] = chance.choice((0, 1, 0xC0, 0x0C, chance.randrange(256)))
        cut = bytes(wire[: chance.choice((len(wire), len(wire), chance.randrange(len(wire) + 1)))])
        if found := quick(cut, task):
            assert found.resolution == slow(cut, task)


# --- the rest


def test_the_template_makes_what_a_query_is() -> None:
    task = task_of("a.b.test", AAAA)
    for options in (USUAL, USUAL._replace(edns=False), USUAL._replace(dnssec=True, extra=((3, b""),), recurse=False)):
        head, tail, _ = template(options)
        assert b"\x12\x34" + head + task.question + tail == Query(0x1234, task.wire, AAAA, options).wire


def test_shapes_are_remembered_up_to_a_limit() -> None:
    for number in range(MAX_SHAPES + 100):
        quick(b"\0\0\x80\0\0\1" + number.to_bytes(2) + b"\0\0\0\0", task_of())
    assert len(_shapes) <= MAX_SHAPES
    _shapes.clear()


def test_harmless() -> None:
    assert is_harmless("www.Example-1_2.test.")
    for text in ("a b", 'a"b', "a\\b", "a%b", "é", "a\x1b", "a<b", "{}"):
        assert not is_harmless(text)
