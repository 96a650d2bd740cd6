"""Messages without sockets: every truncation, random octets, lies, and dnspython's opinion of every valid reply."""

from collections.abc import Sequence

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netkit.dns.edns import options as edns_options
from netkit.dns.edns import read
from netkit.dns.name import parse_name, to_text
from netkit.dns.result import Record
from netkit.dns.types import AAAA, CNAME, OPT, A, type_name
from netkit.dns.wire import Malformed, Mismatch, Query, QueryOptions, Raw, Reply, follow, parse, read_name, record_of
from tests.dns.conftest import SOA, reply_to
from tests.dns.records import ALL

WWW = Query(0x1234, parse_name("www.test"), A)
HEAD = b"\x12\x34\x81\x80"  # the id of WWW, QR RD RA
FULL = reply_to(
    WWW.wire,
    *(f"@ 60 IN {rdtype} {data}" for rdtype, data in ALL.items() if rdtype not in ("CNAME", "TSIG")),
    options=[(3, b"nsid"), (8, b"\0\1\x18\x18\xc0\0\2"), (10, b"eightoct" * 2), (15, b"\0\7words")],
)
POINTER = b"\xc0\x0c"  # to the question's name
IN_A = b"\0\1\0\1\0\0\0\x3c"  # type A, class IN, TTL 60

REPLIES = {
    "a": reply_to(WWW.wire, "@ 60 IN A 192.0.2.1", "@ 60 IN A 192.0.2.2"),
    "chain": reply_to(WWW.wire, "@ 60 IN CNAME a.b.test.", "a.b.test. 60 IN A 192.0.2.1"),
    "negative": reply_to(WWW.wire, authority=[SOA], rcode="NXDOMAIN"),
    "mail": reply_to(WWW.wire, "@ 60 IN MX 10 mail.www.test.", '@ 60 IN TXT "one" "two"'),
    "odd": reply_to(WWW.wire, "@ 60 IN TYPE65534 \\# 3 000102", "@ 60 IN SRV 1 2 53 ns.www.test."),
}


def message(counts: bytes, *parts: bytes, head: bytes = HEAD) -> bytes:
    return head + counts + b"".join(parts)


def test_query_is_what_dnspython_reads() -> None:
    read = dns.message.from_wire(WWW.wire)
    assert (read.id, str(read.question[0]), read.edns, read.payload) == (0x1234, "www.test. IN A", 0, 1232)
    bare = dns.message.from_wire(Query(7, WWW.name, AAAA, QueryOptions(edns=False, recurse=False)).wire)
    assert (bare.id, str(bare.question[0]), bare.edns, bare.flags) == (7, "www.test. IN AAAA", -1, 0)


def test_query_options_are_what_dnspython_reads() -> None:
    options = QueryOptions(
        checking_disabled=True, dnssec=True, rdclass=3, payload=4096, extra=((3, b""), (65001, b"x"))
    )
    read = dns.message.from_wire(Query(7, WWW.name, A, options).wire)
    assert str(read.question[0]) == "www.test. CH A"
    assert (read.flags, read.ednsflags, read.payload) == (0x0130, 0x8000, 4096)
    assert [(int(one.otype), one.to_wire()) for one in read.options] == [(3, b""), (65001, b"x")]


@pytest.mark.parametrize("name", REPLIES)
def test_every_truncation_is_malformed(name: str) -> None:
    wire = REPLIES[name]
    for end in range(len(wire)):
        with pytest.raises(Malformed):
            parse(wire[:end], WWW)
    assert parse(wire, WWW).wire == wire


@pytest.mark.parametrize("name", REPLIES)
def test_a_truncated_reply_may_end_anywhere_behind_its_question(name: str) -> None:
    wire = REPLIES[name][:2] + b"\x83" + REPLIES[name][3:]
    whole = parse(wire, WWW)
    behind_question = len(WWW.question) + 12
    for end in range(len(wire)):
        if end < behind_question:
            with pytest.raises(Malformed):
                parse(wire[:end], WWW)
        else:
            reply = parse(wire[:end], WWW)
            assert reply.truncated
            assert reply.note is None
            assert reply.answer == whole.answer[: len(reply.answer)]
    assert [record_of(whole, raw) for raw in whole.answer] == [
        record_of(parse(REPLIES[name], WWW), raw) for raw in whole.answer
    ]


@given(st.binary(max_size=80))
def test_random_octets_raise_nothing_else(octets: bytes) -> None:
    with pytest.raises((Malformed, Mismatch)):
        parse(octets if octets[:2] != HEAD[:2] else b"", WWW)


