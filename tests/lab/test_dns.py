"""The lab's DNS server, asked by dnspython and dig."""

import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit import __version__
from netkit.errors import BadInput, LocalFailure
from netkit.lab import Event, Lab, running
from netkit.lab.dns.faults import FAULTS
from netkit.lab.dns.zones import load
from tests.conftest import MS

ZONES = load()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running() as lab:
        yield lab


def where(lab: Lab) -> tuple[str, int]:
    host, _, port = lab.environment["NETKIT_LAB_DNS"].rpartition(":")
    return host, int(port)


def ask(
    lab: Lab, name: str, rdtype: str = "A", *, tcp: bool = False, payload: int | None = None
) -> dns.message.Message:
    host, port = where(lab)
    query = dns.message.make_query(name, rdtype, use_edns=payload is not None, payload=payload)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, port=port, timeout=5000 * MS)


def answer(name: str, rdtype: str = "A") -> dns.message.Message:
    """The reply without a socket."""
    return ZONES.answer(dns.message.make_query(name, rdtype))


def lines(reply: dns.message.Message, section: str = "answer") -> list[str]:
    return [line for rrset in getattr(reply, section) for line in rrset.to_text().splitlines()]


SOA = "lab.test. 60 IN SOA ns1.lab.test. hostmaster.lab.test. 2026010101 7200 3600 1209600 60"


@pytest.mark.parametrize(
    ("name", "rdtype", "expected"),
    [
        ("www.lab.test", "A", ["www.lab.test. 300 IN A 127.0.0.1"]),
        ("WWW.Lab.Test", "AAAA", ["WWW.Lab.Test. 300 IN AAAA ::1"]),
        ("lab.test", "MX", ["lab.test. 300 IN MX 10 mail.lab.test.", "lab.test. 300 IN MX 20 mail2.lab.test."]),
        ("_dns._udp.lab.test", "SRV", ["_dns._udp.lab.test. 300 IN SRV 0 0 5300 ns1.lab.test."]),
        (
            "chain.lab.test",
            "A",
            [
                "chain.lab.test. 300 IN CNAME chain2.lab.test.",
                "chain2.lab.test. 300 IN CNAME chain3.lab.test.",
                "chain3.lab.test. 300 IN CNAME www.lab.test.",
                "www.lab.test. 300 IN A 127.0.0.1",
            ],
        ),
        ("chain.lab.test", "CNAME", ["chain.lab.test. 300 IN CNAME chain2.lab.test."]),
        (
            "loop.lab.test",
            "A",
            ["loop.lab.test. 300 IN CNAME loop2.lab.test.", "loop2.lab.test. 300 IN CNAME loop.lab.test."],
        ),
        ("self.lab.test", "A", ["self.lab.test. 300 IN CNAME self.lab.test."]),
        ("outside.lab.test", "A", ["outside.lab.test. 300 IN CNAME www.example.com."]),
        ("a.b.wild.lab.test", "A", ["a.b.wild.lab.test. 300 IN A 127.0.0.42"]),
        (
            "a.dname.lab.test",
            "A",
            [
                "dname.lab.test. 300 IN DNAME www.dname-target.lab.test.",
                "a.dname.lab.test. 300 IN CNAME a.www.dname-target.lab.test.",
                "a.www.dname-target.lab.test. 300 IN A 127.0.0.1",
            ],
        ),
        ("bücher.lab.test", "A", ["xn--bcher-kva.lab.test. 300 IN A 127.0.0.1"]),
        ("unknown.lab.test", "TYPE65534", ["unknown.lab.test. 300 IN TYPE65534 \\# 4 0a000001"]),
        ("nul.lab.test", "TXT", ['nul.lab.test. 300 IN TXT "before\\000after"']),
        ("1.0.0.127.in-addr.arpa", "PTR", ["1.0.0.127.in-addr.arpa. 300 IN PTR www.lab.test."]),
        ("27.0.0.127.in-addr.arpa", "PTR", ["27.0.0.127.in-addr.arpa. 300 IN PTR \\027[31mred\\027[0m.lab.test."]),
        ("lab.test", "ANY", ['lab.test. 300 IN HINFO "RFC8482" ""']),
    ],
)
def test_answers(name: str, rdtype: str, expected: list[str]) -> None:
    reply = answer(name, rdtype)
    assert (reply.rcode(), lines(reply)) == (dns.rcode.NOERROR, expected)
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode"),
    [
        ("nosuch.lab.test", "A", dns.rcode.NXDOMAIN),
        ("a.not.wild.lab.test", "A", dns.rcode.NXDOMAIN),
        ("nosuch.lab.test", "ANY", dns.rcode.NXDOMAIN),
        ("v4only.lab.test", "AAAA", dns.rcode.NOERROR),
        ("empty.lab.test", "TXT", dns.rcode.NOERROR),
        ("below.empty.lab.test", "AAAA", dns.rcode.NOERROR),
        ("x.wild.lab.test", "MX", dns.rcode.NOERROR),
        ("not.wild.lab.test", "A", dns.rcode.NOERROR),
        ("_tcp.lab.test", "SRV", dns.rcode.NOERROR),
    ],
)
def test_negative_answers_bring_the_soa_with_the_negative_ttl(name: str, rdtype: str, rcode: dns.rcode.Rcode) -> None:
    reply = answer(name, rdtype)
    if rdtype == "TXT" and name == "empty.lab.test":
        assert lines(reply) == ['empty.lab.test. 300 IN TXT ""']
        return
    assert (reply.rcode(), lines(reply), lines(reply, "authority")) == (rcode, [], [SOA])


