"""`resolve --trace-root`: down a small internet, over aliases and zones without glue, and past servers that mislead."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from netkit.dns.descent import MAX_QUERIES, Descent, descend
from netkit.dns.root_hints import Hint, parse_hints, read_hints
from netkit.dns.servers import Server
from netkit.dns.types import COMMON, parse_type
from netkit.errors import BadInput, LocalFailure
from tests.dns.modes.conftest import HINTS, ROOT, USUAL, Internet

Start = Callable[..., Internet]
Message = dns.message.Message


def trace(net: Internet, name: str, rdtype: str = "A", hints: str = HINTS, timeout: float = 30.0) -> Descent:
    (way,) = descend(name, types=(parse_type(rdtype),), hints=parse_hints(hints), port=net.port, timeout=timeout)
    return way


def path(way: Descent) -> list[tuple[int, str, str, str]]:
    return [(one.depth, one.zone, one.server, one.referral or one.outcome.value) for one in way.steps]


def test_every_referral_is_a_step(internet: Start) -> None:
    way = trace(internet(), "www.zone.test")
    assert path(way) == [
        (0, ".", "a.root.", "test."),
        (0, "test.", "ns.test.", "zone.test."),
        (0, "zone.test.", "ns1.zone.test.", "answer"),
    ]
    assert [one.data for one in way.records] == ["192.0.2.80", "192.0.2.81"]
    assert way.steps[1].name_servers == ("ns1.zone.test.", "ns2.zone.test.")
    assert (way.outcome.value, int(way.exit)) == ("answer", 0)


@pytest.mark.parametrize(
    ("name", "rdtype", "outcome", "code", "data"),
    [
        ("alias.zone.test", "A", "answer", 0, ["www.zone.test.", "192.0.2.80", "192.0.2.81"]),
        ("alias.zone.test", "CNAME", "answer", 0, ["www.zone.test."]),
        ("away.zone.test", "A", "answer", 0, ["www.other.", "192.0.2.90"]),
        ("nosuch.zone.test", "A", "nxdomain", 1, []),
        ("www.zone.test", "MX", "nodata", 1, []),
        ("gone.zone.test", "A", "dangling_cname", 1, ["nosuch.zone.test."]),
        ("loop.zone.test", "A", "cname_loop", 5, ["pool.zone.test.", "loop.zone.test."]),
        ("test", "SOA", "answer", 0, ["ns.test. admin.test. 7 2 3 4 60"]),
        (".", "NS", "answer", 0, ["a.root.", "b.root."]),
        ("nosuch", "A", "nxdomain", 1, []),
        ("www.lost", "A", "lame", 9, []),
    ],
)
def test_what_is_found(name: str, rdtype: str, outcome: str, code: int, data: list[str], internet: Start) -> None:
    way = trace(internet(), name, rdtype)
    assert (way.outcome.value, int(way.exit)) == (outcome, code)
    assert [one.data for one in way.records] == data


def test_name_servers_without_glue_are_looked_up_from_the_root(internet: Start) -> None:
    way = trace(internet(), "www.other")
    assert path(way) == [
        (0, ".", "a.root.", "other."),
        (1, ".", "a.root.", "test."),
        (1, "test.", "ns.test.", "outside.test."),
        (1, "outside.test.", "ns.outside.test.", "answer"),
        (0, "other.", "ns.outside.test.", "answer"),
    ]


def test_the_next_server_is_asked_when_one_is_silent_fails_or_is_lame(internet: Start) -> None:
    def silent(query: Message, reply: Message) -> None:
        return None

    def failing(query: Message, reply: Message) -> Message:
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply

    def upwards(query: Message, reply: Message) -> Message:
        reply = dns.message.make_response(query)
        reply.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "a.root."))
        return reply

    for change, word in ((silent, "timeout"), (failing, "servfail"), (upwards, "lame")):
        way = trace(internet(**{"127_0_1_4": change}), "www.zone.test")
        assert path(way)[2:] == [
            (0, "zone.test.", "ns1.zone.test.", word),
            (0, "zone.test.", "ns2.zone.test.", "answer"),
        ]


def test_glue_from_outside_the_zone_is_not_believed(internet: Start) -> None:
    def poison(query: Message, reply: Message) -> Message:
        reply = dns.message.make_response(query)
        reply.authority.append(dns.rrset.from_text("zone.test.", 60, "IN", "NS", "www.other."))
        reply.additional.append(dns.rrset.from_text("www.other.", 60, "IN", "A", "127.0.1.66"))
        return reply

    net = internet(**{"127_0_1_3": poison})
    way = trace(net, "www.zone.test")
    assert "127.0.1.66" not in " ".join(one.address for one in way.steps)


def test_a_referral_that_never_ends_is_left(internet: Start) -> None:
    def deeper(query: Message, reply: Message) -> Message:
        reply = dns.message.make_response(query)
        labels = len(deepest)
        deepest.append(1)
        zone = query.question[0].name.split(min(labels + 4, len(query.question[0].name)))[1]
        reply.authority.append(dns.rrset.from_text(zone, 60, "IN", "NS", f"ns.{zone}"))
        reply.additional.append(dns.rrset.from_text(f"ns.{zone}", 60, "IN", "A", "127.0.1.4"))
        return reply

    deepest: list[int] = []
    way = trace(internet(**{"127_0_1_4": deeper}), ".".join("abcdefghijklmnopqrstuvwxyz" * 4) + ".zone.test")
    assert way.outcome.value == "lame"
    assert len(way.steps) <= MAX_QUERIES


def test_zones_that_name_each_others_servers_are_left(internet: Start) -> None:
    zones = USUAL | {
        "127.0.1.1": {".": ROOT + "x. 60 IN NS ns.y.\ny. 60 IN NS ns.x.\n"},
        "127.0.1.2": {".": ROOT + "x. 60 IN NS ns.y.\ny. 60 IN NS ns.x.\n"},
    }
    way = trace(internet(zones), "www.x")
    assert way.outcome.value == "lame"
    assert len(way.steps) <= MAX_QUERIES


def test_the_deadline_holds(internet: Start) -> None:
    def silent(query: Message, reply: Message) -> None:
        return None

    net = internet(**{f"127_0_1_{last}": silent for last in (1, 2)})
    way = trace(net, "www.zone.test", timeout=0.5)
    assert (way.outcome.value, int(way.exit)) == ("timeout", 4)


def test_the_deadline_passes_while_a_name_server_is_looked_up(internet: Start) -> None:
    way = trace(internet(**{"127_0_1_3": lambda query, reply: None}), "www.other", timeout=0.5)
    assert (way.outcome.value, int(way.exit)) == ("timeout", 4)


def test_records_of_other_owners_are_no_answer(internet: Start) -> None:
    def stranger(query: Message, reply: Message) -> Message:
        reply.answer = [dns.rrset.from_text("evil.zone.test.", 60, "IN", "A", "6.6.6.6")]
        return reply

    way = trace(internet(**{"127_0_1_4": stranger}), "www.zone.test")
    assert (way.outcome.value, way.records) == ("nodata", ())
    assert (way.steps[-1].outcome.value, way.steps[-1].records) == ("nodata", ())


def test_a_failure_keeps_no_records(internet: Start) -> None:
    """A hundred replies of 64 KiB would be 200 MiB."""

    def failing(query: Message, reply: Message) -> Message:
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply

    way = trace(internet(**{"127_0_1_4": failing}), "www.zone.test")
    assert [(one.outcome.value, len(one.records)) for one in way.steps[2:]] == [("servfail", 0), ("answer", 2)]


def test_the_command(internet: Start, netkit: Any, terminal: Any, tmp_path: Path) -> None:
    net = internet()
    hints = tmp_path / "hints"
    hints.write_text(HINTS)
    words = ["resolve", "--trace-root", "--root-hints", str(hints), "--port", str(net.port), "alias.zone.test"]
    done = netkit(*words)
    assert (done.returncode, done.stderr) == (0, "")
    columns = [line.split("\t") for line in done.stdout.splitlines()]
    data = "www.zone.test. 192.0.2.80 192.0.2.81"
    assert [one[1:7] for one in columns if one[0] == "step"] == [
        ["0", ".", "a.root.", f"127.0.1.1:{net.port}", "referral", "test."],
        ["0", "test.", "ns.test.", f"127.0.1.3:{net.port}", "referral", "zone.test."],
        ["0", "zone.test.", "ns1.zone.test.", f"127.0.1.4:{net.port}", "answer", data],
    ]
    assert columns[-1] == ["answer", "www.zone.test.", "60", "A", "192.0.2.81"]
    document = json.loads(netkit(*words, "--json").stdout)
    assert [one["referral"] for one in document["steps"]] == ["test.", "zone.test.", None]
    assert (document["outcome"], document["exit_code"], document["error"]) == ("answer", 0, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--trace-root", "--root-hints", "x", "@127.0.0.1:1"], "choose one"),
        (["--trace-root", "--compare"], "choose one"),
        (["--root-hints", "x"], "is for --trace-root"),
        (["--port", "5300"], "--port is for"),
        (["--trace-root", "--short"], "prints its own lines"),
        (["--trace-root", "--search"], "--search does not go with --trace-root"),
        (["--trace-root", "--tries", "2"], "--tries does not go with --trace-root"),
        (["--authoritative", "--system", "@127.0.0.1:1"], "--system does not go with --authoritative"),
        (["--compare", "--dns", "@127.0.0.1:1"], "--dns does not go with --compare"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], said: str, netkit: Any) -> None:
    done = netkit("resolve", *words, "www.zone.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def begun_at(net: Internet, *hosts: str, name: str = "www.zone.test", timeout: float = 30.0, **options: Any) -> Descent:
    """The way that begins with what these servers know of the root."""
    (way,) = descend(name, servers=[Server(host, net.port) for host in hosts], timeout=timeout, **options)
    return way


@pytest.mark.parametrize("host", ["127.0.1.1", "127.0.1.9"])
def test_a_server_is_asked_for_the_roots_and_its_port_is_everybodys(host: str, internet: Start) -> None:
    net = internet()
    way = begun_at(net, host)
    assert path(way) == [
        (0, ".", host, "."),
        (0, ".", "a.root.", "test."),
        (0, "test.", "ns.test.", "zone.test."),
        (0, "zone.test.", "ns1.zone.test.", "answer"),
    ]
    assert (way.steps[0].name, way.steps[0].type, way.steps[0].name_servers) == (".", "NS", ("a.root.", "b.root."))
    assert net.questions[0] == (host, ".", "NS")
    assert {one.address.rpartition(":")[2] for one in way.steps} == {str(net.port)}


def test_another_port_of_the_name_servers_than_the_servers(internet: Start) -> None:
    one, other = internet(), internet()
    way = begun_at(one, "127.0.1.9", port=other.port)
    assert [step.address.rpartition(":")[2] for step in way.steps] == [str(one.port), *[str(other.port)] * 3]


def test_a_resolver_that_gives_no_addresses_along_is_asked_for_them(internet: Start) -> None:
    def bare(query: Message, reply: Message) -> Message:
        reply.additional = []
        return reply

    net = internet(**{"127_0_1_9": bare})
    assert path(begun_at(net, "127.0.1.9"))[1] == (0, ".", "a.root.", "test.")
    asked = [("127.0.1.9", name, rdtype) for name in ("a.root.", "b.root.") for rdtype in ("A", "AAAA")]
    assert sorted(net.questions[1:5]) == asked
    net = internet(**{"127_0_1_9": bare})
    begun_at(net, "127.0.1.9", version=4)
    assert sorted(net.questions[1:3]) == asked[::2]


def test_the_next_server_is_asked_for_the_roots(internet: Start) -> None:
    way = begun_at(internet(), "127.0.1.3", "127.0.1.9")  # the first has test. alone
    assert path(way)[:3] == [
        (0, ".", "127.0.1.3", "refused"),
        (0, ".", "127.0.1.9", "."),
        (0, ".", "a.root.", "test."),
    ]
    assert way.outcome.value == "answer"


def test_the_port_is_that_of_the_server_that_knew(internet: Start) -> None:
    one, other = internet(), internet()
    servers = [Server("127.0.1.3", one.port), Server("127.0.1.9", other.port)]
    for way in descend("www.zone.test", servers=servers, types=(1, 28)):
        assert {step.address.rpartition(":")[2] for step in way.steps[-1:]} == {str(other.port)}


def test_no_server_knows_the_roots(internet: Start) -> None:
    def nothing(query: Message, reply: Message) -> Message:
        reply.answer, reply.additional = [], []
        return reply

    def nowhere(query: Message, reply: Message) -> Message:
        reply.additional = []
        return reply if query.question[0].rdtype == dns.rdatatype.NS else dns.message.make_response(query)

    net = internet(**{"127_0_1_9": nothing, "127_0_1_1": nowhere})
    at = f":{net.port}"
    for hosts, outcome, code, steps in (
        (["127.0.1.3"], "refused", 9, ["refused"]),
        (["127.0.1.9"], "lame", 9, ["nodata"]),
        (["127.0.1.1"], "lame", 9, ["."]),
        (["127.0.1.1", "127.0.1.3"], "lame", 9, [".", "refused"]),
    ):
        way = begun_at(net, *hosts)
        assert (way.outcome.value, int(way.exit)) == (outcome, code)
        assert [found for *_, found in path(way)] == steps
        assert (
            way.detail
            == ", ".join(host + at for host in hosts) + ": no addresses of the root's name servers from there"
        )
    assert begun_at(net, "127.0.1.1", version=6).outcome.value == "lame"


def test_a_silent_server_that_is_asked_for_the_roots(internet: Start) -> None:
    way = begun_at(internet(**{"127_0_1_9": lambda query, reply: None}), "127.0.1.9", timeout=0.5)
    assert (way.outcome.value, int(way.exit), path(way)) == ("timeout", 4, [(0, ".", "127.0.1.9", "timeout")])


def test_the_command_with_a_server(internet: Start, netkit: Any) -> None:
    net = internet()
    done = netkit("resolve", "--trace-root", f"@{net.resolver}", "www.zone.test", "192.0.2.1")
    assert (done.returncode, done.stderr) == (8, "netkit: 1.2.0.192.in-addr.arpa. PTR: nxdomain: no such name\n")
    steps = [line.split("\t")[1:7] for line in done.stdout.splitlines() if line.startswith("step")]
    begin = ["0", ".", "127.0.1.9", net.resolver, "referral", "."]
    assert steps[:2] == [begin, ["0", ".", "a.root.", f"127.0.1.1:{net.port}", "referral", "test."]]
    assert steps[4:] == [begin, ["0", ".", "a.root.", f"127.0.1.1:{net.port}", "nxdomain", "-"]]
    document = json.loads(netkit("resolve", "--trace-root", f"@{net.resolver}", "--json", "www.zone.test").stdout)
    assert document["steps"][0] | {"elapsed_ms": 0} == {
        "depth": 0,
        "name": ".",
        "type": "NS",
        "zone": ".",
        "server": "127.0.1.9",
        "address": net.resolver,
        "outcome": "referral",
        "referral": ".",
        "name_servers": ["a.root.", "b.root."],
        "answers": [
            {"name": ".", "type": "NS", "class": "IN", "ttl": 60, "data": data} for data in ("a.root.", "b.root.")
        ],
        "rejected": [],
        "elapsed_ms": 0,
    }


def test_the_common_types_and_names_as_they_stand(internet: Start, netkit: Any, tmp_path: Path) -> None:
    net = internet()
    hints = tmp_path / "hints"
    hints.write_text(HINTS)
    words = ["resolve", "--trace-root", "--root-hints", str(hints), "--port", str(net.port), "--json"]
    done = netkit(*words, "--common", "zone.test")
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == list(COMMON)
    done = netkit(*words, "--no-idn", "bücher.zone.test")
    assert json.loads(done.stdout)["name"] == "b\\195\\188cher.zone.test."


def test_the_hints_are_the_thirteen_servers_of_the_root() -> None:
    hints = read_hints()
    assert sorted({one.name for one in hints}) == [f"{letter}.root-servers.net." for letter in "abcdefghijklm"]
    assert len(hints) == 26
    assert Hint("a.root-servers.net.", "198.41.0.4") in hints


@pytest.mark.parametrize(
    "text",
    ["", "; nothing", ". NS ns.", "ns. A 127.0.0.1", ". NS ns.\nns. A 999.0.0.1", ". NS ns.\nns. AAAA 127.0.0.1"],
)
def test_hints_without_an_address(text: str) -> None:
    with pytest.raises(BadInput, match="no address of a server of the root"):
        parse_hints(text)


def test_hints_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match=r"cannot read the file of root hints .*/nosuch: No such file"):
        read_hints(str(tmp_path / "nosuch"))
    large = tmp_path / "large"
    large.write_bytes(b";" * 70000)
    with pytest.raises(BadInput, match="large is larger than 64 KiB: it is no file of root hints"):
        read_hints(str(large))
    large.write_bytes(b"\xff")
    with pytest.raises(BadInput, match="large is not text: it is no file of root hints"):
        read_hints(str(large))