@given(
    st.sampled_from([b"\x81\x80", b"\x83\x80", b"\x81\x83"]),
    st.tuples(*[st.integers(0, 3)] * 3),
    st.lists(
        st.one_of(st.binary(max_size=12), st.sampled_from([POINTER, IN_A, b"\0\4\xc0\0\2\1", b"\0\5\0\1\0\0\0\0"])),
        max_size=12,
    ),
)
def test_random_records_raise_nothing_else(flags: bytes, counts: tuple[int, ...], parts: list[bytes]) -> None:
    head = HEAD[:2] + flags + b"\0\1" + b"".join(count.to_bytes(2) for count in counts)
    try:
        reply = parse(head + WWW.question + b"".join(parts), WWW)
        steps = [owner for owner, _ in follow(reply, WWW.name, A)]
        texts = [record_of(reply, raw).data for raw in reply.answer + reply.authority]
    except Malformed:
        return
    assert steps[0] == WWW.name
    assert all(text.isprintable() for text in texts)


@given(st.one_of(st.integers(1, 300), st.integers(0, 65535)), st.binary(max_size=40))
def test_random_data_of_any_type_is_text_or_malformed(rdtype: int, data: bytes) -> None:
    assume(rdtype != OPT)  # no data, and never an answer
    record = POINTER + rdtype.to_bytes(2) + b"\0\1" + bytes(4) + len(data).to_bytes(2) + data
    reply = parse(message(b"\0\1\0\1\0\0\0\0", WWW.question, record), WWW)
    for raw in reply.answer:
        try:
            text = record_of(reply, raw).data
        except Malformed:
            continue
        assert text.isprintable()


labels = st.binary(min_size=1, max_size=63)
names = st.lists(labels, min_size=0, max_size=4).map(
    lambda parts: dns.name.Name([*parts, b""]) if sum(len(one) + 1 for one in parts) < 255 else dns.name.root
)
few_names = st.sampled_from([dns.name.from_text(text) for text in ("test.", "www.test.", "a.www.test.", "B.TEST.")])
any_name = st.one_of(names, few_names)


@st.composite
def records(draw: st.DrawFn) -> tuple[dns.name.Name, int, dns.rdata.Rdata]:
    owner = draw(any_name)
    if draw(st.booleans()):
        rdtype = draw(st.sampled_from([one for one in ALL if one != "TSIG"]))
        return owner, draw(st.integers(0, 0x7FFFFFFF)), dns.rdata.from_text("IN", rdtype, ALL[rdtype])
    rdtype = draw(st.sampled_from(["A", "AAAA", "CNAME", "PTR", "MX", "TXT", "SOA", "NS", "DNAME"]))
    number, octets = draw(st.integers(0, 65535)), draw(st.binary(min_size=16, max_size=16))
    name, other = draw(any_name).to_wire(), draw(any_name).to_wire()
    assert name is not None
    assert other is not None
    data = {
        "A": octets[:4],
        "AAAA": octets,
        "CNAME": name,
        "PTR": name,
        "NS": name,
        "DNAME": name,
        "MX": number.to_bytes(2) + name,
        "TXT": b"\x10" + octets + b"\0",
        "SOA": name + other + octets + octets[:4],
    }[rdtype]
    number_of = dns.rdatatype.from_text(rdtype)
    return (
        owner,
        draw(st.integers(0, 0x7FFFFFFF)),
        dns.rdata.from_wire(dns.rdataclass.IN, number_of, data, 0, len(data)),
    )


def same_names(ours: str, theirs: str) -> bool:
    """Whether two texts of a name mean the same octets: both escape more than RFC 1035 asks, in different places."""
    return dns.name.from_text(ours).labels == dns.name.from_text(theirs).labels


def same_records(ours: Sequence[Record], theirs: Sequence[dns.rrset.RRset]) -> None:
    assert len(ours) == len(theirs)
    for one, rrset in zip(ours, theirs, strict=True):
        assert same_names(one.name, str(rrset.name))
        assert (one.ttl, one.type) == (rrset.ttl, dns.rdatatype.to_text(rrset.rdtype))
        assert one.rdclass == dns.rdataclass.to_text(rrset.rdclass)
        if one.type in ("CNAME", "PTR", "NS", "DNAME"):
            assert same_names(one.data, str(rrset[0]))
        else:
            assert dns.rdata.from_text(one.rdclass, one.type, one.data) == rrset[0]


