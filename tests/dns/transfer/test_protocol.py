"""The messages of AXFR and IXFR: whole, cut anywhere, split over messages in every way, and wrong in each way."""

from collections.abc import Iterator, Sequence

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.dns.name import parse_name
from netkit.dns.transfer.protocol import AXFR, IXFR, Change, Refused, Transfer, newer
from netkit.dns.wire import Malformed, Mismatch, Query

ZONE = parse_name("zone.test")
SOA1 = "zone.test. 60 IN SOA ns.zone.test. admin.zone.test. 1 2 3 4 60"
SOA2 = SOA1.replace(" 1 2 3", " 2 2 3")
SOA3 = SOA1.replace(" 1 2 3", " 3 2 3")
NS, A1, A2, A3 = (
    "zone.test. 60 IN NS ns.zone.test.",
    "a.zone.test. 60 IN A 192.0.2.1",
    "b.zone.test. 60 IN A 192.0.2.2",
    "c.zone.test. 60 IN A 192.0.2.3",
)
WHOLE = [SOA3, NS, A1, A2, SOA3]
DIFFERENCES = [SOA3, SOA1, A1, SOA2, A2, SOA2, SOA3, A3, SOA3]


def message(*lines: str, id: int = 7, rdtype: str = "AXFR", rcode: int = 0, flags: str = "QR AA") -> bytes:
    made = dns.message.Message(id=id)
    made.flags = dns.flags.from_text(flags)
    made.set_rcode(dns.rcode.Rcode(rcode))
    if rdtype:
        made.question = [dns.rrset.from_text("zone.test.", 0, "IN", rdtype)]
    for line in lines:  # one set a record, so that their order stays
        name, ttl, rdclass, kind, data = line.split(maxsplit=4)
        made.answer.append(dns.rrset.from_text(name, int(ttl), rdclass, kind, data))
    return made.to_wire(max_size=65535)


def read(messages: Sequence[bytes], serial: int | None = None) -> tuple[Transfer, list[Change]]:
    state = Transfer(Query(7, ZONE, AXFR if serial is None else IXFR), serial=serial)
    return state, [change for one in messages for change in state.feed(one)]


def shown(changes: Sequence[Change]) -> list[str]:
    signs = {"zone": "", "delete": "-", "add": "+"}
    return [f"{signs[one.action]}{one.record.name.removesuffix('.zone.test.')} {one.record.data}" for one in changes]


def splits(lines: Sequence[str], rdtype: str) -> Iterator[list[bytes]]:
    """The lines over messages in every way."""
    for mask in range(1 << (len(lines) - 1)):
        parts, part = [], [lines[0]]
        for number, line in enumerate(lines[1:]):
            if mask >> number & 1:
                parts.append(part)
                part = []
            part.append(line)
        yield [message(*one, rdtype=rdtype if not at else "") for at, one in enumerate([*parts, part])]


def test_a_whole_zone_in_every_split() -> None:
    for messages in splits(WHOLE, "AXFR"):
        state, changes = read(messages)
        assert state.done
        assert [one.record.data for one in changes] == [
            "ns.zone.test. admin.zone.test. 3 2 3 4 60",
            "ns.zone.test.",
            "192.0.2.1",
            "192.0.2.2",
        ]
        assert (state.new_serial, state.incremental, state.records, state.messages) == (3, False, 5, len(messages))


def test_differences_in_every_split() -> None:
    expected = [
        "-zone.test. ns.zone.test. admin.zone.test. 1 2 3 4 60",
        "-a 192.0.2.1",
        "+zone.test. ns.zone.test. admin.zone.test. 2 2 3 4 60",
        "+b 192.0.2.2",
        "-zone.test. ns.zone.test. admin.zone.test. 2 2 3 4 60",
        "+zone.test. ns.zone.test. admin.zone.test. 3 2 3 4 60",
        "+c 192.0.2.3",
    ]
    for messages in splits(DIFFERENCES, "IXFR"):
        state, changes = read(messages, serial=1)
        assert (state.done, state.incremental, state.up_to_date) == (True, True, False)
        assert shown(changes) == expected


def test_a_whole_zone_instead_of_differences_in_every_split() -> None:
    for messages in splits(WHOLE, "IXFR"):
        state, changes = read(messages, serial=1)
        assert (state.done, state.incremental) == (True, False)
        assert [one.action for one in changes] == ["zone"] * 4


@pytest.mark.parametrize("serial", [3, 4, 2**31])
def test_nothing_newer(serial: int) -> None:
    state, changes = read([message(SOA3, rdtype="IXFR")], serial=serial)
    assert (state.done, state.up_to_date, changes) == (True, True, [])


def test_a_zone_of_nothing_but_its_soa() -> None:
    for serial in (None, 1):
        state, changes = read([message(SOA3, SOA3, rdtype="AXFR" if serial is None else "IXFR")], serial=serial)
        assert (state.done, shown(changes)) == (True, ["zone.test. ns.zone.test. admin.zone.test. 3 2 3 4 60"])


def test_every_truncation_is_malformed() -> None:
    wire = message(*WHOLE)
    for end in range(len(wire)):
        with pytest.raises((Malformed, Mismatch)):
            read([wire[:end]])


def test_a_transfer_that_stops_is_not_done() -> None:
    for count in range(1, len(WHOLE)):
        assert not read([message(*WHOLE[:count])])[0].done
    for count in range(1, len(DIFFERENCES)):
        assert not read([message(*DIFFERENCES[:count], rdtype="IXFR")], serial=1)[0].done


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([message(*WHOLE, id=8)], "wrong id"),
        ([message(*WHOLE, flags="AA")], "no reply"),
        ([message(*WHOLE, flags="QR TC")], "cut short"),
        ([message(*WHOLE, rdtype="")], "no question"),
        ([message(*WHOLE, rdtype="A")], "it answers zone.test. A"),
        ([message()], "no records"),
        ([message(A1, *WHOLE)], "does not begin with the zone's SOA"),
        ([message(*WHOLE[:-1], SOA2)], "ends with another SOA"),
        ([message(*WHOLE, A3)], "behind the last SOA"),
        ([message(*WHOLE), message(A3)], "behind the last SOA"),
        ([message(SOA3, "www.other.test. 60 IN A 192.0.2.66", SOA3)], "not in the zone"),
        ([message(SOA3, "a.zone.test. 60 CH TXT x", SOA3)], "class 3"),
    ],
)
def test_a_wrong_transfer_says_why(messages: list[bytes], why: str) -> None:
    with pytest.raises((Malformed, Mismatch), match=why):
        read(messages)


def test_differences_of_another_version() -> None:
    with pytest.raises(Malformed, match="differences of version 2 come where those of 1 should"):
        read([message(SOA3, SOA2, A2, SOA3, A3, SOA3, rdtype="IXFR")], serial=1)


@pytest.mark.parametrize("rcode", [1, 2, 5, 9])
def test_an_error_is_told(rcode: int) -> None:
    with pytest.raises(Refused) as caught:
        read([message(rcode=rcode)])
    assert caught.value.rcode == rcode


def test_serials_go_round() -> None:
    assert newer(1, 0)
    assert newer(0, 2**32 - 1)
    assert not newer(5, 5)
    assert not newer(2**32 - 1, 0)


@given(st.binary(max_size=200))
def test_octets_of_any_kind_are_no_crash(octets: bytes) -> None:
    for data in (octets, message(*WHOLE)[: 12 + len(octets) // 2] + octets):
        try:
            read([data])
        except (Malformed, Mismatch, Refused):
            continue