def test_a_dangling_alias_is_nxdomain_with_the_alias() -> None:
    reply = answer("dangling.lab.test")
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert lines(reply) == ["dangling.lab.test. 300 IN CNAME nosuch.lab.test."]


def test_a_delegation_is_a_referral_with_glue() -> None:
    reply = answer("www.nowhere.lab.test")
    assert (lines(reply), bool(reply.flags & dns.flags.AA)) == ([], False)
    assert lines(reply, "authority") == ["nowhere.lab.test. 300 IN NS ns.nowhere.lab.test."]
    assert lines(reply, "additional") == ["ns.nowhere.lab.test. 300 IN A 127.0.0.99"]


def test_the_lame_server_refers_to_itself() -> None:
    assert lines(answer("www.lame.lab.test"), "authority") == ["lame.lab.test. 300 IN NS ns1.lab.test."]


@pytest.mark.parametrize(("name", "rdtype"), [("example.com", "A"), (".", "NS"), ("lab.test", "AXFR")])
def test_outside_its_zones_it_refuses(name: str, rdtype: str) -> None:
    reply = answer(name, rdtype)
    assert (reply.rcode(), lines(reply), lines(reply, "authority")) == (dns.rcode.REFUSED, [], [])


def test_other_classes_operations_and_versions() -> None:
    chaos = dns.message.make_query("www.lab.test.", "A", "CH")
    assert ZONES.answer(chaos).rcode() == dns.rcode.REFUSED
    notify = dns.message.make_query("lab.test.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert ZONES.answer(notify).rcode() == dns.rcode.NOTIMP
    assert ZONES.answer(dns.message.make_query("lab.test.", "SOA", use_edns=1)).rcode() == dns.rcode.BADVERS
    assert ZONES.answer(dns.message.Message(1)).rcode() == dns.rcode.FORMERR


def test_a_dname_that_makes_the_name_too_long() -> None:
    long = ".".join(["a" * 60, "b" * 60, "c" * 60, "d" * 45]) + ".dname.lab.test"
    assert answer(long).rcode() == dns.rcode.YXDOMAIN


def test_every_record_of_the_built_in_zone_survives_the_wire() -> None:
    for origin in ZONES.origins:
        zone = ZONES.find(dns.name.from_text(origin))
        assert zone
        for name, node in zone.nodes.items():
            for rdataset in node:
                query = dns.message.make_query(name, rdataset.rdtype)
                reply = ZONES.answer(query)
                assert dns.message.from_wire(reply.to_wire()) == reply


def test_over_udp_and_tcp(lab: Lab) -> None:
    for tcp in (False, True):
        assert lines(ask(lab, "www.lab.test", tcp=tcp)) == ["www.lab.test. 300 IN A 127.0.0.1"]


@pytest.mark.parametrize(("payload", "limit"), [(0, 512), (512, 512), (1232, 1232), (65535, 1232)])
def test_a_datagram_is_no_longer_than_both_sides_want(lab: Lab, payload: int, limit: int) -> None:
    reply = ask(lab, "big.lab.test", payload=payload or None)
    assert reply.flags & dns.flags.TC
    assert len(reply.to_wire()) <= limit
    whole = ask(lab, "big.lab.test", tcp=True)
    assert not whole.flags & dns.flags.TC
    assert lines(whole) == [f"big.lab.test. 300 IN A 127.1.0.{number}" for number in range(1, 201)]


def test_records_come_in_the_order_of_the_file_every_time(lab: Lab) -> None:
    for _ in range(5):
        assert [line.split()[-1] for line in lines(ask(lab, "many.lab.test"))] == [
            "127.0.0.11",
            "127.0.0.12",
            "127.0.0.13",
        ]


def exchange(lab: Lab, data: bytes, count: int = 1, seconds: float = 5.0) -> list[bytes]:
    """What comes back for a datagram: `count` packets, or fewer when they take too long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds * 1000 * MS)
        client.connect(where(lab))
        client.send(data)
        packets: list[bytes] = []
        try:
            while len(packets) < count:
                packets.append(client.recv(65535))
        except TimeoutError:
            pass
        return packets


def test_each_fault_is_what_it_says(lab: Lab) -> None:
    def raw(name: str, count: int = 1, seconds: float = 5.0) -> list[bytes]:
        query = dns.message.make_query(f"{name}.lab.test.", "A", id=0x1234)
        return exchange(lab, query.to_wire(), count, seconds)

    assert raw("servfail")[0][3] & 15 == dns.rcode.SERVFAIL
    assert raw("x.refused")[0][3] & 15 == dns.rcode.REFUSED
    assert raw("notimp")[0][3] & 15 == dns.rcode.NOTIMP
    assert raw("formerr")[0][3] & 15 == dns.rcode.FORMERR
    assert raw("silent", seconds=0.1) == []
    assert raw("wrongid")[0][:2] == b"\x47\x61"
    assert [packet[:2] for packet in raw("spoofed", 2)] == [b"\x47\x61", b"\x12\x34"]
    assert len(set(raw("twice", 2))) == 1
    assert dns.message.from_wire(raw("wrongname")[0]).question[0].name.to_text() == "other.lab.test."
    assert dns.message.from_wire(raw("noquestion")[0]).question == []
    for name in ("garbage", "short", "cutoff", "trailing", "pointer"):
        with pytest.raises(dns.exception.DNSException):
            dns.message.from_wire(raw(name)[0])
    assert raw("delay-20ms")[0][3] & 15 == dns.rcode.NXDOMAIN
    assert ask(lab, "truncated.lab.test", tcp=True).flags & dns.flags.TC
    assert lines(dns.message.from_wire(raw("foreign")[0])) == ["other.lab.test. 60 IN A 127.6.6.6"]


@pytest.mark.parametrize(("name", "rcode", "code", "answers"), [("stale", 0, 3, 1), ("blocked", 3, 15, 0)])
def test_faults_that_say_why(lab: Lab, name: str, rcode: int, code: int, answers: int) -> None:
    def reply(edns: int) -> dns.message.Message:
        query = dns.message.make_query(f"{name}.lab.test.", "A", use_edns=edns)
        return dns.message.from_wire(exchange(lab, query.to_wire())[0])

    with_edns, without = reply(0), reply(-1)
    assert [int(one.code) for one in with_edns.extended_errors()] == [code]
    assert (with_edns.rcode(), len(with_edns.answer), without.edns) == (rcode, answers, -1)


def test_faults_with_edns_alone(lab: Lab) -> None:
    def replies(name: str, edns: int, seconds: float = 5.0) -> list[dns.message.Message]:
        query = dns.message.make_query(f"{name}.lab.test.", "A", use_edns=edns)
        return [dns.message.from_wire(packet) for packet in exchange(lab, query.to_wire(), seconds=seconds)]

    assert [(one.rcode(), one.edns) for one in replies("noedns", 0)] == [(dns.rcode.FORMERR, -1)]
    assert replies("ednsdrop", 0, seconds=0.1) == []
    for name in ("noedns", "ednsdrop"):
        assert lines(replies(name, -1)[0]) == [f"{name}.lab.test. 300 IN A 127.0.0.1"]


def test_what_the_server_says_of_itself(lab: Lab) -> None:
    def asked(name: str, rdtype: str = "TXT") -> dns.message.Message:
        query = dns.message.make_query(name, rdtype, "CH")
        return dns.message.from_wire(exchange(lab, query.to_wire())[0])

    for name in ("hostname.bind", "ID.server"):
        assert lines(asked(name)) == [f'{name}. 0 CH TXT "netkit-lab"']
    assert lines(asked("version.bind")) == [f'version.bind. 0 CH TXT "netkit lab {__version__}"']
    assert (asked("version.bind", "A").rcode(), lines(asked("version.bind", "A"))) == (dns.rcode.NOERROR, [])
    assert asked("other.bind").rcode() == dns.rcode.REFUSED


def test_edns_options_are_answered(lab: Lab) -> None:
    def options(*asked: dns.edns.Option) -> list[str]:
        query = dns.message.make_query("www.lab.test", "A", use_edns=0, options=list(asked))
        return [one.to_text() for one in dns.message.from_wire(exchange(lab, query.to_wire())[0]).options]

    assert options() == []
    assert options(dns.edns.NSIDOption(b"")) == ["NSID netkit-lab"]
    assert options(dns.edns.ECSOption("192.0.2.0", 24)) == ["ECS 192.0.2.0/24 scope/0"]
    [first], [again] = (options(dns.edns.CookieOption(b"ourownid", b"")) for _ in range(2))
    assert first == again
    assert first.startswith("COOKIE " + b"ourownid".hex())
    assert options(dns.edns.CookieOption(b"another8", b"")) != [first]


def test_every_fault_has_been_looked_at() -> None:
    assert set(FAULTS) == {
        *("servfail", "refused", "notimp", "formerr", "silent", "wrongid", "spoofed", "twice", "wrongname"),
        *("noquestion", "garbage", "short", "cutoff", "trailing", "pointer", "truncated", "slow"),
        *("stale", "blocked", "foreign", "noedns", "ednsdrop"),
    }


@pytest.mark.parametrize("data", [b"", b"\0", b"\x12\x34" + b"\0" * 9])
def test_what_is_too_short_for_a_header_gets_nothing(lab: Lab, data: bytes) -> None:
    assert exchange(lab, data, seconds=0.05) == []


def test_a_reply_gets_no_reply(lab: Lab) -> None:
    query = dns.message.make_query("www.lab.test.", "A")
    query.flags |= dns.flags.QR
    assert exchange(lab, query.to_wire(), seconds=0.05) == []


def test_every_truncation_of_a_query_gets_formerr_or_nothing(lab: Lab) -> None:
    wire = dns.message.make_query("www.lab.test.", "A", id=0x1234, use_edns=0).to_wire()
    for length in range(12, len(wire)):
        (reply,) = exchange(lab, wire[:length])
        assert reply == b"\x12\x34" + struct.pack("!HHHHH", 0x8101, 0, 0, 0, 0)


@given(data=st.binary(max_size=100))
def test_no_bytes_at_all_make_the_server_fail(data: bytes) -> None:
    try:
        query = dns.message.from_wire(data)
    except (dns.exception.DNSException, ValueError):
        return
    ZONES.answer(query).to_wire()


def test_tcp_queries_in_one_piece_byte_by_byte_and_pipelined(lab: Lab) -> None:
    wires = [
        dns.message.make_query(f"{name}.lab.test.", "A", id=at).to_wire() for at, name in enumerate(("www", "mail"))
    ]
    data = b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)
    for size in (1, 3, len(data)):
        with socket.create_connection(where(lab), timeout=5000 * MS) as client, client.makefile("rb") as stream:
            for at in range(0, len(data), size):
                client.sendall(data[at : at + size])
            for number in range(2):
                (length,) = struct.unpack("!H", stream.read(2))
                assert dns.message.from_wire(stream.read(length)).id == number


def test_a_tcp_message_too_short_for_a_header_ends_the_connection(lab: Lab) -> None:
    with socket.create_connection(where(lab), timeout=5000 * MS) as client:
        client.sendall(b"\0\0")
        assert client.recv(10) == b""


def test_many_connections_are_refused_and_the_server_lives(lab: Lab) -> None:
    clients = [socket.create_connection(where(lab), timeout=5000 * MS) for _ in range(101)]
    try:
        assert clients[-1].recv(1) == b""
    finally:
        for client in clients:
            client.close()
    for _ in range(100):
        try:
            reply = ask(lab, "www.lab.test", tcp=True)
            break
        except (EOFError, OSError):
            continue  # the hundred are just being closed
    assert lines(reply) == ["www.lab.test. 300 IN A 127.0.0.1"]


@pytest.mark.skipif(not shutil.which("dig"), reason="dig is not installed")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["www.lab.test"], "127.0.0.1\n"),
        (["-t", "TXT", "quotes.lab.test"], '"say \\"hello\\" \\\\ back"\n'),
        (["-t", "CAA", "lab.test"], '0 issue "ca.lab.test"\n0 iodef "mailto:security@lab.test"\n'),
        (["-t", "HTTPS", "_https.lab.test"], '1 www.lab.test. alpn="h2,http/1.1" port=8443\n'),
        (["-x", "127.0.0.25"], "mail.lab.test.\n"),
        (["-x", "::1"], "www.lab.test.\n"),
        (["+tcp", "a.dname.lab.test"], "www.dname-target.lab.test.\na.www.dname-target.lab.test.\n127.0.0.1\n"),
    ],
)
def test_dig_agrees(lab: Lab, arguments: list[str], expected: str) -> None:
    host, port = where(lab)
    command = ["dig", "+short", f"@{host}", "-p", str(port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20_000 * MS, check=False)
    wanted = expected.replace("www.dname-target.lab.test.\na", "a") if "a.dname.lab.test" in arguments else expected
    assert sorted(done.stdout.splitlines()) >= sorted(wanted.splitlines())
    assert set(wanted.splitlines()) <= set(done.stdout.splitlines())


def test_queries_are_logged_with_all_their_facts() -> None:
    events: list[Event] = []
    with running(on_log=events.append) as lab:
        ask(lab, "servfail.lab.test", "MX")
    (query,) = [event for event in events if event.event == "query"]
    assert query.summary == "MX servfail.lab.test. udp: SERVFAIL, 0 records (servfail on purpose)"
    assert query.data == {
        "name": "servfail.lab.test.",
        "type": "MX",
        "transport": "udp",
        "rcode": "SERVFAIL",
        "answers": 0,
        "size": 35,
        "truncated": False,
        "fault": "servfail",
    }


def test_a_zone_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text("$ORIGIN own.test.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.7\n")
    zones = load([file])
    assert zones.origins[-1] == "own.test"
    assert lines(zones.answer(dns.message.make_query("ns.own.test", "A"))) == ["ns.own.test. 60 IN A 127.0.0.7"]
    assert lines(zones.answer(dns.message.make_query("www.lab.test", "A")))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@ SOA a b 1 2 3 4 5\n", "does not say its name"),
        ("$ORIGIN own.test.\n@ 60 NS ns\n", "has no SOA record at its top"),
        ("$ORIGIN own.test.\n@ 60 SOA ns h 1 2 3 4 5\n", "has no NS record at its top"),
        ("$ORIGIN own.test.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nx 60 A 1.2.3\n", "zone:[45]: "),
        ("$ORIGIN own.test.\n$INCLUDE /etc/passwd\n", "zone:2: "),
        ("", "does not say its name"),
    ],
)
def test_a_mistake_in_a_zone_file_is_told_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "zone").write_text(text)
    with pytest.raises(BadInput, match=reason) as failed:
        load([tmp_path / "zone"])
    assert str(tmp_path / "zone") in failed.value.message


def test_a_zone_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="No such file"):
        load([tmp_path / "nosuch"])
    (tmp_path / "latin1").write_bytes(b"; \xfc")
    with pytest.raises(BadInput, match="UTF-8"):
        load([tmp_path / "latin1"])


def test_a_zone_goes_out_whole_over_tcp_alone(lab: Lab) -> None:
    host, port = where(lab)
    zone = dns.zone.Zone("lab.test.", relativize=False)
    dns.query.inbound_xfr(host, zone, port=port, timeout=5000 * MS, lifetime=5000 * MS)
    served = ZONES.find(dns.name.from_text("lab.test."))
    assert served is not None
    assert set(zone.nodes) == set(served.nodes)
    for name, rcode in (("www.lab.test", dns.rcode.REFUSED), ("elsewhere.test", dns.rcode.REFUSED)):
        assert ask(lab, name, "AXFR", tcp=True).rcode() == rcode
    assert ask(lab, "lab.test", "AXFR").rcode() == dns.rcode.REFUSED