@given(
    *[st.lists(records(), max_size=4)] * 3,
    st.lists(st.tuples(st.integers(20000, 65535), st.binary(max_size=20)), max_size=3),
    st.sampled_from([0, 2, 3, 5, 16, 23]),
    st.sampled_from(["QR", "QR AA", "QR RD RA AD", "QR CD RA"]),
    st.booleans(),
)
def test_dnspython_reads_the_same(
    answer: list[tuple[dns.name.Name, int, dns.rdata.Rdata]],
    authority: list[tuple[dns.name.Name, int, dns.rdata.Rdata]],
    additional: list[tuple[dns.name.Name, int, dns.rdata.Rdata]],
    options: list[tuple[int, bytes]],
    rcode: int,
    flags: str,
    do: bool,
) -> None:
    """Every section, the extended rcode, flags and EDNS options of any reply, compressed as dnspython writes it."""
    built = dns.message.make_response(dns.message.from_wire(WWW.wire))
    built.flags = dns.flags.from_text(flags)
    generic: list[dns.edns.Option] = [dns.edns.GenericOption(dns.edns.OptionType(code), data) for code, data in options]
    built.use_edns(0, 0x8000 if do else 0, 1400, options=generic)
    built.set_rcode(dns.rcode.Rcode(rcode))
    for section, drawn in ((built.answer, answer), (built.authority, authority), (built.additional, additional)):
        section += [dns.rrset.from_rdata(owner, ttl, rdata) for owner, ttl, rdata in drawn]
    wire = built.to_wire(max_size=65535)
    theirs = dns.message.from_wire(wire, one_rr_per_rrset=True)
    reply = parse(wire, WWW)
    for ours, others in (
        (reply.answer, theirs.answer),
        (reply.authority, theirs.authority),
        (reply.additional, theirs.additional),
    ):
        same_records([record_of(reply, raw) for raw in ours], others)
    assert (reply.rcode, reply.note) == (theirs.rcode(), None)
    assert " ".join(reply.flag_names).upper() == dns.flags.to_text(theirs.flags).removeprefix("QR").strip()
    edns = read(reply)
    assert edns is not None
    assert (edns.version, edns.payload, edns.dnssec_ok) == (0, theirs.payload, bool(theirs.ednsflags & 0x8000))
    assert list(edns_options(reply)) == [(int(one.otype), one.to_wire()) for one in theirs.options]


@pytest.mark.parametrize("rdtype", ALL)
def test_the_data_of_every_type_is_dnspythons(rdtype: str) -> None:
    rdata = dns.rdata.from_text("IN", rdtype, ALL[rdtype])
    built = dns.message.make_response(dns.message.from_wire(WWW.wire))
    built.answer.append(dns.rrset.from_rdata("www.test.", 60, rdata))
    built.answer.append(dns.rrset.from_rdata("www.test.", 60, dns.rdata.from_text("IN", "TXT", "behind")))
    wire = built.to_wire()
    reply = parse(wire, WWW)
    shown, behind = (record_of(reply, raw) for raw in reply.answer)
    assert (shown.type, behind.data) == (rdtype, '"behind"')
    assert dns.rdata.from_text("IN", rdtype, shown.data) == rdata
    assert shown.data.isprintable()
    for end in range(reply.answer[0].start, reply.answer[0].end):
        with pytest.raises(Malformed):
            parse(wire[:end], WWW)


def test_data_of_another_class() -> None:
    """A of CH is a name and a number (RFC 1035 has none, Moon has): dnspython's business."""
    query = Query(7, WWW.name, A, QueryOptions(rdclass=3))
    data = parse_name("moon.test") + b"\0\7"
    record = POINTER + b"\0\1\0\3\0\0\0\0" + len(data).to_bytes(2) + data
    reply = parse(b"\0\7\x81\x80\0\1\0\1\0\0\0\0" + query.question + record, query)
    assert [record_of(reply, raw) for raw in reply.answer] == [Record("www.test.", "A", 0, "moon.test. 7", "CH")]
    other = parse(b"\0\7\x81\x80\0\1\0\1\0\0\0\0" + query.question + POINTER + IN_A + b"\0\4\6\6\6\6", query)
    assert other.answer == ()


def test_any_class_takes_every_class() -> None:
    query = Query(7, WWW.name, A, QueryOptions(rdclass=255))
    records = b"".join(POINTER + b"\0\1" + rdclass + bytes(4) + b"\0\4\xc0\0\2\1" for rdclass in (b"\0\1", b"\0\2"))
    reply = parse(b"\0\7\x81\x80\0\1\0\2\0\0\0\0" + query.question + records, query)
    assert [record_of(reply, raw).rdclass for raw in reply.answer] == ["IN", "CLASS2"]


@given(st.binary(min_size=12, max_size=200), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6))
def test_nothing_else_is_raised_for_any_octets(noise: bytes, changes: list[tuple[int, int]]) -> None:
    """Random octets behind a right header, and right replies with some octets changed."""
    for wire in (HEAD + noise[4:], HEAD + noise[4:12] + WWW.question + noise, *REPLIES.values(), FULL):
        changed = bytearray(wire)
        for at, octet in changes:
            changed[at % len(changed)] = octet
        changed[:2] = wire[:2]
        try:
            reply = parse(bytes(changed), WWW)
            read(reply)
            for raw in reply.answer + reply.authority + reply.additional:
                assert record_of(reply, raw).data.isprintable()
            list(follow(reply, WWW.name, A))
        except (Malformed, Mismatch):
            continue


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"\xc0\x1a", "points forwards or at itself"),  # at itself
        (b"\xc0\x1c", "points forwards"),  # at the type behind it
        (b"\xff\xff", "points forwards"),
        (b"\1a\xc0\x1a", "points forwards or at itself"),  # a label, then its own start
        (b"\x40", "octet 0x40"),
        (b"\x80", "octet 0x80"),
        (b"\xc0", "past the end"),
        (b"\5ab", "past the end"),
    ],
)
def test_names_that_lead_nowhere(name: bytes, reason: str) -> None:
    wire = message(b"\0\1\0\1\0\0\0\0", WWW.question, name)
    assert len(wire) - len(name) == 0x1A
    with pytest.raises(Malformed, match=reason):
        parse(wire, WWW)


def test_two_pointers_in_a_loop() -> None:
    wire = bytes(12) + b"\xc0\x0e\xc0\x0c"
    for at in (12, 14):
        with pytest.raises(Malformed, match="forwards"):
            read_name(wire, at)


def test_pointers_backwards_are_followed_as_many_as_a_name_may_have() -> None:
    wire = b"\1a\0" + b"".join(at.to_bytes(2) for at in [0xC000, *(0xC000 | at for at in range(3, 2001, 2))])
    assert read_name(wire[: 3 + 2 * 127], 3 + 2 * 126) == (b"\1a\0", 3 + 2 * 127)
    with pytest.raises(Malformed, match="more than 127 pointers"):
        read_name(wire, 3 + 2 * 127)


def test_names_of_255_octets_and_one_more() -> None:
    longest = (b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"y" * 61 + b"\0"
    assert len(longest) == 255
    assert read_name(longest, 0) == (longest, 255)
    with pytest.raises(Malformed, match="more than 255 octets"):
        read_name((b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"y" * 62 + b"\0", 0)
    with pytest.raises(Malformed, match="more than 255 octets"):
        read_name(longest + b"\1z\xc0\0", 255)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\x12\x35" + REPLIES["a"][2:], "wrong id"),
        (WWW.wire, "it is a query, not a reply"),
        (HEAD[:2] + b"\xa0" + REPLIES["a"][3:], "opcode 4, not QUERY"),
        (reply_to(WWW.wire, question="evil.test. A"), "it answers evil.test. A"),
        (reply_to(WWW.wire, question="www.test. AAAA"), "it answers www.test. AAAA"),
        (message(b"\0\1\0\0\0\0\0\0", WWW.name + b"\0\1\0\3"), "it answers www.test. A in class 3"),
        (message(b"\0\0\0\0\0\0\0\0"), "0 questions"),
        (message(b"\0\2\0\0\0\0\0\0", WWW.question * 2), "2 questions"),
        (message(b"\0\0\0\0\0\0\0\0", head=HEAD[:3] + b"\x83"), "0 questions"),  # NXDOMAIN of nothing
        (message(b"\0\0\0\0\0\0\0\0", head=HEAD[:3] + b"\x86"), "0 questions"),  # YXDOMAIN
        (message(b"\0\0\0\0\0\0\0\0", head=HEAD[:3] + b"\x89"), "0 questions"),  # NOTAUTH
    ],
)
def test_replies_to_something_else(wire: bytes, reason: str) -> None:
    with pytest.raises(Mismatch) as caught:
        parse(wire, WWW)
    assert str(caught.value) == reason


def test_a_failure_may_leave_the_question_out() -> None:
    for rcode in (1, 2, 4, 5):
        reply = parse(message(bytes(8), head=HEAD[:3] + bytes([0x80 | rcode])), WWW)
        assert (reply.rcode, reply.answer, reply.note) == (rcode, (), None)


def test_the_question_may_come_back_in_other_case() -> None:
    wire = message(b"\0\1\0\0\0\0\0\0", b"\3WwW\4TEST\0\0\1\0\1")
    assert parse(wire, WWW).answer == ()


@pytest.mark.parametrize(
    "counts", [b"\0\1\0\3\0\0\0\0", b"\0\1\0\2\0\1\0\0", b"\0\1\0\2\0\0\0\1", b"\0\1\xff\xff\0\0\0\0"]
)
def test_counts_that_promise_more(counts: bytes) -> None:
    with pytest.raises(Malformed, match="a name runs past the end"):
        parse(HEAD + counts + REPLIES["a"][12:], WWW)


def test_counts_that_promise_less_leave_octets_behind() -> None:
    reply = parse(HEAD + b"\0\1\0\1\0\0\0\0" + REPLIES["a"][12:], WWW)
    assert [record_of(reply, raw).data for raw in reply.answer] == ["192.0.2.1"]
    assert reply.note == "16 octets behind the message"


@pytest.mark.parametrize(
    ("rdtype", "data", "reason"),
    [
        (1, b"\xc0\0\2", "an A record of 3 octets"),
        (28, bytes(4), "an AAAA record of 4 octets"),
        (5, b"\1a\0\0", "the data of a CNAME record has the wrong length"),
        (5, b"\1a", "a name runs past the end"),
        (15, b"\0", "the data of a MX record: "),
        (16, b"\5ab", "the data of a TXT record: "),
    ],
)
def test_data_of_the_wrong_size(rdtype: int, data: bytes, reason: str) -> None:
    record = POINTER + rdtype.to_bytes(2) + b"\0\1\0\0\0\0" + len(data).to_bytes(2) + data
    reply = parse(message(b"\0\1\0\1\0\0\0\0", WWW.question, record), WWW)
    with pytest.raises(Malformed) as caught:
        record_of(reply, reply.answer[0])
    assert str(caught.value).startswith(reason)


def test_other_classes_are_left_out_and_opt_is_no_record() -> None:
    chaos = POINTER + b"\0\1\0\3\0\0\0\0\0\4\6\6\6\6"
    opt = b"\0\0\x29\4\xd0\1\0\0\0\0\0"
    reply = parse(message(b"\0\1\0\1\0\0\0\1", WWW.question, chaos, opt), WWW)
    assert (reply.answer, reply.rcode, reply.note) == ((), 16, None)


def test_a_ttl_with_its_top_bit_set_is_none_at_all() -> None:
    """RFC 2181 section 8."""
    reply = Reply(b"\xc0\0\2\1", 0, 0, (Raw(WWW.name, A, 0x80000001, 0, 4),), ())
    assert record_of(reply, reply.answer[0]).ttl == 0


def steps_of(*answer: str, rdtype: int = A) -> list[tuple[str, list[str]]]:
    reply = parse(reply_to(WWW.wire, *answer), WWW)
    return [
        (to_text(owner), [type_name(raw.type) + " " + record_of(reply, raw).data for raw in found])
        for owner, found in follow(reply, WWW.name, rdtype)
    ]


def test_follow() -> None:
    address = "a.test. 60 IN A 192.0.2.1"
    assert steps_of("@ 60 IN A 192.0.2.1") == [("www.test.", ["A 192.0.2.1"])]
    assert steps_of(address, "@ 60 IN CNAME a.test.") == [
        ("www.test.", ["CNAME a.test."]),
        ("a.test.", ["A 192.0.2.1"]),
    ]
    assert steps_of("@ 60 IN CNAME a.test.", rdtype=CNAME) == [("www.test.", ["CNAME a.test."])]
    assert steps_of("@ 60 IN CNAME www.test.", address) == [("www.test.", ["CNAME www.test."])] * 2
    assert steps_of(address) == [("www.test.", [])]  # a foreign owner is no answer
    assert steps_of("@ 60 IN CNAME b.test.") == [("www.test.", ["CNAME b.test."]), ("b.test.", [])]


def test_owners_match_in_any_case() -> None:
    upper = b"\3WWW\4Test\0" + IN_A + b"\0\4\xc0\0\2\1"
    reply = parse(message(b"\0\1\0\1\0\0\0\0", WWW.question, upper), WWW)
    assert [[record_of(reply, raw).data for raw in found] for _, found in follow(reply, WWW.name, A)] == [["192.0.2.1"]]
